//! Rules that give tags: what is held against what, and why something fits.

use std::net::IpAddr;

use firstline_diagnosis::document::Os;
use ipnet::IpNet;

use crate::config::TagRule;

/// What rules are held against.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Facts {
    pub(super) host_name: String,
    pub(super) os: Os,
    /// As the firmware says; empty when it says nothing.
    pub(super) manufacturer: String,
    pub(super) model: String,
    /// Networks that the machine is in, as it told last.
    pub(super) networks: Vec<IpNet>,
}

/// A tag, and what it comes of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) rule: String,
    pub(super) why: String,
}

/// The tags that rules give, each once: where two rules give one, the first counts.
pub(super) fn tags(rules: &[TagRule], facts: &Facts) -> Vec<Given> {
    let mut given: Vec<Given> = Vec::new();
    for rule in rules {
        let Some(why) = fits(rule, facts) else { continue };
        for (name, value) in &rule.tags {
            if given.iter().all(|one| one.name != *name) {
                let (name, value) = (name.clone(), value.clone());
                given.push(Given { name, value, rule: rule.name.clone(), why: why.clone() });
            }
        }
    }
    given
}

/// Why a rule fits, in words: what it was that fitted each of its lists. None when one of them does not.
fn fits(rule: &TagRule, facts: &Facts) -> Option<String> {
    let Facts { host_name, os, manufacturer, model, networks } = facts;
    let mut why = Vec::new();
    let mut hold = |what: &str, patterns: &[String], texts: &[String]| {
        if patterns.is_empty() {
            return true;
        }
        let found = texts.iter().find(|text| patterns.iter().any(|pattern| matches(pattern, text)));
        why.extend(found.map(|text| format!("{what} {text}")));
        found.is_some()
    };
    let models = [model.clone(), format!("{manufacturer} {model}").trim().to_owned()];
    let systems = [os.os_type.clone(), os.name.clone(), format!("{} {}", os.name, os.version)];
    let fits = hold("host name", &rule.host_names, std::slice::from_ref(host_name))
        && hold("model", &rule.models, &models)
        && hold("system", &rule.systems, &systems);
    let network = networks.iter().find(|own| rule.networks.iter().any(|wanted| wanted.contains(*own)));
    if !fits || (network.is_none() && !rule.networks.is_empty()) {
        return None;
    }
    why.extend(network.filter(|_| !rule.networks.is_empty()).map(|own| format!("network {own}")));
    Some(why.join(", "))
}

/// The networks in what an endpoint tells of one of its interfaces: `10.1.2.0/24,10.1.3.0/24`.
pub(super) fn networks(told: &str) -> impl Iterator<Item = IpNet> {
    let network = |text: &str| text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok();
    told.split(',').map(str::trim).filter_map(network)
}

/// Whether a text fits a pattern in which `*` is any text and `?` any letter, whatever the case of letters. An empty text
/// fits nothing: it is what nobody told.
fn matches(pattern: &str, text: &str) -> bool {
    let lower = |text: &str| text.to_lowercase().chars().collect::<Vec<char>>();
    let (pattern, text) = (lower(pattern), lower(text));
    // Where to go on when it does not fit: after the last star, one letter further each time.
    let (mut at, mut letter, mut again) = (0, 0, None);
    while letter < text.len() {
        match pattern.get(at) {
            Some('*') => {
                again = Some((at + 1, letter));
                at += 1;
            }
            Some(&one) if one == '?' || one == text[letter] => {
                at += 1;
                letter += 1;
            }
            _ => match again {
                Some((after, from)) => {
                    again = Some((after, from + 1));
                    (at, letter) = (after, from + 1);
                }
                None => return false,
            },
        }
    }
    !text.is_empty() && pattern[at..].iter().all(|one| *one == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_whole_texts_in_any_case() {
        for (pattern, text, fits) in [
            ("BER-*", "ber-042", true),
            ("BER-*", "cber-042", false),
            ("*book ? *", "ThinkBook 4 G", true),
            ("a*b*c", "aXbXbc", true),
            ("a*b*c", "aXbXbcd", false),
            ("??", "ab", true),
            ("??", "abc", false),
            ("*", "", false),
            ("Bü*", "BÜRO-1", true),
            ("a**************************b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} against {text}");
        }
    }

    fn rule(name: &str, tags: &[(&str, &str)]) -> TagRule {
        let tags = tags.iter().map(|(tag, value)| ((*tag).to_owned(), (*value).to_owned())).collect();
        TagRule { name: name.to_owned(), tags, ..TagRule::default() }
    }

    fn laptop() -> Facts {
        Facts {
            host_name: "BER-042".to_owned(),
            os: Os {
                os_type: "linux".into(),
                name: "Debian GNU/Linux".into(),
                version: "12".into(),
                build_id: String::new(),
            },
            manufacturer: "LENOVO".to_owned(),
            model: "ThinkPad T14".to_owned(),
            networks: networks("10.1.2.0/24,fe80::/64").collect(),
        }
    }

    #[test]
    fn a_rule_fits_when_each_of_its_lists_does_and_says_by_what() {
        let texts = |one: &[&str]| one.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let berlin = TagRule {
            host_names: texts(&["MUC-*", "BER-*"]),
            networks: vec!["10.1.0.0/16".parse().expect("a network")],
            ..rule("berlin", &[("site", "berlin")])
        };
        let given = tags(std::slice::from_ref(&berlin), &laptop());
        assert_eq!(given[0].why, "host name BER-042, network 10.1.2.0/24");
        let elsewhere = Facts { networks: Vec::new(), ..laptop() };
        assert!(tags(std::slice::from_ref(&berlin), &elsewhere).is_empty(), "a network that is not told fits nothing");
        let model =
            TagRule { models: texts(&["lenovo thinkpad*"]), ..rule("model", &[("kind", "laptop"), ("site", "x")]) };
        let system = TagRule { systems: texts(&["Debian* 12"]), ..rule("system", &[("ring", "2")]) };
        let given = tags(&[berlin, model, system], &laptop());
        let words: Vec<String> =
            given.iter().map(|one| format!("{}={} of {}", one.name, one.value, one.rule)).collect();
        assert_eq!(words, ["site=berlin of berlin", "kind=laptop of model", "ring=2 of system"], "the first counts");
    }
}
