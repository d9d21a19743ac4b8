//! Moments as people write them: RFC 3339, a day, or how long ago.

use std::str::FromStr;
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;

use super::command::seconds;

/// A moment of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment(pub Timestamp);

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::read(text, &jiff::Zoned::now())
    }
}

impl Moment {
    /// Reads `text` as somebody means it who writes it `now`, in their time zone.
    fn read(text: &str, now: &jiff::Zoned) -> Result<Self, String> {
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(Self(at));
        }
        if let Ok(day) = text.parse::<jiff::civil::Date>() {
            let start = day.to_zoned(now.time_zone().clone()).map_err(|error| error.to_string())?;
            return Ok(Self(start.timestamp().into()));
        }
        let wrong = |_| format!("{text:?} is no moment; write it like 2026-11-20T09:00:00Z, 2026-11-20, 36h or 7d");
        let ago = seconds(text).map_err(wrong)?;
        Ok(Self(Timestamp::from(now.timestamp()) - Duration::from_secs(ago)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_a_day_or_how_long_ago() {
        let now: jiff::Zoned = "2026-11-22T12:00:00+01:00[Europe/Berlin]".parse().expect("a time");
        let read = |text: &str| Moment::read(text, &now).map(|moment| moment.0.to_string());
        assert_eq!(read("2026-11-20T09:00:00Z").as_deref(), Ok("2026-11-20T09:00:00Z"));
        assert_eq!(read("2026-11-20").as_deref(), Ok("2026-11-19T23:00:00Z"), "midnight of who writes it");
        assert_eq!(read("36h").as_deref(), Ok("2026-11-20T23:00:00Z"));
        for bad in ["", "yesterday", "2026-13-01", "7 d"] {
            assert!(read(bad).expect_err("no moment").contains("is no moment"), "{bad}");
        }
    }
}
