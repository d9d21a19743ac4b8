//! Numbers and sentences as people read them.

mod template;

pub(crate) use template::{Style, Template};

use crate::condition::Unit;
use crate::document::Comparison;

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

/// A comparison in words: `below 2 GiB`.
pub(crate) fn comparison_words(how: Comparison) -> &'static str {
    match how {
        Comparison::Less => "below",
        Comparison::AtMost => "at most",
        Comparison::Greater => "above",
        Comparison::AtLeast => "at least",
        Comparison::Equal => "exactly",
        Comparison::NotEqual => "other than",
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
