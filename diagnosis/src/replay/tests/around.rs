//! A ticket that names a time, read hours later.

use super::*;
use crate::document::{Around, Role};

const HOUR: Duration = Duration::from_hours(1);

/// A machine whose disk was full from 3 h 20 min to 2 h 40 min before the end and is not now: the time around three hours ago
/// is told in steps of 15 s, as it is when it is asked for.
fn over() -> Snapshot {
    let mut snapshot = snapshot();
    let (end, template) = (snapshot.taken_at, snapshot.series[0].clone());
    let stretch = |from: Duration, until: Duration, step_seconds: u32| {
        let steps = from.saturating_sub(until).as_secs() / u64::from(step_seconds);
        let free = |step: u64| {
            let ago = from.saturating_sub(Duration::from_secs((step + 1) * u64::from(step_seconds)));
            let is_full = (Duration::from_mins(160)..Duration::from_mins(200)).contains(&ago);
            Some(if is_full { 0.5 } else { 50.0 } * GIB)
        };
        SnapshotSeries { start: end - from, step_seconds, values: (0..steps).map(free).collect(), ..template.clone() }
    };
    snapshot.series = vec![
        stretch(24 * HOUR, HOUR * 7 / 2, 300),
        stretch(HOUR * 7 / 2, HOUR * 5 / 2, 15),
        stretch(HOUR * 5 / 2, HOUR, 300),
        stretch(HOUR, Duration::ZERO, 15),
    ];
    snapshot
}

fn ago(snapshot: &Snapshot, ago: Duration) -> Stated {
    Stated { at: snapshot.taken_at - ago, words: "about 10:40".to_owned(), give_seconds: 900 }
}

fn asked(snapshot: &Snapshot, symptom: Option<&str>, stated: &Stated) -> Diagnosis {
    let question = Question { symptom, around: Some(stated), before: None };
    diagnose_with(&Catalogue::builtin(), snapshot, &question, &Foresight::default())
}

fn told(diagnosis: &Diagnosis) -> &Around {
    diagnosis.around.as_ref().expect("a moment was named")
}

#[test]
fn what_was_raised_then_is_the_answer_when_the_machine_does_not_remember_it() {
    let past = over();
    let stated = ago(&past, 3 * HOUR);
    let full = asked(&past, Some("slow"), &stated).answer().expect("it was full").clone();
    let mut forgetful = past.clone();
    forgetful.series.clear();
    let ask = |snapshot: &Snapshot| {
        let question = Question { symptom: Some("slow"), around: Some(&stated), before: None };
        let foresight = Foresight { raised: vec![full.clone()], ..Foresight::default() };
        diagnose_with(&Catalogue::builtin(), snapshot, &question, &foresight)
    };
    let answer = ask(&forgetful);
    assert_eq!(answer.answer().map(|one| (&one.id, one.until)), Some((&full.id, full.until)));
    let remembered = told(&ask(&past)).findings.clone();
    let count = remembered.iter().filter(|one| one.id == full.id && one.instance == full.instance).count();
    assert_eq!(count, 1, "what both know is told once: {remembered:?}");
}

#[test]
fn what_is_over_is_the_answer_to_a_ticket_that_says_when() {
    let snapshot = over();
    let stated = ago(&snapshot, 3 * HOUR);
    let diagnosis = asked(&snapshot, Some("My computer was slow about 10:40"), &stated);
    assert_eq!(diagnosis.primary, None, "nothing of it is left");
    let answer = diagnosis.answer().expect("it was full");
    assert_eq!((answer.id.as_str(), answer.instance.as_str()), ("disk-space-critical", "/"));
    let minutes = |at: Timestamp| (snapshot.taken_at.seconds_since(at) / 60.0).round();
    assert!((199.0..=200.0).contains(&minutes(answer.onset)), "{}", minutes(answer.onset));
    let until = minutes(answer.until.expect("it is over"));
    assert!((145.0..=160.0).contains(&until), "{until}");
    assert!(answer.texts.tech.starts_with("512 MiB left on /"), "as it was then: {}", answer.texts.tech);
    let around = told(&diagnosis);
    assert!(around.over(answer).starts_with("It is over now, but around "), "{}", around.over(answer));
    assert!(around.moment().ends_with("(\"about 10:40\")"), "{}", around.moment());
    let free = around.unusual.iter().find(|one| one.signal == "system.filesystem.usage").expect("far from 50 GiB");
    assert_eq!((free.value, free.usual), (0.5 * f64::from(GIB), 50.0 * f64::from(GIB)));
    assert!(around.notes.is_empty(), "{:?}", around.notes);
    assert_eq!(
        diagnosis.changes.as_ref().map(|changes| changes.onset),
        Some(answer.onset),
        "before it, not before now"
    );
}

#[test]
fn who_names_another_time_is_told_that_it_was_as_usual_then() {
    let snapshot = over();
    let diagnosis = asked(&snapshot, Some("It was slow"), &ago(&snapshot, 8 * HOUR));
    let around = told(&diagnosis);
    assert!(diagnosis.answer().is_none() && around.findings.is_empty(), "{around:?}");
    assert!(around.unusual.is_empty(), "{around:?}");
    assert!(around.notes[0].starts_with("The numbers of that time are means of five minutes"), "{around:?}");
}

#[test]
fn what_is_wrong_now_stays_the_answer() {
    let snapshot = snapshot();
    let diagnosis = asked(&snapshot, Some("slow"), &ago(&snapshot, Duration::from_mins(12)));
    assert_eq!(diagnosis.answer().map(|finding| (finding.role, finding.until)), Some((Role::Primary, None)));
    let held = &told(&diagnosis).findings;
    assert!(held.iter().any(|finding| finding.id == "disk-space-critical" && finding.until.is_none()), "{held:?}");
    assert!(told(&diagnosis).lines()[0].contains("and still is"), "{:?}", told(&diagnosis).lines());
}

#[test]
fn a_finding_that_the_words_do_not_speak_of_is_told_and_is_no_answer() {
    let snapshot = over();
    let diagnosis = asked(&snapshot, Some("battery"), &ago(&snapshot, 3 * HOUR));
    assert!(diagnosis.answer().is_none_or(|finding| finding.id != "disk-space-critical"));
    assert!(told(&diagnosis).findings.iter().any(|finding| finding.id == "disk-space-critical"));
}

#[test]
fn what_is_not_known_of_a_time_is_said() {
    let note = |snapshot: &Snapshot, hours: u32| {
        told(&asked(snapshot, None, &ago(snapshot, hours * HOUR))).notes.first().cloned().unwrap_or_default()
    };
    let mut snapshot = over();
    assert!(note(&snapshot, 30).contains("What this computer itself remembers begins at"), "{}", note(&snapshot, 30));
    snapshot.series[1].values.fill(None);
    assert!(note(&snapshot, 3).starts_with("Nothing was recorded from"), "{}", note(&snapshot, 3));
    let at = |hours: f64| snapshot.taken_at - HOUR.mul_f64(hours);
    snapshot.marks = vec![(at(3.5), Mark::Pausing), (at(2.5), Mark::Resumed)];
    assert!(note(&snapshot, 3).contains("it slept or was off from"), "{}", note(&snapshot, 3));
    snapshot.series.clear();
    snapshot.marks.clear();
    assert!(note(&snapshot, 3).contains("has not recorded anything yet"), "{}", note(&snapshot, 3));
}

#[test]
fn what_happened_then_is_told_in_order() {
    let mut snapshot = over();
    let at = |minutes: u64| snapshot.taken_at - Duration::from_mins(minutes);
    let crash = |minutes| Event {
        series: Series::new("endpoint.app.crash", Attributes::from([("process.executable.name", "calc")])),
        at: at(minutes),
        fields: BTreeMap::new(),
        count: 1,
    };
    snapshot.events = vec![crash(178), crash(400)];
    snapshot.marks = vec![(at(160), Mark::Booted), (at(181), Mark::NetworkChanged)];
    let diagnosis = asked(&snapshot, None, &ago(&snapshot, 3 * HOUR));
    let words: Vec<_> = told(&diagnosis).happened.iter().map(|one| one.words.as_str()).collect();
    let crashed = "A program crashed: calc";
    assert_eq!(words, ["The machine joined another network", crashed, "The machine started"], "switched off and on");
}

#[test]
fn a_moment_that_nobody_can_have_meant_breaks_nothing() {
    let snapshot = over();
    for at in [i64::MIN, 0, i64::MAX] {
        let stated = Stated { at: Timestamp(at), words: String::new(), give_seconds: u32::MAX };
        let diagnosis = asked(&snapshot, None, &stated);
        assert!(!told(&diagnosis).lines().is_empty(), "something is said");
    }
}
