//! A pull as people and scripts receive it.

use firstline_diagnosis::document::{Diagnosis, Snapshot};
use firstline_diagnosis::stated::Stated;
use firstline_diagnosis::vocabulary::{Severity, Timestamp};
use serde::{Deserialize, Serialize};

/// Where a pull stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PullState {
    /// Waits for the endpoint to connect.
    Queued,
    /// The endpoint was asked.
    Sent,
    /// The endpoint gathers.
    Running,
    /// The snapshot comes in.
    Receiving,
    /// The diagnosis is there, and on the ticket if there is one.
    Done,
    /// It will not come; `error` says why.
    Failed,
    /// The endpoint did not come in time.
    Expired,
    /// Somebody gave up.
    Cancelled,
}

impl PullState {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Sent,
        Self::Running,
        Self::Receiving,
        Self::Done,
        Self::Failed,
        Self::Expired,
        Self::Cancelled,
    ];

    /// The word in documents, tables and on screens.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Running => "running",
            Self::Receiving => "receiving",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether nothing more will happen.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Expired | Self::Cancelled)
    }
}

/// The order for a pull.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PullOrder {
    /// The endpoint's identity.
    pub endpoint: String,
    /// The number of the ticket that the diagnosis goes to; absent: to nobody but who asks.
    #[serde(default)]
    pub ticket: Option<String>,
    /// What the person complains of, in their words; absent: the ticket's words.
    #[serde(default)]
    pub symptom: Option<String>,
    /// When it was, by the clock at the machine: `10:40`, `yesterday 16:10`, `2026-01-21 10:40`, or RFC 3339. Absent: as the
    /// words name it, if they do.
    #[serde(default)]
    pub around: Option<String>,
    /// Who asks; shown to the person at the machine.
    #[serde(default)]
    pub requested_by: String,
    /// How long to wait for an endpoint that is away, seconds. Absent: 24 hours for a ticket, else 10 minutes.
    #[serde(default)]
    pub expires_in_seconds: Option<u64>,
}

/// A technician's request for a fresh snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pull {
    /// Identity (UUID version 7).
    pub id: String,
    /// Whose.
    pub endpoint: PullEndpoint,
    /// The ticket that the diagnosis goes to.
    pub ticket: Option<String>,
    /// What the person complains of, in their words.
    pub symptom: Option<String>,
    /// When it was, as somebody says: what the computer remembers of that time is looked at, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub around: Option<Stated>,
    /// Who asked.
    pub requested_by: String,
    /// When.
    pub requested_at: Timestamp,
    /// When we stop waiting.
    pub expires_at: Timestamp,
    /// Where it stands.
    pub state: PullState,
    /// Why it stands there, in plain words.
    pub why: String,
    /// How often the endpoint was asked.
    pub attempts: u32,
    /// The sections, in order.
    pub sections: Vec<PullSection>,
    /// Bytes of the snapshot that are here.
    pub received_bytes: u64,
    /// Bytes of the whole snapshot; 0 until the first piece is here.
    pub total_bytes: u64,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// The snapshot, once it is here.
    pub snapshot_id: Option<String>,
    /// The answer in one sentence, once it is here.
    pub headline: Option<Headline>,
    /// Why it failed, in plain words.
    pub error: Option<String>,
}

/// The endpoint of a pull.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullEndpoint {
    /// Identity.
    pub id: String,
    /// Name when the pull was ordered.
    pub name: String,
}

/// The answer in one sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Headline {
    /// How bad; absent when nothing was found.
    pub severity: Option<Severity>,
    /// The sentence.
    pub text: String,
}

/// How one section of a pull is going.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullSection {
    /// `identity`, `performance`, `software`, `storage`, `network` or `history`.
    pub section: String,
    /// `waiting`, `started`, `finished`, `partial`, `failed` or `timed_out`.
    pub state: String,
    /// Readings gathered so far.
    pub readings: u32,
    /// Since it started, milliseconds.
    pub elapsed_ms: u32,
    /// What went wrong; empty when nothing did.
    pub detail: String,
}

/// What a pull brought: `{snapshot, diagnosis}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PullResult {
    /// The signed snapshot.
    pub snapshot: Snapshot,
    /// What it says.
    pub diagnosis: Diagnosis,
}
