mod around;
mod laws;

use super::*;
use crate::document::{AgentHealth, FindingState, Os, Reason, SnapshotEndpoint, SnapshotSeries};
use crate::vocabulary::Value;

const GIB: f32 = 1_073_741_824.0;

/// A machine whose root disk filled up twenty minutes before the end, as its recorder tells it: five-minute steps for a
/// day, and 15 s steps for the last hour.
fn snapshot() -> Snapshot {
    let end = Timestamp(1_770_000_000_000);
    let attrs = Attributes::from([("mountpoint", "/"), ("role", "system"), ("state", "free"), ("type", "ext4")]);
    let signal = "system.filesystem.usage".to_owned();
    let fine: Vec<Option<f32>> = (0..240).map(|step| Some(if step < 160 { 50.0 } else { 0.5 } * GIB)).collect();
    let series = vec![
        SnapshotSeries {
            signal: signal.clone(),
            attrs: attrs.clone(),
            start: end - Duration::from_hours(24),
            step_seconds: 300,
            values: vec![Some(50.0 * GIB); 276],
        },
        SnapshotSeries { signal, attrs, start: end - Duration::from_hours(1), step_seconds: 15, values: fine },
    ];
    let size = Attributes::from([("mountpoint", "/"), ("role", "system"), ("type", "ext4")]);
    Snapshot {
        id: "s1".to_owned(),
        endpoint: SnapshotEndpoint {
            id: "e1".to_owned(),
            name: "desk-7".to_owned(),
            os: Os { os_type: "linux".to_owned(), ..Os::default() },
            users: Vec::new(),
            uptime_seconds: 100_000,
            boot_id: "b1".to_owned(),
        },
        taken_at: end,
        reason: Reason::Pull,
        ticket: None,
        schema: 1,
        catalogue: String::new(),
        readings: vec![SnapshotReading {
            signal: "system.filesystem.limit".to_owned(),
            attrs: size,
            value: Some(Value::Number(f64::from(100.0 * GIB))),
            unit: "By".to_owned(),
            quality: Quality::Ok,
            why: None,
            detail: String::new(),
            at: end,
        }],
        series,
        events: Vec::new(),
        marks: Vec::new(),
        changes: Vec::new(),
        agent: AgentHealth { missing_sections: vec!["network".to_owned()], ..AgentHealth::default() },
        signature: None,
    }
}

#[test]
fn a_snapshot_is_diagnosed_with_the_onset_that_its_history_shows() {
    let snapshot = snapshot();
    let diagnosis = diagnose(&Catalogue::builtin(), &snapshot, Some("My computer is slow"));
    assert_eq!(diagnosis.symptom.as_deref(), Some("slow-computer"));
    let finding = diagnosis.findings.iter().find(|finding| finding.id == "disk-space-critical").expect("found");
    assert_eq!((finding.instance.as_str(), finding.state), ("/", FindingState::Active));
    let minutes = snapshot.taken_at.seconds_since(finding.onset) / 60.0;
    assert!((15.0..=20.0).contains(&minutes), "{minutes}");
    assert!(finding.texts.user.contains("full"), "{}", finding.texts.user);
    assert!(diagnosis.notes.iter().any(|note| note.contains("network")), "{:?}", diagnosis.notes);
    // What this snapshot says nothing about is unknown, never fine.
    let memory = diagnosis.ruled_out.iter().find(|one| one.id == "runaway-process").expect("accounted for");
    assert_eq!(memory.result, crate::document::RuledOutResult::Unknown);
}

#[test]
fn what_was_read_afresh_is_newer_than_the_step_it_was_read_in() {
    let mut snapshot = snapshot();
    let end = snapshot.taken_at;
    // A recorder that looks once a minute: its last step ends with the snapshot, its number was read before somebody made
    // room.
    snapshot.series[1].step_seconds = 60;
    snapshot.series[1].values = vec![Some(0.5 * GIB); 60];
    let read = SnapshotReading {
        signal: snapshot.series[1].signal.clone(),
        attrs: snapshot.series[1].attrs.clone(),
        value: Some(Value::Number(f64::from(50.0 * GIB))),
        at: end - Duration::from_millis(900),
        ..snapshot.readings[0].clone()
    };
    snapshot.readings.push(read);
    let diagnosis = diagnose(&Catalogue::builtin(), &snapshot, None);
    let finding = diagnosis.findings.iter().find(|finding| finding.id == "disk-space-critical").expect("was full");
    assert_eq!(finding.state, FindingState::Recovering, "{}", finding.texts.tech);
}

#[test]
fn what_was_so_before_anybody_looked_is_not_dated_by_older_news() {
    let mut snapshot = snapshot();
    let looked = snapshot.taken_at - Duration::from_mins(20);
    snapshot.series.truncate(1);
    snapshot.series[0].start = looked - Duration::from_mins(5);
    snapshot.series[0].values.truncate(4);
    let reading = |signal: &str, value: Value| SnapshotReading {
        signal: signal.to_owned(),
        attrs: Attributes::none(),
        value: Some(value),
        ..snapshot.readings[0].clone()
    };
    let facts =
        [reading("endpoint.camera.count", Value::Number(0.0)), reading("endpoint.chassis", Value::from("laptop"))];
    snapshot.readings.extend(facts);
    // The kernel wrote it down long before there was an agent.
    let crashed = snapshot.taken_at - Duration::from_hours(14);
    snapshot.events.push(Event {
        series: Series::new("endpoint.os.crash", Attributes::from([("kind", "panic")])),
        at: crashed,
        fields: BTreeMap::new(),
        count: 1,
    });
    let diagnosis = diagnose(&Catalogue::builtin(), &snapshot, None);
    let began = |id: &str| diagnosis.findings.iter().find(|finding| finding.id == id).map(Finding::since);
    assert_eq!(began("camera-blocked"), Some(format!("before {}", crate::texts::moment(looked))));
    assert_eq!(began("os-crash"), Some(crate::texts::moment(crashed)), "what happened has its own moment");
}

#[test]
fn the_same_snapshot_gives_the_same_bytes() {
    let bytes = || {
        let diagnosis = diagnose(&Catalogue::builtin(), &snapshot(), Some("disk full"));
        serde_json::to_vec(&diagnosis).expect("plain data")
    };
    assert_eq!(bytes(), bytes());
}

#[test]
fn survives_a_snapshot_that_is_read_back_from_its_own_json() {
    let snapshot = snapshot();
    let text = serde_json::to_string(&snapshot).expect("plain data");
    let back: Snapshot = serde_json::from_str(&text).expect("own print");
    let (one, two) = (diagnose(&Catalogue::builtin(), &snapshot, None), diagnose(&Catalogue::builtin(), &back, None));
    assert_eq!(serde_json::to_string(&one).expect("json"), serde_json::to_string(&two).expect("json"));
}

#[test]
fn absurd_times_take_no_time() {
    let mut snapshot = snapshot();
    snapshot.series[0].start = Timestamp(i64::MIN);
    snapshot.series[1].start = Timestamp(i64::MAX - 1000);
    snapshot.readings[0].at = Timestamp(i64::MAX);
    snapshot.marks.push((Timestamp(i64::MAX), Mark::Resumed));
    snapshot.events.push(Event {
        series: Series::new("nothing", Attributes::none()),
        at: Timestamp(0),
        fields: BTreeMap::new(),
        count: u32::MAX,
    });
    let diagnosis = diagnose(&Catalogue::builtin(), &snapshot, None);
    assert_eq!(diagnosis.at, snapshot.taken_at);
}

#[test]
fn an_empty_snapshot_says_that_nothing_is_known() {
    let mut snapshot = snapshot();
    snapshot.series.clear();
    snapshot.readings.clear();
    let diagnosis = diagnose(&Catalogue::builtin(), &snapshot, None);
    assert_eq!((diagnosis.primary, diagnosis.findings.len()), (None, 0));
    assert!(diagnosis.notes.iter().any(|note| note.contains("Nothing has been heard")));
    assert!(diagnosis.ruled_out.iter().all(|one| one.result == crate::document::RuledOutResult::Unknown));
}

/// The diagnosis of a machine with a full disk, when a directory said this of the account of its user.
fn with_account(readings: Vec<Reading>, symptom: &str) -> Diagnosis {
    let foresight = Foresight { account: readings, ..Foresight::default() };
    let question = Question { symptom: Some(symptom), ..Question::default() };
    diagnose_with(&Catalogue::builtin(), &snapshot(), &question, &foresight)
}

#[test]
fn a_locked_account_answers_who_cannot_sign_in_and_nobody_else() {
    let since = snapshot().taken_at - Duration::from_mins(25);
    let locked = || vec![Reading::value("endpoint.user.locked", [("user", "ana")], true, since)];
    let told = with_account(locked(), "I cannot sign in");
    assert_eq!(told.primary.as_deref(), Some("account-locked"), "ahead of the full disk");
    let finding = told.findings.iter().find(|finding| finding.id == "account-locked").expect("found");
    let minutes = snapshot().taken_at.seconds_since(finding.onset) / 60.0;
    assert!((24.0..=25.0).contains(&minutes), "since the directory says that it is: {minutes}");
    assert!(finding.texts.tech.contains("The account itself says"), "{}", finding.texts.tech);
    assert!(finding.evidence.iter().any(|one| one.signal == "endpoint.user.locked"), "{:?}", finding.evidence);
    assert!(!finding.runbook.is_empty());
    let slow = with_account(locked(), "My computer is slow");
    assert_eq!(slow.primary.as_deref(), Some("disk-space-critical"), "a locked account makes nothing slow");
    assert!(slow.findings.iter().any(|finding| finding.id == "account-locked"), "and is told all the same");
}

#[test]
fn what_a_directory_does_not_say_is_unknown_and_what_is_fine_is_fine() {
    let at = snapshot().taken_at;
    let why = Unknown::new(Why::NoPermission, "lockoutTime is not given to the account that asks");
    let hidden = Reading::unknown("endpoint.user.locked", [("user", "ana")], why, at);
    let told = with_account(vec![hidden.clone()], "I cannot sign in");
    let one = told.ruled_out.iter().find(|one| one.id == "account-locked").expect("accounted for");
    assert_eq!(one.result, crate::document::RuledOutResult::Unknown);
    let here = Reading::value("endpoint.user.locked", [("user", "root")], false, at);
    let told = with_account(vec![here, hidden], "I cannot sign in");
    let one = told.ruled_out.iter().find(|one| one.id == "account-locked").expect("accounted for");
    assert_eq!(one.result, crate::document::RuledOutResult::Unknown, "another account says nothing of this one");
    let user = || Attributes::from([("user", "ana")]);
    let told = with_account(vec![Reading::value("endpoint.user.locked", user(), false, at)], "I cannot sign in");
    let one = told.ruled_out.iter().find(|one| one.id == "account-locked").expect("accounted for");
    assert_eq!(one.result, crate::document::RuledOutResult::NotFound, "the computer's log need not tell, too: {one:?}");
    let good = vec![
        Reading::value("endpoint.user.disabled", user(), false, at),
        Reading::value("endpoint.user.account_expires_in", user(), 86_400.0, at),
    ];
    let told = with_account(good, "I cannot sign in");
    let one = told.ruled_out.iter().find(|one| one.id == "account-disabled").expect("accounted for");
    assert_eq!(one.result, crate::document::RuledOutResult::NotFound, "{one:?}");
}

#[test]
fn an_account_that_never_ends_is_fine_without_an_end() {
    let at = snapshot().taken_at;
    let user = || Attributes::from([("user", "ana")]);
    let good = vec![
        Reading::value("endpoint.user.disabled", user(), false, at),
        Reading::unknown("endpoint.user.account_expires_in", user(), Why::NotPresent, at),
    ];
    let told = with_account(good, "I cannot sign in");
    let one = told.ruled_out.iter().find(|one| one.id == "account-disabled").expect("accounted for");
    assert_eq!(one.result, crate::document::RuledOutResult::NotFound, "{one:?}");
}
