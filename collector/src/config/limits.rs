use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::in_range;

/// What one collector takes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Streams of agents at the same time.
    pub streams: usize,
    /// TLS handshakes at the same time.
    pub handshakes: usize,
    /// Wrong enrolment tokens from one address within a minute.
    pub wrong_tokens_per_minute: u32,
    /// How long an endpoint's certificate is good; agents renew it at two thirds of that.
    pub certificate_minutes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { streams: 25_000, handshakes: 256, wrong_tokens_per_minute: 10, certificate_minutes: 43_200 }
    }
}

impl Limits {
    pub(super) fn check(&self) -> Result<(), String> {
        in_range("limits.streams", self.streams, 1, 1_000_000)?;
        in_range("limits.handshakes", self.handshakes, 1, 65_536)?;
        in_range("limits.certificate_minutes", self.certificate_minutes, 1, 525_600)?;
        in_range("limits.wrong_tokens_per_minute", self.wrong_tokens_per_minute, 1, 10_000)
    }

    /// How long an endpoint's certificate is good.
    pub fn certificate_lifetime(&self) -> Duration {
        Duration::from_mins(1) * self.certificate_minutes
    }
}
