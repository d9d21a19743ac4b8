//! From a case to an endpoint's past, and to a snapshot of its last hours.

use std::time::Duration;

use firstline_diagnosis::document::{
    AgentHealth, Os, Quality, Reason, Snapshot, SnapshotEndpoint, SnapshotReading, SnapshotSeries,
};
use firstline_diagnosis::trend::{Past, PastFinding, PastPoint, PastSeries, PastStates};
use firstline_diagnosis::vocabulary::{Attributes, Event, Mark, Series, Timestamp, Value};

use super::case::{Case, Curve};

/// 2026-03-04, a Wednesday, at noon.
pub(crate) const NOW: Timestamp = Timestamp(1_772_625_600_000);
/// What a snapshot holds of a series.
const RECENT: Duration = Duration::from_hours(2);

/// `14d`, `90m`, `30s`, `6h`.
fn span(text: &str) -> Duration {
    let (number, unit) = text.split_at(text.len() - 1);
    let number: f64 = number.parse().unwrap_or_else(|_| panic!("{text:?} is no time"));
    let seconds = match unit {
        "d" => 86_400.0,
        "h" => 3600.0,
        "m" => 60.0,
        "s" => 1.0,
        _ => panic!("{text:?} has no unit"),
    };
    Duration::from_secs_f64(number * seconds)
}

fn ago(text: &str) -> Timestamp {
    NOW - span(text)
}

fn series(text: &str) -> Series {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Always the same numbers, from -1 to 1.
struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

/// The numbers of a curve, each at the end of its step.
fn numbers(curve: &Curve) -> Vec<(Timestamp, f64)> {
    if !curve.numbers.is_empty() {
        return curve.numbers.iter().map(|(at, number)| (ago(at), *number)).collect();
    }
    let (from, every) = (ago(&curve.from), span(&curve.every));
    let to = if curve.to.is_empty() { NOW } else { ago(&curve.to) };
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let (mut at, mut numbers) = (from + every, Vec::new());
    while at <= to {
        let noise = dice.throw() * curve.noise;
        let is_missing = curve.gap.iter().any(|(from, to)| ago(from) < at && at <= ago(to));
        if !is_missing {
            numbers.push((at, level(curve, from, at) + noise));
        }
        at = at + every;
    }
    numbers
}

fn level(curve: &Curve, from: Timestamp, at: Timestamp) -> f64 {
    let until = curve.level_from.as_ref().map_or(at, |level| at.min(ago(level)));
    let days = until.seconds_since(from) / 86_400.0;
    let jumps: f64 = curve.jump.iter().filter(|(since, _)| ago(since) < at).map(|(_, by)| by).sum();
    let saw = curve
        .saw
        .as_ref()
        .map_or(0.0, |(period, height)| -height * (at.seconds_since(from) / span(period).as_secs_f64()).fract());
    curve.start + curve.daily * days + jumps + saw
}

pub(crate) fn of(check: &str, case: &Case) -> Past {
    let steps = |curve: &Curve| {
        let step_ms = span(&curve.every).as_millis() as i64;
        let points = numbers(curve).into_iter().map(|(at, number)| PastPoint::of(at, step_ms, number as f32));
        // A minute's number stands for as many readings as it has minutes.
        let points = points.map(|point| PastPoint { count: step_ms as f32 / 60_000.0, ..point });
        PastSeries { series: series(&curve.of), points: points.collect() }
    };
    let mut events: Vec<Event> = Vec::new();
    for happened in &case.event {
        let event = |at: &String| Event {
            series: series(&happened.of),
            at: ago(at),
            fields: std::collections::BTreeMap::default(),
            count: 1,
        };
        events.extend(happened.ago.iter().map(event));
    }
    events.sort_by_key(|event| event.at);
    let stood = |(from, to): &(String, String)| PastFinding {
        check: check.to_owned(),
        instance: String::new(),
        from: ago(from),
        to: Some(ago(to)),
    };
    let mark = |name: &str| Mark::ALL.into_iter().find(|mark| mark.name() == name).expect("a mark");
    Past {
        since: case.known.as_deref().map(ago),
        series: case.series.iter().map(steps).collect(),
        states: case.state.iter().map(states).collect(),
        events,
        stood: case.stood.iter().map(stood).collect(),
        marks: case.mark.iter().map(|(name, at)| (ago(at), mark(name))).collect(),
        ..Past::default()
    }
}

fn states(curve: &Curve) -> PastStates {
    let mut values: Vec<(Timestamp, Value)> = match &curve.word {
        Some(word) => vec![(ago(&curve.from), word.as_str().into())],
        None if !curve.words.is_empty() => {
            curve.words.iter().map(|(at, word)| (ago(at), word.as_str().into())).collect()
        }
        None => numbers(curve).into_iter().map(|(at, number)| (at, Value::Number(number))).collect(),
    };
    values.dedup_by(|later, kept| later.1 == kept.1);
    PastStates { series: series(&curve.of), values }
}

/// The last hours of a past, as a machine would send them for a ticket.
pub(crate) fn snapshot(case: &Case, past: &Past) -> Snapshot {
    let recent = |known: &PastSeries| {
        let last: Vec<&PastPoint> = known.points.iter().filter(|point| point.at > NOW - RECENT).collect();
        let minutes = (1..=RECENT.as_secs() as i64 / 60).map(|minute| {
            let at = Timestamp((NOW - RECENT).0 + minute * 60_000);
            last.iter().rev().find(|point| point.at.0 - point.step_ms < at.0 && at <= point.at).map(|point| point.mean)
        });
        SnapshotSeries {
            signal: known.series.signal.to_string(),
            attrs: known.series.attributes.clone(),
            start: NOW - RECENT,
            step_seconds: 60,
            values: minutes.collect(),
        }
    };
    let readings = past.states.iter().filter_map(|known| Some((known, known.values.last()?)));
    let reading = |(known, (at, value)): (&PastStates, &(Timestamp, Value))| SnapshotReading {
        signal: known.series.signal.to_string(),
        attrs: known.series.attributes.clone(),
        value: Some(value.clone()),
        unit: String::new(),
        quality: Quality::Ok,
        why: None,
        detail: String::new(),
        at: *at,
    };
    Snapshot {
        id: case.name.clone(),
        endpoint: SnapshotEndpoint {
            id: "e1".to_owned(),
            name: "desk-1".to_owned(),
            os: Os { os_type: "linux".to_owned(), ..Os::default() },
            users: Vec::new(),
            uptime_seconds: 0,
            boot_id: String::new(),
        },
        taken_at: NOW,
        reason: Reason::Ticket,
        ticket: None,
        schema: 1,
        catalogue: String::new(),
        readings: readings.map(reading).collect(),
        series: past.series.iter().map(recent).chain([alive()]).collect(),
        events: Vec::new(),
        marks: Vec::new(),
        changes: Vec::new(),
        agent: AgentHealth::default(),
        signature: None,
    }
}

/// That the machine was there all the time.
fn alive() -> SnapshotSeries {
    SnapshotSeries {
        signal: "system.process.count".to_owned(),
        attrs: Attributes::none(),
        start: NOW - RECENT,
        step_seconds: 60,
        values: vec![Some(300.0); RECENT.as_secs() as usize / 60],
    }
}
