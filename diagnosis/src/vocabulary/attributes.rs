use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::order::{self, Arrange as _};

/// What tells one instance of a signal from another: `{mountpoint="/", state="free"}`. Sorted by name.
///
/// Copies share their memory: a layout, the windows over it and the evidence from them name the same series again and
/// again, for every endpoint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct Attributes(Arc<[(Box<str>, Box<str>)]>);

impl Attributes {
    /// No attributes: a signal with one instance.
    pub fn none() -> Self {
        Self::default()
    }

    /// These attributes with one more, or with its value replaced.
    pub fn with(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let mut map = BTreeMap::from(self);
        map.insert(name.into(), value.into());
        Self::from(map)
    }

    /// The value of attribute `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and values in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }
}

impl From<BTreeMap<String, String>> for Attributes {
    fn from(map: BTreeMap<String, String>) -> Self {
        Self(map.into_iter().map(|(name, value)| (name.into_boxed_str(), value.into_boxed_str())).collect())
    }
}

impl From<Attributes> for BTreeMap<String, String> {
    fn from(attributes: Attributes) -> Self {
        order::map(attributes.iter().map(|(name, value)| (name.to_owned(), value.to_owned())))
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Attributes {
    fn from(pairs: [(&str, &str); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        Self::of(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl Attributes {
    /// These pairs in order of name; of two with one name the last counts.
    fn of(mut pairs: Vec<(Box<str>, Box<str>)>) -> Self {
        pairs.reverse();
        pairs.arrange_by(|(one, _), (other, _)| one.cmp(other));
        pairs.dedup_by(|(later, _), (kept, _)| later == kept);
        Self(pairs.into())
    }
}

impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return Ok(());
        }
        f.write_str("{")?;
        for (index, (name, value)) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{name}={value:?}")?;
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_sorted_by_name_and_the_last_of_a_name_counts() {
        let pairs = [("state", "free"), ("mountpoint", "/"), ("state", "used"), ("a", "1"), ("state", "reserved")];
        let attributes: Attributes = pairs.into_iter().collect();
        let expected: BTreeMap<String, String> =
            pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        assert_eq!(attributes, Attributes::from(expected));
        assert_eq!(attributes.to_string(), r#"{a="1",mountpoint="/",state="reserved"}"#);
    }
}
