//! Checks that administrators add: good ones come into force, bad ones are refused whole.

use std::time::Duration;

use firstline_tests::{Stage, wait};
use serde_json::{Value, json};

const RELOAD: Duration = Duration::from_mins(1);

/// A check of our own on `selector`, with this condition.
pub(crate) fn check(id: &str, selector: &str, when: &str) -> String {
    format!(
        r#"[[check]]
id = "{id}"
title = "A check of our own"
severity = "low"
confidence = 0.5
category = "Test/Own"
impact = "I3"
urgency = "U3"
basis = ["O"]
os = ["linux", "windows", "macos"]
when = "{when}"
hold = "5m"
clear = "not ({when})"
proactive = false
user = "Nothing to worry about."
tech = "A check of our own holds."
[check.inputs]
input = '{selector}'
[check.runbook]
all = ["Do nothing."]
[check.escalation]
queue = "L2-Test"
when = "never"
bring = "nothing"
"#
    )
}

const MEMORY: &str = "endpoint.memory.available";

async fn ids(stage: &Stage) -> Vec<String> {
    let document = stage.api.get("/api/v1/checks").await;
    let checks = document["checks"].as_array().expect("a list of checks");
    checks.iter().filter_map(|one| one["id"].as_str().map(str::to_owned)).collect()
}

/// Puts a check file into the collector's folder.
fn put(stage: &Stage, name: &str, text: &str) {
    let folder = stage.collector.folder.join("checks");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(name), text).unwrap();
}

#[tokio::test]
async fn a_good_check_file_comes_into_force_and_a_bad_one_changes_nothing() {
    let mut stage = Stage::open().await;
    put(&stage, "own.toml", &check("our-own", MEMORY, "last(input) < 1 GiB"));
    stage.collector.reload();
    wait::for_condition("the check to be in force", RELOAD, async || ids(&stage).await.contains(&"our-own".to_owned()))
        .await;
    let before = ids(&stage).await;
    put(&stage, "bad.toml", &check("our-second", "endpoint.memory.availible", "last(input) < 1 GiB"));
    stage.collector.reload();
    wait::for_condition("the refusal to be in the log", RELOAD, async || {
        let log = stage.collector.log();
        let refusal = log.lines().find(|line| line.contains("not all of it is in force"));
        refusal.is_some_and(|line| line.contains("bad.toml") && line.contains("availible"))
    })
    .await;
    assert_eq!(ids(&stage).await, before, "the old set stays in force");
    stage.collector.ready().await;
}

/// What trying the file says.
async fn trial(stage: &Stage, text: &str) -> Value {
    stage.api.post("/api/v1/checks/test", &json!({ "name": "own.toml", "text": text })).await
}

#[tokio::test]
async fn what_is_wrong_with_a_check_file_is_said_with_file_and_line() {
    let stage = Stage::open().await;
    let good = trial(&stage, &check("our-own", MEMORY, "last(input) < 1 GiB")).await;
    assert_eq!(good["good"], true, "{good}");
    let good_one = check("own", MEMORY, "last(input) < 1 GiB");
    let cycle = check("one", MEMORY, "last(input) < 1 GiB")
        + &check("two", MEMORY, "last(input) < 1 GiB")
        + "[[edge]]\nroot = \"one\"\nconsequence = [\"two\"]\n[[edge]]\nroot = \"two\"\nconsequence = [\"one\"]\n";
    let cases = [
        ("a misspelt signal", check("own", "endpoint.memory.availible", "last(input) < 1 GiB"), "availible"),
        ("a misspelt key", good_one.replace("severity", "severty"), "did you mean `severity`?"),
        ("a wrong unit", check("own", MEMORY, "last(input) < 3 ms"), "ms"),
        ("an unknown input", check("own", MEMORY, "last(inptu) < 1 GiB"), "inptu"),
        ("a condition that does not end", check("own", MEMORY, "last(input) < "), "when"),
        (
            "an attribute that the signal has not",
            check("own", "endpoint.memory.available{state=free}", "last(input) < 1 GiB"),
            "state",
        ),
        ("a cycle of consequences", cycle, "circle"),
        ("no TOML at all", "[[check\n".to_owned(), ""),
    ];
    for (name, text, word) in cases {
        let report = trial(&stage, &text).await;
        assert_eq!(report["good"], false, "{name} was taken: {report}");
        let error = &report["errors"][0];
        assert_eq!(error["file"], "own.toml", "{name}: {report}");
        assert!(error["line"].as_u64().is_some_and(|line| line > 0), "{name}: {report}");
        let reason = report["errors"].to_string().to_lowercase();
        assert!(reason.contains(word), "{name}: {report}");
    }
}
