use serde::{Deserialize, Serialize};

use crate::vocabulary::Timestamp;

/// A change of the machine or of its settings, in the one form in which all of them are told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeRecord {
    /// Stable name of the change, for evidence to point at.
    #[serde(rename = "ref")]
    pub reference: String,
    /// What kind of thing changed: `driver-network`, `software`, `proxy`.
    pub kind: String,
    /// Which one: `iwlwifi`; empty when there is only one.
    pub item: String,
    /// Before; absent when it is new, or when several changed together.
    pub from: Option<String>,
    /// After; absent when it is gone, or when several changed together.
    pub to: Option<String>,
    /// When it was seen.
    pub seen_at: Timestamp,
    /// When it took effect: for what waits for a restart, the restart.
    pub at: Timestamp,
    /// Who does such things.
    pub actor: Actor,
    /// It was set back since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reverted: bool,
    /// How likely it is related to the finding, 0 to 5; absent when it was not weighed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// All of it in one line for people.
    pub words: String,
}

/// Who does something to a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The person at the machine.
    User,
    /// Those who manage it.
    Management,
    /// Who made it, or a part of it.
    Vendor,
    /// It may have been anybody.
    #[default]
    Unknown,
}

/// What can be said of what changed before a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangesResult {
    /// Something did that may be related.
    MayBeRelated,
    /// Nothing did that has to do with it.
    NothingRelevant,
    /// Too little is known of the machine before.
    NoEarlierSnapshot,
}

/// What changed before the primary finding began, and since.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WhatChanged {
    /// What can be said.
    pub result: ChangesResult,
    /// The same in one sentence.
    pub words: String,
    /// When the trouble began, by the earliest that anything tells of.
    pub onset: Timestamp,
    /// What changed before it, the likeliest first; it may be related, nothing more.
    pub related: Vec<ChangeRecord>,
    /// What changed since: not the cause, but perhaps a fix that did not help. Newest first.
    pub after: Vec<ChangeRecord>,
}
