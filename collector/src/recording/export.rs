use std::collections::BTreeSet;

use bytes::Bytes;
use firstline_diagnosis::catalogue::Catalogue;
use firstline_diagnosis::recording::Line;
use firstline_diagnosis::registry::Registry;
use firstline_diagnosis::vocabulary::Timestamp;
use tokio::sync::mpsc;

use super::Past;
use crate::detect::past::Told;
use crate::fleet::Known;
use crate::history;
use crate::incident::replayed;
use crate::ingest::Observation;
use crate::store::{Store, StoreError};

/// What goes into a recording.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// After this.
    pub from: Timestamp,
    /// Up to this.
    pub to: Timestamp,
    /// Everything, not only what checks read.
    pub all: bool,
}

/// Writes what is stored of an endpoint as a recording, piece by piece; stops when nobody takes the pieces any more.
///
/// # Errors
/// The database's.
pub async fn export(
    store: &Store,
    known: &Known,
    catalogue: &Catalogue,
    wanted: Wanted,
    pieces: &mpsc::Sender<Bytes>,
) -> Result<(), StoreError> {
    // What endpoints have in common is needed to see incidents in several recordings.
    let shared = replayed::signals();
    let signals: BTreeSet<&str> = if wanted.all {
        Registry::builtin().iter().map(|spec| spec.name.as_str()).collect()
    } else {
        catalogue.windows().map(|(signal, _)| signal).chain(shared.iter().map(String::as_str)).collect()
    };
    let mut past = Past::new(store, known.key, signals.clone(), (wanted.from, wanted.to));
    let endpoint = &known.endpoint;
    let mut piece = Vec::new();
    let attrs = endpoint.tags.clone();
    let (name, os) = (endpoint.name.clone(), endpoint.os.os_type.clone());
    let since = history::watched_since(store.reads(), known.key).await?;
    write(&mut piece, &Line::Endpoint { endpoint: endpoint.id.clone(), os, name, since, attrs });
    for state in past.states().await? {
        write(&mut piece, &Line::inventory(&endpoint.id, &state));
    }
    if pieces.send(piece.into()).await.is_err() {
        return Ok(());
    }
    while let Some(told) = past.chunk().await? {
        // A piece is what was told within a while: small enough to wait for, large enough to be worth sending.
        for some in told.chunks(256) {
            let mut piece = Vec::new();
            for told in some {
                lines(&mut piece, &endpoint.id, told, &signals);
            }
            if pieces.send(piece.into()).await.is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn lines(piece: &mut Vec<u8>, endpoint: &str, (at, observation): &Told, signals: &BTreeSet<&str>) {
    match observation {
        Observation::Sample(layout, sample) => {
            let wanted = |index: usize| layout.series().get(index).filter(|series| signals.contains(&*series.signal));
            for (index, value) in sample.values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
                if let Some(series) = wanted(index) {
                    write(piece, &Line::number(endpoint, *at, series, sample.step_seconds, *value));
                }
            }
            for (index, why) in &sample.absences {
                if let Some(series) = wanted(*index as usize) {
                    write(piece, &Line::absence(endpoint, *at, series, *why));
                }
            }
        }
        Observation::Reading(reading) if signals.contains(&*reading.series.signal) => {
            write(piece, &Line::inventory(endpoint, reading));
        }
        Observation::Event(event) if signals.contains(&*event.series.signal) => {
            write(piece, &Line::event(endpoint, event));
        }
        Observation::Mark(at, mark) => write(piece, &Line::mark(endpoint, *at, *mark)),
        Observation::Reading(_) | Observation::Event(_) => {}
    }
}

fn write(piece: &mut Vec<u8>, line: &Line) {
    // Only numbers that are not finite have no JSON, and of those there are none here.
    if serde_json::to_writer(&mut *piece, line).is_ok() {
        piece.push(b'\n');
    }
}
