use std::fmt;

use serde::{Deserialize, Serialize};

/// How bad a finding is for the person at the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Context.
    Info,
    /// Fix this week.
    Low,
    /// Fix today.
    Medium,
    /// The user is blocked, or data is at risk.
    High,
    /// Data loss or a security event in progress.
    Critical,
}

impl Severity {
    /// The word on screens and in documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How many people are hit (ITIL impact).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Impact {
    /// A site, or many users.
    I1,
    /// A team, or one person in a critical role.
    I2,
    /// One user.
    I3,
}

/// How soon it must be dealt with (ITIL urgency).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Urgency {
    /// Cannot work.
    U1,
    /// Degraded, with a workaround.
    U2,
    /// Can be planned.
    U3,
}

/// ITIL priority, from impact and urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Priority {
    /// First.
    P1,
    /// Second.
    P2,
    /// Third.
    P3,
    /// Fourth.
    P4,
    /// Last.
    P5,
}

impl Priority {
    /// The priority matrix.
    pub fn of(impact: Impact, urgency: Urgency) -> Self {
        match (impact, urgency) {
            (Impact::I1, Urgency::U1) => Self::P1,
            (Impact::I1, Urgency::U2) | (Impact::I2, Urgency::U1) => Self::P2,
            (Impact::I1, Urgency::U3) | (Impact::I2, Urgency::U2) | (Impact::I3, Urgency::U1) => Self::P3,
            (Impact::I2, Urgency::U3) | (Impact::I3, Urgency::U2) => Self::P4,
            (Impact::I3, Urgency::U3) => Self::P5,
        }
    }
}
