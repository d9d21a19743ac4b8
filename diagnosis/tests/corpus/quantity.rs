//! Quantities as people write them.

/// `18 GiB`, `3 d`, `5 %`, `-61 s`: in base units.
pub(crate) fn quantity(text: &str) -> f64 {
    const UNITS: [(&str, f64); 16] = [
        ("KiB", 1024.0),
        ("MiB", 1_048_576.0),
        ("GiB", 1_073_741_824.0),
        ("TiB", 1_099_511_627_776.0),
        ("%", 0.01),
        ("ms", 0.001),
        ("s", 1.0),
        ("m", 60.0),
        ("h", 3600.0),
        ("d", 86_400.0),
        ("Cel", 1.0),
        ("dBm", 1.0),
        ("dB", 1.0),
        ("Mbit", 1e6),
        ("W", 1.0),
        ("", 1.0),
    ];
    let text = text.trim();
    let digits = text.find(|letter: char| !letter.is_ascii_digit() && !"+-.".contains(letter)).unwrap_or(text.len());
    let (number, unit) = (text[..digits].parse::<f64>(), text[digits..].trim());
    let known = UNITS.iter().find(|(name, _)| *name == unit);
    match (number, known) {
        (Ok(number), Some((_, scale))) => number * scale,
        _ => panic!("{text:?} is no quantity"),
    }
}

/// `45m`, `7d`.
pub(crate) fn span_ms(text: &str) -> i64 {
    (quantity(text) * 1000.0) as i64
}
