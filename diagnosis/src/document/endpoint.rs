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
}

/// How two endpoints have to do with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kinship {
    /// The disk of this one is a copy of the other's.
    CloneOf,
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
