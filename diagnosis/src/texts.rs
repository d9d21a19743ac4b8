//! Numbers and sentences as people read them.

mod event;
mod step;
mod template;

pub use event::event_words;
pub(crate) use step::filled;
pub(crate) use template::{Style, Template};

use crate::condition::Unit;
use crate::document::Comparison;
use crate::vocabulary::{Timestamp, Value};

/// A comparison as it is written.
pub(crate) fn sign(how: Comparison) -> &'static str {
    match how {
        Comparison::Less => "<",
        Comparison::AtMost => "<=",
        Comparison::Greater => ">",
        Comparison::AtLeast => ">=",
        Comparison::Equal => "==",
        Comparison::NotEqual => "!=",
    }
}

/// From where on a value is a problem: `below 2 GiB`, `from 10 %`.
pub fn limit_words(how: Comparison, limit: &str) -> String {
    match how {
        Comparison::Less => format!("below {limit}"),
        Comparison::AtMost => format!("at {limit} or less"),
        Comparison::Greater => format!("above {limit}"),
        Comparison::AtLeast => format!("from {limit}"),
        Comparison::Equal => format!("at exactly {limit}"),
        Comparison::NotEqual => format!("other than {limit}"),
    }
}

/// A window as people say it: `5m` and the kernel's `avg300` are `the last 5 min`, `last 4` is `the last 4 readings`.
/// What is no window stays as it is.
pub fn span_words(window: &str) -> String {
    if let Some(count) = window.strip_prefix("last ") {
        return format!("the last {count} readings");
    }
    let written = window.find(|letter: char| !letter.is_ascii_digit() && letter != '.').and_then(|digits| {
        let unit = Unit::parse(&window[digits..]).ok().filter(Unit::is_time)?;
        Some(window[..digits].parse::<f64>().ok()? * unit.scale)
    });
    let seconds = window.strip_prefix("avg").and_then(|seconds| seconds.parse().ok()).or(written);
    seconds.map_or_else(|| window.to_owned(), |seconds| format!("the last {}", duration(seconds)))
}

/// What stands in brackets behind a name; nothing where there is nothing to say.
pub fn behind(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(" ({words})") }
}

/// `2026-01-21 12:55 UTC`.
pub fn moment(at: Timestamp) -> String {
    let text = at.to_string();
    match text.get(..16).filter(|_| text.as_bytes().get(10) == Some(&b'T')) {
        Some(minute) => format!("{} UTC", minute.replace('T', " ")),
        None => text,
    }
}

/// A number with its UCUM unit as people read it; a unit that is not known is written behind the number.
pub fn quantity(value: f64, unit: &str) -> String {
    match Unit::parse(unit) {
        Ok(unit) => human(value, &unit),
        Err(_) => format!("{} {unit}", plain(value)).trim_end().to_owned(),
    }
}

/// A number with its unit in human form: `3.2 GiB`, `4 %`, `12 ms`, `2 d 3 h`, `100 Mbit/s`.
pub fn human(value: f64, unit: &Unit) -> String {
    let base = value * unit.scale;
    if unit.is_data() {
        return bytes(base);
    }
    if unit.is_data_rate() {
        return if unit.to_string().contains("bit") {
            decimal(base * 8.0, &["bit/s", "kbit/s", "Mbit/s", "Gbit/s"])
        } else {
            format!("{}/s", bytes(base))
        };
    }
    if unit.is_time() {
        return duration(base);
    }
    if unit.is_plain() {
        return if unit.counts { plain(base) } else { percent(base) };
    }
    if unit.counts {
        return plain(base);
    }
    format!("{} {}", plain(value), if unit.to_string() == "Cel" { "°C".to_owned() } else { unit.to_string() })
}

/// A value by itself: `true`, `4`, `libc.so.6`.
pub(crate) fn value_words(value: &Value) -> String {
    match value {
        Value::Flag(flag) => flag.to_string(),
        Value::Number(number) => plain(*number),
        Value::Text(text) => text.clone(),
    }
}

/// Bytes in binary steps.
pub(crate) fn bytes(value: f64) -> String {
    const STEPS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let (mut value, mut step) = (value, 0);
    while value.abs() >= 1024.0 && step + 1 < STEPS.len() {
        value /= 1024.0;
        step += 1;
    }
    if step == 0 { format!("{value:.0} B") } else { format!("{} {}", short(value), STEPS[step]) }
}

fn decimal(value: f64, steps: &[&str]) -> String {
    let (mut value, mut step) = (value, 0);
    while value.abs() >= 1000.0 && step + 1 < steps.len() {
        value /= 1000.0;
        step += 1;
    }
    format!("{} {}", short(value), steps[step])
}

/// A ratio; far above one it is no share any more and stays a number.
pub(crate) fn percent(ratio: f64) -> String {
    let percent = ratio * 100.0;
    if ratio.abs() > 10.0 {
        plain(ratio)
    } else if percent != 0.0 && percent.abs() < 10.0 {
        format!("{} %", trimmed(percent, 1))
    } else {
        format!("{percent:.0} %")
    }
}

/// A span of time in its two largest parts.
pub(crate) fn duration(seconds: f64) -> String {
    let sign = if seconds < 0.0 { "-" } else { "" };
    let seconds = seconds.abs();
    let text = if seconds == 0.0 {
        "0 s".to_owned()
    } else if seconds < 0.001 {
        format!("{} us", trimmed(seconds * 1e6, 0))
    } else if seconds < 1.0 {
        format!("{} ms", trimmed(seconds * 1e3, i32::from(seconds < 0.01) as usize))
    } else if seconds < 60.0 {
        format!("{} s", trimmed(seconds, usize::from(seconds < 10.0)))
    } else {
        let whole = seconds.round() as u64;
        let parts = [(whole / 86400, "d"), (whole / 3600 % 24, "h"), (whole / 60 % 60, "min"), (whole % 60, "s")];
        let first = parts.iter().position(|(count, _)| *count > 0).unwrap_or(3);
        let shown = parts[first..].iter().take(2).filter(|(count, _)| *count > 0);
        shown.map(|(count, name)| format!("{count} {name}")).collect::<Vec<_>>().join(" ")
    };
    format!("{sign}{text}")
}

/// A number without unit.
pub(crate) fn plain(value: f64) -> String {
    if value.abs() >= 100.0 || value.fract() == 0.0 { format!("{value:.0}") } else { short(value) }
}

/// About three digits.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => trimmed(value, 1),
        size if size >= 0.1 => trimmed(value, 1),
        _ => trimmed(value, 3),
    }
}

fn trimmed(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_read_as_people_say_them() {
        for (window, words) in [
            ("5m", "the last 5 min"),
            ("24h", "the last 1 d"),
            ("90s", "the last 1 min 30 s"),
            ("avg300", "the last 5 min"),
            ("last 4", "the last 4 readings"),
            ("free", "free"),
            ("server1", "server1"),
            ("", ""),
        ] {
            assert_eq!(span_words(window), words);
        }
    }

    #[test]
    fn a_unit_that_nobody_knows_is_written_behind_the_number() {
        assert_eq!(quantity(3.0, "furlong"), "3 furlong");
        assert_eq!(quantity(1234.0, ""), "1234");
    }

    #[test]
    fn numbers_read_as_people_say_them() {
        for (value, unit, text) in [
            (3.2 * 1_073_741_824.0, "By", "3.2 GiB"),
            (512.0, "By", "512 B"),
            (0.04, "1", "4 %"),
            (0.004, "1", "0.4 %"),
            (0.97, "1", "97 %"),
            (0.012, "s", "12 ms"),
            (183_600.0, "s", "2 d 3 h"),
            (86_400.0, "s", "1 d"),
            (90.0, "s", "1 min 30 s"),
            (100e6, "bit/s", "100 Mbit/s"),
            (2_097_152.0, "By/s", "2 MiB/s"),
            (3.0, "{process}", "3"),
            (1234.5, "{fault}/s", "1234"),
            (-75.0, "dBm", "-75 dBm"),
            (61.5, "Cel", "61.5 °C"),
        ] {
            assert_eq!(human(value, &Unit::parse(unit).expect(unit)), text);
        }
    }
}
