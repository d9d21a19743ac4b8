mod data;
mod laws;

use std::time::Duration;

use super::*;
use crate::document::{
    Change, ChangesResult, Comparison, Diagnosis, Escalation, Evidence, Finding, FindingState, Role, SnapshotSeries,
    Texts, WhatChanged,
};
use crate::vocabulary::{Attributes, Event, Impact, Mark, Priority, Severity, Timestamp, Urgency};

/// When the trouble was found.
const ONSET: Timestamp = Timestamp(1_770_000_000_000);

fn hours(count: u64) -> Duration {
    Duration::from_hours(count)
}

fn changed(series: &str, at: Timestamp, from: &str, to: &str) -> Change {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Change {
        reference: format!("{series}@{at}"),
        kind: series.split('{').next().expect("a name").to_owned(),
        at,
        from: text(from),
        to: text(to),
        score: None,
    }
}

fn package(name: &str, at: Timestamp, from: &str, to: &str) -> Change {
    let series = format!("endpoint.software.change{{package.manager=\"dpkg\",package.name=\"{name}\"}}");
    changed(&series, at, from, to)
}

fn wifi_driver(at: Timestamp) -> Change {
    changed("endpoint.driver{device.class=\"network\",driver=\"iwlwifi\"}", at, "22.1", "23.0")
}

fn finding(id: &str, category: &str, instance: &str) -> Finding {
    let evidence = Evidence {
        signal: "endpoint.wifi.rssi".to_owned(),
        label: String::new(),
        attrs: Attributes::none(),
        window: "15m".to_owned(),
        value: Some(-84.0),
        threshold: -80.0,
        comparison: Comparison::AtMost,
        held: Some(true),
        unit: "dBm".to_owned(),
        at: Some(ONSET),
        age_seconds: Some(0.0),
        source: String::new(),
        why: String::new(),
    };
    Finding {
        id: id.to_owned(),
        title: id.to_owned(),
        instance: instance.to_owned(),
        role: Role::Primary,
        consequence_of: None,
        state: FindingState::Active,
        severity: Severity::Medium,
        confidence: 0.85,
        onset: ONSET,
        is_older: false,
        until: None,
        texts: Texts { user: String::new(), tech: String::new() },
        evidence: vec![evidence],
        guards: Vec::new(),
        runbook: Vec::new(),
        escalation: Escalation::default(),
        category: category.to_owned(),
        impact: Impact::I3,
        urgency: Urgency::U2,
        priority: Priority::P4,
        forecast: None,
    }
}

/// A story: a finding that began at [`ONSET`], two hours before somebody looks, on a machine known for two weeks.
struct Story {
    finding: Finding,
    changes: Vec<Change>,
    events: Vec<Event>,
    marks: Vec<(Timestamp, Mark)>,
    series: Vec<SnapshotSeries>,
    known_for: Duration,
    stated: Option<Timestamp>,
    lift: Option<f64>,
}

impl Story {
    fn of(finding: Finding, changes: Vec<Change>) -> Self {
        let (events, marks, series) = (Vec::new(), Vec::new(), Vec::new());
        Self { finding, changes, events, marks, series, known_for: hours(14 * 24), stated: None, lift: None }
    }

    fn wifi(changes: Vec<Change>) -> Self {
        Self::of(finding("wifi-dropping", "Network/WiFi", ""), changes)
    }

    fn told(&self) -> WhatChanged {
        let at = ONSET + hours(2);
        let diagnosis = Diagnosis {
            symptom: None,
            primary: Some(self.finding.id.clone()),
            findings: vec![self.finding.clone()],
            ruled_out: Vec::new(),
            notes: Vec::new(),
            not_checked: Vec::new(),
            compared: None,
            around: None,
            changes: None,
            catalogue: String::new(),
            at,
        };
        let past = Past {
            changes: &self.changes,
            events: &self.events,
            marks: &self.marks,
            series: &self.series,
            known_since: Some(at - self.known_for),
            stated: self.stated,
            lift: &|_| self.lift,
        };
        account(&diagnosis, &past).expect("there is a primary finding")
    }

    /// Kind and score of what may be related.
    fn related(&self) -> Vec<(String, f64)> {
        let scored = |record: &crate::document::ChangeRecord| (record.kind.clone(), record.score.expect("weighed"));
        self.told().related.iter().map(scored).collect()
    }
}

#[test]
fn a_driver_that_came_five_hours_before_is_told_with_its_distance_and_no_more_than_may_be() {
    let told = Story::wifi(vec![wifi_driver(ONSET - hours(5))]).told();
    assert_eq!(told.result, ChangesResult::MayBeRelated);
    let record = &told.related[0];
    assert_eq!(record.words, "Network driver iwlwifi: 22.1 became 23.0; changed 5 h before it started, may be related");
    let score = (-5.0_f64 / 72.0).exp();
    assert!((record.score.expect("weighed") - score).abs() < 0.001, "{record:?}");
}

#[test]
fn at_most_three_are_told_the_likeliest_first_and_what_is_unlikely_not_at_all() {
    let office = package("libreoffice-core", ONSET - hours(1), "7.4.1", "24.2.0");
    let story = Story::wifi(vec![
        office,
        wifi_driver(ONSET - hours(30)),
        changed("endpoint.radio.state{radio=\"wifi\"}", ONSET - hours(2), "off", "on"),
        package("wpasupplicant", ONSET - hours(12), "2.10", "2.11"),
        changed("os.version", ONSET - hours(1), "12", "13"),
    ]);
    let kinds: Vec<String> = story.related().into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["radio", "driver-network", "network-software"]);
}

#[test]
fn nothing_relevant_is_said_as_such() {
    let told = Story::wifi(vec![package("libreoffice-core", ONSET - hours(1), "7.4.1", "24.2.0")]).told();
    assert_eq!((told.result, told.related.len()), (ChangesResult::NothingRelevant, 0));
    assert_eq!(told.words, "Nothing relevant changed before it started.");
}

#[test]
fn without_a_day_before_nothing_is_said_about_causes() {
    let mut story = Story::wifi(vec![wifi_driver(ONSET - hours(1))]);
    story.known_for = hours(23);
    let told = story.told();
    assert_eq!((told.result, told.related.len()), (ChangesResult::NoEarlierSnapshot, 0));
    assert!(told.words.starts_with("There is no earlier snapshot"), "{}", told.words);
}

#[test]
fn what_changed_afterwards_is_no_cause_and_perhaps_a_fix_that_did_not_help() {
    let mut later = wifi_driver(ONSET + hours(1));
    (later.from, later.to) = (later.to, later.from);
    let told = Story::wifi(vec![wifi_driver(ONSET - hours(1)), later]).told();
    let words = |records: &[crate::document::ChangeRecord]| -> Vec<String> {
        records.iter().map(|record| record.words.clone()).collect()
    };
    assert_eq!(told.related.len(), 1);
    assert!(told.related[0].reverted);
    assert_eq!(words(&told.after), ["Network driver iwlwifi: 23.0 became 22.1"]);
}

#[test]
fn what_lies_two_weeks_back_is_forgotten_and_five_minutes_after_is_still_before() {
    let story = |at| Story::wifi(vec![wifi_driver(at)]).told();
    assert_eq!(story(ONSET - hours(15 * 24)).related.len(), 0);
    let just_after = story(ONSET + Duration::from_mins(4));
    assert_eq!((just_after.related.len(), just_after.after.len()), (1, 0));
    let later = story(ONSET + Duration::from_mins(6));
    assert_eq!((later.related.len(), later.after.len()), (0, 1));
}

#[test]
fn what_waits_for_a_restart_counts_from_the_restart_and_not_before() {
    let mut story = Story::of(
        finding("os-crash", "Stability/Crash", ""),
        vec![package("linux-image-amd64", ONSET - hours(96), "6.1.0", "6.12.0")],
    );
    assert!(story.related().is_empty(), "nobody has restarted the machine yet");
    story.marks = vec![(ONSET - hours(200), Mark::Booted), (ONSET - hours(3), Mark::Booted)];
    let (kind, score) = story.related().remove(0);
    assert_eq!(kind, "kernel");
    assert!((score - (-3.0_f64 / 72.0).exp()).abs() < 0.001, "{score}");
}

#[test]
fn a_correction_weighs_half_and_what_a_person_set_back_a_fifth() {
    let score = |changes| Story::wifi(changes).related().first().map_or(0.0, |(_, score)| *score);
    let at = ONSET - hours(1);
    let whole = score(vec![package("wpasupplicant", at, "2.10", "2.11")]);
    let patch = score(vec![package("wpasupplicant", at, "2.10-1", "2.10-2")]);
    assert!((patch - whole / 2.0).abs() < 0.002, "{whole} {patch}");
    let off = || changed("endpoint.radio.state{radio=\"wifi\"}", at, "on", "off");
    let on = changed("endpoint.radio.state{radio=\"wifi\"}", ONSET + hours(1), "off", "on");
    let (kept, set_back) = (score(vec![off()]), score(vec![off(), on]));
    assert!((set_back - kept / 5.0).abs() < 0.002, "{kept} {set_back}");
}

#[test]
fn the_program_that_the_finding_is_about_is_told_even_when_it_was_a_correction() {
    let chrome = || vec![package("google-chrome-stable", ONSET - hours(2), "131.0.1", "131.0.2")];
    let about = |program: &str| Story::of(finding("app-crashing", "Application/Crash", program), chrome()).related();
    assert_eq!(about("chrome").len(), 1);
    assert!(about("calc").is_empty());
}

#[test]
fn many_packages_of_one_update_are_one_change() {
    let names = ["libalpha1", "libbeta2", "libgamma3", "libdelta4", "libepsilon5"];
    let at = |minutes| ONSET - hours(2) + Duration::from_mins(minutes);
    let packages = names.iter().zip(0..).map(|(name, minute)| package(name, at(minute), "1.0", "2.0"));
    let told = Story::of(finding("app-crashing", "Application/Crash", "calc"), packages.collect()).told();
    assert_eq!(told.related.len(), 1);
    let record = &told.related[0];
    assert_eq!(record.item, "libalpha1, libbeta2, libdelta4 and 2 more");
    assert_eq!(record.at, at(4));
}

#[test]
fn how_often_others_with_the_same_change_have_it_counts_within_bounds() {
    let score = |lift| {
        let mut story = Story::wifi(vec![wifi_driver(ONSET)]);
        story.lift = lift;
        story.related().first().map(|(_, score)| *score)
    };
    assert_eq!(
        [score(None), score(Some(3.0)), score(Some(50.0)), score(Some(0.0))],
        [Some(1.0), Some(3.0), Some(5.0), Some(0.2)]
    );
}

#[test]
fn the_trouble_began_when_its_number_left_the_old_level_or_when_the_person_says() {
    let step = Duration::from_mins(5);
    let series = |values: Vec<f32>| SnapshotSeries {
        signal: "endpoint.wifi.rssi".to_owned(),
        attrs: Attributes::from([("network.interface.name", "wlan0")]),
        start: ONSET - hours(6),
        step_seconds: 300,
        values: values.into_iter().map(Some).collect(),
    };
    // Six hours before and two after; the level falls forty minutes before the finding.
    let wavering = |step: usize| if step.is_multiple_of(2) { 1.0 } else { -1.0 };
    let values = (0..96).map(|step| if step < 64 { -55.0 } else { -84.0 } + wavering(step));
    let mut story = Story::wifi(Vec::new());
    story.series = vec![series(values.collect())];
    let onset = story.told().onset;
    assert!(onset <= ONSET - step * 5 && onset >= ONSET - step * 9, "{onset}");
    story.series = vec![series((0..96).map(|step| -84.0 + wavering(step)).collect())];
    assert_eq!(story.told().onset, ONSET, "it was never otherwise");
    story.stated = Some(ONSET - hours(9));
    assert_eq!(story.told().onset, ONSET - hours(9));
}

#[test]
fn a_diagnosis_without_a_primary_finding_has_nothing_to_explain() {
    let story = Story::wifi(Vec::new());
    let mut diagnosis = Diagnosis {
        symptom: None,
        primary: None,
        findings: vec![story.finding],
        ruled_out: Vec::new(),
        notes: Vec::new(),
        not_checked: Vec::new(),
        compared: None,
        around: None,
        changes: None,
        catalogue: String::new(),
        at: ONSET,
    };
    diagnosis.findings[0].role = Role::Also;
    let past =
        Past { changes: &[], events: &[], marks: &[], series: &[], known_since: None, stated: None, lift: &|_| None };
    assert_eq!(account(&diagnosis, &past), None);
}
