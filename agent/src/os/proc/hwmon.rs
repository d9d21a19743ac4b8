//! Sensors as `/sys/class/hwmon` and `/sys/class/thermal` tell them. Firmware is full of sensors that are wired to
//! nothing; what they say is no value.

/// Degrees between which a sensor in a running computer can be believed.
const BELIEVABLE_CELSIUS: std::ops::RangeInclusive<f64> = -30.0..=125.0;
/// Degrees between which a limit means something; a disk without one says 65,262.
const LIMIT_CELSIUS: std::ops::RangeInclusive<f64> = 30.0..=130.0;
/// Faster than any fan: a controller that lost count.
const FASTEST_RPM: f64 = 20_000.0;

/// `tempN_input` or `temp`, thousandths of a degree. A sensor that is not connected says -128, 127, 255 or exactly 0.
pub(crate) fn celsius(text: &str) -> Option<f64> {
    let celsius = thousandths(text)?;
    (celsius != 0.0 && celsius != -1.0 && BELIEVABLE_CELSIUS.contains(&celsius)).then_some(celsius)
}

/// `tempN_crit`, `tempN_max` or `trip_point_N_temp`.
pub(crate) fn limit_celsius(text: &str) -> Option<f64> {
    thousandths(text).filter(|celsius| LIMIT_CELSIUS.contains(celsius))
}

/// `fanN_input`, turns a minute. A fan that stands still says 0, which is a value.
pub(crate) fn rpm(text: &str) -> Option<f64> {
    let rpm = f64::from(text.trim().parse::<u32>().ok()?);
    (rpm < FASTEST_RPM).then_some(rpm)
}

/// The number in `temp12_input` of a `kind` of sensor, `temp`.
pub(crate) fn number_of(name: &str, kind: &str) -> Option<u16> {
    name.strip_prefix(kind)?.strip_suffix("_input")?.parse().ok()
}

/// Whether another sensor of the same chip says all that this one says: a core is never hotter than its package, a
/// flash chip rarely than the drive.
pub(crate) fn is_part_of(label: &str, labels: &[String]) -> bool {
    let has = |start: &str| labels.iter().any(|other| other.starts_with(start));
    let starts = |start: &str| label.starts_with(start);
    (starts("Core ") && has("Package id"))
        || (starts("Sensor ") && has("Composite"))
        || (starts("Tccd") && (has("Tctl") || has("Tdie")))
        // The same heat with an offset that only fan controllers want.
        || (starts("Tctl") && has("Tdie"))
}

fn thousandths(text: &str) -> Option<f64> {
    text.trim().parse::<i32>().ok().map(|thousandths| f64::from(thousandths) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn believes_what_can_be() {
        assert_eq!(celsius("47850\n"), Some(47.85));
        assert_eq!(celsius("-5000\n"), Some(-5.0));
        assert_eq!(rpm("2417\n"), Some(2417.0));
        assert_eq!(rpm("0\n"), Some(0.0), "a fan may rest");
        assert_eq!(limit_celsius("100000\n"), Some(100.0));
    }

    #[test]
    fn a_sensor_that_is_wired_to_nothing_has_no_value() {
        for text in ["-128000", "127000", "127500", "128000", "255000", "0", "-1000", "-273150", "", "N/A", "65261850"]
        {
            assert_eq!(celsius(text), None, "{text}");
        }
        for text in ["65535", "", "-1", "fast"] {
            assert_eq!(rpm(text), None, "{text}");
        }
        for text in ["65261850", "-273150", "0", "255000"] {
            assert_eq!(limit_celsius(text), None, "{text}");
        }
    }

    #[test]
    fn tells_the_whole_from_its_parts() {
        let intel: Vec<String> = ["Package id 0", "Core 0", "Core 4"].map(str::to_owned).to_vec();
        assert!(is_part_of("Core 4", &intel) && !is_part_of("Package id 0", &intel));
        assert!(!is_part_of("Core 0", &["Core 0".to_owned()]), "an old processor has nothing else");
        let amd: Vec<String> = ["Tctl", "Tccd1"].map(str::to_owned).to_vec();
        assert!(is_part_of("Tccd1", &amd) && !is_part_of("Tctl", &amd));
        assert_eq!(number_of("temp12_input", "temp"), Some(12));
        assert_eq!(number_of("temp1_crit", "temp"), None);
    }

    proptest! {
        #[test]
        fn never_panics(text in "-?[0-9]{0,12}.{0,3}") {
            let _ = (celsius(&text), limit_celsius(&text), rpm(&text), number_of(&text, "temp"));
        }
    }
}
