//! What just happened, for everybody who watches.
//!
//! Every item gets a sequence number that grows for ever, also across restarts, so that a watcher that lost its
//! connection says the last number it saw and gets what it missed. The feed keeps the newest [`KEPT`] items and no
//! more: a watcher that is further behind, or too slow, gets one [`Watched::Lagged`] and reads the lists again.
//! Nothing is stored; what happened is in the tables of the rooms.
//!
//! Where several collectors share the database, each has a feed of its own, and they tell each other what they publish
//! ([`crate::replica`]). Numbers are one feed's; an item's name says of which, and a watcher that comes back to another
//! collector has lagged.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use firstline_diagnosis::document::EndpointState;
use firstline_diagnosis::vocabulary::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use crate::alert::Alert;
use crate::pull::Pull;

/// How many items are kept for watchers that come back.
const KEPT: usize = 512;

/// Sequence numbers that one millisecond of wall clock stands for; more items than that in the lifetime of one
/// process per millisecond cannot be made, so numbers of a later start are always higher.
const NUMBERS_PER_MS: u64 = 1000;

/// Something that happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FeedItem {
    /// An alert fired, or changed.
    Alert(Box<Alert>),
    /// A pull moved on.
    Pull(Box<Pull>),
    /// A ticket was opened, changed, or got a note.
    Ticket {
        /// The number that people type.
        number: String,
    },
    /// An incident was opened, changed, or is over.
    Incident {
        /// Its id.
        id: String,
    },
    /// An endpoint's presence or its worst finding changed.
    Endpoint {
        /// Whose.
        id: String,
        /// Its presence now; absent when only its findings changed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        state: Option<EndpointState>,
    },
}

/// An item with its place in the feed.
#[derive(Debug, Clone, Serialize)]
pub struct FeedEntry {
    /// Grows with every item.
    pub sequence: u64,
    /// What happened.
    #[serde(flatten)]
    pub item: FeedItem,
    /// Which feed it is of.
    #[serde(skip)]
    feed: u32,
    /// Whether another collector told of it.
    #[serde(skip)]
    pub is_foreign: bool,
}

impl FeedEntry {
    /// Its name in all feeds, for [`Feed::resume_at`].
    pub fn id(&self) -> String {
        format!("{}.{:08x}", self.sequence, self.feed)
    }
}

/// What a watcher gets.
#[derive(Debug, Clone)]
pub enum Watched {
    /// The next item.
    Entry(Arc<FeedEntry>),
    /// Items were lost to this watcher: read the lists again, then go on.
    Lagged,
}

/// The feed. Cloning gives another handle to the same feed.
#[derive(Debug, Clone)]
pub struct Feed {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    name: u32,
    kept: Mutex<Kept>,
    sender: broadcast::Sender<Watched>,
}

#[derive(Debug)]
struct Kept {
    next_sequence: u64,
    entries: VecDeque<Arc<FeedEntry>>,
}

impl Feed {
    /// A feed that starts at `now`: its numbers are higher than those of every feed that started before.
    pub fn new(now: Timestamp) -> Self {
        let first = u64::try_from(now.unix_ms()).unwrap_or(0).saturating_mul(NUMBERS_PER_MS);
        let kept = Mutex::new(Kept { next_sequence: first + 1, entries: VecDeque::with_capacity(KEPT) });
        Self { shared: Arc::new(Shared { name: rand::random(), kept, sender: broadcast::Sender::new(KEPT) }) }
    }

    /// Tells every watcher. Never waits.
    pub fn publish(&self, item: FeedItem) {
        self.add(item, false);
    }

    /// Tells every watcher of what happened at another collector.
    pub fn publish_foreign(&self, item: FeedItem) {
        self.add(item, true);
    }

    /// Tells every watcher to read the lists again: something may have happened at another collector.
    pub fn lag(&self) {
        let mut kept = self.kept();
        kept.entries.clear();
        // So that who saw the newest and comes back has lagged, too.
        kept.next_sequence += 1;
        let _ = self.shared.sender.send(Watched::Lagged);
    }

    fn add(&self, item: FeedItem, is_foreign: bool) {
        let mut kept = self.kept();
        let (sequence, feed) = (kept.next_sequence, self.shared.name);
        let entry = Arc::new(FeedEntry { sequence, item, feed, is_foreign });
        kept.next_sequence += 1;
        if kept.entries.len() == KEPT {
            kept.entries.pop_front();
        }
        kept.entries.push_back(Arc::clone(&entry));
        // An error says that nobody watches, which is fine.
        let _ = self.shared.sender.send(Watched::Entry(entry));
    }

    /// Watches from now on.
    pub fn subscribe(&self) -> Watch {
        let kept = self.kept();
        let watch = self.watch();
        drop(kept);
        watch
    }

    /// Watches from the item after the one of this name on; begins with `Lagged` when that is not known here.
    pub fn resume_at(&self, id: &str) -> Option<Watch> {
        let (sequence, feed) = id.split_once('.').unwrap_or((id, ""));
        let sequence = sequence.parse().ok()?;
        let known = feed.is_empty() || u32::from_str_radix(feed, 16) == Ok(self.shared.name);
        let watch = self.resume(sequence);
        Some(if known { watch } else { Watch { lagged: true, missed: VecDeque::new(), ..watch } })
    }

    /// Watches from the item after `sequence` on; begins with `Lagged` when that is no longer kept.
    pub fn resume(&self, sequence: u64) -> Watch {
        let kept = self.kept();
        let mut watch = self.watch();
        let oldest = kept.entries.front().map_or(kept.next_sequence, |entry| entry.sequence);
        watch.lagged = sequence + 1 < oldest || sequence >= kept.next_sequence;
        if !watch.lagged {
            watch.missed = kept.entries.iter().filter(|entry| entry.sequence > sequence).cloned().collect();
        }
        watch
    }

    /// The number of the newest item.
    pub fn newest(&self) -> u64 {
        self.kept().next_sequence - 1
    }

    fn watch(&self) -> Watch {
        Watch { lagged: false, behind: false, missed: VecDeque::new(), receiver: self.shared.sender.subscribe() }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        // Every change under this lock is complete at each step, so a panic elsewhere leaves it usable.
        self.shared.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One watcher's place in the feed.
#[derive(Debug)]
pub struct Watch {
    lagged: bool,
    /// It was too slow, and lost items that were published here.
    behind: bool,
    missed: VecDeque<Arc<FeedEntry>>,
    receiver: broadcast::Receiver<Watched>,
}

impl Watch {
    /// The next item; `None` when the collector ends. Safe to cancel.
    pub async fn next(&mut self) -> Option<Watched> {
        if std::mem::take(&mut self.lagged) {
            return Some(Watched::Lagged);
        }
        if let Some(entry) = self.missed.pop_front() {
            return Some(Watched::Entry(entry));
        }
        match self.receiver.recv().await {
            Ok(watched) => Some(watched),
            Err(broadcast::error::RecvError::Lagged(_)) => {
                self.behind = true;
                Some(Watched::Lagged)
            }
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }

    /// Whether it lost items since this was last asked, which nobody else may know of.
    pub fn fell_behind(&mut self) -> bool {
        std::mem::take(&mut self.behind)
    }

    /// What is there now, without waiting.
    pub fn ready(&mut self) -> Option<Watched> {
        if std::mem::take(&mut self.lagged) {
            return Some(Watched::Lagged);
        }
        if let Some(entry) = self.missed.pop_front() {
            return Some(Watched::Entry(entry));
        }
        match self.receiver.try_recv() {
            Ok(watched) => Some(watched),
            Err(broadcast::error::TryRecvError::Lagged(_)) => Some(Watched::Lagged),
            Err(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(number: usize) -> FeedItem {
        FeedItem::Ticket { number: format!("FL-{number}") }
    }

    fn number(watched: Option<Watched>) -> String {
        match watched {
            Some(Watched::Entry(entry)) => match &entry.item {
                FeedItem::Ticket { number } => number.clone(),
                other => format!("{other:?}"),
            },
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_watcher_that_comes_back_gets_what_it_missed_and_then_what_follows() {
        let feed = Feed::new(Timestamp(1));
        feed.publish(ticket(1));
        let seen = feed.newest();
        feed.publish(ticket(2));
        let mut watch = feed.resume(seen);
        feed.publish(ticket(3));
        assert_eq!(number(watch.ready()), "FL-2");
        assert_eq!(number(watch.ready()), "FL-3");
        assert!(watch.ready().is_none());
    }

    #[test]
    fn a_slow_watcher_is_told_once_and_goes_on_with_what_is_kept() {
        let feed = Feed::new(Timestamp(1));
        let mut watch = feed.subscribe();
        (0..KEPT + 10).for_each(|one| feed.publish(ticket(one)));
        assert!(matches!(watch.ready(), Some(Watched::Lagged)));
        assert_eq!(number(watch.ready()), "FL-10");
    }

    #[test]
    fn a_watcher_that_comes_to_another_collector_reads_the_lists_again() {
        let (one, two) = (Feed::new(Timestamp(1_000)), Feed::new(Timestamp(1_000)));
        let mut watch = one.subscribe();
        one.publish(ticket(1));
        two.publish_foreign(ticket(1));
        two.publish_foreign(ticket(2));
        let Some(Watched::Entry(entry)) = watch.ready() else { panic!("an item") };
        assert!(!entry.is_foreign);
        assert!(matches!(two.resume_at(&entry.id()).expect("a name").ready(), Some(Watched::Lagged)));
        assert!(one.resume_at(&entry.id()).expect("a name").ready().is_none());
        assert!(one.resume_at("nonsense").is_none());
        one.lag();
        assert!(matches!(watch.ready(), Some(Watched::Lagged)));
        assert!(matches!(one.resume_at(&entry.id()).expect("a name").ready(), Some(Watched::Lagged)));
    }

    #[test]
    fn a_number_from_before_a_restart_is_lagged() {
        let before = Feed::new(Timestamp(1_000));
        before.publish(ticket(1));
        let after = Feed::new(Timestamp(2_000));
        let mut watch = after.resume(before.newest());
        assert!(matches!(watch.ready(), Some(Watched::Lagged)));
        assert!(watch.ready().is_none());
    }
}
