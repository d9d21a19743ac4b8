//! Recordings through detection, without a collector.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use firstline_diagnosis::catalogue::Catalogue;
use firstline_diagnosis::document::Diagnosis;
use firstline_diagnosis::recording::{Moved, Replay, Replayed};
use firstline_diagnosis::vocabulary::Timestamp;
use serde::Serialize;

use super::Out;
use super::checks::read;
use super::failure::Failure;
use super::table::{Table, harmless};
use super::{diagnosis, progress};
use crate::incident::{Incident, replayed};

/// A longer line is no line of a recording.
const LINE_BYTES_MAX: usize = 1 << 20;

/// What came of recordings.
#[derive(Debug, Serialize)]
struct Report {
    /// Every move of a check, in order of time, then of endpoint.
    timeline: Vec<Moved>,
    /// The incidents, what was opened first comes first.
    incidents: Vec<Incident>,
    /// What is wrong with each endpoint at the end.
    diagnosis: BTreeMap<String, Diagnosis>,
    /// What was passed over, and what cannot be seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

/// Runs the recordings and prints what came of them.
pub(super) fn replay(
    files: &[PathBuf],
    symptom: Option<&str>,
    at: Option<Timestamp>,
    checks: &[PathBuf],
    out: Out,
) -> Result<(), Failure> {
    let catalogue = catalogue(checks)?;
    let mut replay = Replay::new(Arc::clone(&catalogue), at).sharing(replayed::signals());
    for file in files {
        feed(&mut replay, file)?;
    }
    let (Replayed { timeline, diagnosis, mut notes }, tracks) = replay.finish_shared(symptom);
    let of_all = replayed::replay(&tracks, &catalogue);
    notes.extend(of_all.notes);
    if diagnosis.is_empty() {
        progress("Nothing is recorded that an endpoint told.");
    }
    let report = Report { timeline, incidents: of_all.incidents, diagnosis, notes };
    out.print(&report, || words(&report))
}

/// Feeds a recording line by line.
fn feed(replay: &mut Replay, file: &Path) -> Result<(), Failure> {
    let name = if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() };
    let mut lines = open(file).map_err(|error| Failure::usage(format!("cannot read {name}: {error}")))?;
    let (mut number, mut line) = (0, Vec::new());
    loop {
        line.clear();
        let read = std::io::Read::take(&mut lines, LINE_BYTES_MAX as u64).read_until(b'\n', &mut line);
        if read.map_err(|error| Failure::failed(format!("cannot read {name}: {error}")))? == 0 {
            return Ok(());
        }
        number += 1;
        let fault = |what: &str| Failure::failed(format!("{name}:{number}: {what}"));
        if line.len() >= LINE_BYTES_MAX {
            return Err(fault("the line is longer than a recording's may be (1 MiB)"));
        }
        let text = std::str::from_utf8(&line).map_err(|_| fault("the line is not UTF-8 text"))?;
        replay.line(text).map_err(|wrong| fault(&wrong.to_string()))?;
    }
}

fn open(file: &Path) -> std::io::Result<Box<dyn BufRead>> {
    if file == Path::new("-") {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    Ok(Box::new(BufReader::new(File::open(file)?)))
}

fn catalogue(files: &[PathBuf]) -> Result<Arc<Catalogue>, Failure> {
    if files.is_empty() {
        return Ok(Catalogue::builtin());
    }
    let files = files.iter().map(|file| read(file)).collect::<Result<Vec<_>, _>>()?;
    Catalogue::with_overlay(&files).map(Arc::new).map_err(|errors| Failure::failed(errors.to_string()))
}

fn incidents(incidents: &[Incident]) -> String {
    let mut table = Table::new(["opened", "over", "severity", "impact", "incident"]);
    for one in incidents {
        table.row([
            one.opened_at.to_string(),
            one.closed_at.map_or_else(|| "no".to_owned(), |at| at.to_string()),
            one.severity.name().to_owned(),
            format!("{:?}", one.impact),
            one.words.clone(),
        ]);
    }
    table.print("No incidents.")
}

fn words(report: &Report) -> String {
    let mut table = Table::new(["at", "endpoint", "finding", "instance", "from", "to"]);
    for Moved { at, endpoint, finding, instance, from, to } in &report.timeline {
        let (from, to) = (from.name().to_owned(), to.name().to_owned());
        table.row([at.to_string(), endpoint.clone(), finding.clone(), instance.clone(), from, to]);
    }
    let mut text = table.print("Nothing fired.");
    let _ = write!(text, "\n\n{}", incidents(&report.incidents));
    for (endpoint, found) in &report.diagnosis {
        let _ = write!(text, "\n\n{} at {}\n\n{}", harmless(endpoint), found.at, diagnosis::words(found));
    }
    for note in &report.notes {
        let _ = write!(text, "\nNote: {}", harmless(note));
    }
    text
}
