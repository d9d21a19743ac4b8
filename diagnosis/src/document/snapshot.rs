use serde::{Deserialize, Serialize};

use super::{Endpoint, Os};
use crate::vocabulary::{Attributes, Event, Mark, Timestamp, Value, Why};

/// Everything needed to diagnose one endpoint at one moment; self-contained and signed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Identity of this snapshot (UUID version 7).
    pub id: String,
    /// Whose it is.
    pub endpoint: SnapshotEndpoint,
    /// When it was taken, by the endpoint's clock.
    pub taken_at: Timestamp,
    /// Why it was taken.
    pub reason: Reason,
    /// The ticket it was taken for.
    #[serde(default)]
    pub ticket: Option<String>,
    /// Version of this document's form; now 1.
    pub schema: u32,
    /// Version of the agent's catalogue.
    pub catalogue: String,
    /// Fresh readings, with the reason where there is none.
    pub readings: Vec<SnapshotReading>,
    /// Recent history from the recorder.
    pub series: Vec<SnapshotSeries>,
    /// What happened lately.
    pub events: Vec<Event>,
    /// Boots, sleeps, wakes and network changes within the series, oldest first.
    #[serde(default)]
    pub marks: Vec<(Timestamp, Mark)>,
    /// What changed lately.
    pub changes: Vec<Change>,
    /// How the agent itself is doing.
    pub agent: AgentHealth,
    /// The endpoint's signature; absent only while the snapshot is being made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
}

impl Snapshot {
    /// The bytes that the signature covers: this document without `signature`, as JSON with sorted keys and no white space.
    ///
    /// # Errors
    /// Never for a snapshot that was built from finite numbers.
    pub fn signed_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut value = serde_json::to_value(self)?;
        if let Some(object) = value.as_object_mut() {
            object.remove("signature");
        }
        serde_json::to_vec(&value)
    }
}

/// The endpoint as the agent knows itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotEndpoint {
    /// Identity; empty before enrolment.
    pub id: String,
    /// Host name.
    pub name: String,
    /// Operating system.
    pub os: Os,
    /// People signed in.
    pub users: Vec<String>,
    /// Seconds since boot by the kernel's count.
    pub uptime_seconds: u64,
    /// The kernel's name for this boot.
    pub boot_id: String,
}

impl From<&Endpoint> for SnapshotEndpoint {
    fn from(endpoint: &Endpoint) -> Self {
        Self {
            id: endpoint.id.clone(),
            name: endpoint.name.clone(),
            os: endpoint.os.clone(),
            users: endpoint.users.clone(),
            uptime_seconds: 0,
            boot_id: String::new(),
        }
    }
}

/// Why a snapshot was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A technician asked.
    Pull,
    /// A ticket was opened.
    Ticket,
    /// An alert fired.
    Alert,
    /// Somebody at the machine asked.
    Local,
}

/// How far a reading can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// As read.
    Ok,
    /// There is no value; `why` says the reason.
    Unknown,
    /// Only part of it could be read.
    Partial,
}

/// One reading, as documents show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SnapshotReading {
    /// Signal name.
    pub signal: String,
    /// Instance.
    pub attrs: Attributes,
    /// The value; absent when unknown.
    pub value: Option<Value>,
    /// UCUM unit from the registry.
    pub unit: String,
    /// How far it can be trusted.
    pub quality: Quality,
    /// The reason when there is no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// What was attempted, when there is no value.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// When it was read.
    pub at: Timestamp,
}

/// A stretch of history of one series at an even step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SnapshotSeries {
    /// Signal name.
    pub signal: String,
    /// Instance.
    pub attrs: Attributes,
    /// Start of the first step.
    pub start: Timestamp,
    /// Length of a step.
    pub step_seconds: u32,
    /// A value for each step; `null` where there is none. Counters: the increment within the step.
    pub values: Vec<Option<f32>>,
}

impl SnapshotSeries {
    /// The numbers that there are, each with the end of its step.
    pub fn points(&self) -> impl Iterator<Item = (Timestamp, f64)> {
        let step_ms = i64::from(self.step_seconds.max(1)) * 1000;
        let at = move |index: usize| {
            Timestamp(self.start.0.saturating_add(step_ms.saturating_mul(i64::try_from(index).unwrap_or(i64::MAX) + 1)))
        };
        let numbers = self.values.iter().enumerate().filter_map(|(index, value)| Some((index, (*value)?)));
        numbers.filter(|(_, value)| value.is_finite()).map(move |(index, value)| (at(index), f64::from(value)))
    }
}

/// Something that is not as it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Stable name of the change, for evidence to point at.
    #[serde(rename = "ref")]
    pub reference: String,
    /// What kind of thing changed.
    pub kind: String,
    /// When it took effect.
    pub at: Timestamp,
    /// Before.
    pub from: Option<String>,
    /// After.
    pub to: Option<String>,
    /// How likely it is related, 0 to 5; absent when not ranked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
}

/// The agent's account of itself. It feeds data quality.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct AgentHealth {
    /// Agent version.
    pub version: String,
    /// Its share of one core since it started, 0 to 1.
    pub cpu_ratio: Option<f64>,
    /// Its private memory.
    pub memory_bytes: Option<u64>,
    /// Records that wait for the collector.
    pub spool_records: Option<u64>,
    /// Bytes that wait for the collector.
    pub spool_bytes: Option<u64>,
    /// Records dropped since enrolment because the spool was full.
    pub dropped_records: u64,
    /// Probes that gave no reading, each with the reason.
    pub failing_probes: Vec<String>,
    /// Sections of the pull that could not be finished in time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_sections: Vec<String>,
}

/// Proof that an endpoint made a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Always `ECDSA_P256_SHA256_ASN1` now.
    pub algorithm: String,
    /// The endpoint's certificate, PEM, as issued by the collector's CA.
    pub certificate: String,
    /// Signature over [`Snapshot::signed_bytes`], base64.
    pub value: String,
}
