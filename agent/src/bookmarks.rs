//! How far sources of events were read, kept in step with the spool.
//!
//! A source that is read on (a log, a package manager's record) moves its bookmark only together with what it found. Were
//! the bookmark first, a kill between the two would lose events; were the events first, it would tell them twice.
//!
//! **Order.** The probe hands its events over together with the bookmark after them. Whoever takes them in
//! ([`Bookmarks::intend`]) writes one file, replaced whole: the new bookmarks, what is being counted and not told yet, and
//! the events that go to the spool now, with the number that the spool gives out next. Then the events are appended; then
//! the file is written again without them ([`Bookmarks::done`]).
//!
//! **After a kill** at any point, the next run asks [`Bookmarks::unfinished`] which of the intended events are not among the
//! spool's records from that number on, and appends those. So nothing is told twice and nothing is lost while memory
//! lasts. A power cut may cost the newest seconds of both; then the bookmark is as old as what was lost, or the events are
//! appended again.
//!
//! **Limits.** Bookmarks are small: what is large lies in a file of its own, named by the bookmark. A file that cannot be
//! read is as good as none, as on the first start. While the disk refuses, bookmarks stay where they were: what follows is
//! told again after a kill.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use firstline_diagnosis::vocabulary::{Event, Timestamp};
use firstline_proto::{Message, v1};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::spool::Spool;
use crate::state;

/// Name of the file.
const NAME: &str = "bookmarks";
/// Records of the spool that are looked through after a kill: more than one batch of events makes.
const RECORDS_MAX: usize = 4096;

/// Where a source goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct Bookmark {
    /// Of what.
    pub name: &'static str,
    /// The place, in the source's own form.
    pub place: Value,
    /// Grows with every bookmark of this run: batches may come out of order.
    pub turn: u64,
}

/// The file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    places: BTreeMap<String, Value>,
    /// What is counted, until when, and not told yet.
    held: Vec<(Timestamp, Event)>,
    /// Events on their way to the spool, and the number from which on they may be there.
    intended: Vec<Event>,
    from: u64,
}

/// The bookmarks of all sources. One writer, in one process.
#[derive(Debug)]
pub struct Bookmarks {
    path: PathBuf,
    kept: Kept,
    turns: BTreeMap<&'static str, u64>,
}

/// The bookmark `name` in the directory `dir`.
pub fn recall(dir: &Path, name: &str) -> Option<Value> {
    read(&dir.join(NAME)).places.remove(name)
}

impl Bookmarks {
    /// The bookmarks that are kept in `dir`.
    pub fn open(dir: &Path) -> Self {
        let path = dir.join(NAME);
        Self { kept: read(&path), path, turns: BTreeMap::new() }
    }

    /// What was being counted when the run before ended without a word.
    pub fn held(&mut self) -> Vec<(Timestamp, Event)> {
        std::mem::take(&mut self.kept.held)
    }

    /// The events of the run before that did not come to the spool.
    pub fn unfinished(&mut self, spool: &mut Spool) -> Vec<Event> {
        let intended = std::mem::take(&mut self.kept.intended);
        if intended.is_empty() {
            return intended;
        }
        let there = records(spool, self.kept.from);
        let is_there = |event: &Event| {
            let (at, event) = (event.at.unix_ms(), v1::Event::from(event.clone()));
            there.iter().any(|(record_at, record)| *record_at == at && *record == event)
        };
        intended.into_iter().filter(|event| !is_there(event)).collect()
    }

    /// Notes what is about to be appended from the number `from` on, and what will be so when it is.
    pub fn intend(&mut self, bookmarks: Vec<Bookmark>, held: Vec<(Timestamp, Event)>, events: &[Event], from: u64) {
        for Bookmark { name, place, turn } in bookmarks {
            let last = self.turns.entry(name).or_default();
            if turn >= *last {
                *last = turn;
                self.kept.places.insert(name.to_owned(), place);
            }
        }
        let intended = events.to_vec();
        (self.kept.held, self.kept.intended, self.kept.from) = (held, intended, from);
        self.write();
    }

    /// What was intended is in the spool.
    pub fn done(&mut self) {
        if !self.kept.intended.is_empty() {
            self.kept.intended.clear();
            self.write();
        }
    }

    fn write(&self) {
        let bytes = serde_json::to_vec(&self.kept).expect("texts and finite numbers always have a JSON form");
        if let Err(source) = state::publish(&self.path, &bytes) {
            tracing::warn!("Keeping the bookmarks in {} failed: {source}", self.path.display());
        }
    }
}

fn read(path: &Path) -> Kept {
    std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// Events in the spool from the number `from` on, and when they were.
fn records(spool: &mut Spool, from: u64) -> Vec<(i64, v1::Event)> {
    let frames = spool.read_after(from.saturating_sub(1), RECORDS_MAX, usize::MAX);
    let records = frames.iter().filter_map(|frame| v1::Record::decode(frame.payload.as_slice()).ok());
    records
        .filter_map(|record| match record.body {
            Some(v1::record::Body::Event(event)) => Some((record.at_unix_ms, event)),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use firstline_diagnosis::vocabulary::Series;
    use firstline_proto::convert::Body;

    use super::*;
    use crate::spool::Limits;
    use crate::state::Scratch;

    fn spool(dir: &Path) -> Spool {
        let scratch = Scratch::on_disk(&dir.join("memory")).expect("made");
        Spool::open(&dir.join("spool"), &scratch, Limits::default()).expect("opens")
    }

    fn event(minute: i64) -> Event {
        let fields = [("seconds".to_owned(), 0.1.into()), ("kind".to_owned(), "io".into())].into();
        let series = Series::new("endpoint.disk.errors", [("system.device", "sda")]);
        Event { series, at: Timestamp(minute * 60_000), fields, count: 3 }
    }

    fn place(turn: u64) -> Bookmark {
        Bookmark { name: "log", place: Value::from(turn), turn }
    }

    fn append(spool: &mut Spool, event: &Event) {
        spool.append(event.at, 0, "boot", Body::Event(event.clone()));
    }

    /// A run that is killed after `appended` of its three events went to the spool, and after it said so if it came so far;
    /// what the next run then has to append, and where its source goes on.
    fn killed_after(appended: usize, said: bool) -> (Vec<Event>, Option<Value>) {
        let dir = tempfile::tempdir().expect("temporary directory");
        std::fs::create_dir(dir.path().join("spool")).expect("made");
        let events = [event(1), event(2), event(3)];
        let mut before = spool(dir.path());
        append(&mut before, &event(1));
        let mut bookmarks = Bookmarks::open(dir.path());
        bookmarks.intend(vec![place(7)], Vec::new(), &events, before.next_sequence());
        events.iter().take(appended).for_each(|event| append(&mut before, event));
        if said {
            bookmarks.done();
        }
        drop(before);
        let mut bookmarks = Bookmarks::open(dir.path());
        (bookmarks.unfinished(&mut spool(dir.path())), recall(dir.path(), "log"))
    }

    #[test]
    fn whenever_it_is_killed_each_event_comes_to_the_spool_once() {
        let events = [event(1), event(2), event(3)];
        for appended in 0..=3 {
            assert_eq!(killed_after(appended, false), (events[appended..].to_vec(), Some(7.into())), "{appended}");
        }
        assert_eq!(killed_after(3, true), (Vec::new(), Some(7.into())));
    }

    #[test]
    fn what_is_killed_before_it_says_what_it_wants_reads_on_from_where_it_was() {
        let dir = tempfile::tempdir().expect("temporary directory");
        Bookmarks::open(dir.path()).intend(vec![place(1)], Vec::new(), &[], 1);
        // The next batch of the source was read and never handed over.
        assert_eq!(recall(dir.path(), "log"), Some(1.into()));
        std::fs::write(dir.path().join(NAME), "half").expect("written");
        assert_eq!(recall(dir.path(), "log"), None);
    }

    #[test]
    fn what_was_counted_is_there_after_a_kill_and_an_older_batch_moves_nothing_back() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let mut bookmarks = Bookmarks::open(dir.path());
        bookmarks.intend(vec![place(2)], vec![(Timestamp(5), event(1))], &[], 1);
        bookmarks.intend(vec![place(1)], vec![(Timestamp(5), event(1))], &[], 1);
        assert_eq!(recall(dir.path(), "log"), Some(2.into()));
        assert_eq!(Bookmarks::open(dir.path()).held(), [(Timestamp(5), event(1))]);
    }
}
