//! What a recording says, and what is wrong with it.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::catalogue::Catalogue;
use crate::detector::{Detector, Host, Pace};
use crate::document::FindingState;
use crate::vocabulary::{Layout, Mark, Sample, Series, Timestamp, Why};

const START: Timestamp = Timestamp(1_770_000_000_000);
const MINUTE: Duration = Duration::from_mins(1);
const FREE: &str = "system.filesystem.usage{mountpoint=/,type=ext4,role=system,state=free}";
const SIZE: &str = "system.filesystem.limit{mountpoint=/,type=ext4,role=system}";
const GIB: f32 = 1_073_741_824.0;

fn series(text: &str) -> Series {
    text.parse().expect("a series")
}

/// A root disk that holds 50 GiB free until it fills up at the 30th minute, for an hour.
fn disk(minute: u32) -> f32 {
    if minute < 30 { 50.0 * GIB } else { GIB }
}

fn at(minute: u32) -> Timestamp {
    START + MINUTE * minute
}

fn lines(minutes: std::ops::Range<u32>) -> Vec<String> {
    let declared = Line::Endpoint {
        endpoint: "e1".to_owned(),
        os: "linux".to_owned(),
        name: "ada-laptop".to_owned(),
        since: Some(START),
        attrs: std::iter::once(("site".to_owned(), "berlin".to_owned())).collect(),
    };
    let told = minutes.flat_map(|minute| {
        let number = |name: &str, value| Line::number("e1", at(minute), &series(name), 60, value);
        [number(FREE, disk(minute)), number(SIZE, 100.0 * GIB)]
    });
    std::iter::once(declared).chain(told).map(|line| serde_json::to_string(&line).expect("plain numbers")).collect()
}

fn replayed(lines: &[String], until: Option<Timestamp>) -> Replayed {
    let mut replay = Replay::new(Catalogue::builtin(), until);
    for line in lines {
        replay.line(line).unwrap_or_else(|fault| panic!("{line}: {fault}"));
    }
    replay.finish(Some("disk full"))
}

fn raised(replayed: &Replayed) -> Vec<(&str, Timestamp)> {
    let active = |moved: &&Moved| moved.to == FindingState::Active && moved.from == FindingState::Pending;
    replayed.timeline.iter().filter(active).map(|moved| (moved.finding.as_str(), moved.at)).collect()
}

fn fault(line: &str) -> String {
    let mut replay = Replay::new(Catalogue::builtin(), None);
    replay.line(r#"{"kind":"endpoint","endpoint":"e1","os":"linux"}"#).expect("an endpoint");
    replay.line(line).expect_err("refused").to_string()
}

#[test]
fn a_disk_that_fills_up_is_found_when_its_hold_is_over_and_is_the_answer() {
    let replayed = replayed(&lines(0..60), None);
    let raised = raised(&replayed);
    let full = raised.iter().find(|(finding, _)| *finding == "disk-space-critical").expect("found");
    assert_eq!(full.1, at(35), "five minutes after the thirtieth");
    assert_eq!(replayed.diagnosis["e1"].primary.as_deref(), Some("disk-space-critical"));
    assert!(replayed.notes.is_empty(), "{:?}", replayed.notes);
}

#[test]
fn the_same_recording_gives_the_same_bytes() {
    let bytes = || serde_json::to_string(&replayed(&lines(0..60), None)).expect("a document");
    assert_eq!(bytes(), bytes());
}

#[test]
fn a_replay_that_ends_earlier_knows_nothing_of_what_came_later() {
    let replayed = replayed(&lines(0..60), Some(at(20)));
    assert_eq!(replayed.timeline, []);
    assert_eq!(replayed.diagnosis["e1"].at, at(20));
    assert_eq!(replayed.diagnosis["e1"].primary, None);
}

#[test]
fn a_recording_moves_as_live_detection_did() {
    let mut detector = Detector::new(Catalogue::builtin(), Host { os_type: "linux".to_owned() });
    let layout = Layout::new(vec![series(FREE), series(SIZE)]);
    let (mut pace, mut live, mut now) = (Pace::from(at(0)), Vec::new(), at(0));
    for minute in 0..60 {
        while now < at(minute) {
            now = (now + crate::detector::TICK).min(at(minute));
            if now < at(minute) && pace.is_due(now) {
                live.extend(pace.judge(&mut detector, now));
            }
        }
        let values = vec![disk(minute), 100.0 * GIB];
        let fingerprint = layout.fingerprint();
        let sample = Sample { at: at(minute), step_seconds: 60, layout: fingerprint, values, absences: vec![] };
        detector.sample(&layout, &sample);
        live.extend(pace.judge(&mut detector, now));
    }
    let live: Vec<_> = live.into_iter().map(|moved| (moved.at, moved.check, moved.from, moved.to)).collect();
    let replayed = replayed(&lines(0..60), None).timeline;
    let replayed: Vec<_> = replayed.into_iter().map(|moved| (moved.at, moved.finding, moved.from, moved.to)).collect();
    assert!(!live.is_empty());
    assert_eq!(replayed, live);
}

#[test]
fn what_comes_late_is_put_where_it_belongs_and_the_clock_does_not_go_back() {
    let mut late = lines(0..60);
    // Two samples of a minute arrive three minutes late.
    let moved: Vec<String> = late.drain(21..23).collect();
    late.splice(27..27, moved);
    assert_eq!(raised(&replayed(&late, None)), raised(&replayed(&lines(0..60), None)));
}

#[test]
fn a_clock_that_is_set_back_moves_nothing() {
    let with_clock = |set_back: i64| -> Vec<String> {
        let line = |text: &String, minute: i64| {
            let mut line: serde_json::Value = serde_json::from_str(text).expect("JSON");
            let told = Timestamp(START.0 + minute * 60_000 - if minute >= 20 { set_back } else { 0 });
            line["t"] = told.to_string().into();
            line["t_mono"] = (1000 + minute * 60).into();
            line["boot_id"] = "b1".into();
            line.to_string()
        };
        let (first, told) = (lines(0..60)[..1].to_vec(), &lines(0..60)[1..]);
        first.into_iter().chain(told.iter().zip(0..).map(|(text, index)| line(text, index / 2))).collect()
    };
    assert_eq!(replayed(&with_clock(3_600_000), None), replayed(&with_clock(0), None));
}

#[test]
fn a_counter_is_told_by_its_totals_or_by_its_increments() {
    let crashes = |told: &dyn Fn(u32) -> serde_json::Value| {
        let mut lines = lines(0..1);
        for minute in 0..40 {
            let mut line = told(minute);
            line["kind"] = "sample".into();
            line["endpoint"] = "e1".into();
            line["t"] = at(minute).to_string().into();
            line["signal"] = "endpoint.memory.hard_faults".into();
            lines.push(line.to_string());
        }
        replayed(&lines, None)
    };
    let totals = crashes(&|minute| serde_json::json!({ "value": 5000 + minute * 60_000 }));
    let increments = crashes(&|_| serde_json::json!({ "value": 60_000, "step_seconds": 60 }));
    assert_eq!(totals.timeline, increments.timeline);
    assert!(totals.notes.is_empty(), "{:?}", totals.notes);
}

#[test]
fn a_boot_a_sleep_and_an_unknown_value_are_told() {
    let mut lines = lines(0..40);
    for line in [
        Line::mark("e1", at(41), Mark::Pausing),
        Line::mark("e1", at(90), Mark::Resumed),
        Line::absence("e1", at(91), &series(FREE), Why::NoPermission),
    ] {
        lines.push(serde_json::to_string(&line).expect("plain"));
    }
    let replayed = replayed(&lines, None);
    assert_eq!(replayed.diagnosis["e1"].at, at(91));
    let last = replayed.timeline.iter().rfind(|moved| moved.finding == "disk-space-critical");
    assert_eq!(last.map(|moved| moved.to), Some(FindingState::Active), "silence clears nothing");
}

#[test]
fn a_line_that_cannot_be_read_is_refused_with_the_reason() {
    assert!(fault("nonsense").contains("expected"), "{}", fault("nonsense"));
    let sample = |rest: &str| format!(r#"{{"kind":"sample","endpoint":"e1","t":"2026-03-02T09:00:00Z"{rest}}}"#);
    assert_eq!(fault(&sample(r#","signal":"system.uptime""#)), "there is neither a value nor a reason (why)");
    assert!(fault(r#"{"kind":"smaple","endpoint":"e1"}"#).contains("smaple"));
    assert!(fault(&sample("").replace("e1", "e2")).contains("no line of its own"));
    assert!(fault(r#"{"kind":"endpoint","endpoint":"e1","os":"linux"}"#).contains("declared twice"));
    assert!(fault(r#"{"kind":"endpoint","endpoint":"e3","os":"beos"}"#).contains("beos"));
}

#[test]
fn a_signal_that_nobody_declares_is_named_once_and_passed_over() {
    let mut told = lines(0..60);
    for minute in 0..5 {
        let line = Line::number("e1", at(minute), &series("system.filesystem.usages"), 60, 1.0);
        told.insert(1, serde_json::to_string(&line).expect("plain"));
    }
    let replayed = replayed(&told, None);
    assert_eq!(replayed.notes.len(), 1, "{:?}", replayed.notes);
    assert!(replayed.notes[0].contains("did you mean system.filesystem.usage?"), "{:?}", replayed.notes);
    assert!(!raised(&replayed).is_empty());
}

#[test]
fn a_silence_of_centuries_takes_no_time() {
    let mut told = lines(0..40);
    let line = Line::mark("e1", at(0) + Duration::from_hours(24 * 365 * 200), Mark::Booted);
    told.push(serde_json::to_string(&line).expect("plain"));
    assert_eq!(replayed(&told, None).diagnosis.len(), 1);
    let catalogue: Arc<Catalogue> = Catalogue::builtin();
    assert!(Player::new(catalogue, "linux").diagnose(None).is_none(), "nothing was told");
}

#[test]
fn a_disk_that_fills_within_the_recording_is_foreseen_in_time() {
    let mut told = lines(0..0);
    for minute in 0..420 {
        let number = |name: &str, value| Line::number("e1", at(minute), &series(name), 60, value);
        // Eighty mebibytes a minute: full after nine hours.
        for line in [number(FREE, (45.0 - 0.08 * minute as f32) * GIB), number(SIZE, 256.0 * GIB)] {
            told.push(serde_json::to_string(&line).expect("plain numbers"));
        }
    }
    let replayed = replayed(&told, None);
    let raised = raised(&replayed);
    let (_, foreseen) = raised.iter().find(|(id, _)| *id == "disk-filling-fast").expect("foreseen");
    assert!((at(300)..at(400)).contains(foreseen), "{raised:?}");
    let said = serde_json::to_string(&replayed.diagnosis).expect("JSON");
    assert!(said.contains("full in about"), "{said}");
}
