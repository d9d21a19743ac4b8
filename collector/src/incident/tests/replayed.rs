//! Incidents of recordings: the same that live detection sees, on a virtual clock.

use firstline_diagnosis::catalogue::Catalogue;
use firstline_diagnosis::recording::{Line, Replay, Step, Track};
use firstline_diagnosis::vocabulary::{Attributes, Event, Reading, Series, Value};

use super::*;
use crate::incident::replayed::{Replayed, replay, signals};

const GIB: f32 = 1_073_741_824.0;
const FREE: &str = "system.filesystem.usage{mountpoint=/,type=ext4,role=system,state=free}";
const SIZE: &str = "system.filesystem.limit{mountpoint=/,type=ext4,role=system}";

/// What an endpoint tells in an hour and a half; the system's disk is full from a minute on, and free again from another.
fn recording(place: usize, full: Option<(u32, u32)>, until: u32) -> Vec<Line> {
    let name = id(place);
    let at = |minute: u32| START + MINUTE * minute;
    let series = |text: &str| -> Series { text.parse().expect("a series") };
    let gateway = if place < 13 { "gw-west".to_owned() } else { format!("gw-{}", place % 4) };
    let state =
        |signal: &str, value: String| Reading { series: series(signal), outcome: Ok(Value::Text(value)), at: START };
    let mut lines = vec![
        Line::Endpoint {
            endpoint: name.clone(),
            os: "linux".to_owned(),
            name: format!("lap-{place:02}"),
            since: Some(START),
            attrs: BTreeMap::new(),
        },
        Line::inventory(&name, &state("endpoint.network.context_id", gateway)),
    ];
    for minute in 0..until {
        let is_full = full.is_some_and(|(from, to)| (from..to).contains(&minute));
        let free = if is_full { GIB } else { 50.0 * GIB };
        lines.push(Line::number(&name, at(minute), &series(FREE), 60, free));
        lines.push(Line::number(&name, at(minute), &series(SIZE), 60, 100.0 * GIB));
    }
    lines
}

fn replayed(recordings: Vec<Vec<Line>>) -> Replayed {
    let mut fed = Replay::new(Catalogue::builtin(), None).sharing(signals());
    for line in recordings.into_iter().flatten() {
        let text = serde_json::to_string(&line).expect("plain numbers");
        fed.line(&text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
    }
    let (_, tracks) = fed.finish_shared(None);
    replay(&tracks, &Catalogue::builtin())
}

/// Forty endpoints, twelve of which fill up behind one gateway.
fn office(until: u32) -> Vec<Vec<Line>> {
    (0..40).map(|place| recording(place, (place < 12).then_some((30, 60)), until)).collect()
}

#[test]
fn recordings_of_forty_endpoints_show_the_incident_that_the_collector_would_have_opened() {
    let Replayed { incidents, notes } = replayed(office(50));
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    let one = &incidents[0];
    assert_eq!((one.id.as_str(), one.check.as_str()), ("incident-1", "disk-space-critical"));
    assert!(one.words.contains("12 of 13 endpoints on one network, behind the gateway gw-west"), "{}", one.words);
    assert_eq!((one.kind, one.impact, one.state), (IncidentKind::CommonCause, Impact::I1, IncidentState::Open));
    let minutes = one.opened_at.seconds_since(START) / 60.0;
    assert!((35.0..=37.0).contains(&minutes), "five minutes of hold, and a round: {minutes}");
    assert!(notes.is_empty(), "{notes:?}");
}

#[test]
fn an_incident_of_recordings_is_over_an_hour_after_it_calmed_down() {
    let Replayed { incidents, .. } = replayed(office(150));
    let one = &incidents[0];
    assert_eq!((incidents.len(), one.state), (1, IncidentState::Closed));
    let calm = one.calm_since.expect("it calmed down");
    assert!(one.closed_at.expect("over").since(calm) >= Duration::from_hours(1));
}

#[test]
fn the_same_recordings_give_the_same_bytes_in_any_order() {
    let bytes = |recordings| serde_json::to_string(&replayed(recordings).incidents).expect("JSON");
    let mut backwards = office(50);
    backwards.reverse();
    let forwards = bytes(office(50));
    assert_eq!(forwards, bytes(office(50)));
    assert_eq!(forwards, bytes(backwards));
}

#[test]
fn a_network_that_falls_silent_is_seen_in_the_recordings_of_those_who_were_there() {
    let places = (0..60).map(|place| {
        // Five of forty-seven others would be too many to be anybody's own trouble: few of a small network are gone.
        let until = if (13..17).contains(&place) { 30 } else { 45 };
        let mut lines = recording(place, None, until);
        if (13..18).contains(&place) {
            let moved = Reading {
                series: "endpoint.network.context_id".parse().expect("a series"),
                outcome: Ok(Value::Text("gw-east".to_owned())),
                at: START,
            };
            lines[1] = Line::inventory(&id(place), &moved);
        }
        lines
    });
    let Replayed { incidents, .. } = replayed(places.collect());
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    assert_eq!(incidents[0].kind, IncidentKind::SilentGroup);
    assert!(incidents[0].words.contains("4 of 5 endpoints"), "{}", incidents[0].words);
}

/// A track that was heard in these stretches, in minutes after the start.
fn track(place: usize, heard: impl Iterator<Item = (u32, u32)>) -> (String, Track) {
    let at = |minute: u32| START + MINUTE * minute;
    let heard = heard.map(|(from, to)| (at(from), at(to))).collect();
    let track = Track { os: "windows".to_owned(), name: format!("lap-{place:02}"), heard, ..Track::default() };
    (id(place), track)
}

fn state(signal: &str, value: &str, at: Timestamp) -> (Timestamp, Step) {
    let outcome = Ok(Value::Text(value.to_owned()));
    (at, Step::State(Reading { series: Series::new(signal, Attributes::none()), outcome, at }))
}

const WEEK_MINUTES: u32 = 7 * 24 * 60;

#[test]
fn who_is_there_at_this_hour_every_week_is_missed_in_recordings_of_weeks() {
    let heard = |place: usize| {
        let weeks = if (13..17).contains(&place) { 0..4 } else { 0..5 };
        weeks.map(|week| (week * WEEK_MINUTES, week * WEEK_MINUTES + 45))
    };
    let tracks = (0..60).map(|place| {
        let (id, mut track) = track(place, heard(place));
        let gateway = if (13..18).contains(&place) { "gw-east".to_owned() } else { format!("gw-{}", place % 4) };
        track.steps.push(state("endpoint.network.context_id", &gateway, START));
        (id, track)
    });
    let Replayed { incidents, .. } = replay(&tracks.collect(), &Catalogue::builtin());
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    assert_eq!(incidents[0].kind, IncidentKind::SilentGroup);
    assert!(incidents[0].words.contains("4 of 5 endpoints"), "{}", incidents[0].words);
    assert!(incidents[0].opened_at >= START + MINUTE * (4 * WEEK_MINUTES), "{}", incidents[0].opened_at);
}

#[test]
fn an_agent_whose_rollout_breaks_programs_is_seen_in_the_recordings() {
    const DAY_MINUTES: u32 = 24 * 60;
    let tracks = (0..120).map(|place| {
        let days = (0..16).map(|day| (day * DAY_MINUTES, day * DAY_MINUTES + 600));
        let (id, mut track) = track(place, days);
        track.steps.push(state("endpoint.agent.version", "1.4.0", START));
        let is_treated = place % 3 == 0;
        if is_treated {
            track.steps.push(state("endpoint.agent.version", "1.5.0", START + MINUTE * (8 * DAY_MINUTES + 30)));
        }
        for day in (if is_treated { 8 } else { 16 })..16 {
            let at = START + MINUTE * (day * DAY_MINUTES + 300);
            let series = "endpoint.app.crash{process.executable.name=word}".parse().expect("a series");
            track.steps.push((at, Step::Event(Event { series, at, fields: BTreeMap::new(), count: 1 })));
        }
        (id, track)
    });
    let Replayed { incidents, .. } = replay(&tracks.collect(), &Catalogue::builtin());
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    assert_eq!(incidents[0].kind, IncidentKind::BadRollout);
    assert_eq!(incidents[0].title, "Endpoints with the agent 1.5.0: programs crash more often since they have it");
    assert_eq!(incidents[0].numbers.sharing, 40);
}

#[test]
fn what_cannot_be_seen_in_a_few_recordings_is_said() {
    let one = replayed(vec![recording(0, Some((10, 40)), 40)]);
    assert!(one.incidents.is_empty() && one.notes[0].contains("give the recordings of others"), "{:?}", one.notes);
    let few = replayed((0..5).map(|place| recording(place, Some((10, 40)), 40)).collect());
    assert!(few.incidents.is_empty() && few.notes[0].contains("tested from 30 on"), "{:?}", few.notes);
}
