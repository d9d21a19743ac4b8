use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a reading has no value. Never replaced by zero or by -1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// This operating system or kernel cannot say.
    Unsupported,
    /// The thing itself is not in this machine (no battery, no Wi-Fi).
    NotPresent,
    /// The agent lacks the right to read it.
    NoPermission,
    /// The person or a policy said no.
    ConsentDenied,
    /// The source did not answer in time.
    Timeout,
    /// The source answered with an error.
    Failed,
    /// The machine slept through the moment.
    Asleep,
    /// The agent left it out to stay within its own budget.
    AgentLimit,
}

impl Why {
    /// Every reason, in wire order.
    pub const ALL: [Self; 8] = [
        Self::Unsupported,
        Self::NotPresent,
        Self::NoPermission,
        Self::ConsentDenied,
        Self::Timeout,
        Self::Failed,
        Self::Asleep,
        Self::AgentLimit,
    ];

    /// The reason as it stands in documents: `no_permission`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unsupported => "unsupported",
            Self::NotPresent => "not_present",
            Self::NoPermission => "no_permission",
            Self::ConsentDenied => "consent_denied",
            Self::Timeout => "timeout",
            Self::Failed => "failed",
            Self::Asleep => "asleep",
            Self::AgentLimit => "agent_limit",
        }
    }

    /// The reason in plain words, for a sentence that starts with what could not be read.
    pub fn words(self) -> &'static str {
        match self {
            Self::Unsupported => "it cannot be read on this machine",
            Self::NotPresent => "this machine has none",
            Self::NoPermission => "the agent is not allowed to read it",
            Self::ConsentDenied => "the user or a policy refused it",
            Self::Timeout => "the source did not answer in time",
            Self::Failed => "reading it failed",
            Self::Asleep => "the machine was asleep",
            Self::AgentLimit => "the agent skipped it to stay light",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A reason together with what exactly was attempted, for people who must act on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unknown {
    /// The class of the reason.
    pub why: Why,
    /// What was attempted on what, at most one line; empty when the class says it all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl Unknown {
    /// A reason with its detail.
    pub fn new(why: Why, detail: impl Into<String>) -> Self {
        Self { why, detail: detail.into() }
    }

    /// The reason in plain words, with what was attempted. Where the thing is not offered, what exactly says it all.
    pub fn words(&self) -> String {
        match self.why {
            why if self.detail.is_empty() => why.words().to_owned(),
            Why::Unsupported => self.detail.clone(),
            why => format!("{} ({})", why.words(), self.detail),
        }
    }
}

impl From<Why> for Unknown {
    fn from(why: Why) -> Self {
        Self { why, detail: String::new() }
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.why.name())?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, ": {}", self.detail) }
    }
}
