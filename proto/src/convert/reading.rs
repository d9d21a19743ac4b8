use firstline_diagnosis::vocabulary::{Reading, Series, Timestamp, Unknown, Value};

use super::BadField;
use super::bounds::present;
use crate::v1;
use crate::v1::reading::Outcome;

impl From<Reading> for v1::Reading {
    fn from(reading: Reading) -> Self {
        let outcome = match reading.outcome {
            Ok(value) => Outcome::Value(value.into()),
            Err(unknown) => Outcome::Unknown(unknown.into()),
        };
        Self { series: Some(reading.series.into()), at_unix_ms: reading.at.unix_ms(), outcome: Some(outcome) }
    }
}

impl TryFrom<v1::Reading> for Reading {
    type Error = BadField;

    fn try_from(reading: v1::Reading) -> Result<Self, BadField> {
        let series = Series::try_from(present("series", reading.series)?).map_err(|bad| bad.within("series"))?;
        let outcome = match present("outcome", reading.outcome)? {
            Outcome::Value(value) => Ok(Value::try_from(value).map_err(|bad| bad.within("value"))?),
            Outcome::Unknown(unknown) => Err(Unknown::try_from(unknown).map_err(|bad| bad.within("unknown"))?),
        };
        Ok(Self { series, outcome, at: Timestamp(reading.at_unix_ms) })
    }
}
