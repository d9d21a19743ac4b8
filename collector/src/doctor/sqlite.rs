//! What only a file has: pages that can be damaged, a write-ahead log, a disk that it fills.

use std::path::Path;

use firstline_diagnosis::vocabulary::Timestamp;

use super::running::Running;
use super::{Depth, Patient, Report, room};
use crate::store::{Inspection, StoreError, log_is_gone, sql};

/// A write-ahead log that is longer is held by somebody.
const LOG_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Less than this of minutes says nothing about how a database grows.
const SPAN_MIN_MS: i64 = 600_000;

pub(super) async fn look(
    patient: &Patient<'_>,
    file: &Path,
    inspection: &Inspection,
    running: Running,
    report: &mut Report,
) {
    let bytes = length(file);
    report.fact("database", format!("SQLite, {} MB", bytes.div_ceil(1 << 20)));
    log(file, running, report);
    let growth = growth(patient, inspection, bytes).await.unwrap_or(None);
    room::disk(patient.data, bytes, growth, report);
    if patient.depth == Depth::Whole {
        damage(patient, inspection, report).await;
    }
}

fn length(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |file| file.len())
}

/// Looks at the length of the write-ahead log.
fn log(file: &Path, running: Running, report: &mut Report) {
    let path = file.with_extension("sqlite-wal");
    if !running.yes && log_is_gone(file) {
        let why =
            "It held what was committed last before the collector was killed; the collector does not start without it.";
        let remedy = "Put it back beside the database, or a backup into a new folder with `firstline-collector restore`. To go on \
                      with the older state all the same, remove the file that ends in .lock.";
        report.fault("log_missing", "The write-ahead log is missing", &path.display(), why, remedy);
    }
    let bytes = length(&path);
    if bytes > LOG_BYTES_MAX {
        let what = format!("The write-ahead log has {} MB", bytes >> 20);
        let why = "It is folded into the database when nobody reads an old moment; until then it grows, and reads become slow.";
        let remedy = if running.yes {
            "A backup or a shell that reads holds it: let it end. If there is none, restart the collector."
        } else {
            "Start the collector, which folds it in. Never remove the file: it holds what was committed last."
        };
        report.advice("log_long", what, &path.display(), why, remedy);
    }
}

/// Bytes that the database will have beyond what it has now, once it holds as many hours of minutes as are kept.
async fn growth(patient: &Patient<'_>, inspection: &Inspection, bytes: u64) -> Result<Option<u64>, StoreError> {
    let ends = "SELECT received_ms FROM samples WHERE id IN ((SELECT MIN(id) FROM samples), (SELECT MAX(id) FROM samples)) ORDER BY id";
    let ends: Vec<i64> = sql::query_scalar(ends).fetch_all(inspection.reads()).await?;
    let [Some(first), Some(last)] = [ends.first(), ends.last()] else { return Ok(None) };
    let span = last - first;
    let kept = i64::try_from(patient.config.history.minutes().as_millis()).unwrap_or(i64::MAX);
    if span < SPAN_MIN_MS || span >= kept || Timestamp(*last) > patient.now {
        return Ok(None);
    }
    Ok(Some((bytes as f64 * (kept - span) as f64 / span as f64) as u64))
}

async fn damage(patient: &Patient<'_>, inspection: &Inspection, report: &mut Report) {
    let why = "What lies on the damaged pages is lost, and writes to them fail.";
    let remedy = "Stop the collector, keep the file for later, and put a backup back with `firstline-collector restore`. Then look at \
                  the disk and the memory of this machine: SQLite does not do this by itself.";
    let faults = match inspection.damage(false).await {
        Ok(faults) => faults,
        Err(cause) => vec![cause.said()],
    };
    if let Some(first) = faults.first() {
        let more = if faults.len() > 1 { format!(" (and {} more)", faults.len() - 1) } else { String::new() };
        // A line of stars says only which file is meant.
        let first = first.lines().find(|line| !line.starts_with("***")).unwrap_or(first);
        report.fault("damage", format!("The database is damaged: {first}{more}"), &patient.database, why, remedy);
    }
}
