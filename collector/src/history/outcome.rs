//! States as the tables keep them.

use firstline_diagnosis::vocabulary::{Reading, Timestamp, Unknown, Value};
use serde::Deserialize;

/// `{"value": ..}` or `{"why": .., "detail": ..}`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Outcome {
    Value { value: Value },
    Unknown(Unknown),
}

/// A stored value, or why there was none; nothing when it cannot be read.
pub(super) fn outcome(stored: &str) -> Option<Result<Value, Unknown>> {
    Some(match serde_json::from_str(stored).ok()? {
        Outcome::Value { value } => Ok(value),
        Outcome::Unknown(unknown) => Err(unknown),
    })
}

/// A stored state as it was told; nothing when it cannot be read.
pub(crate) fn reading(series: &str, stored: &str, at: Timestamp) -> Option<Reading> {
    Some(Reading { series: series.parse().ok()?, outcome: outcome(stored)?, at })
}
