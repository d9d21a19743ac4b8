//! Probes that run one after another on one thread, so that a tick is one wake-up and not one for each probe.
//!
//! The thread takes the next ticket from the track; the waiting side looks only when the probe that runs is late. Then
//! it takes the remaining tickets away, and sends them on with another thread.

use std::any::Any;
use std::cell::Cell;
use std::collections::{BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use firstline_diagnosis::vocabulary::{Event, Timestamp, Unknown, Why};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::account::Cost;
use super::slot::{Slot, Ticket};
use crate::bookmarks::Bookmark;
use crate::os::native;
use crate::probe::{Collected, Context, Tier};

/// Probes in the order in which they run.
pub(super) type Train = VecDeque<Ticket>;

/// One run of one probe.
pub(super) struct Ran {
    pub(super) slot: Arc<Slot>,
    pub(super) at: Timestamp,
    pub(super) boot_ms: u64,
    pub(super) outcome: Result<Collected, Unknown>,
    pub(super) cost: Cost,
    /// Readings and events that were one too many.
    pub(super) cut: u64,
    /// What happened, until somebody hears it.
    news: Cell<News>,
}

/// What a probe noticed and will not notice again.
#[derive(Debug, Default)]
pub(super) struct News {
    pub(super) events: Vec<Event>,
    pub(super) bookmarks: Vec<Bookmark>,
}

impl News {
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.bookmarks.is_empty()
    }

    /// With what is newer.
    pub(super) fn extend(&mut self, newer: Self) {
        self.events.extend(newer.events);
        self.bookmarks.extend(newer.bookmarks);
    }
}

/// A run that nobody waits for any more leaves its news to the next one.
impl Drop for Ran {
    fn drop(&mut self) {
        self.slot.leave(self.news.take());
    }
}

/// Readings of one run, at most: twice what a machine with hundreds of volumes and adapters has.
const READINGS_MAX: usize = 10_000;
/// Events of one run, at most.
const EVENTS_MAX: usize = 500;

impl Ran {
    /// Keeps a probe that floods from flooding everybody behind it.
    fn cut(&mut self) {
        let Ok(collected) = &mut self.outcome else { return };
        let over =
            collected.readings.len().saturating_sub(READINGS_MAX) + collected.events.len().saturating_sub(EVENTS_MAX);
        collected.readings.truncate(READINGS_MAX);
        collected.events.truncate(EVENTS_MAX);
        self.cut = over as u64;
    }

    /// What happened, of the signals that are not denied; and what runs before had to say that nobody heard. Once.
    pub(super) fn news(&self, denied: &BTreeSet<String>) -> News {
        let mut news = self.slot.left();
        news.extend(self.news.take());
        news.events.retain(|event| !denied.contains(&*event.series.signal));
        news
    }

    /// Why it gave nothing. That there is nothing to read on this machine is an answer.
    pub(super) fn failure(&self) -> Option<&Unknown> {
        let nothing_there = |why: &&Unknown| matches!(why.why, Why::NotPresent | Why::Unsupported);
        self.outcome.as_ref().err().filter(|why| !nothing_there(why))
    }
}

/// Who waits for longer than this goes alone: for others the rest of the train need not wait.
const PATIENT: Duration = Duration::from_secs(10);

/// Few trains, since each is a thread that wakes up and a hand-over that wakes up another: probes that read this machine go
/// together, and behind them those that wait for the network each time; the others that wait go one after another in a second
/// train, but for those that may wait for long.
pub(super) fn couple(tickets: Vec<Ticket>) -> Vec<Train> {
    let (waiting, mut reading): (Train, Train) = tickets.into_iter().partition(|ticket| ticket.slot.spec().waits);
    let (mut short, mut trains) = (Train::new(), Vec::new());
    for ticket in waiting {
        match ticket.slot.spec() {
            spec if spec.tier == Tier::Fast => reading.push_back(ticket),
            spec if spec.deadline > PATIENT => trains.push(Train::from([ticket])),
            _ => short.push_back(ticket),
        }
    }
    trains.splice(0..0, [reading, short]);
    trains.retain(|train| !train.is_empty());
    trains
}

/// Runs every probe of `train`, each at most for its deadline.
pub(super) async fn drive(train: Train, cx: Arc<Context>, workers: Arc<Semaphore>) -> Vec<Ran> {
    let mut finished = Vec::with_capacity(train.len());
    let mut waiting = train;
    while let Some(patience) = waiting.front().map(|ticket| ticket.slot.spec().deadline) {
        let worker = tokio::time::timeout(patience, Arc::clone(&workers).acquire_owned()).await;
        let Ok(Ok(worker)) = worker else {
            finished.extend(waiting.drain(..).map(|ticket| stranded(ticket, &cx)));
            break;
        };
        let track = Arc::new(Track(Mutex::new(Progress::new(waiting))));
        waiting = track.watch(worker, &cx).await;
        finished.append(&mut track.lock().finished);
    }
    finished
}

/// What a probe says that was left out because the agent costs too much.
pub(super) fn left_out(slot: &Arc<Slot>, cx: &Context) -> Ran {
    let unknown = Unknown::new(Why::AgentLimit, "left out because the agent used more of the processor than it may");
    ran(slot, cx, Err(unknown), Cost::default())
}

/// What a probe says that found no thread.
fn stranded(ticket: Ticket, cx: &Context) -> Ran {
    let unknown = Unknown::new(Why::AgentLimit, "all threads for probes are taken by probes that hang");
    ran(&ticket.slot, cx, Err(unknown), Cost::default())
}

/// What the thread and the waiting side share.
struct Track(Mutex<Progress>);

struct Progress {
    waiting: Train,
    /// The probe that runs, and when it started.
    current: Option<(Arc<Slot>, Instant)>,
    finished: Vec<Ran>,
    /// The waiting side gave up on `current`; what it says later is not heard.
    abandoned: bool,
}

impl Progress {
    fn new(waiting: Train) -> Self {
        Self { waiting, current: None, finished: Vec::new(), abandoned: false }
    }

    /// When the probe that runs is late.
    fn late_at(&self, now: Instant) -> Instant {
        let (spec, start) = match (&self.current, self.waiting.front()) {
            (Some((slot, start)), _) => (slot.spec(), *start),
            (None, Some(ticket)) => (ticket.slot.spec(), now),
            (None, None) => return now + Duration::from_secs(1),
        };
        start + spec.deadline
    }
}

impl Track {
    /// Runs the train on a thread; gives back what was left waiting when a probe hung.
    async fn watch(self: &Arc<Self>, worker: OwnedSemaphorePermit, cx: &Arc<Context>) -> Train {
        let (track, on_thread) = (Arc::clone(self), Arc::clone(cx));
        let mut thread = tokio::task::spawn_blocking(move || {
            track.run(&on_thread);
            drop(worker);
        });
        loop {
            let late_at = self.lock().late_at(Instant::now());
            tokio::select! {
                biased;
                _ = &mut thread => return Train::new(),
                () = cx.clock.wait(late_at.saturating_duration_since(Instant::now())) => {}
            }
            if let Some(rest) = self.abandon_if_late(cx) {
                return rest;
            }
        }
    }

    /// Takes the train away from a thread whose probe is late.
    fn abandon_if_late(&self, cx: &Context) -> Option<Train> {
        let mut progress = self.lock();
        let (slot, start) = progress.current.as_ref()?;
        let (slot, wall) = (Arc::clone(slot), start.elapsed());
        if wall < slot.spec().deadline {
            return None;
        }
        progress.abandoned = true;
        let unknown = Unknown::new(Why::Timeout, format!("{} did not finish in {wall:.1?}", slot.spec().name));
        progress.finished.push(ran(&slot, cx, Err(unknown), Cost { wall, cpu: None }));
        Some(std::mem::take(&mut progress.waiting))
    }

    /// The thread's side.
    fn run(&self, cx: &Context) {
        while let Some(ticket) = self.next() {
            let one = run_one(&ticket, cx);
            drop(ticket);
            let mut progress = self.lock();
            if progress.abandoned {
                return;
            }
            progress.current = None;
            progress.finished.push(one);
        }
    }

    fn next(&self) -> Option<Ticket> {
        let mut progress = self.lock();
        let ticket = progress.waiting.pop_front()?;
        progress.current = Some((Arc::clone(&ticket.slot), Instant::now()));
        Some(ticket)
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs one probe on this thread, whatever it does.
fn run_one(ticket: &Ticket, cx: &Context) -> Ran {
    let slot = &ticket.slot;
    let (start, cpu) = (Instant::now(), native::thread_cpu());
    let mut one = ran(slot, cx, Ok(Collected::default()), Cost::default());
    let outcome =
        catch_unwind(AssertUnwindSafe(|| if ticket.asked { slot.probe.answer(cx) } else { slot.probe.collect(cx) }));
    let cpu = native::thread_cpu().zip(cpu).map(|(end, start)| end.saturating_sub(start));
    one.cost = Cost { wall: start.elapsed(), cpu };
    one.outcome = match outcome {
        Ok(outcome) => outcome.map_err(Unknown::from),
        Err(panic) => Err(Unknown::new(Why::Failed, format!("{} panicked: {}", slot.spec().name, said(&*panic)))),
    };
    one.cut();
    if let Ok(collected) = &mut one.outcome {
        let (events, bookmarks) = (std::mem::take(&mut collected.events), std::mem::take(&mut collected.bookmarks));
        one.news = Cell::new(News { events, bookmarks });
    }
    one
}

pub(super) fn ran(slot: &Arc<Slot>, cx: &Context, outcome: Result<Collected, Unknown>, cost: Cost) -> Ran {
    let boot_ms = u64::try_from(cx.clock.since_boot().as_millis()).unwrap_or(u64::MAX);
    Ran { slot: Arc::clone(slot), at: cx.clock.now(), boot_ms, outcome, cost, cut: 0, news: Cell::default() }
}

/// The message of a panic, if it is a text; cut, since it ends in documents.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    text.chars().take(120).collect()
}
