//! What the makers of disks mean by the attributes of their disks, from `drives.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::ata::Raw;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Drives {
    attribute: Vec<Attribute>,
    family: Vec<Family>,
    named_left: Vec<NamedLeft>,
}

/// An attribute that has the same number with every maker who has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attribute {
    id: u8,
    name: String,
    raw: Part,
    /// What smartctl and UDisks2 call it.
    names: Vec<String>,
}

/// Models that mean something else, or more.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Family {
    /// How their names begin, in capitals.
    models: Vec<String>,
    #[serde(default)]
    raw: BTreeMap<String, Part>,
    left: Option<Left>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Left {
    id: u8,
    #[serde(rename = "as")]
    form: LeftForm,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedLeft {
    names: Vec<String>,
    id: Option<u8>,
    #[serde(rename = "as")]
    form: LeftForm,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LeftForm {
    Value,
    Used,
}

/// Which part of the raw bytes counts.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Part {
    All,
    Low16,
    Low24,
    Low32,
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

/// What is known about disks. Read when a disk is asked, which is once a day, and not kept.
#[derive(Debug)]
pub(crate) struct Known(Drives);

impl Known {
    /// Everything that is known.
    pub(crate) fn load() -> Self {
        Self(toml::from_str(include_str!("drives.toml")).expect("the embedded table is tested to load"))
    }

    /// The counts in the raw attributes of a disk of this model, by our names.
    pub(crate) fn counts(&self, model: &str, table: &[Raw]) -> Vec<(String, u64)> {
        let count = |raw: &Raw| {
            let attribute = self.0.attribute.iter().find(|known| known.id == raw.id)?;
            let other = self.families(model).find_map(|family| family.raw.get(&raw.id.to_string()));
            Some((attribute.name.clone(), other.unwrap_or(&attribute.raw).of(raw.bytes)))
        };
        table.iter().filter_map(count).collect()
    }

    /// The rated life that is left in a disk of this model, where it is known which attribute says so.
    pub(crate) fn remaining_ratio(&self, model: &str, table: &[Raw]) -> Option<f64> {
        let left = self.families(model).find_map(|family| family.left)?;
        let raw = table.iter().find(|raw| raw.id == left.id)?;
        left.form.ratio(raw.value, raw.bytes)
    }

    /// The name of ours for an attribute that smartctl or UDisks2 named.
    pub(crate) fn name_of(&self, named: &str) -> Option<&str> {
        let attribute = self.0.attribute.iter().find(|known| known.names.iter().any(|name| name == named));
        attribute.map(|attribute| attribute.name.as_str())
    }

    /// The rated life that is left according to an attribute that smartctl named.
    pub(crate) fn named_ratio(&self, named: &str, raw: &Raw) -> Option<f64> {
        let known =
            |left: &&NamedLeft| left.names.iter().any(|name| name == named) && left.id.is_none_or(|id| id == raw.id);
        self.0.named_left.iter().find(known)?.form.ratio(raw.value, raw.bytes)
    }

    fn families(&self, model: &str) -> impl Iterator<Item = &Family> {
        let model = model.to_ascii_uppercase();
        self.0.family.iter().filter(move |family| family.models.iter().any(|start| model.starts_with(start.as_str())))
    }
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
        Known::load().counts(model, &[raw(id, 100, bytes)])[0].1
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
        let known = Known::load();
        let left = |model: &str, table: &[Raw]| known.remaining_ratio(model, table);
        assert_eq!(left("Samsung SSD 860 EVO 500GB", &[raw(177, 93, 120)]), Some(0.93));
        assert_eq!(left("CT500MX500SSD1", &[raw(202, 88, 12)]), Some(0.88));
        assert_eq!(left("INTEL SSDSC2KW512G8", &[raw(233, 99, 0)]), Some(0.99));
        assert_eq!(left("UNHEARD OF SSD", &[raw(177, 93, 120), raw(231, 1, 1)]), None, "nobody knows what it means");
        assert_eq!(known.named_ratio("Media_Wearout_Indicator", &raw(230, 100, 7)), None);
        assert_eq!(known.named_ratio("Media_Wearout_Indicator", &raw(233, 97, 0)), Some(0.97));
        assert_eq!(known.named_ratio("Percent_Lifetime_Used", &raw(202, 70, 30)), Some(0.7));
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        assert_eq!(Known::load().counts("ST2000DM008", &[raw(190, 60, 40), raw(1, 80, 7)]), []);
        assert_eq!(Known::load().name_of("Reported_Uncorrect"), Some("reported_uncorrectable"));
        assert_eq!(Known::load().name_of("Unknown_Attribute"), None);
    }
}
