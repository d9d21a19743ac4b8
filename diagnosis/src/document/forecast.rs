use serde::{Deserialize, Serialize};

use crate::vocabulary::Timestamp;

/// What a method made of an endpoint's past: the estimate with its range, and all that is needed to make it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// The method's name in the catalogue, `disk-fill`.
    pub method: String,
    /// Version of the method: another one may say something else of the same numbers.
    pub version: u32,
    /// When it was made.
    pub at: Timestamp,
    /// How far back it looked.
    pub window_seconds: u64,
    /// How many numbers (blocks, days, starts) the estimate stands on.
    pub points: u32,
    /// What was estimated: a time until something, a rise, a rate.
    pub estimate: Option<f64>,
    /// The lower end of its range; absent when there is none.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// UCUM unit of the three.
    pub unit: String,
    /// The range in words: `in about 4 to 6 days`.
    pub words: String,
    /// The first eight bytes of SHA-256 over the numbers that it was made of.
    pub data: String,
}
