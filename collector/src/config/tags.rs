use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::in_range;

/// Longest name of a tag or of a rule, and longest value, in characters.
pub(crate) const TAG_CHARACTERS_MAX: usize = 64;

/// Tags that endpoints get by what they are.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tags {
    /// The rules. Where two give the same tag, the one that stands first counts.
    pub rules: Vec<TagRule>,
}

/// Who matches everything that a rule names gets its tags; of each list, one entry has to fit.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TagRule {
    /// What it is called on screens.
    pub name: String,
    /// The tags.
    pub tags: BTreeMap<String, String>,
    /// Names of hosts; `*` is any text, `?` any letter.
    pub host_names: Vec<String>,
    /// Models, with or without the manufacturer before it.
    pub models: Vec<String>,
    /// Systems: type, name, or name and version.
    pub systems: Vec<String>,
    /// Networks that the machine is in.
    pub networks: Vec<IpNet>,
}

impl Tags {
    pub(super) fn check(&self) -> Result<(), String> {
        in_range("the number of tags.rules", self.rules.len(), 0, 200)?;
        let mut names = BTreeSet::new();
        for rule in &self.rules {
            rule.check()?;
            if !names.insert(&rule.name) {
                return Err(format!("two of tags.rules are called {:?}; give each a name of its own", rule.name));
            }
        }
        Ok(())
    }
}

impl TagRule {
    fn check(&self) -> Result<(), String> {
        let name = &self.name;
        if name.is_empty() || name.chars().count() > TAG_CHARACTERS_MAX {
            return Err(format!("each of tags.rules needs a name of 1 to {TAG_CHARACTERS_MAX} characters"));
        }
        if self.tags.is_empty() {
            return Err(format!("tags.rules {name:?} gives no tags; write tags = {{ site = \"berlin\" }}"));
        }
        for (tag, value) in &self.tags {
            check_tag(tag, value).map_err(|why| format!("tags.rules {name:?}: {why}"))?;
        }
        let patterns = [&self.host_names, &self.models, &self.systems];
        if patterns.iter().all(|list| list.is_empty()) && self.networks.is_empty() {
            return Err(format!(
                "tags.rules {name:?} would match everything; name host_names, models, systems or networks"
            ));
        }
        for list in patterns {
            in_range(&format!("the number of patterns in tags.rules {name:?}"), list.len(), 0, 100)?;
            if let Some(odd) = list.iter().find(|one| one.is_empty() || one.chars().count() > 128) {
                return Err(format!("tags.rules {name:?} has the pattern {odd:?}; one has 1 to 128 characters"));
            }
        }
        in_range(&format!("the number of networks in tags.rules {name:?}"), self.networks.len(), 0, 100)?;
        match self.networks.iter().find(|net| net.prefix_len() > if net.addr().is_ipv4() { 24 } else { 64 }) {
            Some(narrow) => Err(format!(
                "tags.rules {name:?} names the network {narrow}; agents tell theirs down to /24 (IPv6: /64) only"
            )),
            None => Ok(()),
        }
    }
}

/// Says why something cannot be a tag.
pub(crate) fn check_tag(name: &str, value: &str) -> Result<(), String> {
    let is_word = |letter: char| letter.is_alphanumeric() || "._-/".contains(letter);
    if name.is_empty() || name.chars().count() > TAG_CHARACTERS_MAX || !name.chars().all(is_word) {
        return Err(format!(
            "{name:?} cannot be the name of a tag: 1 to {TAG_CHARACTERS_MAX} letters, digits and . _ - /"
        ));
    }
    if value.chars().count() > TAG_CHARACTERS_MAX || value.chars().any(char::is_control) {
        return Err(format!("{value:?} cannot be the value of tag {name}: at most {TAG_CHARACTERS_MAX} characters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn a_rule_is_read_and_its_mistakes_are_named() {
        let good = r#"[[tags.rules]]
            name = "berlin"
            tags = { site = "berlin" }
            host_names = ["BER-*"]
            networks = ["10.1.0.0/16", "2001:db8::/48"]"#;
        let config = Config::parse(good).expect("a rule");
        assert_eq!(config.tags.rules[0].tags["site"], "berlin");
        for (text, answer) in [
            ("name = \"a\"\nhost_names = [\"x\"]", "gives no tags"),
            ("tags = { a = \"b\" }\nhost_names = [\"x\"]", "needs a name"),
            ("name = \"a\"\ntags = { a = \"b\" }", "would match everything"),
            ("name = \"a\"\ntags = { \"a b\" = \"c\" }\nmodels = [\"x\"]", "cannot be the name of a tag"),
            ("name = \"a\"\ntags = { a = \"b\" }\nnetworks = [\"10.1.1.0/25\"]", "down to /24"),
            ("name = \"a\"\ntags = { a = \"b\" }\nnetworks = [\"10.1.0.0\"]", "such as \"10.20.0.0/16\""),
            ("name = \"a\"\ntags = { a = \"b\" }\nhostnames = [\"x\"]", "did you mean `host_names`?"),
        ] {
            let said = Config::parse(&format!("[[tags.rules]]\n{text}")).expect_err(text);
            assert!(said.contains(answer), "{text}: {said}");
        }
        let twice = format!("{good}\n{good}");
        assert!(Config::parse(&twice).expect_err("twice").contains("a name of its own"));
    }
}
