//! Lines of the logs that a syslog daemon writes as text: who, and what.
//!
//! Such a line has no proof of where it is from: any person may send the daemon any name, a kernel's included. What is made
//! of it must therefore say that it is unverified.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::Record;

/// Longest line that a rule can know, with its head.
const LINE_BYTES_MAX: usize = 2048;
/// A line of the future is of the year before: lines without a year are written in December and read in January.
const AHEAD_US: u64 = 24 * 3_600_000_000;

/// How far a log was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct TextPosition {
    /// Its name.
    pub(crate) file: String,
    /// The file that has the name, or had it.
    pub(crate) inode: u64,
    /// Bytes of it that were read.
    pub(crate) offset: u64,
    /// A hash of its first bytes, and how many these are: what was put away under another name is known by them, and what
    /// was emptied and filled anew.
    pub(crate) head: u64,
    /// See `head`.
    pub(crate) head_bytes: u64,
}

/// The entry in `line`: `2026-11-22T06:33:26.451305+00:00 guest su[145]: FAILED SU` or
/// `Nov 22 06:33:26 guest su[145]: FAILED SU`, which is of the year that is nearest before `now_us`.
pub(crate) fn entry(line: &str, now_us: u64, zone: &TimeZone) -> Option<Record> {
    if line.len() > LINE_BYTES_MAX {
        return None;
    }
    let (at_us, rest) = if line.starts_with(|first: char| first.is_ascii_digit()) {
        let (time, rest) = line.split_once(' ')?;
        (time.parse::<jiff::Timestamp>().ok()?.as_microsecond(), rest)
    } else {
        (civil(line.get(..15)?, now_us, zone)?, line.get(15..)?.strip_prefix(' ')?)
    };
    let (_host, rest) = rest.split_once(' ')?;
    let (tag, text) = without_level(rest).split_once(": ")?;
    let (program, process) = match tag.split_once('[') {
        Some((program, process)) => (program, process.trim_end_matches(']')),
        None => (tag, ""),
    };
    if program.is_empty() || program.contains(' ') {
        return None;
    }
    let mut record = Record::at(u64::try_from(at_us).ok()?);
    record.keep("SYSLOG_IDENTIFIER", program.to_owned());
    record.keep("_PID", process.to_owned());
    // As if it were true; see the top of this file.
    record.keep("_UID", "0".to_owned());
    if program == "kernel" {
        record.keep("_TRANSPORT", "kernel".to_owned());
    }
    let text = if program == "kernel" { without_uptime(text) } else { text };
    record.keep("MESSAGE", text.to_owned());
    Some(record)
}

/// `Nov 22 06:33:26`, microseconds since 1970.
fn civil(text: &str, now_us: u64, zone: &TimeZone) -> Option<i64> {
    let now = jiff::Timestamp::from_microsecond(i64::try_from(now_us).ok()?).ok()?;
    let year = now.to_zoned(zone.clone()).year();
    let of_year = |year: i16| {
        let time = DateTime::strptime("%Y %b %e %H:%M:%S", format!("{year} {text}")).ok()?;
        Some(time.to_zoned(zone.clone()).ok()?.timestamp().as_microsecond())
    };
    let is_past = |at_us: &i64| u64::try_from(*at_us).is_ok_and(|at_us| at_us <= now_us + AHEAD_US);
    of_year(year).filter(is_past).or_else(|| of_year(year - 1))
}

/// Some daemons put facility and level before the program: `daemon.info dhcpcd[77]: ...`.
fn without_level(rest: &str) -> &str {
    let levels = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"];
    let is_level = |word: &str| word.split_once('.').is_some_and(|(_, level)| levels.contains(&level));
    rest.split_once(' ').filter(|(word, _)| is_level(word)).map_or(rest, |(_, rest)| rest)
}

/// `[ 3474.123456] usb 1-2: ...` without its time.
fn without_uptime(text: &str) -> &str {
    let stamp = |head: &str| head.trim().bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let rest = text.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    rest.filter(|(head, _)| stamp(head)).map_or(text, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2026-11-22 06:43:27 UTC.
    const NOW_US: u64 = 1_795_329_807_000_000;

    fn words(line: &str) -> Option<String> {
        let record = entry(line, NOW_US, &TimeZone::UTC)?;
        let fields = ["SYSLOG_IDENTIFIER", "_PID", "_TRANSPORT", "MESSAGE"].map(|name| record.get(name));
        Some(format!("{} {}", record.at_us / 1_000_000, fields.join("|")))
    }

    #[test]
    fn knows_the_forms_that_daemons_write() {
        for (line, expected) in [
            ("2026-11-22T06:33:26.451305+00:00 guest su[145]: FAILED SU", "1795329206 su|145||FAILED SU"),
            ("2026-11-22T07:33:26+01:00 guest su: FAILED SU", "1795329206 su|||FAILED SU"),
            ("Nov 22 06:33:26 guest dhcpcd[77]: eth0: timed out", "1795329206 dhcpcd|77||eth0: timed out"),
            ("Nov  2 06:33:26 guest daemon.info dhcpcd[77]: eth0: timed out", "1793601206 dhcpcd|77||eth0: timed out"),
            (
                "Nov 22 06:33:26 guest kernel: [ 3474.123456] EXT4-fs error (device sda1): x",
                "1795329206 kernel||kernel|EXT4-fs error (device sda1): x",
            ),
            ("Nov 22 06:33:26 guest kernel: [drm] GPU HANG: x", "1795329206 kernel||kernel|[drm] GPU HANG: x"),
        ] {
            assert_eq!(words(line).as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn a_line_of_december_that_is_read_in_january_is_of_the_year_before() {
        let written = entry("Dec 31 23:59:00 guest a: b", 1_798_765_200_000_000, &TimeZone::UTC).expect("a line");
        assert_eq!(written.at_us, 1_798_761_540_000_000);
    }

    #[test]
    fn what_has_no_time_or_no_writer_is_nothing() {
        for line in
            ["", "garbage", "Nov 22 06:33:26 guest", "Foo 22 06:33:26 guest a: b", "--- last message repeated ---"]
        {
            assert_eq!(words(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(line in "\\PC{0,80}|(Nov 22 06:33:26 |2026-11-22T06:33:26Z )?[a-z \\[\\]:.0-9]{0,60}") {
            let _ = entry(&line, NOW_US, &TimeZone::UTC);
        }
    }
}
