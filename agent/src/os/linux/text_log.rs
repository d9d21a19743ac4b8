//! The logs that a syslog daemon writes as text, for a machine without a journal.
//!
//! Daemons put a log away under another name, or copy it and empty it, whenever they like. A log is therefore known by its
//! inode and by a hash of its first bytes, and what was not read before it was put away is read from where it went. A log
//! that is not a system account's, or that others may write, is not read. Lines are read whole; of more than 256 KiB in
//! one run the end is read, and what was passed over is counted in lines.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use firstline_diagnosis::order::Arrange as _;

use super::update::time_zone;
use crate::os::proc::log::Lines;
use crate::os::proc::log::text::{self, TextPosition};
use crate::probe::ProbeError;

const FOLDER: &str = "var/log";
/// The log of nearly everything, and the one of sign-ins where that is another; the first of each that is there.
const NAMES: [&[&str]; 2] = [&["syslog", "messages", "kern.log"], &["auth.log", "secure"]];
/// Read of one log in one run.
const BYTES_MAX: u64 = 256 * 1024;
/// What is passed over is counted up to here.
const COUNTED_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes that a log is known by.
const HEAD_BYTES: u64 = 256;
/// Names under which one log may have been put away.
const SIBLINGS_MAX: usize = 64;
/// Accounts below this number are the system's.
const PEOPLE_FROM: u32 = 1000;

/// What is new since `positions`, which are moved on, oldest first. A log that is not among them is read from `since_us`
/// (microseconds since 1970) on.
///
/// # Errors
/// There is no such log, or none may be read.
pub(crate) fn text_lines(
    root: &Path,
    positions: &mut Vec<TextPosition>,
    since_us: u64,
    now_us: u64,
) -> Result<Lines, ProbeError> {
    let (mut lines, mut read, mut refused) = (Lines::default(), 0, None);
    let zone = time_zone(root);
    let there = |name: &&&str| root.join(FOLDER).join(name).is_file();
    for name in NAMES.iter().filter_map(|names| names.iter().find(there)) {
        let known = positions.iter().find(|position| position.file == *name).cloned();
        match pieces(&root.join(FOLDER), name, known.as_ref()) {
            Ok(new) => {
                let since_us = if new.continues { 0 } else { since_us };
                let entries = new.pieces.iter().flat_map(|piece| piece.lines());
                let entries = entries.filter_map(|line| text::entry(line, now_us, &zone));
                lines.records.extend(entries.filter(|record| record.at_us >= since_us));
                lines.left_out += if new.continues { new.left_out } else { 0 };
                positions.retain(|position| position.file != *name);
                positions.push(new.position);
                read += 1;
            }
            Err(source) => refused = Some(ProbeError::file(&format!("{FOLDER}/{name}"), &source)),
        }
    }
    if read == 0 {
        return Err(refused.unwrap_or(ProbeError::NotPresent("log of a syslog daemon")));
    }
    lines.records.arrange_by_key(|record| record.at_us);
    Ok(lines)
}

/// What is new of one log.
struct New {
    /// Oldest first.
    pieces: Vec<String>,
    /// Where the next run goes on.
    position: TextPosition,
    /// Lines that were passed over.
    left_out: u64,
    /// Whether it begins where the run before stopped.
    continues: bool,
}

fn pieces(folder: &Path, name: &str, known: Option<&TextPosition>) -> io::Result<New> {
    let (mut pieces, mut left_out, mut continues) = (Vec::new(), 0, false);
    let mut log = open(&folder.join(name))?;
    let mut from = 0;
    if let Some(known) = known {
        if inode(&log)? == known.inode && is_same(&mut log, known)? {
            (from, continues) = (known.offset, true);
        } else if let Some(mut old) = put_away(folder, name, known) {
            let (piece, _, passed) = read(&mut old, known.offset)?;
            pieces.push(piece);
            (left_out, continues) = (passed, true);
        }
    }
    let (piece, offset, passed) = read(&mut log, from)?;
    pieces.push(piece);
    let head_bytes = offset.min(HEAD_BYTES);
    let (inode, head) = (inode(&log)?, head(&mut log, head_bytes)?);
    let position = TextPosition { file: name.to_owned(), inode, offset, head, head_bytes };
    Ok(New { pieces, position, left_out: left_out + passed, continues })
}

/// Opens a log, when nobody but the system may write it.
fn open(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    let about = file.metadata()?;
    let own = about.uid() < PEOPLE_FROM || about.uid() == rustix::process::geteuid().as_raw();
    if !about.is_file() || !own || about.mode() & 0o002 != 0 {
        let why = format!("{} may be written by people", path.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    Ok(file)
}

fn inode(file: &File) -> io::Result<u64> {
    Ok(file.metadata()?.ino())
}

/// Whether `file` holds what was read of `known`.
fn is_same(file: &mut File, known: &TextPosition) -> io::Result<bool> {
    Ok(file.metadata()?.len() >= known.offset && head(file, known.head_bytes)? == known.head)
}

/// Where the log went that was called `name`: `syslog.1`, `syslog-20261122`.
fn put_away(folder: &Path, name: &str, known: &TextPosition) -> Option<File> {
    let entries = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    let is_sibling = |path: &PathBuf| {
        let rest = path.file_name().and_then(|file| file.to_str()?.strip_prefix(name));
        rest.is_some_and(|rest| rest.starts_with(['.', '-']) && rest.ends_with(|last: char| last.is_ascii_digit()))
    };
    let files = entries.filter(is_sibling).take(SIBLINGS_MAX).filter_map(|path| open(&path).ok());
    let mut files: Vec<File> = files.collect();
    files.arrange_by_key(|file| inode(file).ok() != Some(known.inode));
    // Of a log that had nothing in it when it was read, the inode is all that is known.
    let is_known = |file: &File| known.head_bytes > 0 || inode(file).ok() == Some(known.inode);
    files.into_iter().filter(is_known).find_map(|mut file| is_same(&mut file, known).ok()?.then_some(file))
}

/// A hash of the first `bytes` of `file`.
fn head(file: &mut File, bytes: u64) -> io::Result<u64> {
    let mut raw = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    Read::by_ref(file).take(bytes).read_to_end(&mut raw)?;
    Ok(u64::from(crc32c::crc32c(&raw)))
}

/// The whole lines of `file` from `offset` on, where they end, and how many were passed over before them.
fn read(file: &mut File, offset: u64) -> io::Result<(String, u64, u64)> {
    let length = file.metadata()?.len();
    let start = offset.max(length.saturating_sub(BYTES_MAX));
    let passed = if start > offset { count(file, offset, start)? } else { 0 };
    let mut raw = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    Read::by_ref(file).take(BYTES_MAX).read_to_end(&mut raw)?;
    let end = raw.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    // Begun in the middle of a line: that one was passed over.
    let begin =
        if start > offset { raw[..end].iter().position(|byte| *byte == b'\n').map_or(end, |at| at + 1) } else { 0 };
    Ok((String::from_utf8_lossy(&raw[begin..end]).into_owned(), start + end as u64, passed))
}

/// The lines that end between `from` and `to`, and the one that goes on.
fn count(file: &mut File, from: u64, to: u64) -> io::Result<u64> {
    file.seek(SeekFrom::Start(from))?;
    let (mut left, mut lines, mut block) = ((to - from).min(COUNTED_BYTES_MAX), 1, vec![0; 64 * 1024]);
    while left > 0 {
        let room = block.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let got = file.read(&mut block[..room])?;
        if got == 0 {
            break;
        }
        lines += block[..got].split(|byte| *byte == b'\n').count() as u64 - 1;
        left -= got as u64;
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    struct Machine {
        dir: tempfile::TempDir,
        positions: Vec<TextPosition>,
    }

    impl Machine {
        fn new() -> Self {
            let dir = tempfile::tempdir().expect("temporary directory");
            fs::create_dir_all(dir.path().join(FOLDER)).expect("made");
            Self { dir, positions: Vec::new() }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.dir.path().join(FOLDER).join(name)
        }

        fn add(&self, name: &str, text: &str) {
            let file = File::options().create(true).append(true).open(self.path(name));
            file.expect("opens").write_all(text.as_bytes()).expect("written");
        }

        fn line(&self, name: &str, what: &str) {
            self.add(name, &format!("2026-11-22T06:33:26+00:00 guest app: {what}\n"));
        }

        /// What is new, and how much was passed over.
        fn new_lines(&mut self) -> Result<(Vec<String>, u64), ProbeError> {
            let lines = text_lines(self.dir.path(), &mut self.positions, 0, 1_795_329_807_000_000)?;
            Ok((lines.records.iter().map(|record| record.message().to_owned()).collect(), lines.left_out))
        }

        fn told(&mut self) -> Vec<String> {
            self.new_lines().expect("read").0
        }
    }

    #[test]
    fn each_line_is_read_once_and_only_when_it_is_whole() {
        let mut machine = Machine::new();
        machine.line("syslog", "one");
        machine.line("auth.log", "two");
        machine.line("messages", "the same again");
        assert_eq!(machine.told(), ["one", "two"]);
        assert_eq!(machine.told(), [""; 0]);
        machine.add("syslog", "2026-11-22T06:33:27+00:00 guest app: th");
        assert_eq!(machine.told(), [""; 0]);
        machine.add("syslog", "ree\n");
        assert_eq!(machine.told(), ["three"]);
    }

    #[test]
    fn a_log_that_was_put_away_is_read_to_its_end_and_then_its_successor() {
        let mut machine = Machine::new();
        machine.line("syslog", "one");
        assert_eq!(machine.told(), ["one"]);
        machine.line("syslog", "two");
        fs::rename(machine.path("syslog"), machine.path("syslog.1")).expect("renamed");
        machine.line("syslog", "three");
        assert_eq!(machine.told(), ["two", "three"]);
        assert_eq!(machine.told(), [""; 0]);
    }

    #[test]
    fn a_log_that_was_copied_and_emptied_loses_nothing() {
        let mut machine = Machine::new();
        machine.line("messages", "one");
        assert_eq!(machine.told(), ["one"]);
        machine.line("messages", "two");
        fs::copy(machine.path("messages"), machine.path("messages-20261122")).expect("copied");
        File::options().write(true).open(machine.path("messages")).expect("opens").set_len(0).expect("emptied");
        // It is longer again than it was when it was read last.
        for what in ["three", "four", "five"] {
            machine.line("messages", what);
        }
        assert_eq!(machine.told(), ["two", "three", "four", "five"]);
        assert_eq!(machine.told(), [""; 0]);
    }

    #[test]
    fn of_a_flood_the_end_is_read_and_the_rest_is_counted() {
        let mut machine = Machine::new();
        machine.line("syslog", "one");
        assert_eq!(machine.new_lines(), Ok((vec!["one".to_owned()], 0)));
        let line = format!("2026-11-22T06:33:27+00:00 guest app: {}\n", "x".repeat(90));
        let count = 3 * usize::try_from(BYTES_MAX).expect("small") / line.len();
        machine.add("syslog", &line.repeat(count));
        let (told, left_out) = machine.new_lines().expect("read");
        assert!(told.len() * line.len() <= usize::try_from(BYTES_MAX).expect("small"));
        assert_eq!(told.len() as u64 + left_out, count as u64);
    }

    #[test]
    fn a_log_that_people_may_write_is_not_read_and_none_is_not_present() {
        let mut machine = Machine::new();
        assert_eq!(machine.new_lines(), Err(ProbeError::NotPresent("log of a syslog daemon")));
        machine.line("syslog", "one");
        fs::set_permissions(machine.path("syslog"), fs::Permissions::from_mode(0o666)).expect("set");
        assert!(matches!(machine.new_lines(), Err(ProbeError::NoPermission(_))));
    }

    #[test]
    fn a_log_that_is_seen_for_the_first_time_is_read_from_a_moment_on() {
        let machine = Machine::new();
        machine.add("syslog", "Nov 20 06:33:26 guest app: old\nNov 22 06:33:26 guest app: new\n");
        let since_us = 1_795_329_807_000_000 - 24 * 3_600_000_000;
        let lines = text_lines(machine.dir.path(), &mut Vec::new(), since_us, 1_795_329_807_000_000).expect("read");
        let messages = lines.records.iter().map(crate::os::proc::log::Record::message);
        assert_eq!(messages.collect::<Vec<_>>(), ["new"]);
    }
}
