//! Turns records of the wire into rows and observations.

use firstline_diagnosis::privacy::{plain_event, plain_reading};
use std::time::Duration;

use firstline_diagnosis::registry::Registry;
use firstline_diagnosis::vocabulary::{Mark, Reading, Sample, Timestamp, Why};
use firstline_proto::convert::{Body as Said, Dropped, Record};
use firstline_proto::v1;
use metrics::counter;

use super::Observation;
use super::clock::EndpointClock;
use super::in_hand::InHand;
use crate::metrics::{READINGS_OVERSIZE, READINGS_UNDECLARED};
use crate::store::{Body, Row, StateValue};

/// A mark is news of now for this long.
const RECENT: Duration = Duration::from_mins(5);

/// A longer printed series cannot be found again by its name: PostgreSQL's indexes take 2,704 bytes, with the rest of the
/// key. Nothing that the registry declares comes near.
const SERIES_BYTES_MAX: usize = 2000;

/// A batch, ready for the store.
#[derive(Debug, Default)]
pub(super) struct Converted {
    /// A row for each record.
    pub(super) rows: Vec<Row>,
    /// What each row tells the other rooms, by the row's index.
    pub(super) observations: Vec<(usize, Observation)>,
    /// Records whose contents cannot be stored.
    pub(super) refusals: Vec<v1::Refusal>,
    /// The last pausing, booted or resumed mark, if any.
    pub(super) mark: Option<Mark>,
}

/// The first layout that a batch needs and that is not in hand.
pub(super) fn missing_layout(batch: &v1::RecordBatch, in_hand: &InHand) -> Option<u64> {
    batch.records.iter().find_map(|record| match &record.body {
        Some(v1::record::Body::Sample(sample)) if in_hand.get(sample.layout_fingerprint).is_none() => {
            Some(sample.layout_fingerprint)
        }
        _ => None,
    })
}

/// A batch in parts, none of which needs more layouts than a stream has in hand: where programs come and go, each minute of
/// a backlog may have a layout of its own.
pub(super) fn parts(batch: v1::RecordBatch) -> Vec<v1::RecordBatch> {
    let ahead = batch.ahead;
    let mut parts: Vec<v1::RecordBatch> = Vec::new();
    let mut needed: Vec<u64> = Vec::new();
    for record in batch.records {
        let layout = match &record.body {
            Some(v1::record::Body::Sample(sample)) => Some(sample.layout_fingerprint),
            _ => None,
        };
        let new = layout.filter(|layout| !needed.contains(layout));
        if parts.is_empty() || (new.is_some() && needed.len() == InHand::MOST) {
            parts.push(v1::RecordBatch { records: Vec::new(), ahead });
            needed.clear();
        }
        needed.extend(new);
        parts.last_mut().expect("there is one").records.push(record);
    }
    parts
}

/// Converts a batch, whose bounds as a whole have been checked.
pub(super) fn convert(batch: v1::RecordBatch, in_hand: &InHand, clock: &EndpointClock, now: Timestamp) -> Converted {
    let mut converted = Converted::default();
    for wire in batch.records {
        let sequence = wire.sequence;
        let row = match one(wire, in_hand, clock, now, &mut converted) {
            Ok(row) => row,
            Err(reason) => {
                converted.refusals.push(v1::Refusal { sequence, reason });
                Row { sequence, at_ms: now.unix_ms(), body: Body::Refused }
            }
        };
        converted.rows.push(row);
    }
    converted
}

fn one(
    wire: v1::Record,
    in_hand: &InHand,
    clock: &EndpointClock,
    now: Timestamp,
    converted: &mut Converted,
) -> Result<Row, String> {
    let record = Record::try_from(wire).map_err(|bad| bad.to_string())?;
    let at = clock.correct(record.at, record.at_boot_ms, &record.boot_id, now);
    let index = converted.rows.len();
    let mut tell = |observation| converted.observations.push((index, observation));
    let body = match record.body {
        Said::Sample(sample) => {
            let used = in_hand.get(sample.layout).ok_or("layout: was not sent")?;
            let undeclared = used.undeclared();
            let sample = used.declared(sample).ok_or("sample.row: has another length than its layout")?;
            if undeclared > 0 {
                counter!(READINGS_UNDECLARED).increment(undeclared);
            }
            let body = encode(&sample);
            tell(Observation::Sample(used.layout(), Sample { at, ..sample }));
            body
        }
        Said::Event(event) => {
            Registry::builtin().admit(&event).map_err(|undeclared| undeclared.to_string())?;
            let event = plain_event(event);
            let fields = serde_json::to_string(&event.fields).map_err(|_| "event.fields: cannot be stored")?;
            let body = Body::Event { series: event.series.to_string(), fields, count: event.count };
            tell(Observation::Event(firstline_diagnosis::vocabulary::Event { at, ..event }));
            body
        }
        Said::Inventory(readings) => {
            let mut values = Vec::with_capacity(readings.len());
            for reading in readings {
                // Alone, not with its record: an agent of the next version may declare more than this collector does.
                if Registry::builtin().admit(&reading).is_err() {
                    counter!(READINGS_UNDECLARED).increment(1);
                    continue;
                }
                let at =
                    clock.correct(reading.at, shifted(record.at, reading.at, record.at_boot_ms), &record.boot_id, now);
                let reading = plain_reading(Reading { at, ..reading });
                let value = state(&reading);
                if value.series.len() > SERIES_BYTES_MAX {
                    counter!(READINGS_OVERSIZE).increment(1);
                    continue;
                }
                values.push(value);
                tell(Observation::Reading(reading));
            }
            Body::Inventory(values)
        }
        Said::Mark(mark) => {
            tell(Observation::Mark(at, mark));
            // What was marked before the stream began says nothing of now.
            if mark != Mark::NetworkChanged && now.since(at) < RECENT {
                converted.mark = Some(mark);
            }
            Body::Mark(mark.name())
        }
        Said::Dropped(dropped) => gap(dropped),
    };
    Ok(Row { sequence: record.sequence, at_ms: at.unix_ms(), body })
}

/// What an endpoint had to drop: no more than there are numbers.
fn gap(dropped: Dropped) -> Body {
    let Dropped { first_sequence: first, last_sequence: last, samples, others } = dropped;
    let numbers = last - first + 1;
    let samples = samples.min(numbers);
    Body::Dropped { first, last, samples, others: others.min(numbers - samples) }
}

/// The time since boot of a reading that was taken a little before its record.
fn shifted(record: Timestamp, reading: Timestamp, at_boot_ms: u64) -> u64 {
    at_boot_ms.saturating_add_signed(reading.unix_ms().saturating_sub(record.unix_ms()))
}

fn encode(sample: &Sample) -> Body {
    let row = sample.values.iter().flat_map(|number| number.to_le_bytes()).collect();
    let absences: Vec<u8> =
        sample.absences.iter().flat_map(|&(index, why)| index.to_le_bytes().into_iter().chain([code(why)])).collect();
    let absences = (!absences.is_empty()).then_some(absences);
    Body::Sample { layout: sample.layout, step_seconds: sample.step_seconds, row, absences }
}

/// A reason as the table keeps it: its place in wire order, from 1.
fn code(why: Why) -> u8 {
    Why::ALL.iter().position(|&one| one == why).map_or(0, |index| index as u8 + 1)
}

/// A reading as the table keeps it.
pub(super) fn state(reading: &Reading) -> StateValue {
    let outcome = match &reading.outcome {
        Ok(value) => serde_json::json!({ "value": value }),
        Err(unknown) => serde_json::json!({ "why": unknown.why, "detail": unknown.detail }),
    };
    StateValue { series: reading.series.to_string(), outcome: outcome.to_string(), at_ms: reading.at.unix_ms() }
}
