use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{Attributes, Timestamp, Why};

/// A signal and one of its instances: `system.filesystem.usage{mountpoint="/",state="free"}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series {
    /// The signal's name in the registry.
    pub signal: Arc<str>,
    /// Which instance.
    pub attributes: Attributes,
}

impl Series {
    /// The series of `signal` with `attributes`.
    pub fn new(signal: &str, attributes: impl Into<Attributes>) -> Self {
        Self { signal: Arc::from(signal), attributes: attributes.into() }
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.signal, self.attributes)
    }
}

/// A series that is not written as `name{attribute="value",...}`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is not a series: {reason}")]
pub struct ParseSeriesError {
    /// What was read.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl FromStr for Series {
    type Err = ParseSeriesError;

    /// Reads what `Display` prints; quotes around values may be left out when they hold only letters, digits and `._-/`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |reason| ParseSeriesError { text: text.to_owned(), reason };
        let Some((name, rest)) = text.split_once('{') else {
            return if text.trim().is_empty() {
                Err(fail("the name is empty"))
            } else {
                Ok(Self::new(text.trim(), Attributes::none()))
            };
        };
        let mut rest = rest.trim_start();
        let mut attributes = Attributes::none();
        while !rest.starts_with('}') {
            let (key, after) = rest.split_once('=').ok_or_else(|| fail("an attribute has no '='"))?;
            let (value, after) = attribute_value(after.trim_start()).ok_or_else(|| fail("a value is not closed"))?;
            attributes = attributes.with(key.trim(), value);
            rest = after.trim_start();
            rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
            if rest.is_empty() {
                return Err(fail("'}' is missing"));
            }
        }
        if rest.trim() != "}" {
            return Err(fail("there is text after '}'"));
        }
        Ok(Self::new(name.trim(), attributes))
    }
}

/// Splits a quoted (Rust escapes) or bare value from what follows it.
fn attribute_value(text: &str) -> Option<(String, &str)> {
    if !text.starts_with('"') {
        let end = text.find([',', '}'])?;
        return Some((text[..end].trim().to_owned(), &text[end..]));
    }
    let mut value = String::new();
    let mut letters = text.char_indices().skip(1);
    while let Some((index, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &text[index + 1..])),
            '\\' => value.push(escaped(&mut letters)?),
            letter => value.push(letter),
        }
    }
    None
}

/// The letter that an escape stands for; the backslash is already read.
fn escaped(letters: &mut impl Iterator<Item = (usize, char)>) -> Option<char> {
    match letters.next()?.1 {
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        '0' => Some('\0'),
        'u' => {
            let digits: String = letters
                .map(|(_, letter)| letter)
                .skip_while(|&letter| letter == '{')
                .take_while(|&letter| letter != '}')
                .collect();
            char::from_u32(u32::from_str_radix(&digits, 16).ok()?)
        }
        letter => Some(letter),
    }
}

impl Serialize for Series {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Series {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// An ordered list of series: what the numbers of a [`Sample`] stand for. Named by its fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    series: Arc<[Series]>,
    fingerprint: u64,
}

impl Layout {
    /// The layout of `series`, in this order.
    pub fn new(series: impl Into<Arc<[Series]>>) -> Self {
        let series = series.into();
        let mut hash = Sha256::new();
        for one in series.iter() {
            hash.update(one.to_string().as_bytes());
            hash.update([0x1f]);
        }
        let digest = hash.finalize();
        let mut head = [0; 8];
        head.copy_from_slice(&digest[..8]);
        Self { series, fingerprint: u64::from_be_bytes(head) }
    }

    /// The first eight bytes of SHA-256 over the printed series, each followed by 0x1f. The same list has the same
    /// fingerprint on every system and in every version.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The series, in order.
    pub fn series(&self) -> &[Series] {
        &self.series
    }
}

/// The numbers of one step (one minute upstream, 15 seconds in the recorder), in the order of a layout.
///
/// Gauges carry the step's mean (or what the registry says), flags 1 or 0, counters **the increment within the step**:
/// 32-bit floats hold increments exactly enough, cumulative totals not, and resets are seen where the raw value is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The end of the step.
    pub at: Timestamp,
    /// Length of the step in seconds.
    pub step_seconds: u32,
    /// Fingerprint of the layout.
    pub layout: u64,
    /// One number for each series; NaN where there is none.
    pub values: Vec<f32>,
    /// For some of the NaNs, the reason: index into the layout, and why. Sorted by index.
    pub absences: Vec<(u32, Why)>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bare_and_quoted_values_are_the_same() {
        let bare: Series = "system.filesystem.usage{state=free, mountpoint=/}".parse().expect("bare");
        let quoted: Series = r#"system.filesystem.usage{mountpoint="/",state="free"}"#.parse().expect("quoted");
        assert_eq!(bare, quoted);
    }

    #[test]
    fn says_what_is_wrong() {
        for bad in ["", "a{b", "a{b=", "a{b=\"c", "a{b=c} d"] {
            assert!(bad.parse::<Series>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn layouts_with_the_same_series_have_the_same_name() {
        let one = Layout::new(vec![Series::new("a", Attributes::none()), Series::new("b", [("c", "d")])]);
        let two = Layout::new(vec![Series::new("a", Attributes::none()), Series::new("b", [("c", "d")])]);
        let swapped = Layout::new(vec![Series::new("b", [("c", "d")]), Series::new("a", Attributes::none())]);
        assert_eq!(one.fingerprint(), two.fingerprint());
        assert_ne!(one.fingerprint(), swapped.fingerprint());
    }

    proptest! {
        #[test]
        fn reads_back_what_it_prints(name in "[a-z][a-z._]{0,20}", values in prop::collection::btree_map("[a-z.]{1,8}", ".{0,20}", 0..4)) {
            let series = Series::new(&name, Attributes::from(values));
            prop_assert_eq!(series.to_string().parse::<Series>(), Ok(series));
        }
    }
}
