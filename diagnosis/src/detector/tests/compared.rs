//! A second answer after somebody tried to help.

use super::*;
use crate::document::{Diagnosis, OutcomeResult};

fn full_and_hot() -> Story {
    let hot = check(
        "too-hot",
        "when = \"last(heat) > 90 Cel\"\nhold = \"1m\"\n[check.inputs]\nheat = 'hw.temperature{hw.id=cpu,sensor=core}'\n",
    );
    Story::of(&[&disk("1m"), &hot])
}

const FREE: &str = "system.filesystem.usage{mountpoint=/,type=ext4,role=system,state=free}";
const DATA: &str = "system.filesystem.usage{mountpoint=/data,type=ext4,role=data,state=free}";
const HEAT: &str = "hw.temperature{hw.id=cpu,sensor=core}";

fn results(diagnosis: &Diagnosis) -> Vec<(&str, OutcomeResult)> {
    let compared = diagnosis.compared.as_ref().expect("compared");
    compared.outcomes.iter().map(|outcome| (outcome.id.as_str(), outcome.result)).collect()
}

#[test]
fn what_was_mended_is_gone_and_what_was_not_remains() {
    let mut story = full_and_hot();
    story.minutes(10, &[(FREE, GIB), (HEAT, 95.0)]);
    let before = story.detector.diagnose(None, story.now);
    assert_eq!(before.findings.len(), 2);
    story.minutes(30, &[(FREE, 40.0 * GIB), (HEAT, 95.0)]);
    let after = story.detector.diagnose_again(None, &before, story.now);
    let mut found = results(&after);
    found.sort();
    assert_eq!(found, [("disk-full", OutcomeResult::Gone), ("too-hot", OutcomeResult::Remains)]);
    let compared = after.compared.expect("compared");
    assert_eq!(compared.sentence().as_deref(), Some("1 of 2 that were found then are gone."));
    let gone = compared.outcomes.iter().find(|outcome| outcome.result == OutcomeResult::Gone).expect("one is gone");
    assert!(gone.then.contains("1 GiB"), "{gone:?}");
    assert!(gone.now.contains("40 GiB"), "{gone:?}");
}

/// `disk` is clear once ten minutes of at least 5 GiB were seen for another ten.
#[test]
fn what_was_mended_a_moment_ago_is_clearing_and_says_since_when_and_for_how_long() {
    let mut story = full_and_hot();
    story.minutes(10, &[(FREE, GIB), (HEAT, 50.0)]);
    let before = story.detector.diagnose(Some("disk"), story.now);
    story.minutes(12, &[(FREE, 40.0 * GIB), (HEAT, 50.0)]);
    let after = story.detector.diagnose_again(None, &before, story.now);
    assert_eq!(results(&after), [("disk-full", OutcomeResult::Clearing)]);
    let Finding { texts, state, .. } = &after.findings[0];
    assert_eq!(*state, FindingState::Recovering);
    let words = "Clearing: within its limits since 2026-02-02 03:00 UTC, counts as gone after 10 min.";
    assert!(texts.tech.starts_with(words) && texts.tech.contains("40 GiB"), "{texts:?}");
    assert_eq!(
        texts.user,
        "“disk-full”: this is no longer so since 2026-02-02 03:00 UTC. If it stays like that for 10 min, it is over."
    );
    let compared = after.compared.expect("compared");
    assert_eq!(compared.sentence().as_deref(), Some("What was found then is clearing."));
    assert!(compared.outcomes[0].then.contains("1 GiB") && compared.outcomes[0].now == texts.tech, "{compared:?}");
}

#[test]
fn what_is_better_but_not_good_enough_remains_and_says_what_is_missing() {
    let mut story = full_and_hot();
    story.minutes(10, &[(FREE, GIB), (HEAT, 50.0)]);
    let before = story.detector.diagnose(None, story.now);
    story.minutes(20, &[(FREE, 3.0 * GIB), (HEAT, 50.0)]);
    let after = story.detector.diagnose_again(None, &before, story.now);
    assert_eq!(results(&after), [("disk-full", OutcomeResult::Remains)]);
    let tech = &after.findings[0].texts.tech;
    assert!(tech.starts_with("Better, but not clear. ") && tech.contains("3 GiB (clear from 5 GiB)"), "{tech}");
    assert!(!tech.contains("left on"), "its own words are for what holds: {tech}");
}

#[test]
fn what_cannot_be_seen_any_more_does_not_count_as_gone() {
    let mut story = full_and_hot();
    story.minutes(10, &[(FREE, GIB)]);
    let before = story.detector.diagnose(None, story.now);
    let mut later = full_and_hot();
    later.minutes(10, &[(HEAT, 50.0)]);
    let after = later.detector.diagnose_again(None, &before, later.now);
    assert_eq!(results(&after), [("disk-full", OutcomeResult::Unknown)]);
    let sentence = after.compared.expect("compared").sentence();
    assert_eq!(sentence.as_deref(), Some("Whether what was found then is gone could not be checked."));
}

#[test]
fn the_proof_is_of_the_very_volume_that_was_full() {
    let mut story = full_and_hot();
    story.minutes(10, &[(FREE, 6.0 * GIB), (DATA, GIB)]);
    let before = story.detector.diagnose(None, story.now);
    story.minutes(30, &[(FREE, 6.0 * GIB), (DATA, 40.0 * GIB)]);
    let after = story.detector.diagnose_again(None, &before, story.now).compared.expect("compared");
    assert_eq!((after.outcomes[0].result, after.outcomes[0].instance.as_str()), (OutcomeResult::Gone, "/data"));
    assert!(after.outcomes[0].now.contains("40 GiB"), "the other one came nearer: {after:?}");
}

#[test]
fn a_volume_that_was_taken_out_is_gone() {
    let mut story = full_and_hot();
    story.minutes(10, &[(FREE, 40.0 * GIB), (DATA, GIB)]);
    let before = story.detector.diagnose(None, story.now);
    let mut later = full_and_hot();
    later.minutes(10, &[(FREE, 40.0 * GIB)]);
    let after = later.detector.diagnose_again(None, &before, later.now).compared.expect("compared");
    assert_eq!(after.outcomes[0].result, OutcomeResult::Gone);
    assert_eq!(after.outcomes[0].now, "It is not there any more.");
}

#[test]
fn what_came_meanwhile_is_new() {
    let mut story = full_and_hot();
    story.minutes(10, &[(FREE, 40.0 * GIB), (HEAT, 50.0)]);
    let before = story.detector.diagnose(None, story.now);
    story.minutes(10, &[(FREE, 40.0 * GIB), (HEAT, 95.0)]);
    let after = story.detector.diagnose_again(None, &before, story.now);
    assert_eq!(results(&after), [("too-hot", OutcomeResult::New)]);
}
