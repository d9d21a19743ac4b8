use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::vocabulary::{Severity, Timestamp};

/// A workstation with an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Identity, given at enrolment; never changes.
    pub id: String,
    /// The machine's name as last reported; may change.
    pub name: String,
    /// Letters that tell it from others of the same name, and by which it may be called; absent while no other has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_id: Option<String>,
    /// Operating system.
    pub os: Os,
    /// People signed in when it last reported.
    pub users: Vec<String>,
    /// Tags from the enrolment token and from administrators.
    pub tags: BTreeMap<String, String>,
    /// Whether it can be asked.
    pub state: EndpointState,
    /// When the collector last heard from it; absent when never.
    pub last_seen: Option<Timestamp>,
    /// The worst active finding; absent when there is none.
    pub worst_severity: Option<Severity>,
    /// Other endpoints that it has to do with; absent when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<Related>,
}

/// Another endpoint that one has to do with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Related {
    /// In which way.
    pub kind: Kinship,
    /// Its id.
    pub id: String,
    /// Its name; empty in lists.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// When the collector told the two apart; absent in lists, and where they were never taken for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// What told them apart, in plain words; empty like the name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

impl Related {
    /// The other, of whom no more is known here.
    pub fn known_as(kind: Kinship, id: String) -> Self {
        Self { kind, id, name: String::new(), at: None, why: String::new() }
    }

    /// All of it in plain words.
    pub fn words(&self) -> String {
        let other = if self.name.is_empty() { &self.id } else { &self.name };
        let what = match self.kind {
            Kinship::CloneOf => format!("This machine runs on a copy of the disk of {other}."),
            Kinship::ClonedAs => format!("{other} runs on a copy of this machine's disk."),
            Kinship::SameHardwareAs => format!("This machine was enrolled before, as {other}."),
        };
        match self.at {
            Some(at) => format!("{what} The collector told them apart at {at}: {}.", self.why),
            None => what,
        }
    }
}

/// How two endpoints have to do with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kinship {
    /// The disk of this one is a copy of the other's.
    CloneOf,
    /// The disk of the other is a copy of this one's.
    ClonedAs,
    /// This machine was enrolled before, as the other.
    SameHardwareAs,
}

/// A page of endpoints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndpointList {
    /// The endpoints of this page.
    pub endpoints: Vec<Endpoint>,
    /// What to pass as `after` for the next page; absent on the last.
    pub next: Option<String>,
}

/// An operating system.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Os {
    /// `linux`, `windows` or `darwin`, as OpenTelemetry names them.
    #[serde(rename = "type")]
    pub os_type: String,
    /// `Debian GNU/Linux`.
    pub name: String,
    /// `12`.
    pub version: String,
    /// Kernel release, or build and revision.
    pub build_id: String,
}

/// What the collector knows about an endpoint's presence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointState {
    /// A live stream.
    Online,
    /// It said that it would pause.
    Asleep,
    /// It vanished without a word, less than a day ago.
    Silent,
    /// Not heard from for a day or more.
    Offline,
    /// Its certificate was revoked.
    Revoked,
}

impl EndpointState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Online, Self::Asleep, Self::Silent, Self::Offline, Self::Revoked];

    /// The word in documents, tables and on screens.
    pub fn name(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Asleep => "asleep",
            Self::Silent => "silent",
            Self::Offline => "offline",
            Self::Revoked => "revoked",
        }
    }
}
