//! A recording through detection, without a collector.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use firstline_diagnosis::catalogue::Catalogue;
use firstline_diagnosis::recording::{Moved, Replay, Replayed};
use firstline_diagnosis::vocabulary::Timestamp;

use super::Out;
use super::checks::read;
use super::failure::Failure;
use super::table::{Table, harmless};
use super::{diagnosis, progress};

/// A longer line is no line of a recording.
const LINE_BYTES_MAX: usize = 1 << 20;

/// Runs the recording and prints what came of it.
pub(super) fn replay(
    file: &Path,
    symptom: Option<&str>,
    at: Option<Timestamp>,
    checks: &[PathBuf],
    out: Out,
) -> Result<(), Failure> {
    let mut replay = Replay::new(catalogue(checks)?, at);
    let name = if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() };
    let mut lines = open(file).map_err(|error| Failure::usage(format!("cannot read {name}: {error}")))?;
    let (mut number, mut line) = (0, Vec::new());
    loop {
        line.clear();
        let read = std::io::Read::take(&mut lines, LINE_BYTES_MAX as u64).read_until(b'\n', &mut line);
        if read.map_err(|error| Failure::failed(format!("cannot read {name}: {error}")))? == 0 {
            break;
        }
        number += 1;
        let fault = |what: &str| Failure::failed(format!("{name}:{number}: {what}"));
        if line.len() >= LINE_BYTES_MAX {
            return Err(fault("the line is longer than a recording's may be (1 MiB)"));
        }
        let text = std::str::from_utf8(&line).map_err(|_| fault("the line is not UTF-8 text"))?;
        replay.line(text).map_err(|wrong| fault(&wrong.to_string()))?;
    }
    let replayed = replay.finish(symptom);
    if replayed.diagnosis.is_empty() {
        progress(&format!("{name} holds nothing that an endpoint told."));
    }
    out.print(&replayed, || words(&replayed))
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

fn words(replayed: &Replayed) -> String {
    let mut table = Table::new(["at", "endpoint", "finding", "instance", "from", "to"]);
    for Moved { at, endpoint, finding, instance, from, to } in &replayed.timeline {
        let (from, to) = (from.name().to_owned(), to.name().to_owned());
        table.row([at.to_string(), endpoint.clone(), finding.clone(), instance.clone(), from, to]);
    }
    let mut text = table.print("Nothing fired.");
    for (endpoint, found) in &replayed.diagnosis {
        let _ = write!(text, "\n\n{} at {}\n\n{}", harmless(endpoint), found.at, diagnosis::words(found));
    }
    for note in &replayed.notes {
        let _ = write!(text, "\nNote: {}", harmless(note));
    }
    text
}
