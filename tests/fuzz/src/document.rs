//! Documents: a snapshot as an endpoint sends it, an administrator's file of checks, and a recording.

use firstline_diagnosis::catalogue::Catalogue;
use firstline_diagnosis::diagnose;
use firstline_diagnosis::document::Snapshot;
use firstline_diagnosis::recording::Replay;

/// Rows of a snapshot beyond which a diagnosis says nothing new here, and takes long.
const ROWS: usize = 2000;

/// Lines of a recording beyond which a replay says nothing new here, and takes long.
const LINES: usize = 64;

/// A snapshot: whatever reads as one is diagnosed, twice the same, and printed again as it was.
pub(super) fn snapshot(bytes: &[u8]) {
    let Ok(snapshot) = serde_json::from_slice::<Snapshot>(bytes) else { return };
    let _ = snapshot.signed_bytes();
    let values: usize = snapshot.series.iter().map(|series| series.values.len()).sum();
    if values + snapshot.readings.len() + snapshot.events.len() + snapshot.marks.len() > ROWS {
        return;
    }
    let catalogue = Catalogue::builtin();
    let said = |snapshot: &Snapshot| serde_json::to_string(&diagnose(&catalogue, snapshot, None)).expect("JSON");
    let printed = serde_json::to_vec(&snapshot).expect("a snapshot has a JSON form");
    let again: Snapshot = serde_json::from_slice(&printed).expect("what was printed is read");
    assert_eq!(said(&snapshot), said(&again));
}

/// A file of checks: it is taken, or refused with a reason, and the one in force stays.
pub(super) fn checks(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Err(errors) = Catalogue::with_overlay(&[("mine.toml".to_owned(), text.to_owned())]) {
        assert!(!errors.to_string().is_empty());
    }
}

/// A recording: each line is taken or refused with a reason, and what came of all is the same twice.
pub(super) fn recording(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let replayed = || {
        let mut replay = Replay::new(Catalogue::builtin(), None);
        for line in text.lines().take(LINES) {
            if let Err(fault) = replay.line(line) {
                assert!(!fault.to_string().is_empty());
            }
        }
        serde_json::to_string(&replay.finish(Some("slow"))).expect("JSON")
    };
    assert_eq!(replayed(), replayed());
}
