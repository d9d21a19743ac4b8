//! A snapshot through the detector, on a virtual clock.

mod around;
mod beginning;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::catalogue::Catalogue;
use crate::change;
use crate::detector::{Detector, Host};
use crate::document::{Diagnosis, Finding, Quality, Snapshot, SnapshotReading};
use crate::order::Arrange as _;
use crate::registry::{Registry, SignalKind, Tier};
use crate::stated::Stated;
use crate::trend::{self, Outlook, Past};
use crate::vocabulary::{Attributes, Event, Mark, Reading, Series, Timestamp, Unknown, Why};

use around::{Look, Spells};

/// No reading older than this is replayed.
const REACH: Duration = Duration::from_hours(48);
/// What happened is told from further back: there is little of it, and windows of weeks count it.
const EVENT_REACH: Duration = Duration::from_hours(31 * 24);
/// How finely the virtual clock steps: the last stretch of this length in steps of this length, then the one before it.
/// History older than an hour comes in steps of five minutes itself.
const STEPS: [(Duration, Duration); 2] =
    [(Duration::from_mins(15), Duration::from_secs(15)), (Duration::from_hours(1), Duration::from_mins(1))];
const COARSE_STEP: Duration = Duration::from_mins(5);

/// Methods are asked so long before the end, and again and again until it: as long as a rise must last.
const FORESIGHT: Duration = Duration::from_mins(30);
const FORESIGHT_STEP: Duration = Duration::from_mins(15);

/// Diagnoses a snapshot: its series, marks and events go through the same detector as live data, on a virtual clock.
/// The same snapshot and the same catalogue give the same bytes.
pub fn diagnose(catalogue: &Arc<Catalogue>, snapshot: &Snapshot, symptom: Option<&str>) -> Diagnosis {
    diagnose_with(catalogue, snapshot, &Question { symptom, ..Question::default() }, &Foresight::default())
}

/// What somebody wants to know of a snapshot.
#[derive(Debug, Clone, Copy, Default)]
pub struct Question<'a> {
    /// What the person complains of: free words of a ticket, or a symptom's id.
    pub symptom: Option<&'a str>,
    /// The moment that they name.
    pub around: Option<&'a Stated>,
    /// An earlier answer, to say what became of its findings: somebody tried to help since.
    pub before: Option<&'a Diagnosis>,
}

/// What is known of an endpoint beside its snapshot.
#[derive(Debug, Clone, Default)]
pub struct Foresight {
    /// What methods said over a longer past than a snapshot has.
    pub outlooks: Vec<Outlook>,
    /// Findings of theirs that stood when it was taken.
    pub standing: Vec<Finding>,
    /// What was raised while it happened, with when it was over: the snapshot may not remember it.
    pub raised: Vec<Finding>,
    /// What a directory says of the account of the person whose ticket it is.
    pub account: Vec<Reading>,
}

/// Answers all of a question, with what is known of the endpoint beside its snapshot.
pub fn diagnose_with(
    catalogue: &Arc<Catalogue>,
    snapshot: &Snapshot,
    question: &Question<'_>,
    foresight: &Foresight,
) -> Diagnosis {
    let Question { symptom, around, before } = *question;
    let end = snapshot.taken_at;
    let look = around.map(|stated| Look::around(stated, end));
    let (detector, spells) = replayed(catalogue, snapshot, foresight, look);
    let mut diagnosis = match before {
        Some(before) => detector.diagnose_again(symptom, before, end),
        None => detector.diagnose(symptom, end),
    };
    beginning::bound(&mut diagnosis, snapshot);
    diagnosis.notes.splice(0..0, health_notes(snapshot));
    let symptom = symptom.and_then(|symptom| catalogue.symptom(symptom));
    let spells = spells.and(&foresight.raised);
    diagnosis.around = around.map(|stated| around::account(catalogue, snapshot, symptom, stated, spells));
    diagnosis.changes = change::account(&diagnosis, &change::Past::of(snapshot));
    diagnosis
}

/// A detector that has seen all of the snapshot, and what held on the way.
fn replayed(
    catalogue: &Arc<Catalogue>,
    snapshot: &Snapshot,
    foresight: &Foresight,
    look: Option<Look>,
) -> (Detector, Spells) {
    let end = snapshot.taken_at;
    let items = items(snapshot, &foresight.account, end);
    let start = items.iter().map(|item| item.at).find(|at| *at >= end - REACH).unwrap_or(end);
    let host = Host { os_type: snapshot.endpoint.os.os_type.clone() };
    let mut detector = Detector::new(Arc::clone(catalogue), host);
    if let Some(first) = items.first() {
        detector.watched_since(first.at);
    }
    for fact in facts(snapshot) {
        detector.reading(&Reading { at: fact.at.min(start), ..fact });
    }
    let past = Past::of_snapshot(snapshot);
    let mut spells = Spells::default();
    let fine = look.map(Look::fine);
    let mut foreseen = end - FORESIGHT;
    let mut items = items.into_iter().peekable();
    while let Some(item) = items.next_if(|item| item.at < start) {
        let at = item.at;
        item.give(&mut detector);
        detector.evaluate(at);
    }
    let mut now = start;
    loop {
        while let Some(item) = items.next_if(|item| item.at <= now) {
            item.give(&mut detector);
        }
        if now >= foreseen {
            foresee(&mut detector, catalogue, &past, &foresight.outlooks, now);
            if foreseen <= end - FORESIGHT {
                let forecasts = foresight.standing.iter().filter(|finding| finding.forecast.is_some());
                forecasts.for_each(|finding| detector.recall(finding));
            }
            foreseen = now + FORESIGHT_STEP;
        }
        spells.note(detector.evaluate(now));
        if now >= end {
            break;
        }
        now = next(now, end, fine);
    }
    (detector, spells)
}

/// Tells the detector what methods say now: over the longer past where that says anything, else over the snapshot's own.
fn foresee(detector: &mut Detector, catalogue: &Catalogue, past: &Past, outlooks: &[Outlook], now: Timestamp) {
    for check in catalogue.checks().iter().filter(|check| check.method.is_some()) {
        let longer = outlooks.iter().find(|outlook| outlook.check == check.id);
        let own = || trend::outlook(check, past, now);
        let outlook = match longer {
            Some(longer) if !longer.found.is_empty() => Some(longer.clone()),
            Some(longer) => own().filter(|own| !own.found.is_empty()).or_else(|| Some(longer.clone())),
            None => own(),
        };
        if let Some(outlook) = outlook {
            detector.foresee(&outlook);
        }
    }
}

/// The next moment to judge. A finer stretch begins exactly where it should, however the coarse steps fall; `fine` is one
/// more of them.
fn next(now: Timestamp, end: Timestamp, fine: Option<(Timestamp, Timestamp)>) -> Timestamp {
    let left = end.since(now);
    let step = STEPS.iter().find(|(stretch, _)| left <= *stretch).map_or(COARSE_STEP, |(_, step)| *step);
    let is_fine = |(from, until): &(Timestamp, Timestamp)| now >= *from && now < *until;
    let step = fine.filter(is_fine).map_or(step, |_| step.min(around::STEP));
    let borders = STEPS.iter().map(|(stretch, _)| end - *stretch).chain(fine.map(|(from, _)| from));
    borders.filter(|border| *border > now).chain([end, now + step]).min().unwrap_or(end)
}

/// Something that a snapshot holds, at its moment.
struct Item<'a> {
    at: Timestamp,
    what: What<'a>,
}

enum What<'a> {
    Mark(Mark),
    Number { series: Arc<Series>, step_ms: i64, value: f32 },
    Event(&'a Event),
    Reading(Reading),
}

impl Item<'_> {
    fn give(self, detector: &mut Detector) {
        match self.what {
            What::Mark(mark) => detector.mark(self.at, mark),
            What::Number { series, step_ms, value } => detector.number(&series, self.at, step_ms, value),
            What::Event(event) => detector.event(event),
            What::Reading(reading) => detector.reading(&reading),
        }
    }
}

/// Everything that has its moment, within reach, oldest first, with what is known of an `account`. Marks come first, so that
/// a wake is known before its readings.
fn items<'a>(snapshot: &'a Snapshot, account: &[Reading], end: Timestamp) -> Vec<Item<'a>> {
    let earliest = end - REACH;
    let within = |at: Timestamp| at >= earliest && at <= end;
    let mut items: Vec<Item> =
        snapshot.marks.iter().map(|(at, mark)| Item { at: *at, what: What::Mark(*mark) }).collect();
    let read_afresh = read_afresh(snapshot);
    for history in &snapshot.series {
        let series = Arc::new(Series { signal: Arc::from(history.signal.as_str()), attributes: history.attrs.clone() });
        let step_ms = i64::from(history.step_seconds.max(1)) * 1000;
        let newest = read_afresh.get(&(history.signal.as_str(), &history.attrs)).copied();
        items.extend(history.points().map(|(at, value)| {
            let value = value as f32;
            let at = newest.map_or(at, |newest| before(newest, at, step_ms));
            Item { at, what: What::Number { series: Arc::clone(&series), step_ms, value } }
        }));
    }
    items.extend(snapshot.events.iter().map(|event| Item { at: event.at, what: What::Event(event) }));
    let is_told = |item: &Item| match item.what {
        What::Event(_) => item.at >= end - EVENT_REACH && item.at <= end,
        _ => within(item.at),
    };
    items.retain(is_told);
    for reading in snapshot.readings.iter().filter(|reading| !is_fact(reading)) {
        let reading = reading_of(reading, end);
        items.push(Item { at: reading.at.max(earliest), what: What::Reading(reading) });
    }
    items.extend(account.iter().map(|reading| {
        let at = reading.at.min(end).max(earliest);
        Item { at, what: What::Reading(Reading { at, ..reading.clone() }) }
    }));
    items.arrange_by_key(|item| item.at);
    items
}

/// When the snapshot read afresh what has a value in it.
fn read_afresh(snapshot: &Snapshot) -> BTreeMap<(&str, &Attributes), Timestamp> {
    let valued = snapshot.readings.iter().filter(|reading| reading.value.is_some());
    valued.map(|reading| ((reading.signal.as_str(), &reading.attrs), reading.at)).collect()
}

/// The moment of a step's number: its end, or just before the fresh reading that fell into the step. A recorder knows to
/// the step when it read something; a number that is a minute old must not follow what was read this second.
fn before(newest: Timestamp, at: Timestamp, step_ms: i64) -> Timestamp {
    let step = Duration::from_millis(step_ms.unsigned_abs());
    if newest <= at && newest > at - step { newest - Duration::from_millis(1) } else { at }
}

/// Readings that hold for all of the replay: what the machine is, and not how it does.
fn facts(snapshot: &Snapshot) -> impl Iterator<Item = Reading> {
    snapshot.readings.iter().filter(|reading| is_fact(reading)).map(|reading| reading_of(reading, snapshot.taken_at))
}

fn is_fact(reading: &SnapshotReading) -> bool {
    Registry::builtin().get(&reading.signal).is_some_and(|spec| {
        spec.kind == SignalKind::Inventory && matches!(spec.tier, Tier::Change | Tier::Daily | Tier::Demand)
    })
}

/// A document's reading as the detector takes it; a clock that ran ahead is held back to the moment of the snapshot.
fn reading_of(reading: &SnapshotReading, end: Timestamp) -> Reading {
    let outcome = match (&reading.value, reading.quality) {
        (Some(value), Quality::Ok | Quality::Partial) => Ok(value.clone()),
        _ => Err(Unknown::new(reading.why.unwrap_or(Why::Failed), reading.detail.clone())),
    };
    let series = Series { signal: Arc::from(reading.signal.as_str()), attributes: reading.attrs.clone() };
    Reading { series, outcome, at: reading.at.min(end) }
}

/// What the agent's account of itself says about its data.
fn health_notes(snapshot: &Snapshot) -> Vec<String> {
    let agent = &snapshot.agent;
    let mut notes = Vec::new();
    if !agent.missing_sections.is_empty() {
        notes.push(format!("Not finished in time: {}.", agent.missing_sections.join(", ")));
    }
    if !agent.failing_probes.is_empty() {
        notes.push(format!("The agent could not read: {}.", agent.failing_probes.join("; ")));
    }
    if agent.dropped_records > 0 {
        notes.push(format!("The agent has dropped {} records since it was enrolled.", agent.dropped_records));
    }
    notes
}

#[cfg(test)]
mod tests;
