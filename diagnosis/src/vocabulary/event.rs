use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Series, Timestamp, Value};

/// Something that happened at a moment, with the fields that the registry allows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The event's signal and instance.
    pub series: Series,
    /// When it happened.
    pub at: Timestamp,
    /// Allow-listed fields.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Value>,
    /// How often it happened; the same event within ten minutes is counted, not repeated.
    pub count: u32,
}

/// A turn in the endpoint's day that windows must know about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// A new boot: performance and network rules wait ten minutes.
    Booted,
    /// The machine is about to sleep, or the agent to stop. Silence from here on is expected.
    Pausing,
    /// The machine woke: performance and network rules wait two minutes.
    Resumed,
    /// Another network: performance and network rules wait one minute.
    NetworkChanged,
}

impl Mark {
    /// Every mark, in wire order.
    pub const ALL: [Self; 4] = [Self::Booted, Self::Pausing, Self::Resumed, Self::NetworkChanged];

    /// The word in documents and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Booted => "booted",
            Self::Pausing => "pausing",
            Self::Resumed => "resumed",
            Self::NetworkChanged => "network_changed",
        }
    }

    /// What happened, as people say it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Booted => "The machine started",
            Self::Pausing => "The machine went to sleep, or the agent stopped",
            Self::Resumed => "The machine woke up",
            Self::NetworkChanged => "The machine joined another network",
        }
    }
}
