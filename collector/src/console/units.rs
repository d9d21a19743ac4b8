//! Numbers with their units, as people read them. Storage keeps UCUM units and ratios; only screens say percent.

use firstline_diagnosis::registry::{SignalSpec, ValueType};
use firstline_diagnosis::vocabulary::Value;

/// A value of a signal in words.
pub(crate) fn value(value: &Value, unit: &str) -> String {
    match value {
        Value::Flag(true) => "yes".to_owned(),
        Value::Flag(false) => "no".to_owned(),
        Value::Text(text) => text.clone(),
        Value::Number(number) => quantity(*number, unit),
    }
}

/// A value that a change tells as text, in words. A version is no number, even if it looks like one.
pub(crate) fn told(text: &str, spec: Option<&SignalSpec>) -> String {
    let value = match spec.map(|spec| spec.value) {
        Some(ValueType::Number) => text.parse().ok().map(Value::Number),
        Some(ValueType::Flag) => text.parse().ok().map(Value::Flag),
        _ => None,
    };
    value.map_or_else(|| text.to_owned(), |known| self::value(&known, spec.map_or("", |spec| spec.unit.as_str())))
}

/// A number with its unit.
pub(crate) fn quantity(number: f64, unit: &str) -> String {
    match unit {
        "1" => percent(number),
        "By" => scaled(number, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB"]),
        "By/s" => scaled(number, 1024.0, &["B/s", "KiB/s", "MiB/s", "GiB/s"]),
        "bit/s" => scaled(number, 1000.0, &["bit/s", "kbit/s", "Mbit/s", "Gbit/s"]),
        "s" => seconds(number),
        "Hz" => scaled(number, 1000.0, &["Hz", "kHz", "MHz", "GHz"]),
        "Cel" => format!("{} °C", plain(number)),
        "" => plain(number),
        counted if counted.starts_with('{') => {
            let word = counted.trim_matches(['{', '}']);
            let plural = match word {
                _ if number == 1.0 => "",
                word if word.ends_with('s') => "es",
                _ => "s",
            };
            if word == "count" { plain(number) } else { format!("{} {word}{plural}", plain(number)) }
        }
        other => format!("{} {other}", plain(number)),
    }
}

fn percent(ratio: f64) -> String {
    let percent = ratio * 100.0;
    let size = percent.abs();
    if (0.05..9.95).contains(&size) { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

fn scaled(mut number: f64, step: f64, units: &[&str]) -> String {
    let mut index = 0;
    while number.abs() >= step && index + 1 < units.len() {
        number /= step;
        index += 1;
    }
    let digits = usize::from(index > 0 && number.abs() < 100.0 && number.fract() != 0.0);
    format!("{number:.digits$} {}", units[index])
}

fn seconds(number: f64) -> String {
    let size = number.abs();
    if size == 0.0 {
        "0 s".to_owned()
    } else if size < 0.001 {
        format!("{:.0} µs", number * 1e6)
    } else if size < 1.0 {
        let digits = usize::from(size < 0.01);
        format!("{:.digits$} ms", number * 1e3)
    } else if size < 120.0 {
        format!("{number:.1} s")
    } else if size < 7200.0 {
        format!("{:.0} min", number / 60.0)
    } else if size < 172_800.0 {
        format!("{:.1} h", number / 3600.0)
    } else {
        format!("{:.0} days", number / 86_400.0)
    }
}

fn plain(number: f64) -> String {
    if number.fract() == 0.0 || number.abs() >= 100.0 {
        format!("{number:.0}")
    } else {
        let text = format!("{number:.2}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_like_speech() {
        let pairs = [
            (0.934, "1", "93 %"),
            (0.034, "1", "3.4 %"),
            (0.0, "1", "0 %"),
            (3_435_973_836.0, "By", "3.2 GiB"),
            (512.0, "By", "512 B"),
            (1_000_000_000.0, "bit/s", "1 Gbit/s"),
            (0.0123, "s", "12 ms"),
            (0.0042, "s", "4.2 ms"),
            (90.0, "s", "90.0 s"),
            (864_000.0, "s", "10 days"),
            (1.0, "{unit}", "1 unit"),
            (3.0, "{unit}", "3 units"),
            (2.35, "{process}", "2.35 processes"),
            (0.0001, "1", "0 %"),
            (2.5, "{count}", "2.5"),
        ];
        for (number, unit, text) in pairs {
            assert_eq!(quantity(number, unit), text);
        }
        assert_eq!(value(&Value::Flag(false), ""), "no");
    }
}
