//! How much what a probe tells weighs on the stream.

use firstline_diagnosis::registry::{Registry, SignalSpec, Tier};
use firstline_diagnosis::vocabulary::{Event, Reading, Series, Value};

/// A number in a row.
const NUMBER_BYTES: u64 = 4;
/// Sequence number, times and lengths around what is told on its own.
const ENVELOPE_BYTES: u64 = 40;

/// Bytes of what one run told. Numbers of the fast tier travel once a minute, whichever of its runs they are from.
pub(super) fn told(readings: &[Reading], events: &[Event], due: &[Tier]) -> u64 {
    let rows = due.contains(&Tier::Minute);
    let readings: u64 = readings.iter().map(|reading| reading_bytes(reading, rows)).sum();
    readings + events.iter().map(event_bytes).sum::<u64>()
}

fn reading_bytes(reading: &Reading, rows: bool) -> u64 {
    let spec = Registry::builtin().get(&reading.series.signal);
    if spec.is_some_and(SignalSpec::is_state) {
        return ENVELOPE_BYTES + series_bytes(&reading.series) + reading.outcome.as_ref().map_or(8, value_bytes);
    }
    if rows { NUMBER_BYTES } else { 0 }
}

fn event_bytes(event: &Event) -> u64 {
    let fields = event.fields.iter().map(|(name, value)| name.len() as u64 + value_bytes(value));
    ENVELOPE_BYTES + series_bytes(&event.series) + fields.sum::<u64>()
}

fn series_bytes(series: &Series) -> u64 {
    let attributes = series.attributes.iter().map(|(name, value)| name.len() + value.len());
    (series.signal.len() + attributes.sum::<usize>()) as u64
}

fn value_bytes(value: &Value) -> u64 {
    match value {
        Value::Number(_) => 8,
        Value::Flag(_) => 1,
        Value::Text(text) => text.len() as u64,
    }
}
