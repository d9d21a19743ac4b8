//! Compares what machines say of their hardware. Values are keyed hashes of normalised identifiers; what says nothing
//! was left out where it was read.

use std::collections::BTreeMap;

/// What firmware says. The system's own id is not among them: it is copied with the disk.
pub(super) const HARDWARE: [&str; 3] = ["product_uuid", "serial", "board_serial"];

/// What a comparison says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// One machine.
    Same,
    /// Two.
    Different,
    /// Nothing that both say.
    Unknown,
}

/// Compares two machines. One identifier that differs outweighs others that agree: a whole series of boards may share
/// one, and a repaired machine keeps none by chance.
pub(super) fn compare(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> Verdict {
    let both = |name: &&str| Some((one.get(*name)?, other.get(*name)?));
    let mut verdict = Verdict::Unknown;
    for (left, right) in HARDWARE.iter().filter_map(both) {
        if left != right {
            return Verdict::Different;
        }
        verdict = Verdict::Same;
    }
    verdict
}

/// What two machines say alike, in words.
pub(super) fn alike(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> Vec<&'static str> {
    let words = ["the firmware's identifier", "the serial number", "the board's serial number"];
    let same = |name: &&str| one.get(*name).is_some_and(|value| other.get(*name) == Some(value));
    HARDWARE.iter().zip(words).filter(|(name, _)| same(name)).map(|(_, words)| words).collect()
}

/// Whether two machines are one, as far as their hardware tells.
pub(super) fn is_same_machine(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> bool {
    compare(one, other) == Verdict::Same
}

/// Whether a machine says all of what was said before. Who takes up an endpoint by its hardware must know all of it: a serial
/// number alone stands on a sticker.
pub(super) fn says_all(before: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> bool {
    HARDWARE.iter().all(|name| before.get(*name).is_none_or(|value| now.get(*name) == Some(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(values: &[(&str, &str)]) -> BTreeMap<String, String> {
        values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_serial_number_alone_is_not_all_that_was_said() {
        let before = machine(&[("product_uuid", "a"), ("serial", "s"), ("machine_id", "m")]);
        assert!(!says_all(&before, &machine(&[("serial", "s")])));
        assert!(says_all(&before, &machine(&[("product_uuid", "a"), ("serial", "s"), ("board_serial", "b")])));
    }

    #[test]
    fn tells_machines_apart_by_what_both_say() {
        let one = machine(&[("product_uuid", "a"), ("serial", "s"), ("machine_id", "m")]);
        assert_eq!(compare(&one, &one), Verdict::Same);
        assert_eq!(compare(&one, &machine(&[("serial", "s")])), Verdict::Same);
        assert_eq!(compare(&one, &machine(&[("serial", "s"), ("product_uuid", "b")])), Verdict::Different);
        assert_eq!(compare(&one, &machine(&[("machine_id", "m"), ("board_serial", "x")])), Verdict::Unknown);
        assert_eq!(compare(&machine(&[]), &one), Verdict::Unknown);
    }
}
