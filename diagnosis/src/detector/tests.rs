//! Stories: what an endpoint sends, minute by minute, and what is made of it.

use std::sync::Arc;

use super::*;
use crate::document::{Role, RuledOut, RuledOutResult};
use crate::registry::Registry;
use crate::vocabulary::{Attributes, Severity, Why};

mod answers;
mod compared;
mod laws;
mod sleep;

/// Half past the hour of some day.
const START: i64 = 1_770_000_000_000;
const MINUTE: i64 = 60_000;
const GIB: f64 = 1_073_741_824.0;

/// One check with only what a test cares about.
pub(super) fn check(id: &str, rest: &str) -> String {
    format!(
        "[[check]]\nid = \"{id}\"\ntitle = \"{id}\"\nseverity = \"medium\"\nconfidence = 0.8\ncategory = \"Test/Test\"\n\
         impact = \"I3\"\nurgency = \"U2\"\nuser = \"Something.\"\ntech = \"Numbers.\"\n{rest}\n"
    )
}

fn disk(hold: &str) -> String {
    check(
        "disk-full",
        &format!(
            "each = \"mountpoint\"\nwhen = \"min(free, 5m) < 2 GiB\"\nhold = \"{hold}\"\nclear = \"min(free, 10m) >= 5 GiB\"\n\
             clear_hold = \"10m\"\n[check.inputs]\nfree = 'system.filesystem.usage{{state=free}}'\nsize = 'system.filesystem.limit'\n"
        ),
    )
    .replace("tech = \"Numbers.\"", "tech = \"{free} of {size} left on {mountpoint} ({role}).\"")
}

/// An endpoint whose day is told step by step.
pub(super) struct Story {
    pub(super) detector: Detector,
    pub(super) now: Timestamp,
    pub(super) moves: Vec<(i64, String, FindingState)>,
}

impl Story {
    pub(super) fn of(files: &[&str]) -> Self {
        let names: Vec<String> = (0..files.len()).map(|index| format!("file{index}.toml")).collect();
        let files: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(files.iter().copied()).collect();
        let catalogue = Catalogue::load(Registry::builtin(), &files).unwrap_or_else(|errors| panic!("{errors}"));
        let host = Host { os_type: "linux".to_owned() };
        Self { detector: Detector::new(Arc::new(catalogue), host), now: Timestamp(START), moves: Vec::new() }
    }

    /// Minutes since the start.
    fn minute(&self) -> i64 {
        (self.now.0 - START) / MINUTE
    }

    /// For so many minutes: a sample of these numbers every minute, judged at once.
    pub(super) fn minutes(&mut self, count: i64, numbers: &[(&str, f64)]) {
        for _ in 0..count {
            self.now = Timestamp(self.now.0 + MINUTE);
            self.sample(numbers);
            self.judge();
        }
    }

    pub(super) fn sample(&mut self, numbers: &[(&str, f64)]) {
        let series: Vec<Series> = numbers.iter().map(|(series, _)| series.parse().expect("a series")).collect();
        let layout = Layout::new(series);
        let values = numbers.iter().map(|(_, value)| *value as f32).collect();
        let (at, layout_name) = (self.now, layout.fingerprint());
        self.detector
            .sample(&layout, &Sample { at, step_seconds: 60, layout: layout_name, values, absences: Vec::new() });
    }

    pub(super) fn judge(&mut self) {
        for transition in self.detector.evaluate(self.now) {
            self.moves.push((self.minute(), transition.check, transition.to));
        }
    }

    /// Time goes by without a word.
    fn silence(&mut self, minutes: i64) {
        for _ in 0..minutes {
            self.now = Timestamp(self.now.0 + MINUTE);
            self.judge();
        }
    }

    fn mark(&mut self, mark: Mark) {
        self.detector.mark(self.now, mark);
    }

    fn state(&self, id: &str) -> FindingState {
        let findings = self.detector.findings(self.now);
        findings.iter().find(|finding| finding.id == id).map_or(FindingState::Ok, |finding| finding.state)
    }

    fn finding(&self, id: &str) -> Finding {
        let findings = self.detector.findings(self.now);
        findings.into_iter().find(|finding| finding.id == id).expect("it holds")
    }

    fn ruled_out(&self, id: &str) -> RuledOut {
        let diagnosis = self.detector.diagnose(None, self.now);
        diagnosis.ruled_out.into_iter().find(|one| one.id == id).expect("it does not hold")
    }
}

const FREE: &str = "system.filesystem.usage{state=free,mountpoint=/,role=system}";
const SIZE: &str = "system.filesystem.limit{mountpoint=/,role=system}";
const HOME: &str = "system.filesystem.usage{state=free,mountpoint=/home,role=home}";

#[test]
fn a_filling_disk_is_raised_after_its_window_and_hold_and_cleared_with_patience() {
    let mut story = Story::of(&[&disk("3m")]);
    story.minutes(10, &[(FREE, 50.0 * GIB), (SIZE, 100.0 * GIB)]);
    story.minutes(10, &[(FREE, 1.0 * GIB), (SIZE, 100.0 * GIB)]);
    story.minutes(40, &[(FREE, 20.0 * GIB), (SIZE, 100.0 * GIB)]);
    let moves: Vec<_> = story.moves.iter().map(|(minute, _, to)| (*minute, *to)).collect();
    assert_eq!(
        moves,
        [
            (11, FindingState::Pending),
            (14, FindingState::Active),
            (30, FindingState::Recovering),
            (40, FindingState::Ok)
        ]
    );
}

#[test]
fn just_above_the_threshold_is_fine_and_says_by_how_much() {
    let mut story = Story::of(&[&disk("3m")]);
    story.minutes(10, &[(FREE, 2.5 * GIB), (SIZE, 100.0 * GIB)]);
    assert_eq!(story.state("disk-full"), FindingState::Ok);
    let ruled_out = story.ruled_out("disk-full");
    assert_eq!(ruled_out.result, RuledOutResult::NotFound);
    assert_eq!(ruled_out.margin, Some(0.25));
    assert!(ruled_out.why.contains("2.5 GiB") && ruled_out.why.contains("below 2 GiB"), "{}", ruled_out.why);
    let nearest = ruled_out.nearest.expect("a comparison was made");
    assert_eq!((nearest.signal.as_str(), nearest.window.as_str()), ("system.filesystem.usage", "5m"));
    assert_eq!(nearest.attrs.get("mountpoint"), Some("/"));
    assert_eq!((nearest.held, nearest.threshold, nearest.unit.as_str()), (Some(false), 2.0 * GIB, "By"));
}

#[test]
fn every_instance_has_its_own_verdict_and_its_own_words() {
    let mut story = Story::of(&[&disk("0s")]);
    story.minutes(10, &[(FREE, 50.0 * GIB), (SIZE, 100.0 * GIB), (HOME, 1.0 * GIB)]);
    let findings = story.detector.findings(story.now);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].instance, "/home");
    // The size of /home never came: it is called unknown, not zero.
    assert_eq!(findings[0].texts.tech, "1 GiB of unknown left on /home (home).");
}

#[test]
fn missing_data_is_unknown_with_the_reason() {
    let mut story = Story::of(&[&disk("0s")]);
    let unheard = story.ruled_out("disk-full");
    assert_eq!(unheard.result, RuledOutResult::Unknown);
    story.minutes(2, &[(FREE, 50.0 * GIB)]);
    let ruled_out = story.ruled_out("disk-full");
    assert_eq!(ruled_out.result, RuledOutResult::Unknown);
    assert!(ruled_out.why.contains("only 40 % of the last 5 min was measured"), "{}", ruled_out.why);
    let denied = Reading::unknown("system.filesystem.usage", Attributes::none(), Why::NoPermission, story.now);
    let mut story = Story::of(&[&disk("0s")]);
    story.detector.reading(&denied);
    story.judge();
    let ruled_out = story.ruled_out("disk-full");
    assert_eq!(ruled_out.result, RuledOutResult::Unknown);
    assert!(ruled_out.why.contains("not allowed"), "{}", ruled_out.why);
}

#[test]
fn what_a_machine_does_not_have_is_not_wrong_with_it() {
    let mut story =
        Story::of(&[&check("no-link", "when = \"not up\"\n[check.inputs]\nup = 'endpoint.network.physical_up'\n")]);
    let none = Reading::unknown("endpoint.network.physical_up", Attributes::none(), Why::NotPresent, story.now);
    story.detector.reading(&none);
    story.judge();
    let ruled_out = story.ruled_out("no-link");
    assert_eq!(ruled_out.result, RuledOutResult::NotFound);
    assert!(ruled_out.why.contains("this machine has none"), "{}", ruled_out.why);
}

#[test]
fn silence_freezes_a_finding_and_then_shows_it_as_stale() {
    let mut story = Story::of(&[&disk("0s")]);
    story.minutes(10, &[(FREE, 1.0 * GIB)]);
    assert_eq!(story.state("disk-full"), FindingState::Active);
    story.silence(30);
    assert_eq!(story.state("disk-full"), FindingState::Active);
    story.silence(10);
    assert_eq!(story.state("disk-full"), FindingState::Stale);
    story.silence(3000);
    assert_eq!(story.state("disk-full"), FindingState::Stale);
    story.minutes(5, &[(FREE, 1.0 * GIB)]);
    assert_eq!(story.state("disk-full"), FindingState::Active);
}

#[test]
fn an_instance_that_ends_while_others_go_on_is_cleared() {
    let mut story = Story::of(&[&disk("0s")]);
    story.minutes(10, &[(FREE, 50.0 * GIB), (HOME, 1.0 * GIB)]);
    assert_eq!(story.state("disk-full"), FindingState::Active);
    story.minutes(40, &[(FREE, 50.0 * GIB)]);
    assert_eq!(story.state("disk-full"), FindingState::Ok);
}

#[test]
fn reloading_keeps_what_is_held() {
    let mut story = Story::of(&[&disk("3m")]);
    story.minutes(10, &[(FREE, 1.0 * GIB)]);
    let before = story.finding("disk-full");
    let other = disk("3m").replace("severity = \"medium\"", "severity = \"high\"");
    let catalogue = Catalogue::load(Registry::builtin(), &[("file0.toml", &other)]).expect("fine");
    story.detector.adopt(Arc::new(catalogue));
    let after = story.finding("disk-full");
    assert_eq!((before.state, before.onset), (after.state, after.onset));
    assert_eq!(after.severity, Severity::High);
    story.minutes(1, &[(FREE, 1.0 * GIB)]);
    assert_eq!(story.state("disk-full"), FindingState::Active);
}

#[test]
fn a_check_of_another_system_is_unknown() {
    let mut story = Story::of(&[&disk("0s").replace("impact", "os = [\"windows\"]\nimpact")]);
    story.minutes(10, &[(FREE, 1.0 * GIB)]);
    let ruled_out = story.ruled_out("disk-full");
    assert_eq!(ruled_out.result, RuledOutResult::Unknown);
    assert!(ruled_out.why.contains("operating system"), "{}", ruled_out.why);
}

#[test]
fn counters_that_reset_do_not_look_like_storms() {
    let mut story = Story::of(&[&check(
        "busy",
        "when = \"rate(cpu, 5m) >= 0.5\"\nhold = \"0s\"\n[check.inputs]\ncpu = 'process.cpu.time{process.executable.name=a}'\n",
    )]);
    for minute in 0..20_i64 {
        story.now = Timestamp(story.now.0 + MINUTE);
        // 6 s of processor a minute; the program restarts after ten minutes.
        let total = (minute % 10) as f64 * 6.0;
        story.detector.reading(&Reading::value(
            "process.cpu.time",
            [("process.executable.name", "a")],
            total,
            story.now,
        ));
        story.judge();
    }
    assert_eq!(story.state("busy"), FindingState::Ok);
    let nearest = story.ruled_out("busy").nearest.and_then(|nearest| nearest.value).expect("known");
    assert!((nearest - 0.1).abs() < 0.03, "{nearest}");
}
