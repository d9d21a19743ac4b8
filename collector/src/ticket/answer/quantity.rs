//! Numbers as people read them.

/// A number with its UCUM unit: `3.2 GiB`, `4 %`, `12 ms`, `2 d 3 h`, `100 Mbit/s`.
pub(super) fn quantity(value: f64, unit: &str) -> String {
    match unit {
        "By" => bytes(value),
        "By/s" => format!("{}/s", bytes(value)),
        "bit/s" => decimal(value, &["bit/s", "kbit/s", "Mbit/s", "Gbit/s"]),
        "s" => duration(value),
        "1" => format!("{} %", number(value * 100.0)),
        "" => number(value),
        "Cel" => format!("{} °C", number(value)),
        unit if unit.starts_with('{') => {
            let word = unit.split('}').next().unwrap_or_default().trim_start_matches('{');
            let rest = unit.split_once('}').map_or("", |(_, rest)| rest);
            format!("{} {word}{rest}", number(value))
        }
        unit => format!("{} {unit}", number(value)),
    }
}

fn bytes(value: f64) -> String {
    const STEPS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut rest = value;
    let mut step = 0;
    while rest.abs() >= 1024.0 && step + 1 < STEPS.len() {
        rest /= 1024.0;
        step += 1;
    }
    format!("{} {}", number(rest), STEPS[step])
}

fn decimal(value: f64, steps: &[&str]) -> String {
    let mut rest = value;
    let mut step = 0;
    while rest.abs() >= 1000.0 && step + 1 < steps.len() {
        rest /= 1000.0;
        step += 1;
    }
    format!("{} {}", number(rest), steps[step])
}

fn duration(seconds: f64) -> String {
    let size = seconds.abs();
    if size < 1e-3 && size > 0.0 {
        return format!("{} us", number(seconds * 1e6));
    }
    if size < 1.0 {
        return format!("{} ms", number(seconds * 1e3));
    }
    if size < 120.0 {
        return format!("{} s", number(seconds));
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    let minutes = (size / 60.0).round() as u64;
    let (days, hours, rest) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    match (days, hours) {
        (0, 0) => format!("{sign}{rest} min"),
        (0, _) => format!("{sign}{hours} h {rest} min"),
        _ => format!("{sign}{days} d {hours} h"),
    }
}

/// Three digits that count, without noughts at the end.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 || size == 0.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 0.1 => 2,
        _ => 4,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_say_them() {
        for (value, unit, words) in [
            (3_435_973_836.8, "By", "3.2 GiB"),
            (0.04, "1", "4 %"),
            (0.012, "s", "12 ms"),
            (7_500.0, "s", "2 h 5 min"),
            (183_600.0, "s", "2 d 3 h"),
            (-400.0, "s", "-7 min"),
            (1e8, "bit/s", "100 Mbit/s"),
            (3.0, "{unit}", "3 unit"),
            (0.0, "By", "0 B"),
            (1234.0, "", "1234"),
        ] {
            assert_eq!(quantity(value, unit), words);
        }
    }
}
