//! An incident as people and scripts receive it.

pub use firstline_diagnosis::fleet::common_cause::Numbers as IncidentNumbers;
use firstline_diagnosis::vocabulary::{Impact, Priority, Severity, Timestamp, Urgency};
use serde::{Deserialize, Serialize};

/// One cause seen on many endpoints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Identity (UUID version 7).
    pub id: String,
    /// How it was seen.
    pub kind: IncidentKind,
    /// The check that holds on its endpoints; `silent-group` when they say nothing any more.
    pub check: String,
    /// What is wrong, in a few words.
    pub title: String,
    /// Everything in one sentence, for technicians.
    pub words: String,
    /// One sentence for all who are affected.
    pub user: String,
    /// What the endpoints have in common; several where nobody can tell them apart.
    pub shared: Vec<SharedBy>,
    /// Where it stands.
    pub state: IncidentState,
    /// How bad.
    pub severity: Severity,
    /// How many people are hit.
    pub impact: Impact,
    /// How soon it must be dealt with.
    pub urgency: Urgency,
    /// What follows from the two.
    pub priority: Priority,
    /// How sure, 0 to 1.
    pub confidence: f64,
    /// When it began for the first endpoint.
    pub onset: Timestamp,
    /// When it was seen as one.
    pub opened_at: Timestamp,
    /// When this document last changed.
    pub updated_at: Timestamp,
    /// Since when it looks over; absent while it does not.
    pub calm_since: Option<Timestamp>,
    /// When it was over; absent while it is not.
    pub closed_at: Option<Timestamp>,
    /// The numbers behind it, as last seen.
    pub numbers: IncidentNumbers,
    /// Its endpoints, at most 500 of them; those that are affected still come first.
    pub endpoints: Vec<IncidentEndpoint>,
    /// Whether it is only likely, so that a person is asked to confirm or dismiss it.
    #[serde(default)]
    pub asks: bool,
    /// What a person said of it; absent while nobody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmation: Option<Confirmation>,
    /// Its own ticket, when it opened one, where one incident is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Tickets that were told that they are part of it, where one incident is shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tickets: Vec<String>,
}

/// What a person said of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// Whether it is one.
    pub confirmed: bool,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What they said; may be empty.
    pub note: String,
}

/// How an incident was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentKind {
    /// A finding is far oftener among those who share something.
    CommonCause,
    /// Those who share something have fallen silent.
    SilentGroup,
    /// Many have a finding at once, and nothing in common.
    RateBurst,
    /// A service cannot be reached from several networks.
    SharedService,
    /// Something that was rolled out made things worse.
    BadRollout,
}

impl IncidentKind {
    /// The word in documents and on screens.
    pub fn words(self) -> &'static str {
        match self {
            Self::CommonCause => "common cause",
            Self::SilentGroup => "silent group",
            Self::RateBurst => "burst",
            Self::SharedService => "shared service",
            Self::BadRollout => "bad rollout",
        }
    }
}

/// Where an incident stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentState {
    /// It goes on.
    Open,
    /// It is over.
    Closed,
    /// A person said that it is none; what goes on is not opened again.
    Dismissed,
}

impl IncidentState {
    /// The word in documents, tables and on screens.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Dismissed => "dismissed",
        }
    }
}

/// What endpoints have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedBy {
    /// Which attribute: `network`, `model`.
    pub attribute: String,
    /// Its value.
    pub value: String,
    /// In words: `on one network, behind the gateway 3f..`.
    pub words: String,
}

/// An endpoint of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentEndpoint {
    /// Identity.
    pub id: String,
    /// Name when it joined.
    pub name: String,
    /// When it joined.
    pub joined_at: Timestamp,
    /// Whether it is affected still.
    pub is_affected: bool,
}

/// Which incidents.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct IncidentQuery {
    /// Only those that are not over.
    pub open: bool,
    /// How many, 1 to 200; absent: 50.
    pub limit: Option<u32>,
}

/// Incidents, what was opened last first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IncidentList {
    /// The incidents.
    pub incidents: Vec<Incident>,
}
