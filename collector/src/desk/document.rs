//! Desks and deliveries as people and scripts receive them.

use firstline_diagnosis::vocabulary::Timestamp;
use serde::{Deserialize, Serialize};

use super::contract::Noted;

/// Where a ticket stands that is not the built-in desk's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outside {
    /// The desk's name in the configuration.
    pub desk: String,
    /// What people type there; empty until it is opened there.
    pub number: String,
    /// What addresses need there.
    pub api_id: String,
    /// Where people look at it.
    pub url: String,
    /// Queue or group, in the desk's words.
    pub queue: String,
    /// State, in the desk's words, as it was last read; empty before.
    #[serde(default)]
    pub state: String,
    /// How it ended there: closing code, resolution; empty while it is open, and where the desk has no such thing.
    #[serde(default)]
    pub closing: String,
    /// What its field for the device holds; empty without one.
    pub device: String,
    /// When it should be solved, as the desk said when it was brought here.
    pub due: Option<Timestamp>,
    /// Why it is about its endpoint, when nobody said so.
    pub why: String,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Its time has not come, or the desk wants to be left alone.
    Waiting,
    /// On its way.
    Sending,
    /// There, and read back.
    Done,
    /// Refused; a person decides.
    Failed,
    /// Given up by a person.
    Dropped,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Waiting, Self::Sending, Self::Done, Self::Failed, Self::Dropped];

    /// The word in documents, tables and on screens.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }

    /// The state with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// Something that goes out to a desk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Identity (UUID version 7), and the mark by which it is found at the desk.
    pub id: String,
    /// The name of the desk or output.
    pub desk: String,
    /// The ticket here, FL-1042; empty for an event.
    pub ticket: String,
    /// The ticket there; empty for an event.
    pub number: String,
    /// `note`, `change`, `opening`, or `event` to an output.
    pub kind: String,
    /// What it is, in a few words.
    pub words: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it is tried next; of one that waits.
    pub next_at: Option<Timestamp>,
    /// When it last changed.
    pub changed_at: Timestamp,
    /// The desk's own words about the last attempt; empty when there are none.
    pub said: String,
    /// What became of a note and its files.
    pub outcome: Option<Noted>,
}

/// Deliveries, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeliveryList {
    /// The deliveries.
    pub deliveries: Vec<Delivery>,
}

/// A desk, and how it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeskView {
    /// Its name in the configuration.
    pub name: String,
    /// Which system it is.
    pub kind: String,
    /// Its address.
    pub url: String,
    /// Queues whose new tickets are looked at.
    pub queues: Vec<String>,
    /// What goes there, and how that goes.
    #[serde(flatten)]
    pub traffic: Traffic,
}

/// What goes out to a desk or an output, and how that goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Traffic {
    /// Deliveries that wait or are on their way.
    pub waiting: i64,
    /// Deliveries that were refused.
    pub failed: i64,
    /// Up to when its new tickets were looked at, or an output was told; absent when that never was.
    pub looked_at: Option<Timestamp>,
    /// Until when it is left alone; absent when it is not.
    pub paused_until: Option<Timestamp>,
    /// What is wrong with it, in its own words; empty when nothing is known to be.
    pub trouble: String,
}

/// An output, and how it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputView {
    /// Its name in the configuration.
    pub name: String,
    /// What it is.
    pub kind: String,
    /// Its address.
    pub url: String,
    /// What goes there, and how that goes.
    #[serde(flatten)]
    pub traffic: Traffic,
}

/// The outputs of the configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputList {
    /// In the order of the file.
    pub outputs: Vec<OutputView>,
}

/// The desks of the configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeskList {
    /// In the order of the file.
    pub desks: Vec<DeskView>,
}

/// The words of a desk: what the configuration calls things there, and what they are called there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeskWords {
    /// Its name in the configuration.
    pub desk: String,
    /// Which system it is.
    pub kind: String,
    /// `queues`, `states`, `priorities` and `categories`.
    pub maps: Vec<MapView>,
}

/// One map of a desk's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapView {
    /// Its name in the configuration; `queues` holds those of `escalation_queues`, too.
    pub map: String,
    /// What the configuration says.
    pub configured: Vec<MappedWord>,
    /// What the desk has; empty when it does not tell, or not to our account.
    pub there: Vec<MapWord>,
}

/// A word of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappedWord {
    /// Our word; empty for a queue whose new tickets are looked at.
    pub ours: String,
    /// The desk's.
    pub word: String,
    /// Whether the desk has it; absent when it does not tell.
    pub is_there: Option<bool>,
}

/// A word of a desk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapWord {
    /// As it stands in a configuration.
    pub word: String,
    /// As people are shown it there.
    pub shown: String,
}

impl MapWord {
    /// Both, where they differ.
    pub fn told(&self) -> String {
        if self.word == self.shown { self.word.clone() } else { format!("{} ({})", self.word, self.shown) }
    }
}

/// The order to try out a desk.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrialOrder {
    /// A ticket there that may be written on and is resolved in the end; absent: a new one is opened.
    pub ticket: Option<String>,
}

/// How a desk or an output did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// Its name.
    pub desk: String,
    /// Whether every step was done.
    pub passed: bool,
    /// The steps that were taken, in order; what follows a failed one that it needs is not tried.
    pub steps: Vec<TrialStep>,
}

/// One step of trying out a desk or a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialStep {
    /// At a desk `verify`, `maps` (what the configuration names and the desk really has), `open`, `find`, `note`, `attach` or
    /// `resolve`; at an output `send`.
    pub step: String,
    /// Whether it was done, and was read back.
    pub done: bool,
    /// What was seen; or the desk's own words, and the permission that is missing.
    pub said: String,
}
