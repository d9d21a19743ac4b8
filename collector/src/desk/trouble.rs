//! Why a desk did not do what was asked, as all desks' refusals come down to.

use std::time::Duration;

use thiserror::Error;

/// Why a desk did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{said}")]
pub struct Trouble {
    /// The case.
    pub kind: TroubleKind,
    /// The desk's own words, and what to do where that is known.
    pub said: String,
    /// How long the desk wants to be left alone.
    pub wait: Option<Duration>,
    /// Whether what was asked may have been done all the same.
    pub unclear: bool,
}

/// The cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TroubleKind {
    /// The credentials are wrong or have run out.
    Unauthorized,
    /// The account may not.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// The order cannot be followed as it is.
    Refused,
    /// Too many orders.
    RateLimited,
    /// Not reached, too slow, or broken.
    Away,
    /// It answers, but with something that is no answer of such a desk.
    Odd,
}

impl Trouble {
    /// Of `kind`, in the desk's words.
    pub fn new(kind: TroubleKind, said: impl Into<String>) -> Self {
        Self { kind, said: said.into(), wait: None, unclear: false }
    }

    /// The desk is not reached.
    pub fn away(said: impl Into<String>) -> Self {
        Self::new(TroubleKind::Away, said)
    }

    /// The order cannot be followed.
    pub fn refused(said: impl Into<String>) -> Self {
        Self::new(TroubleKind::Refused, said)
    }

    /// The answer is no answer.
    pub fn odd(said: impl Into<String>) -> Self {
        Self::new(TroubleKind::Odd, said)
    }

    /// The same, where what was asked may have been done all the same.
    #[must_use]
    pub fn unclear(self) -> Self {
        Self { unclear: true, ..self }
    }

    /// The same, where what was asked has no trace at the desk.
    #[must_use]
    pub fn clear(self) -> Self {
        Self { unclear: false, ..self }
    }

    /// The same, with what it means there.
    #[must_use]
    pub fn meaning(self, more: &str) -> Self {
        Self { said: format!("{}; {more}", self.said), ..self }
    }

    /// Whether it passes by itself, or with what somebody changes at the desk as a whole; other trouble is about one order.
    pub fn passes(&self) -> bool {
        matches!(self.kind, TroubleKind::Unauthorized | TroubleKind::RateLimited | TroubleKind::Away | TroubleKind::Odd)
    }
}
