//! What the attributes of a disk say, by the table of what its maker means.

mod makers;

use super::ata::Raw;
use makers::{ATTRIBUTES, FAMILIES, NAMED_LEFT};

/// An attribute that has the same number with every maker who has it.
struct Attribute {
    id: u8,
    name: &'static str,
    raw: Part,
    /// What smartctl and UDisks2 call it.
    names: &'static [&'static str],
}

/// Models that mean something else, or more.
struct Family {
    /// How their names begin, in capitals.
    models: &'static [&'static str],
    /// By the number of the attribute.
    raw: &'static [(u8, Part)],
    left: Option<Left>,
}

#[derive(Clone, Copy)]
struct Left {
    id: u8,
    form: LeftForm,
}

struct NamedLeft {
    names: &'static [&'static str],
    id: Option<u8>,
    form: LeftForm,
}

/// How a maker says what life is left.
#[derive(Clone, Copy)]
enum LeftForm {
    /// The maker's grade, which falls from 100.
    Value,
    /// A count that rises to 100.
    Used,
}

/// Which part of the six raw bytes counts.
#[derive(Clone, Copy)]
enum Part {
    All,
    /// The others are counts of something else.
    Low16,
    Low24,
    /// The others are a fraction.
    Low32,
    /// A time in another unit than hours.
    Minutes,
    HalfMinutes,
    Seconds,
}

impl Part {
    fn of(self, raw: u64) -> u64 {
        match self {
            Self::All => raw,
            Self::Low16 => raw & 0xffff,
            Self::Low24 => raw & 0xff_ffff,
            Self::Low32 => raw & 0xffff_ffff,
            Self::Minutes => (raw & 0xffff_ffff) / 60,
            Self::HalfMinutes => (raw & 0xffff_ffff) / 120,
            Self::Seconds => (raw & 0xffff_ffff) / 3600,
        }
    }
}

/// The counts in the raw attributes of a disk of this model, by our names.
pub(crate) fn counts(model: &str, table: &[Raw]) -> Vec<(String, u64)> {
    let count = |raw: &Raw| {
        let attribute = ATTRIBUTES.iter().find(|known| known.id == raw.id)?;
        let other = families(model).find_map(|family| family.raw.iter().find(|(id, _)| *id == raw.id));
        let part = other.map_or(attribute.raw, |(_, part)| *part);
        Some((attribute.name.to_owned(), part.of(raw.bytes)))
    };
    table.iter().filter_map(count).collect()
}

/// The rated life that is left in a disk of this model, where it is known which attribute says so.
pub(crate) fn remaining_ratio(model: &str, table: &[Raw]) -> Option<f64> {
    let left = families(model).find_map(|family| family.left)?;
    let raw = table.iter().find(|raw| raw.id == left.id)?;
    left.form.ratio(raw.value, raw.bytes)
}

/// The name of ours for an attribute that smartctl or UDisks2 named.
pub(crate) fn name_of(named: &str) -> Option<&'static str> {
    ATTRIBUTES.iter().find(|known| known.names.contains(&named)).map(|attribute| attribute.name)
}

/// The rated life that is left according to an attribute that smartctl named.
pub(crate) fn named_ratio(named: &str, raw: &Raw) -> Option<f64> {
    let known = |left: &&NamedLeft| left.names.contains(&named) && left.id.is_none_or(|id| id == raw.id);
    NAMED_LEFT.iter().find(known)?.form.ratio(raw.value, raw.bytes)
}

fn families(model: &str) -> impl Iterator<Item = &'static Family> {
    let model = model.to_ascii_uppercase();
    FAMILIES.iter().filter(move |family| family.models.iter().any(|start| model.starts_with(start)))
}

impl LeftForm {
    /// Absent when the number is none of a percentage.
    fn ratio(self, value: u8, raw: u64) -> Option<f64> {
        match self {
            Self::Value => (1..=100).contains(&value).then(|| f64::from(value) / 100.0),
            Self::Used => u8::try_from(raw & 0xff).ok().map(|used| 1.0 - f64::from(used.min(100)) / 100.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(id: u8, value: u8, bytes: u64) -> Raw {
        Raw { id, value, bytes }
    }

    fn count(model: &str, id: u8, bytes: u64) -> u64 {
        counts(model, &[raw(id, 100, bytes)])[0].1
    }

    #[test]
    fn unpacks_the_three_counts_of_seagate_and_of_nobody_else() {
        let packed = 0x0001_0002_0003;
        assert_eq!(count("ST2000DM008-2FR102", 188, packed), 3);
        assert_eq!(count("WDC WD10EZEX-08WN4A0", 188, packed), packed);
    }

    #[test]
    fn hours_are_hours_whatever_the_maker_counts() {
        assert_eq!(count("WDC WD10EZEX-08WN4A0", 9, 0x2a00_3039), 12_345);
        assert_eq!(count("TOSHIBA MK5065GSX", 9, 740_700), 12_345);
        assert_eq!(count("SAMSUNG SP1614N", 9, 1_481_400), 12_345);
        assert_eq!(count("FUJITSU MHZ2160BH", 9, 44_442_000), 12_345);
    }

    #[test]
    fn life_that_is_left_is_said_in_opposite_ways() {
        let left = |model: &str, table: &[Raw]| remaining_ratio(model, table);
        assert_eq!(left("Samsung SSD 860 EVO 500GB", &[raw(177, 93, 120)]), Some(0.93));
        assert_eq!(left("CT500MX500SSD1", &[raw(202, 88, 12)]), Some(0.88));
        assert_eq!(left("INTEL SSDSC2KW512G8", &[raw(233, 99, 0)]), Some(0.99));
        assert_eq!(left("UNHEARD OF SSD", &[raw(177, 93, 120), raw(231, 1, 1)]), None, "nobody knows what it means");
        assert_eq!(named_ratio("Media_Wearout_Indicator", &raw(230, 100, 7)), None);
        assert_eq!(named_ratio("Media_Wearout_Indicator", &raw(233, 97, 0)), Some(0.97));
        assert_eq!(named_ratio("Percent_Lifetime_Used", &raw(202, 70, 30)), Some(0.7));
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        assert_eq!(counts("ST2000DM008", &[raw(190, 60, 40), raw(1, 80, 7)]), []);
        assert_eq!(name_of("Reported_Uncorrect"), Some("reported_uncorrectable"));
        assert_eq!(name_of("Unknown_Attribute"), None);
    }
}
