//! A bounded list of things on disk, newest last: JSON lines in two files of half the bound each.
//!
//! When the newer file is full it takes the place of the older one, so between half and all of the bound is kept. A
//! line that cannot be read (a torn write, an older version's form) is skipped. Nothing is synced: what is kept here
//! is comfort, what must arrive is in the spool.

use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::state;

/// A bounded list of `T` on disk.
#[derive(Debug)]
pub struct Journal<T> {
    path: PathBuf,
    bytes_max: u64,
    of: PhantomData<fn() -> T>,
}

impl<T: Serialize + DeserializeOwned> Journal<T> {
    /// The list at `path`, of at most `bytes_max` bytes.
    pub fn at(path: PathBuf, bytes_max: u64) -> Self {
        Self { path, bytes_max, of: PhantomData }
    }

    /// Its newer file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds one.
    pub fn append(&self, one: &T) -> io::Result<()> {
        let mut line = serde_json::to_vec(one)?;
        line.push(b'\n');
        let mut file = state::open_private(&self.path, true)?;
        let mut end = file.seek(SeekFrom::End(0))?;
        if end > 0 && end + line.len() as u64 > self.bytes_max / 2 {
            fs::rename(&self.path, self.older())?;
            file = state::open_private(&self.path, true)?;
            end = 0;
        }
        if end > 0 && !ends_with_newline(&self.path)? {
            line.insert(0, b'\n');
        }
        file.write_all(&line)
    }

    /// All of them, oldest first.
    pub fn read(&self) -> Vec<T> {
        let mut all = read_file(&self.older());
        all.extend(read_file(&self.path));
        all
    }

    fn older(&self) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(".1");
        name.into()
    }
}

/// A torn last line must not swallow the next one.
fn ends_with_newline(path: &Path) -> io::Result<bool> {
    let mut file = OpenOptions::new().read(true).open(path)?;
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    io::Read::read_exact(&mut file, &mut last)?;
    Ok(last == *b"\n")
}

fn read_file<T: DeserializeOwned>(path: &Path) -> Vec<T> {
    let Ok(file) = fs::File::open(path) else { return Vec::new() };
    let lines = BufReader::new(file).split(b'\n').map_while(Result::ok);
    lines.filter_map(|line| serde_json::from_slice(&line).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest_within_its_bound() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let journal = Journal::<u32>::at(dir.path().join("j"), 400);
        (10_000..10_500).for_each(|n| journal.append(&n).expect("appended"));
        let kept = journal.read();
        assert_eq!(kept.last(), Some(&10_499));
        assert!(kept.len() >= 33 && kept.len() <= 66, "{}", kept.len());
        assert!(kept.windows(2).all(|pair| pair[1] == pair[0] + 1));
    }

    #[test]
    fn a_torn_line_costs_only_itself() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("j");
        fs::write(&path, "1\n2\n{\"hal").expect("written");
        let journal = Journal::<u32>::at(path, 4000);
        journal.append(&3).expect("appended");
        assert_eq!(journal.read(), [1, 2, 3]);
    }
}
