use std::collections::BTreeMap;

use super::*;
use crate::app::Clock as _;
use crate::app::fixture::Collector;
use crate::config::Config;
use crate::enrollment::TokenOrder;
use crate::fleet::ListQuery;
use crate::store::{Body, RecordBatch, Row, StateValue};

fn pairs(tags: &[(&str, &str)]) -> BTreeMap<String, String> {
    tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A machine that was enrolled with a token that gives these tags.
async fn enrolled(collector: &Collector, name: &str, tags: &[(&str, &str)]) -> String {
    let order = TokenOrder { tags: pairs(tags), ..TokenOrder::default() };
    let token = collector.app.enrollment.create_token(order).await.expect("token").token;
    let key = rcgen::KeyPair::generate().expect("key");
    collector.enroll(&token, &key, name).await.expect("enrolled").endpoint_id
}

/// Takes rules into force as somebody does who edits the configuration.
async fn rules(collector: &Collector, text: &str) {
    let config = Config { tags: Config::parse(text).expect("rules").tags, ..Config::clone(&collector.app.config) };
    collector.reload(&config).await;
}

async fn in_force(collector: &Collector, id: &str) -> Vec<String> {
    let tags = collector.app.fleet.find(id).await.expect("an endpoint").tags;
    tags.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}

async fn listed(collector: &Collector, tag: &str) -> Vec<String> {
    let query = ListQuery { tag: Some(tag.to_owned()), ..ListQuery::default() };
    let list = collector.app.fleet.list(query).await.expect("a list");
    list.endpoints.into_iter().map(|endpoint| endpoint.name).collect()
}

async fn refused(collector: &Collector, id: &str, set: &[(&str, &str)], remove: &[&str]) -> String {
    let remove = remove.iter().map(|name| (*name).to_owned()).collect();
    collector.app.fleet.tag(id, pairs(set), remove, "ada").await.expect_err("refused").to_string()
}

const BERLIN: &str = r#"
[[tags.rules]]
name = "Berlin"
tags = { site = "berlin" }
host_names = ["BER-*"]
"#;

#[tokio::test]
async fn a_rule_counts_before_a_person_and_a_person_before_a_token_and_each_comes_back() {
    let collector = Collector::start().await;
    let id = enrolled(&collector, "ber-1", &[("site", "unknown"), ("ring", "1")]).await;
    assert_eq!(in_force(&collector, &id).await, ["ring=1", "site=unknown"]);
    collector.app.fleet.tag(&id, pairs(&[("site", "munich")]), Vec::new(), "ada").await.expect("set");
    assert_eq!(in_force(&collector, &id).await, ["ring=1", "site=munich"]);
    rules(&collector, BERLIN).await;
    assert_eq!(in_force(&collector, &id).await, ["ring=1", "site=berlin"]);
    let tags = collector.app.fleet.tags(&id).await.expect("tags");
    let words: Vec<String> = tags.iter().map(|tag| format!("{} {}: {}", tag.value, tag.words(), tag.counts)).collect();
    assert_eq!(
        words,
        [
            "1 from its enrolment token: true",
            "berlin by the rule \"Berlin\", which fits its host name ber-1: true",
            "munich set by ada: false",
            "unknown from its enrolment token: false"
        ]
    );
    for why in [refused(&collector, &id, &[], &["site"]).await, refused(&collector, &id, &[("site", "x")], &[]).await] {
        assert!(
            why.contains("the tag site=berlin is given by the rule \"Berlin\"") && why.contains("host name ber-1"),
            "{why}"
        );
    }
    rules(&collector, "").await;
    assert_eq!(in_force(&collector, &id).await, ["ring=1", "site=munich"]);
    collector.app.fleet.tag(&id, BTreeMap::new(), vec!["site".to_owned()], "ada").await.expect("removed");
    assert_eq!(in_force(&collector, &id).await, ["ring=1"], "what a person removes, also the token's, is gone");
}

#[tokio::test]
async fn what_is_no_tag_is_refused_with_the_reason() {
    let collector = Collector::start().await;
    let id = enrolled(&collector, "m", &[]).await;
    assert!(refused(&collector, &id, &[("a b", "c")], &[]).await.contains("cannot be the name of a tag"));
    assert!(refused(&collector, &id, &[("a", &"x".repeat(65))], &[]).await.contains("cannot be the value"));
    assert!(refused(&collector, &id, &[], &["site"]).await.contains("there is no tag \"site\" to remove"));
    assert!(in_force(&collector, &id).await.is_empty());
}

#[tokio::test]
async fn lists_go_by_a_tag_and_no_value_passes_for_one() {
    let collector = Collector::start().await;
    enrolled(&collector, "one", &[("site", "berlin")]).await;
    enrolled(&collector, "two", &[("site", "munich")]).await;
    enrolled(&collector, "three", &[("note", r#""site":"berlin""#)]).await;
    assert_eq!(listed(&collector, "site=berlin").await, ["one"]);
    assert_eq!(listed(&collector, "site=Berlin").await, ["one"]);
    assert_eq!(listed(&collector, "site").await, ["one", "two"]);
    assert!(listed(&collector, "site=b").await.is_empty(), "a value counts whole");
    assert_eq!(collector.app.fleet.known_tags().await.expect("tags")[1..], ["site=berlin", "site=munich"]);
}

#[tokio::test]
async fn a_machine_that_goes_to_another_network_gets_its_tags_by_what_it_tells() {
    let collector = Collector::start().await;
    rules(&collector, "[[tags.rules]]\nname = \"Berlin\"\ntags = { site = \"berlin\" }\nnetworks = [\"10.1.0.0/16\"]")
        .await;
    let id = enrolled(&collector, "lap", &[("site", "home")]).await;
    let mut sequence = 0;
    for (network, expected) in [("10.1.2.0/24", "site=berlin"), ("192.168.0.0/24", "site=home")] {
        sequence += 1;
        tell_network(&collector, &id, sequence, network).await;
        let series = ["endpoint.battery.state", NETWORK];
        assert!(collector.app.fleet.states_told(&id, series.into_iter()).await.expect("looked"), "{network}");
        assert_eq!(in_force(&collector, &id).await, [expected], "{network}");
    }
    let other = ["endpoint.battery.state"];
    assert!(!collector.app.fleet.states_told(&id, other.into_iter()).await.expect("looked"), "rules do not look at it");
}

async fn tell_network(collector: &Collector, id: &str, sequence: u64, network: &str) {
    let endpoint_key = collector.app.fleet.known(id).await.expect("known").key;
    let at_ms = collector.clock.now().unix_ms() + sequence.cast_signed();
    let series = r#"endpoint.network.address{family="ipv4",network.interface.name="eth0",scope="private"}"#.to_owned();
    let outcome = format!(r#"{{"value":"{network}"}}"#);
    let rows = vec![Row { sequence, at_ms, body: Body::Inventory(vec![StateValue { series, outcome, at_ms }]) }];
    let batch = RecordBatch { endpoint_key, received_ms: at_ms, rows, ahead: false, epoch: None };
    collector.app.store.append(batch).await.expect("stored");
}

#[tokio::test]
async fn rules_are_held_against_who_connects() {
    let collector = Collector::start().await;
    rules(&collector, BERLIN).await;
    let machine = collector.machine("BER-7").await;
    assert!(in_force(&collector, &machine.id).await.is_empty());
    let (_talk, _) = machine.connect(&collector).await;
    assert_eq!(in_force(&collector, &machine.id).await, ["site=berlin"]);
}
