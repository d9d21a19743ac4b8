//! The diary of unattended-upgrades, `/var/log/unattended-upgrades/unattended-upgrades.log`.

use jiff::tz::TimeZone;

use super::history::wall;

/// How one unattended run went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// When it last wrote, seconds since 1970.
    pub(crate) at_seconds: i64,
    /// Whether it complained of an error.
    pub(crate) failed: bool,
    /// Whether it looked to its end: what there was is installed, or there was nothing.
    pub(crate) succeeded: bool,
}

/// The runs, oldest first.
pub(crate) fn attempts(text: &str, zone: &TimeZone) -> Vec<Attempt> {
    let mut attempts: Vec<Attempt> = Vec::new();
    for line in text.lines() {
        // 2026-11-20 06:12:34,123 INFO Starting unattended upgrades script
        let Some((time, rest)) = line.split_once(',') else { continue };
        let Some(at_seconds) = wall(time, zone) else { continue };
        let Some((level, message)) = rest.split_once(' ').and_then(|(_, rest)| rest.split_once(' ')) else { continue };
        if message.starts_with("Starting unattended upgrades script") {
            attempts.push(Attempt { at_seconds, failed: false, succeeded: false });
        }
        let Some(attempt) = attempts.last_mut() else { continue };
        attempt.at_seconds = at_seconds;
        attempt.failed |= ["ERROR", "CRITICAL"].contains(&level);
        let is_end = message.starts_with("All upgrades installed") || message.starts_with("No packages found that can");
        attempt.succeeded |= is_end;
    }
    attempts
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
2026-11-19 06:12:30,100 INFO Starting unattended upgrades script
2026-11-19 06:12:34,123 INFO Allowed origins are: origin=Debian,codename=bookworm
2026-11-19 06:13:00,000 INFO All upgrades installed
2026-11-20 06:12:30,100 INFO Starting unattended upgrades script
2026-11-20 06:12:36,000 ERROR Cache has broken packages, exiting
";

    #[test]
    fn tells_a_run_that_worked_from_one_that_failed() {
        let attempts = attempts(LOG, &TimeZone::UTC);
        assert_eq!(attempts.len(), 2);
        assert!(attempts[0].succeeded && !attempts[0].failed);
        assert!(!attempts[1].succeeded && attempts[1].failed);
        assert_eq!(attempts[1].at_seconds - attempts[0].at_seconds, 86_400 - 24);
    }

    #[test]
    fn lines_of_something_else_are_passed_over() {
        assert_eq!(
            attempts("Traceback (most recent call last):\n  File, line 1\n2026-11-20 06:12:36,000\n", &TimeZone::UTC),
            []
        );
    }
}
