use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::line::{Line, Told};
use super::placed::Placed;
use super::player::{Moved, Player};
use super::track::{Step, Track, wanted};
use crate::catalogue::Catalogue;
use crate::detector::{Detector, Transition};
use crate::document::{Diagnosis, Finding};
use crate::registry::{Refused, Registry, SignalKind, ValueType};
use crate::vocabulary::{Event, Reading, Timestamp, Value};

/// Endpoints of one recording, and notes about it.
const ENDPOINTS_MAX: usize = 10_000;
const NOTES_MAX: usize = 20;

/// Why a line cannot be read. Nothing of it was taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Fault(String);

/// What a recording amounts to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Replayed {
    /// Every move of a check, in order of time, then of endpoint.
    pub timeline: Vec<Moved>,
    /// What is wrong with each endpoint at the end.
    pub diagnosis: BTreeMap<String, Diagnosis>,
    /// What was passed over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A replay that is fed line by line.
#[derive(Debug)]
pub struct Replay {
    catalogue: Arc<Catalogue>,
    until: Option<Timestamp>,
    endpoints: BTreeMap<String, Played>,
    timeline: Vec<Moved>,
    notes: BTreeSet<String>,
    end: Option<Timestamp>,
    /// States and events that are kept of each endpoint, when somebody looks at many; nothing when nobody does.
    shared: Option<BTreeSet<String>>,
}

#[derive(Debug)]
struct Played {
    player: Player,
    placed: Placed,
    track: Track,
}

impl Replay {
    /// A replay up to `until`, or to the last line.
    pub fn new(catalogue: Arc<Catalogue>, until: Option<Timestamp>) -> Self {
        let (endpoints, timeline, notes) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
        Self { catalogue, until, endpoints, timeline, notes, end: None, shared: None }
    }

    /// The same, which also keeps what endpoints may have in common: the states and events of these signals.
    pub fn sharing(mut self, signals: BTreeSet<String>) -> Self {
        self.shared = Some(signals);
        self
    }

    /// Takes the next line. Empty lines say nothing.
    ///
    /// # Errors
    /// When it is no line of a recording; what is wrong with it, without its number.
    pub fn line(&mut self, text: &str) -> Result<(), Fault> {
        if text.trim().is_empty() {
            return Ok(());
        }
        let line: Line = serde_json::from_str(text).map_err(|error| Fault(said(&error)))?;
        match line {
            Line::Endpoint { endpoint, os, name, since, attrs } => {
                let track = Track::new(&endpoint, &os, &name, attrs);
                self.endpoint(endpoint, &os, since, track)
            }
            Line::Sample(told) | Line::Inventory(told) => self.told(&told, give_reading),
            Line::Event(told) => self.told(&told, |told, at, detector| Ok(give_event(told, at, detector))),
            Line::Beat(told) => self.told(&told, |told, at, detector| {
                // A beat without a turn says no more than that somebody is there.
                if let Some(mark) = told.mark {
                    detector.mark(at, mark);
                }
                Ok(Ok(()))
            }),
        }
    }

    /// Lets the clock go on to the end, and says what came of it.
    pub fn finish(self, symptom: Option<&str>) -> Replayed {
        self.finish_shared(symptom).0
    }

    /// The same, with what was kept of each endpoint, by id.
    pub fn finish_shared(mut self, symptom: Option<&str>) -> (Replayed, BTreeMap<String, Track>) {
        let Some(end) = self.until.or(self.end) else {
            let nothing = Replayed { timeline: Vec::new(), diagnosis: BTreeMap::new(), notes: self.notes() };
            return (nothing, BTreeMap::new());
        };
        let (mut diagnosis, keeps) = (BTreeMap::new(), self.shared.is_some());
        for (name, played) in &mut self.endpoints {
            let Played { player, track, .. } = played;
            let timeline = &mut self.timeline;
            player.finish(end, &mut |moved| timeline.push(noted(name, moved, keeps, track)));
            track.settle();
            diagnosis.extend(player.diagnose(symptom).map(|found| (name.clone(), found)));
        }
        // Each endpoint has a clock of its own; stable, so that moves of one moment stay in their order.
        self.timeline.sort_by(|one, other| (one.at, &one.endpoint).cmp(&(other.at, &other.endpoint)));
        let notes = self.notes();
        let tracks = self.endpoints.into_iter().map(|(name, played)| (name, played.track)).collect();
        (Replayed { timeline: self.timeline, diagnosis, notes }, tracks)
    }

    fn notes(&self) -> Vec<String> {
        let more = self.notes.len().saturating_sub(NOTES_MAX);
        let rest = (more > 0).then(|| format!("And {more} more kinds of lines were passed over."));
        self.notes.iter().take(NOTES_MAX).cloned().chain(rest).collect()
    }

    fn endpoint(&mut self, endpoint: String, os: &str, since: Option<Timestamp>, track: Track) -> Result<(), Fault> {
        if self.endpoints.contains_key(&endpoint) {
            return Err(Fault(format!("endpoint {endpoint} is declared twice")));
        }
        if self.endpoints.len() >= ENDPOINTS_MAX {
            return Err(Fault(format!("a recording holds at most {ENDPOINTS_MAX} endpoints")));
        }
        let os = if os == "macos" { "darwin" } else { os };
        if !["linux", "windows", "darwin", ""].contains(&os) {
            return Err(Fault(format!("os {os:?} is none of linux, windows, darwin")));
        }
        let mut player = Player::new(Arc::clone(&self.catalogue), os).with_diary();
        if let Some(since) = since {
            player.tell(|detector| detector.watched_since(since));
        }
        self.endpoints.insert(endpoint, Played { player, placed: Placed::default(), track });
        Ok(())
    }

    fn told(
        &mut self,
        told: &Told,
        give: impl FnOnce(&Told, Timestamp, &mut Detector) -> Result<Result<(), Refused>, Fault>,
    ) -> Result<(), Fault> {
        let Some(played) = self.endpoints.get_mut(&told.endpoint) else {
            return Err(Fault(format!("endpoint {} has no line of its own before this one", told.endpoint)));
        };
        let (at, turns) = played.placed.line(told);
        if self.until.is_some_and(|until| at > until) {
            return Ok(());
        }
        self.end = self.end.max(Some(at));
        let (timeline, mut taken) = (&mut self.timeline, Ok(Ok(())));
        let Played { player, track, .. } = played;
        let keeps = self.shared.is_some();
        player.advance(at, &mut |moved| timeline.push(noted(&told.endpoint, moved, keeps, track)));
        if let Some(signals) = &self.shared {
            track.heard(at);
            for turn in turns.iter().copied().chain(told.mark) {
                track.step(at, Step::Mark(turn));
            }
            if let Some(step) = shared(told, at, signals) {
                track.step(at, step);
            }
        }
        player.tell(|detector| {
            for turn in turns.into_iter().filter(|turn| Some(*turn) != told.mark) {
                detector.mark(at, turn);
            }
            taken = give(told, at, detector);
        });
        if let Err(refused) = taken? {
            self.notes.insert(format!("Passed over: {refused}{}.", hint(&refused)));
        }
        Ok(())
    }
}

/// A move for the timeline, and for those who look at many endpoints.
fn noted(endpoint: &str, moved: Transition, keeps: bool, track: &mut Track) -> Moved {
    if keeps {
        let finding = Finding {
            id: moved.check.clone(),
            instance: moved.instance.clone(),
            state: moved.to,
            ..moved.finding.clone()
        };
        track.step(moved.at, Step::Finding(Box::new(finding)));
    }
    Moved::of(endpoint, moved)
}

/// What others may have in common with it, when the line says such a thing.
fn shared(told: &Told, at: Timestamp, signals: &BTreeSet<String>) -> Option<Step> {
    if !wanted(signals, told) {
        return None;
    }
    let series = told.series();
    if Registry::builtin().get(&told.signal).is_some_and(|spec| spec.kind == SignalKind::Event) {
        let (fields, count) = (told.fields.clone(), told.count.unwrap_or(1));
        return Some(Step::Event(Event { series, at, fields, count }));
    }
    Some(Step::State(Reading { series, outcome: told.outcome()?, at }))
}

fn hint(refused: &Refused) -> String {
    let Refused::Signal(name) = refused else { return String::new() };
    Registry::builtin().nearest(name).map_or_else(String::new, |near| format!("; did you mean {near}?"))
}

/// What serde says, without the place in the line, which is one line.
fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(what, _)| what.to_owned())
}

fn give_reading(told: &Told, at: Timestamp, detector: &mut Detector) -> Result<Result<(), Refused>, Fault> {
    let outcome = told.outcome().ok_or_else(|| Fault("there is neither a value nor a reason (why)".to_owned()))?;
    let series = told.series();
    let outcome = outcome.map(|value| typed(&series.signal, value));
    let reading = Reading { series, outcome, at };
    if let Err(refused) = Registry::builtin().admit(&reading) {
        return Ok(Err(refused));
    }
    match (told.step_seconds, &reading.outcome) {
        (Some(seconds), Ok(value)) if value.number().is_some() => {
            let number = value.number().unwrap_or(f64::NAN) as f32;
            detector.number(&reading.series, at, i64::from(seconds.max(1)) * 1000, number);
        }
        _ => detector.reading(&reading),
    }
    Ok(Ok(()))
}

/// Samples hold flags as numbers.
fn typed(signal: &str, value: Value) -> Value {
    match (Registry::builtin().get(signal).map(|spec| spec.value), value) {
        (Some(ValueType::Flag), Value::Number(number)) => Value::Flag(number != 0.0),
        (_, value) => value,
    }
}

fn give_event(told: &Told, at: Timestamp, detector: &mut Detector) -> Result<(), Refused> {
    let event = Event { series: told.series(), at, fields: told.fields.clone(), count: told.count.unwrap_or(1) };
    let admitted = Registry::builtin().admit(&event);
    if admitted.is_ok() {
        detector.event(&event);
    }
    admitted
}
