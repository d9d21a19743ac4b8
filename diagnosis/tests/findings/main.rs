//! Every check on machines of its own: it fires and says its numbers, keeps quiet just below, is excused by each guard,
//! and says unknown when it cannot see. From each machine on which it fires a few more are made, on which it must say the
//! same, or at least not that all is well.

#[path = "../corpus/mod.rs"]
mod corpus;
mod laws;
mod machine;
mod story;
mod timeline;
mod words;

use std::collections::BTreeSet;

use firstline_diagnosis::catalogue::Catalogue;
use firstline_diagnosis::document::{FindingState, RuledOut, RuledOutResult};
use firstline_diagnosis::vocabulary::Severity;

use machine::{Machine, Verdict};
use story::{Story, corpus};
use timeline::Timeline;

#[test]
fn every_check_has_a_folder_with_a_story_in_which_it_fires_and_one_just_below() {
    let stories = corpus();
    let catalogue = Catalogue::builtin();
    let has = |check: &str, begins: &str| stories.iter().any(|one| one.check == check && one.name.starts_with(begins));
    // What asks a method has a corpus of pasts, in `tests/fixtures/forecasts`.
    let without_method = catalogue.checks().iter().filter(|check| check.method.is_none());
    let faults = without_method.flat_map(|check| {
        let wanted = ["fires", "below"].into_iter().filter(|begins| !has(&check.id, begins));
        wanted.map(|begins| format!("{} has no story {begins}", check.id))
    });
    let unknown = stories.iter().filter(|story| catalogue.check(&story.check).is_none());
    assert_none(faults.chain(unknown.map(|story| format!("{}: there is no such check", story.path()))));
}

#[test]
fn every_guard_has_a_story_in_which_it_excuses() {
    let stories = corpus();
    let catalogue = Catalogue::builtin();
    let without_method = catalogue.checks().iter().filter(|check| check.method.is_none());
    let faults = without_method.flat_map(|check| {
        let told: BTreeSet<&str> =
            stories.iter().filter(|one| one.check == check.id).filter_map(|one| one.guard.as_deref()).collect();
        let missing = check.guards().filter(|guard| !told.contains(guard)).map(str::to_owned).collect::<Vec<_>>();
        missing.into_iter().map(move |guard| format!("{}: no story for the guard {guard:?}", check.id))
    });
    assert_none(faults.collect::<Vec<_>>().into_iter());
}

#[test]
fn fires_and_says_its_numbers() {
    assert_none(firing().iter().filter_map(|story| fault_of_firing(story).err()));
}

fn fault_of_firing(story: &Story) -> Result<(), String> {
    let mut machine = Machine::lives(&Timeline::of(story));
    let finding = match machine.verdict(&story.check) {
        Verdict::Fires(finding) => finding,
        other => return Err(format!("{} does not fire: {other:?}", story.path())),
    };
    let (user, tech) = (&finding.texts.user, &finding.texts.tech);
    let silent = story.says.iter().find(|part| !user.contains(*part) && !tech.contains(*part));
    // What nobody could read on the machine is called unknown, and the story says so.
    let admits = story.says.iter().any(|part| words::has(part, "unknown"));
    let promises = [
        (finding.state == FindingState::Active, "is not active"),
        (Some(finding.severity.name()) == story.severity.as_deref(), "has another severity"),
        (silent.is_none(), "does not say what it should"),
        (!finding.evidence.is_empty(), "has no evidence"),
        (!finding.runbook.is_empty(), "has no steps"),
        (![user, tech].iter().any(|text| text.contains(['{', '}'])), "has a placeholder that means nothing"),
        (!words::has(user, "unknown") && (admits || !words::has(tech, "unknown")), "lacks a number"),
        (user.len() <= 190, "has a user text that is too long for one breath"),
        (!words::has_jargon(user), "speaks jargon to the user"),
    ];
    match promises.into_iter().find(|(kept, _)| !kept) {
        Some((_, fault)) => {
            Err(format!("{} {fault} ({silent:?}): {:?} {:?}", story.path(), finding.severity, finding.texts))
        }
        None => Ok(()),
    }
}

#[test]
fn keeps_quiet_just_below_and_says_in_a_plain_sentence_what_is_fine() {
    let below = stories("below");
    assert_none(below.iter().filter_map(|story| {
        let mut machine = Machine::lives(&Timeline::of(story));
        let verdict = machine.verdict(&story.check);
        let Verdict::Fine(why) = &verdict else { return Some(format!("{}: {verdict:?}", story.path())) };
        println!("{}: {why}", story.path());
        let sentence = why.strip_prefix("not the case. ").unwrap_or_default();
        let is_plain =
            sentence.ends_with('.') && (20..240).contains(&sentence.len()) && !words::has_inner_name(sentence);
        (!is_plain).then(|| format!("{}: {why}", story.path()))
    }));
}

#[test]
fn guards_excuse() {
    let guarded: Vec<Story> = corpus().into_iter().filter(|story| story.guard.is_some()).collect();
    assert_none(guarded.iter().filter_map(|story| {
        let mut machine = Machine::lives(&Timeline::of(story));
        let finding = machine.finding(&story.check);
        let guard = story.guard.as_deref().unwrap_or_default();
        let said = machine.ruled_out(&story.check).map(|verdict| verdict.why).unwrap_or_default();
        let severity = finding.as_ref().map(|finding| finding.severity);
        let shown = |result: &str| {
            let mut guards = finding.iter().flat_map(|finding| &finding.guards);
            guards.any(|one| one.name == guard && one.result == result)
        };
        let excused = match story.effect.as_deref() {
            None => finding.is_none() && said.contains(guard),
            Some("info") => severity == Some(Severity::Info) && shown("partly"),
            Some(_) => shown("partly"),
        };
        (!excused).then(|| format!("{}: {said} {finding:?}", story.path()))
    }));
}

#[test]
fn names_evidence_as_people_do() {
    assert_none(firing().iter().flat_map(|story| {
        let finding = Machine::lives(&Timeline::of(story)).finding(&story.check);
        let evidence = finding.map(|finding| finding.evidence).unwrap_or_default();
        let lines = evidence
            .into_iter()
            .map(|one| format!("{}: {} ({})", one.what(), one.found().unwrap_or(one.why.clone()), one.limit()));
        lines
            .filter(|line| words::has_inner_name(line))
            .map(|line| format!("{}: {line}", story.path()))
            .collect::<Vec<_>>()
    }));
}

#[test]
fn is_unknown_without_data() {
    let catalogue = Catalogue::builtin();
    let story: Story = toml::from_str("").expect("a story in which nothing is told but life");
    let machine = Machine::lives(&Timeline::of(&story));
    assert_none(catalogue.checks().iter().filter_map(|check| {
        let verdict = machine.ruled_out(&check.id);
        let says_so = |verdict: &RuledOut| {
            verdict.result == RuledOutResult::Unknown && verdict.why.starts_with("could not be told: ")
        };
        (!verdict.as_ref().is_some_and(says_so)).then(|| format!("{}: {verdict:?}", check.id))
    }));
}

#[test]
fn a_full_system_volume_is_one_finding_and_a_full_data_volume_another() {
    let told = |mount: &str, role: &str| {
        let series = |signal: &str, state: &str| format!("{signal}{{mountpoint={mount},type=ext4,role={role}{state}}}");
        let (free, size) = (series("system.filesystem.usage", ",state=free"), series("system.filesystem.limit", ""));
        format!("'{free}' = \"1 MiB\"\n'{size}' = \"100 GiB\"\n")
    };
    let text = format!("[shows]\n{}{}", told("/", "system"), told("/data", "data"));
    let story: Story = toml::from_str(&text).expect("a story");
    let diagnosis = Machine::lives(&Timeline::of(&story)).diagnosis(Some("disk-full"));
    let told: Vec<_> = diagnosis
        .findings
        .iter()
        .map(|one| (one.id.as_str(), one.instance.as_str(), one.consequence_of.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            ("disk-space-critical", "/", None),
            ("volume-full", "/data", None),
            ("volume-full", "/", Some("disk-space-critical")),
            ("disk-space-low", "/", Some("disk-space-critical")),
            ("disk-space-low", "/data", Some("volume-full")),
        ]
    );
}

/// Stories in which the check fires.
fn firing() -> Vec<Story> {
    stories("fires")
}

fn stories(begins: &str) -> Vec<Story> {
    corpus().into_iter().filter(|story| story.name.starts_with(begins)).collect()
}

fn assert_none(faults: impl Iterator<Item = String>) {
    let faults: Vec<String> = faults.collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}
