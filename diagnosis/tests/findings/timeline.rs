//! A story as everything that an endpoint tells, each at its moment.

use std::time::Duration;

use firstline_diagnosis::registry::SignalKind;
use firstline_diagnosis::vocabulary::{Event, Layout, Mark, Reading, Sample, Series, Timestamp, Unknown, Value, Why};

use super::corpus::quantity::span_ms;
use super::corpus::told::{Told, in_order};
use super::corpus::written::{parsed, spec};
use super::story::{Course, Story, signal};

/// 2026-03-28, 20:00: the night after the next midnight, clocks in Europe are set forward.
pub(crate) const START: Timestamp = Timestamp(1_774_728_000_000);
/// What every machine shows, and no check reads: a sign of life.
const ALIVE: &str = "system.process.count";
/// What is told when it changed is told again after this.
const AGAIN_MS: i64 = 3_600_000;

/// Everything that is told, in order of time, and when it is judged.
#[derive(Debug, Clone)]
pub(crate) struct Timeline {
    pub(crate) os: String,
    pub(crate) told: Vec<(Timestamp, Told)>,
    pub(crate) judged: Vec<Timestamp>,
}

impl Timeline {
    pub(crate) fn of(story: &Story) -> Self {
        let mut told = Vec::new();
        let step_ms = story.step_ms();
        let steps = story.lasts_ms() / step_ms;
        let asleep = asleep(story);
        let is_awake = |ms: &i64| !asleep.iter().any(|(from, to)| from < ms && ms <= to);
        let moments: Vec<i64> = (1..=steps).map(|step| step * step_ms).filter(is_awake).collect();
        for turn in &story.marks {
            told.push((moment(span_ms(&turn.at)), Told::Mark(turn.mark)));
        }
        for (name, why) in &story.absent {
            let unknown = Unknown::new(*why, "the story says so");
            for ms in [0, story.lasts_ms() / 2] {
                told.push((moment(ms), Told::Reading(Reading::unknown(name, [], unknown.clone(), moment(ms)))));
            }
        }
        told.extend(story.happens.iter().flat_map(|happens| happens.told(moment(span_ms(&happens.at)))));
        let (sampled, seldom): (Vec<_>, Vec<_>) =
            story.shows.iter().map(|(series, course)| (parsed(series), course)).partition(|(one, _)| is_sampled(one));
        told.extend(samples(&sampled, &moments, step_ms));
        for (series, course) in &seldom {
            told.extend(readings(series, course, &moments, step_ms));
        }
        let mut timeline = Self { os: story.os().to_owned(), told, judged: moments.into_iter().map(moment).collect() };
        timeline.sort();
        timeline
    }

    /// By time; of one moment marks first, since they say how to read the rest.
    pub(crate) fn sort(&mut self) {
        in_order(&mut self.told);
    }

    pub(crate) fn end(&self) -> Timestamp {
        *self.judged.last().expect("it lasts")
    }

    /// The middle of it, a whole number of steps from its beginning.
    pub(crate) fn middle(&self) -> Timestamp {
        self.judged[self.judged.len() / 2]
    }

    /// The same once more, right behind.
    pub(crate) fn again(&self) -> Self {
        let span = self.end().since(START);
        let later = self.told.iter().map(|(at, told)| (*at + span, told.moved(span)));
        let told = self.told.iter().cloned().chain(later).collect();
        let judged = self.judged.iter().copied().chain(self.judged.iter().map(|at| *at + span)).collect();
        Self { os: self.os.clone(), told, judged }
    }

    /// Everything after `from` comes later by so much.
    pub(crate) fn delayed(&self, from: Timestamp, by: Duration) -> Self {
        let late = |at: Timestamp| if at > from { at + by } else { at };
        let told = self.told.iter().map(
            |(at, told)| {
                if *at > from { (*at + by, told.moved(by)) } else { (*at, told.clone()) }
            },
        );
        Self { os: self.os.clone(), told: told.collect(), judged: self.judged.iter().copied().map(late).collect() }
    }

    /// Everything after `from` is dated earlier by so much: a clock that was set back. What then has the same dates twice
    /// arrives in the order in which it was told.
    pub(crate) fn set_back(&self, from: Timestamp, by: Duration) -> Self {
        let back = |at: Timestamp| if at > from { at - by } else { at };
        let told = self.told.iter().map(
            |(at, told)| {
                if *at > from { (*at - by, told.moved_back(by)) } else { (*at, told.clone()) }
            },
        );
        Self { os: self.os.clone(), told: told.collect(), judged: self.judged.iter().copied().map(back).collect() }
    }

    /// Without a signal; with a reason in its place, when there is one.
    pub(crate) fn without(story: &Story, name: &str, why: Option<Why>) -> Self {
        let mut story = story.clone();
        story.shows.retain(|series, _| signal(series) != name);
        if let Some(why) = why {
            story.happens.retain(|event| signal(&event.event) != name);
            story.absent.insert(name.to_owned(), why);
        }
        Self::of(&story)
    }
}

impl Told {
    fn moved(&self, by: Duration) -> Self {
        self.dated(|at| at + by)
    }

    fn moved_back(&self, by: Duration) -> Self {
        self.dated(|at| at - by)
    }

    fn dated(&self, date: impl Fn(Timestamp) -> Timestamp) -> Self {
        match self {
            Self::Mark(mark) => Self::Mark(*mark),
            Self::Sample(layout, sample) => {
                Self::Sample(layout.clone(), Sample { at: date(sample.at), ..sample.clone() })
            }
            Self::Reading(reading) => Self::Reading(Reading { at: date(reading.at), ..reading.clone() }),
            Self::Event(event) => Self::Event(Event { at: date(event.at), ..event.clone() }),
        }
    }
}

/// From each pause to what ended it: nothing is told in between.
fn asleep(story: &Story) -> Vec<(i64, i64)> {
    let mut asleep: Vec<(i64, i64)> = Vec::new();
    for turn in &story.marks {
        match (turn.mark, asleep.last_mut()) {
            (Mark::Pausing, _) => asleep.push((span_ms(&turn.at), i64::MAX)),
            (_, Some((_, to))) if *to == i64::MAX => *to = span_ms(&turn.at),
            _ => {}
        }
    }
    asleep
}

pub(crate) fn moment(ms: i64) -> Timestamp {
    Timestamp(START.0 + ms)
}

fn is_sampled(series: &Series) -> bool {
    spec(series).is_sampled()
}

fn samples(sampled: &[(Series, &Course)], moments: &[i64], step_ms: i64) -> Vec<(Timestamp, Told)> {
    let all: Vec<Series> = sampled.iter().map(|(series, _)| series.clone()).chain([parsed(ALIVE)]).collect();
    let layout = Layout::new(all);
    let sample = |ms: &i64| {
        let number = |(series, course): &(Series, &Course)| {
            let shown = course.at(&series.to_string(), ms - 1).and_then(|value| value.number());
            let per_step = if spec(series).kind == SignalKind::Counter { step_ms as f64 / 1000.0 } else { 1.0 };
            shown.map_or(f32::NAN, |number| (number * per_step) as f32)
        };
        let values = sampled.iter().map(number).chain([200.0]).collect();
        let step_seconds = u32::try_from(step_ms / 1000).expect("a short step");
        let at = moment(*ms);
        let sample = Sample { at, step_seconds, layout: layout.fingerprint(), values, absences: Vec::new() };
        (at, Told::Sample(layout.clone(), sample))
    };
    moments.iter().map(sample).collect()
}

/// States when they change, and now and then again; slow numbers when they are due. Of slow counters the story tells
/// totals.
fn readings(series: &Series, course: &Course, moments: &[i64], step_ms: i64) -> Vec<(Timestamp, Told)> {
    let text = series.to_string();
    let is_state = spec(series).is_state();
    let due_ms = spec(series).cadence_seconds().map_or(step_ms, |seconds| (seconds * 1000.0) as i64);
    let due_ms = if is_state { AGAIN_MS } else { due_ms }.max(step_ms);
    let mut readings = Vec::new();
    let mut last: Option<(i64, Value)> = None;
    for ms in std::iter::once(0).chain(moments.iter().copied()) {
        let Some(value) = course.at(&text, ms) else { continue };
        let is_due = last.as_ref().is_none_or(|(at, before)| ms - at >= due_ms || (is_state && *before != value));
        if is_due {
            let reading = Reading { series: series.clone(), outcome: Ok(value.clone()), at: moment(ms) };
            readings.push((moment(ms), Told::Reading(reading)));
            last = Some((ms, value));
        }
    }
    readings
}
