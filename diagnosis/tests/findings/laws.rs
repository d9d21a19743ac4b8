//! What must hold whatever the check: laws that are tried on every story in which a check fires.

use std::collections::BTreeSet;
use std::time::Duration;

use firstline_diagnosis::catalogue::Catalogue;
use firstline_diagnosis::diagnose;
use firstline_diagnosis::document::{FindingState, Snapshot};
use firstline_diagnosis::registry::SignalKind;
use firstline_diagnosis::vocabulary::{Mark, Timestamp, Value, Why};
use serde_json::json;

use super::corpus::told::Told;
use super::corpus::written::{parsed, spec};
use super::machine::{Machine, Verdict};
use super::story::{Story, signal};
use super::timeline::{START, Timeline};
use super::{assert_none, firing, stories};

/// Series that a healthy machine shows beside whatever is wrong with it.
const HEALTHY: &str = r#"
[shows]
'hw.fan.speed{hw.id=healthy,sensor=fan1}' = 2000
'endpoint.agent.memory' = "9 MiB"
'endpoint.printer.default{printer=healthy}' = true
'host.name' = "healthy"
'endpoint.wifi.rssi{network.interface.name=wlan9}' = -50
"#;

fn of(story: &Story) -> Verdict {
    Machine::lives(&Timeline::of(story)).verdict(&story.check)
}

/// A fault unless the check fires there as well. How bad it is may differ: what is told twice happened twice.
fn fires(story: &Story, what: &str, timeline: &Timeline) -> Option<String> {
    match Machine::lives(timeline).verdict(&story.check) {
        Verdict::Fires(_) => None,
        other => Some(format!("{} {what}: {other:?}", story.path())),
    }
}

#[test]
fn what_cannot_be_seen_is_never_fine() {
    assert_none(firing().iter().flat_map(|story| {
        let shown: BTreeSet<&str> = story.shows.keys().map(|series| signal(series)).collect();
        let happened: BTreeSet<&str> = story.happens.iter().map(|event| signal(&event.event)).collect();
        // That an event does not arrive says that it did not happen; that it cannot be read is told.
        let nothing = shown.iter().map(|name| (*name, None));
        let told = shown.iter().chain(&happened).map(|name| (*name, Some(Why::NoPermission)));
        let missing: Vec<_> = nothing.chain(told).collect();
        missing.into_iter().filter_map(|(name, why)| {
            match Machine::lives(&Timeline::without(story, name, why)).verdict(&story.check) {
                // An excuse is said as one: nobody reads it as "all is well".
                Verdict::Fine(said) if said.contains("Excused: ") => None,
                Verdict::Fine(said) => Some(format!("{} without {name} ({why:?}) is fine: {said}", story.path())),
                _ => None,
            }
        })
    }));
}

#[test]
fn at_its_threshold_it_does_not_spam() {
    let below = stories("below");
    assert_none(firing().iter().flat_map(|story| {
        let others: Vec<&Story> = below.iter().filter(|other| other.check == story.check).collect();
        others.into_iter().filter_map(|other| {
            let mut machine = Machine::lives(&Timeline::alternating(story, other));
            let raised = machine.moves.iter().filter(|one| {
                one.check == story.check && one.to == FindingState::Active && one.from != FindingState::Recovering
            });
            let raised: Vec<Timestamp> =
                raised.filter(|one| one.from != FindingState::Stale).map(|one| one.at).collect();
            machine.finding(&story.check);
            // Once, and three times more within a day; then it stays and says that it comes and goes.
            let day = Duration::from_hours(24);
            let most =
                raised.iter().map(|at| raised.iter().filter(|other| *other >= at && other.since(*at) < day).count());
            let spams = most.max().unwrap_or(0) > 4 || machine.most_at_once > 1;
            spams.then(|| format!("{} against {}: raised {raised:?}", story.path(), other.path()))
        })
    }));
}

#[test]
fn a_clock_that_jumps_does_not_hide_it() {
    assert_none(firing().iter().flat_map(|story| {
        let twice = Timeline::of(story).again();
        let hour = Duration::from_hours(1);
        let summer = Timeline::of(story).delayed(START - hour, Duration::from_hours(24 * 90));
        [
            fires(story, "with a clock set forward", &twice.delayed(twice.middle(), hour)),
            fires(story, "with a clock set back", &twice.set_back(twice.middle(), hour)),
            fires(story, "in another season", &summer),
        ]
        .into_iter()
        .flatten()
    }));
}

#[test]
fn a_sleep_in_between_does_not_hide_it() {
    assert_none(firing().iter().filter_map(|story| {
        let night = Duration::from_hours(9);
        let twice = Timeline::of(story).again();
        let middle = twice.middle();
        let mut timeline = twice.delayed(middle, night);
        timeline.told.push((middle, Told::Mark(Mark::Pausing)));
        timeline.told.push((middle + night, Told::Mark(Mark::Resumed)));
        timeline.sort();
        fires(story, "with a sleep", &timeline)
    }));
}

#[test]
fn a_counter_that_begins_anew_does_not_hide_it() {
    assert_none(firing().iter().filter_map(|story| {
        let mut timeline = Timeline::of(story);
        let quarter = timeline.judged[timeline.judged.len() / 4];
        timeline.begin_counters_anew(quarter);
        fires(story, "with counters that begin anew", &timeline)
    }));
}

#[test]
fn the_order_of_arrival_within_ten_minutes_says_nothing() {
    assert_none(firing().iter().filter_map(|story| {
        let mut timeline = Timeline::of(story);
        let block = |at: Timestamp| (at.since(START).as_millis().saturating_sub(1)) / 600_000;
        let last = timeline.end();
        let ends = timeline.judged.windows(2).filter(|pair| block(pair[0]) != block(pair[1])).map(|pair| pair[0]);
        timeline.judged = ends.chain([last]).collect();
        let in_order = Machine::lives(&timeline).finding(&story.check);
        let mut number = 7_u64;
        timeline.told.sort_by_cached_key(|(at, told)| {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Turns say how to read the rest; they are told at once.
            (block(*at), !matches!(told, Told::Mark(_)), number >> 33)
        });
        let permuted = Machine::lives(&timeline).finding(&story.check);
        let told = |finding: &Option<firstline_diagnosis::document::Finding>| {
            finding.as_ref().map(|one| (one.state, one.severity, one.instance.clone()))
        };
        (told(&in_order) != told(&permuted)).then(|| format!("{}: {in_order:?}\n{permuted:?}", story.path()))
    }));
}

#[test]
fn healthy_signals_beside_it_change_nothing() {
    let healthy: Story = toml::from_str(HEALTHY).expect("a story");
    let catalogue = Catalogue::builtin();
    assert_none(firing().iter().filter_map(|story| {
        let read = &catalogue.check(&story.check)?.signals;
        let mut beside = story.clone();
        let unrelated = healthy.shows.iter().filter(|(series, _)| !read.iter().any(|one| one == signal(series)));
        beside.shows.extend(unrelated.map(|(series, course)| (series.clone(), course.clone())));
        let (alone, beside) = (of(story), of(&beside));
        (alone != beside).then(|| format!("{}: {alone:?}\n{beside:?}", story.path()))
    }));
}

#[test]
fn the_same_snapshot_gives_the_same_bytes() {
    assert_none(firing().iter().filter_map(|story| {
        let snapshot = snapshot(&Timeline::of(story));
        let answer = || {
            let diagnosis = diagnose(&Catalogue::builtin(), &snapshot, None);
            serde_json::to_string(&diagnosis).expect("a document")
        };
        let (one, two) = (answer(), answer());
        let is_short = story.lasts_ms() <= 24 * 3_600_000;
        let finds = one.contains(&format!("\"id\":\"{}\"", story.check));
        let fault = if one == two { "is not found in a snapshot" } else { "gives other bytes" };
        (one != two || (is_short && !finds)).then(|| format!("{} {fault}: {one}", story.path()))
    }));
}

/// Everything that a timeline tells, as one document.
fn snapshot(timeline: &Timeline) -> Snapshot {
    let (mut series, mut readings, mut events, mut marks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (at, told) in &timeline.told {
        match told {
            Told::Mark(mark) => marks.push(json!([at, mark])),
            Told::Event(event) => events.push(json!(event)),
            Told::Reading(reading) => {
                let value = reading.outcome.as_ref().ok();
                let why = reading.outcome.as_ref().err().map(|unknown| unknown.why);
                readings.push(json!({
                    "signal": &*reading.series.signal, "attrs": reading.series.attributes, "value": value, "unit": "",
                    "quality": if value.is_some() { "ok" } else { "unknown" }, "why": why, "detail": "", "at": reading.at,
                }));
            }
            Told::Sample(layout, sample) => {
                let step = Duration::from_secs(u64::from(sample.step_seconds));
                for (one, value) in layout.series().iter().zip(&sample.values).filter(|(_, value)| value.is_finite()) {
                    series.push(json!({
                        "signal": &*one.signal, "attrs": one.attributes, "start": sample.at - step,
                        "step_seconds": sample.step_seconds, "values": [value],
                    }));
                }
            }
        }
    }
    let os = json!({ "type": timeline.os, "name": "", "version": "", "build_id": "" });
    let endpoint =
        json!({ "id": "e1", "name": "desk-7", "os": os, "users": [], "uptime_seconds": 100_000, "boot_id": "b1" });
    let document = json!({
        "id": "s1", "endpoint": endpoint, "taken_at": timeline.end(), "reason": "pull", "ticket": null, "schema": 1,
        "catalogue": "", "readings": readings, "series": series, "events": events, "marks": marks, "changes": [],
        "agent": {
            "version": "", "cpu_ratio": null, "memory_bytes": null, "spool_records": null, "spool_bytes": null,
            "dropped_records": 0, "failing_probes": [],
        },
        "signature": null,
    });
    serde_json::from_value(document).expect("a snapshot")
}

impl Timeline {
    /// Two stories in turns, a step of the one and a step of the other.
    fn alternating(one: &Story, other: &Story) -> Self {
        let mut timeline = Self::of(one);
        let other = Self::of(other);
        let is_others = |at: &Timestamp| (at.since(START).as_millis() as i64 / one.step_ms()) % 2 == 1;
        let seldom = |told: &Told| matches!(told, Told::Reading(_));
        timeline.told.retain(|(at, told)| matches!(told, Told::Event(_) | Told::Mark(_)) || !is_others(at));
        let mine: Vec<_> = other.told.iter().filter(|(at, told)| is_others(at) && !seldom(told)).cloned().collect();
        timeline.told.extend(mine);
        timeline.tell_states_in_turns(one, &other);
        timeline.sort();
        timeline
    }

    /// States and slow numbers are told when they change: here that is at every step.
    fn tell_states_in_turns(&mut self, story: &Story, other: &Self) {
        let last = |told: &[(Timestamp, Told)]| {
            let mut last = std::collections::BTreeMap::new();
            for (_, told) in told {
                if let Told::Reading(reading) = told {
                    last.insert(reading.series.clone(), reading.clone());
                }
            }
            last
        };
        let (mine, others) = (last(&Self::of(story).told), last(&other.told));
        for (index, at) in self.judged.clone().into_iter().enumerate() {
            let turn = if index % 2 == 0 { &mine } else { &others };
            for reading in turn.values().filter(|reading| spec(&reading.series).kind != SignalKind::Counter) {
                let mut reading = reading.clone();
                reading.at = at;
                self.told.push((at, Told::Reading(reading)));
            }
        }
    }

    /// From `from` on, totals count from zero; increments of the step in which they fell cannot be told.
    fn begin_counters_anew(&mut self, from: Timestamp) {
        let is_counter = |series: &str| spec(&parsed(series)).kind == SignalKind::Counter;
        let mut totals = std::collections::BTreeMap::new();
        for (at, told) in &mut self.told {
            match told {
                Told::Reading(reading) if spec(&reading.series).kind == SignalKind::Counter => {
                    let Ok(Value::Number(total)) = &mut reading.outcome else { continue };
                    if *at <= from {
                        totals.insert(reading.series.clone(), *total);
                    } else {
                        *total -= totals.get(&reading.series).copied().unwrap_or(0.0);
                    }
                }
                Told::Sample(layout, sample) if *at == from => {
                    for (series, value) in layout.series().iter().zip(&mut sample.values) {
                        if is_counter(&series.to_string()) {
                            *value = f32::NAN;
                        }
                    }
                }
                _ => {}
            }
        }
    }
}
