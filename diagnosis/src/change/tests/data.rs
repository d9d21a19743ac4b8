//! The tables against the files, and every line of the list of noise against its examples.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::super::builtin::FILES;
use super::super::noise::Noise;
use super::super::record::Raw;
use super::super::tables::Tables;
use super::*;
use crate::catalogue::Catalogue;
use crate::registry::Registry;

const EXAMPLES: &str = include_str!("../../../catalogue/changes/examples.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    drops: Example,
    keeps: Example,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    series: String,
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    to: Option<String>,
    /// It came back so many minutes later.
    #[serde(default)]
    again: Option<u64>,
    #[serde(default)]
    about: String,
}

impl Example {
    fn is_dropped_by(&self, line: &Noise) -> bool {
        let series: crate::vocabulary::Series = self.series.parse().expect("a series");
        let raw = Raw { series, at: ONSET, from: self.from.clone(), to: self.to.clone() };
        let mut all = vec![raw.clone()];
        if let Some(minutes) = self.again {
            let at = ONSET + Duration::from_mins(minutes);
            all.push(Raw { at, from: self.to.clone(), to: self.from.clone(), ..raw.clone() });
        }
        line.drops(&raw, &all, &self.about)
    }
}

#[test]
fn every_line_of_noise_drops_its_example_and_keeps_the_one_beside_it() {
    let mut examples: BTreeMap<String, Pair> = toml::from_str(EXAMPLES).expect("examples");
    let ids = tables(&file("noise.toml"), "noise");
    for (line, id) in Tables::builtin().noise.iter().zip(ids) {
        let id = id["id"].as_str().expect("an id");
        let pair = examples.remove(id).unwrap_or_else(|| panic!("{id} has no example"));
        assert!(pair.drops.is_dropped_by(line), "{} keeps {}", id, pair.drops.series);
        assert!(!pair.keeps.is_dropped_by(line), "{} drops {}", id, pair.keeps.series);
    }
    assert!(examples.is_empty(), "examples of no line: {:?}", examples.keys());
}

fn file(name: &str) -> toml::Table {
    let (_, text) = FILES.iter().find(|(file, _)| file.ends_with(name)).expect("a file");
    text.parse().expect("TOML")
}

fn texts(table: &toml::Table, key: &str) -> Vec<String> {
    let list = table.get(key).and_then(toml::Value::as_array).into_iter().flatten();
    list.map(|value| value.as_str().expect("a text").to_owned()).collect()
}

fn tables(file: &toml::Table, key: &str) -> Vec<toml::Table> {
    let list = file[key].as_array().expect("a list");
    list.iter().map(|value| value.as_table().expect("a table").clone()).collect()
}

#[test]
fn what_is_embedded_is_what_the_files_say_and_they_say_nothing_unheard_of() {
    let known = |table: &toml::Table, keys: &[&str]| {
        table.keys().filter(|key| !keys.contains(&key.as_str())).cloned().collect::<Vec<_>>()
    };
    let embedded = Tables::builtin();
    let kinds = tables(&file("kinds.toml"), "kind");
    assert_eq!(kinds.len(), embedded.kinds.len());
    let keys = ["id", "label", "signals", "attribute", "values", "actor", "restart", "slow", "reversible", "together"];
    for (written, kind) in kinds.iter().zip(&embedded.kinds) {
        assert_eq!(known(written, &keys), Vec::<String>::new(), "{}", kind.id);
        assert_eq!((written["id"].as_str(), written["label"].as_str()), (Some(&*kind.id), Some(&*kind.label)));
        assert_eq!((texts(written, "signals"), texts(written, "values")), (kind.signals.clone(), kind.values.clone()));
    }
    let noise = tables(&file("noise.toml"), "noise");
    assert_eq!(noise.len(), embedded.noise.len());
    let keys = [
        "id",
        "why",
        "signals",
        "items",
        "values",
        "attribute",
        "attribute_values",
        "when",
        "within_minutes",
        "unless_about",
    ];
    for written in &noise {
        assert_eq!(known(written, &keys), Vec::<String>::new());
        assert!(!texts(written, "signals").is_empty() && written.contains_key("why"), "{written:?}");
        let returns = written.get("when").and_then(toml::Value::as_str) == Some("returns");
        assert_eq!(written.contains_key("within_minutes"), returns, "{written:?}");
    }
    let relevance = file("relevance.toml");
    assert_eq!(tables(&relevance, "relevance").len(), embedded.relevance.len());
    let scoring = &embedded.scoring;
    assert_eq!((scoring.shown, scoring.show_from, scoring.cusum_k, scoring.cusum_h), (3, 0.15, 0.5, 5.0));
    assert_eq!((scoring.reach, scoring.grace), (hours(14 * 24), Duration::from_mins(5)));
}

#[test]
fn kinds_name_signals_of_the_registry_and_lines_of_relevance_name_kinds() {
    let ids: BTreeSet<&str> = Tables::builtin().kinds.iter().map(|kind| kind.id.as_str()).collect();
    for kind in &Tables::builtin().kinds {
        for signal in &kind.signals {
            assert!(Registry::builtin().get(signal).is_some(), "{}: there is no signal {signal}", kind.id);
        }
    }
    for line in tables(&file("relevance.toml"), "relevance") {
        for kind in texts(&line, "direct").into_iter().chain(texts(&line, "plausible")) {
            assert!(ids.contains(kind.as_str()), "{:?}: there is no kind {kind}", line["findings"]);
        }
    }
}

#[test]
fn every_check_has_changes_that_can_be_behind_it() {
    for check in Catalogue::builtin().checks() {
        let about = finding(&check.id, &check.category, "");
        let scoring = &Tables::builtin().scoring;
        let (known, _) = super::super::record::known(&[wifi_driver(ONSET)], &[], &[], "", ONSET);
        let mut known = known.into_iter().next().expect("a change that counts");
        let mut weigh = |kind| {
            known.kind = kind;
            scoring.relevance(&about, &known)
        };
        let most = Tables::builtin().kinds.iter().map(&mut weigh).fold(0.0, f64::max);
        // How long a machine runs, and when it goes out of support, is nobody's change.
        let is_time = ["Maintenance/Restart", "Lifecycle/"].iter().any(|name| check.category.starts_with(name));
        assert!(most >= 1.0 || is_time, "nothing is relevant for {} ({})", check.id, check.category);
    }
}
