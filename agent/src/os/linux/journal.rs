use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use firstline_diagnosis::order::{self, Arrange as _};

use crate::os::proc::journal::{Fault, Header, Item, JournalFile, ReadAt};
use crate::os::proc::log::{Lines, Position, Record, TERMS};
use crate::os::read_trimmed;
use crate::probe::ProbeError;

/// Where journals lie: those that stay, and those of a machine that keeps none over a restart.
const FOLDERS: [&str; 2] = ["var/log/journal", "run/log/journal"];
/// Entries that are read of one kind in one run; the newest, when there are more.
const ENTRIES_MAX: usize = 500;
/// The same for a file that is read for the first time.
const ENTRIES_AT_FIRST_MAX: usize = 4000;
/// Files that are held open. A machine has one, and one for each person who is signed in.
const FILES_MAX: usize = 32;
/// Failed looks at a file after which what is in it is passed over.
const STUMBLES_MAX: u32 = 3;
/// Places of fields that no rule reads, remembered for each file.
const BORING_MAX: usize = 512;

impl ReadAt for File {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }
}

/// Reads what is new in the journal of this machine.
///
/// Costs one read for a file that nothing was written to, and one for each kind of entry otherwise, plus a few for each
/// entry of these kinds; other entries cost nothing, however many they are.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    files: Vec<Open>,
    /// The folders as they were when they were looked through: a file that appears or goes changes the time.
    seen: BTreeMap<PathBuf, (i64, i64)>,
}

#[derive(Debug)]
struct Open {
    file: JournalFile<File>,
    position: Position,
    /// Entries at the last look; nothing is new while the number is the same.
    entries: Option<u64>,
    /// Older entries are none of the agent's business.
    since_us: u64,
    terms: Vec<Option<Item>>,
    boring: BTreeSet<u64>,
    first: bool,
    stumbles: u32,
    /// Nothing will be written to it any more, and everything was read.
    gone: bool,
}

impl Journal {
    /// Entries since the last call, oldest first, that a rule may know.
    ///
    /// `known` says where the run before stopped, when this is the first call; a journal that is not in it is read from
    /// `since_us` (microseconds since 1970) on.
    pub(crate) fn read(&mut self, root: &Path, known: &[Position], since_us: u64) -> Result<Lines, ProbeError> {
        self.look(root, known, since_us)?;
        let mut lines = Lines::default();
        for open in &mut self.files {
            match open.read() {
                Ok(new) => {
                    lines.records.extend(new.records);
                    lines.left_out += new.left_out;
                }
                Err(fault) => open.stumble(&fault),
            }
        }
        self.files.retain(|open| !open.gone);
        lines.records.arrange_by_key(|record| record.at_us);
        Ok(lines)
    }

    /// Where the next call goes on.
    pub(crate) fn positions(&self) -> Vec<Position> {
        self.files.iter().map(|open| open.position.clone()).collect()
    }

    /// When the newest entry with `term` that root wrote in the boot `boot_id` was written, microseconds since 1970.
    pub(crate) fn last(root: &Path, term: &str, boot_id: &str) -> Option<u64> {
        let boot = boot_bytes(boot_id)?;
        let files = folders(root).ok()?.iter().flat_map(|folder| paths(folder)).collect::<Vec<_>>();
        files.iter().filter_map(|path| last_in(path, term, &boot)).max()
    }

    /// Opens what appeared since the last look.
    fn look(&mut self, root: &Path, known: &[Position], since_us: u64) -> Result<(), ProbeError> {
        let folders = folders(root)?;
        let times = order::map(folders.iter().filter_map(|folder| Some((folder.clone(), changed(folder)?))));
        if times == self.seen {
            return Ok(());
        }
        let (mut refused, mut damaged) = (None, None);
        let mut found = Vec::new();
        for path in folders.iter().flat_map(|folder| paths(folder)) {
            match open(&path) {
                Ok((file, header)) => found.push((file, header)),
                Err(Fault::Io(source)) if source.kind() == io::ErrorKind::PermissionDenied => refused = Some(path),
                // A file that is gone, or not begun yet, is none of the journal's.
                Err(Fault::Io(_) | Fault::NotAJournal) => {}
                Err(fault) => damaged = Some(fault),
            }
        }
        if found.is_empty() {
            refused.map_or(Ok(()), |path| Err(ProbeError::NoPermission(path.display().to_string())))?;
            damaged.map_or(Ok(()), |fault| Err(ProbeError::Failed(format!("the journal: {fault}"))))?;
        }
        self.seen = times;
        found.arrange_by_key(|(_, header)| std::cmp::Reverse(header.last_realtime_us));
        for (file, header) in found {
            self.admit(file, &header, known, since_us);
        }
        Ok(())
    }

    /// Takes a file in when there is, or will be, something in it that was not read.
    fn admit(&mut self, file: JournalFile<File>, header: &Header, known: &[Position], since_us: u64) {
        let id = hex(&header.file_id);
        if self.files.len() >= FILES_MAX || self.files.iter().any(|open| open.position.file == id) {
            return;
        }
        let source = hex(&header.sequence_id);
        let positions: Vec<&Position> = self.files.iter().map(|open| &open.position).chain(known).collect();
        let here = positions.iter().find(|position| position.file == id).map(|position| position.sequence);
        // A file that continues a known one is new from its first entry, or was read to its end before.
        let before = positions.iter().filter(|position| position.source == source).map(|one| one.sequence).max();
        let continues = here.is_none() && before.is_some();
        if continues && before.is_some_and(|before| header.last_sequence <= before) && header.archived {
            return;
        }
        let since_us = if here.is_some() || continues { 0 } else { since_us };
        if header.archived && (header.last_realtime_us < since_us || here == Some(header.last_sequence)) {
            return;
        }
        self.files.push(Open {
            file,
            position: Position { file: id, source, sequence: here.unwrap_or(0) },
            entries: None,
            since_us,
            terms: vec![None; TERMS.len()],
            boring: BTreeSet::new(),
            first: here.is_none(),
            stumbles: 0,
            gone: false,
        });
    }
}

impl Open {
    fn read(&mut self) -> Result<Lines, Fault> {
        let header = self.file.header()?;
        let mut lines = Lines::default();
        if self.entries == Some(header.entries) {
            self.gone = header.archived;
            return Ok(lines);
        }
        let most = if self.first { ENTRIES_AT_FIRST_MAX } else { ENTRIES_MAX };
        let mut offsets = BTreeSet::new();
        for index in 0..TERMS.len() {
            let matches = self.matches(&header, index, most)?;
            offsets.extend(matches.0);
            lines.left_out += if self.first { 0 } else { matches.1 };
        }
        for offset in offsets {
            lines.records.extend(self.record(&header, offset)?);
        }
        // What is written from here on is of the next run.
        (self.position.sequence, self.entries, self.first) = (header.last_sequence, Some(header.entries), false);
        (self.gone, self.stumbles) = (header.archived, 0);
        Ok(lines)
    }

    /// The file did not hold together. It may have been caught in the middle of a change, so that it is tried again; what
    /// stays so is passed over.
    fn stumble(&mut self, fault: &Fault) {
        tracing::debug!("A journal file was not read: {fault}");
        self.terms.fill(None);
        self.stumbles += 1;
        if self.stumbles < STUMBLES_MAX {
            return;
        }
        let Ok(header) = self.file.header() else {
            self.gone = true;
            return;
        };
        (self.position.sequence, self.entries) = (header.last_sequence, Some(header.entries));
        (self.gone, self.stumbles) = (header.archived, 0);
    }

    /// New entries of one kind, and how many more there are.
    fn matches(&mut self, header: &Header, index: usize, most: usize) -> Result<(Vec<u64>, u64), Fault> {
        let before = self.terms[index];
        let now = match before {
            Some(item) => Some(self.file.item(item.offset)?),
            None => self.file.find(header, TERMS[index])?,
        };
        let Some(item) = now else { return Ok((Vec::new(), 0)) };
        if before.is_some_and(|before| before.entries == item.entries) {
            return Ok((Vec::new(), 0));
        }
        self.terms[index] = now;
        let matches = self.file.entries_after(header, item, self.position.sequence, most)?;
        Ok((matches.offsets, matches.left_out))
    }

    /// The entry at `offset`, unless it is too old or newer than the header that is looked at.
    fn record(&mut self, header: &Header, offset: u64) -> Result<Option<Record>, Fault> {
        let entry = self.file.entry(header, offset)?;
        if entry.sequence > header.last_sequence || entry.realtime_us < self.since_us {
            return Ok(None);
        }
        let mut record = Record::at(entry.realtime_us);
        for item in entry.items {
            if self.boring.contains(&item) {
                continue;
            }
            let known = match self.file.field(header, item)? {
                Some((name, value)) => record.keep(&name, value),
                None => false,
            };
            if !known && self.boring.len() < BORING_MAX {
                self.boring.insert(item);
            }
        }
        Ok(Some(record))
    }
}

/// The journals of this machine; those that were sent by others lie elsewhere.
fn folders(root: &Path) -> Result<Vec<PathBuf>, ProbeError> {
    let machine = read_trimmed(root, "etc/machine-id").ok_or(ProbeError::NotPresent("identity of this machine"))?;
    let folders = FOLDERS.map(|folder| root.join(folder).join(&machine));
    let there: Vec<PathBuf> = folders.into_iter().filter(|folder| folder.is_dir()).collect();
    if there.is_empty() { Err(ProbeError::NotPresent("journal of systemd")) } else { Ok(there) }
}

/// Files of the journal in `folder`, those included that a crash left behind.
fn paths(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.flatten().map(|entry| entry.path());
    paths.filter(|path| path.extension().is_some_and(|kind| kind == "journal" || kind == "journal~")).collect()
}

fn changed(folder: &Path) -> Option<(i64, i64)> {
    let about = fs::metadata(folder).ok()?;
    Some((about.mtime(), about.mtime_nsec()))
}

fn open(path: &Path) -> Result<(JournalFile<File>, Header), Fault> {
    let file = JournalFile::new(File::open(path)?);
    let header = file.header()?;
    Ok((file, header))
}

fn last_in(path: &Path, term: &str, boot: &[u8; 16]) -> Option<u64> {
    let (file, header) = open(path).ok()?;
    let item = file.find(&header, term).ok()??;
    // What is not from root says nothing of the machine; where nothing is, nothing need be looked at.
    let root = file.find(&header, "_UID=0").ok()??;
    let matches = file.entries_after(&header, item, 0, ENTRIES_MAX).ok()?;
    let entries = matches.offsets.into_iter().rev().filter_map(|offset| file.entry(&header, offset).ok());
    entries
        .filter(|entry| entry.boot_id == *boot && entry.items.contains(&root.offset))
        .map(|entry| entry.realtime_us)
        .next()
}

/// `6d966f24-1277-4743-88b5-0eb7b30dfd03` as bytes.
fn boot_bytes(boot_id: &str) -> Option<[u8; 16]> {
    uuid::Uuid::parse_str(boot_id.trim()).ok().map(uuid::Uuid::into_bytes)
}

fn hex(id: &[u8; 16]) -> String {
    uuid::Uuid::from_bytes(*id).simple().to_string()
}
