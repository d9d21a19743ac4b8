//! What goes out to desks: never lost, never doubled, and in order on each ticket.
//!
//! - A row is made in the transaction that makes what it tells, so that neither is there without the other.
//! - One collector sends: the one that keeps house. A row says `sending`, and who sends it, before the desk is asked. One whose
//!   sender is no more is taken over: at once when this collector is alone, else when it was seen unchanged for [`LEASE`], which
//!   is longer than any attempt lasts ([`ATTEMPT_WITHIN`]). Only this process's own clock is asked for that.
//! - After a take-over, and after an answer that is not clear, the desk is asked for the mark before anything is sent again.
//!   An event ([`events`]) is sent again under its own name. Where collectors share the database, whoever writes at a desk asks
//!   just before whether the row is still its own ([`fence`]).
//! - A ticket may be opened from here as well ([`opening`]); what else is for it waits until it is there.
//! - Trouble with a desk as a whole (away, too many orders, a token that ran out) makes it be left alone for as long as it says,
//!   else longer each time ([`pauses`]), and its rows wait however long that takes. Trouble with one order ends its row as `failed`, with
//!   the desk's own words; a person has it tried again, or dropped. Rows of one desk never wait for another desk.
//! - Rows that ended well or were dropped are kept for [`KEPT`].

mod attempt;
mod events;
mod opening;
mod pauses;
mod rows;
mod standing;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use thiserror::Error;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};
use uuid::Uuid;

use super::arrivals::Asked;
use super::fence::{self, Fence};
use super::hooks::Calls;
use super::trouble::{Trouble, TroubleKind};
use super::{Delivery, DeliveryState, Desks, Noted};
use crate::app::Clock;
use crate::feed::{Feed, FeedItem};
use crate::replica::Replicas;
use crate::store::{Store, StoreError, sql};
use crate::ticket::BuiltinDesk;
pub(crate) use events::push_event;
use pauses::Pauses;
use rows::{Job, Told};
pub(crate) use rows::{push_change, push_note, push_opening};

/// How long an attempt may take, with everything that is asked and read back.
const ATTEMPT_WITHIN: Duration = Duration::from_mins(4);
/// How long a row that another collector sends is seen unchanged before it is taken over.
const LEASE: Duration = Duration::from_mins(5);
/// How long what has ended is kept.
const KEPT: Duration = Duration::from_hours(30 * 24);
/// Attempts after which answers that are none end a row.
const ODD_ATTEMPTS: i64 = 10;

/// What goes out to desks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Outbox {
    shared: Arc<Shared>,
}

/// What the outbox stands on.
#[derive(Debug, Clone)]
pub(crate) struct OutboxParts {
    /// The database.
    pub(crate) store: Store,
    /// What time it is.
    pub(crate) clock: Arc<dyn Clock>,
    /// Who watches.
    pub(crate) feed: Feed,
    /// Who else sends.
    pub(crate) replicas: Replicas,
    /// Where it goes.
    pub(crate) desks: Desks,
    /// What it tells of.
    pub(crate) builtin: BuiltinDesk,
}

#[derive(Debug)]
struct Shared {
    parts: OutboxParts,
    /// This run of this collector.
    run_id: String,
    work: Mutex<Work>,
    tasks: TaskTracker,
    asked: Asked,
    calls: Calls,
}

/// What this run knows beside the rows.
#[derive(Debug, Default)]
struct Work {
    /// Rows that this run sends.
    flying: HashSet<String>,
    /// Rows that other runs send, by id and attempt, and since when they are seen so.
    seen: HashMap<(String, i64), Timestamp>,
    /// Desks that are left alone.
    pauses: Pauses,
    /// Desks that are not read for a while: neither how tickets stand, nor, when they want fewer orders, anything.
    reading_pauses: Pauses,
    /// Desks that could not be asked for new tickets, and why.
    unasked: HashMap<String, String>,
    /// Desks that are being worked for.
    busy: HashSet<String>,
}

/// Why something was not done with a delivery.
#[derive(Debug, Error)]
pub enum OutboxError {
    /// There is no such thing.
    #[error("there is no {0}")]
    NotFound(String),
    /// Things do not stand so.
    #[error("{0}")]
    Refused(String),
    /// The desk refused or is away.
    #[error("desk {0}: {1}")]
    Desk(String, Trouble),
    /// The store failed; trying again may help.
    #[error("the outbox could not be stored or read")]
    Store(#[from] StoreError),
}

impl From<sql::Error> for OutboxError {
    fn from(error: sql::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Outbox {
    /// The outbox that stands on `parts`.
    pub(crate) fn new(parts: OutboxParts) -> Self {
        let run_id = Uuid::new_v4().to_string();
        let shared = Shared {
            parts,
            run_id,
            work: Mutex::default(),
            tasks: TaskTracker::new(),
            asked: Asked::default(),
            calls: Calls::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Sends what is due, a task for each desk. To be called by the collector that keeps house.
    ///
    /// # Errors
    /// The database's.
    pub async fn tick(&self) -> Result<(), OutboxError> {
        self.take_over().await?;
        for (desk, events) in self.due().await? {
            if self.work().busy.insert(desk.clone()) {
                let outbox = self.clone();
                self.shared.tasks.spawn(async move { outbox.work_for(&desk, events).await });
            }
        }
        Ok(())
    }

    /// Sends what is due, and comes back when all of it was tried.
    #[cfg(test)]
    pub(crate) async fn turn(&self) -> Result<(), OutboxError> {
        self.tick().await?;
        self.drain().await;
        Ok(())
    }

    /// Ends what is open at desks. What is under way there is looked for by the next run.
    pub(crate) async fn close(&self) {
        self.parts().desks.close().await;
    }

    /// Waits for attempts that are under way.
    pub async fn drain(&self) {
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
        self.shared.tasks.reopen();
    }

    /// Forgets what ended long ago.
    ///
    /// # Errors
    /// The database's.
    pub async fn forget(&self) -> Result<(), OutboxError> {
        let before = self.now() - KEPT;
        self.parts().store.write(move |tx| Box::pin(rows::forget(tx, before))).await
    }

    /// Deliveries, newest first: of a state, of a ticket, or all.
    ///
    /// # Errors
    /// The database's.
    pub async fn list(
        &self,
        state: Option<DeliveryState>,
        ticket: Option<&str>,
        limit: i64,
    ) -> Result<Vec<Delivery>, OutboxError> {
        rows::list(self.parts().store.reads(), state, ticket, limit).await
    }

    /// Has a delivery tried again now.
    ///
    /// # Errors
    /// When there is none, or it is under way or has ended well.
    pub async fn retry(&self, id: &str) -> Result<Delivery, OutboxError> {
        let delivery = self.change(id, DeliveryState::Waiting).await?;
        let mut work = self.work();
        work.pauses.end(&delivery.desk);
        work.reading_pauses.end(&delivery.desk);
        drop(work);
        Ok(delivery)
    }

    /// Gives up a delivery.
    ///
    /// # Errors
    /// As [`Outbox::retry`].
    pub async fn drop(&self, id: &str) -> Result<Delivery, OutboxError> {
        self.change(id, DeliveryState::Dropped).await
    }

    async fn change(&self, id: &str, to: DeliveryState) -> Result<Delivery, OutboxError> {
        let (now, wanted) = (self.now(), id.to_owned());
        self.parts().store.write(move |tx| Box::pin(async move { rows::decide(tx, &wanted, to, now).await })).await?;
        let delivery = rows::one(self.parts().store.reads(), id).await?;
        self.tell(&delivery.ticket);
        Ok(delivery)
    }

    pub(super) fn parts(&self) -> &OutboxParts {
        &self.shared.parts
    }

    pub(super) fn store(&self) -> &Store {
        &self.parts().store
    }

    pub(crate) fn desks(&self) -> &Desks {
        &self.parts().desks
    }

    pub(super) fn builtin(&self) -> &BuiltinDesk {
        &self.parts().builtin
    }

    pub(super) fn calls(&self) -> &Calls {
        &self.shared.calls
    }

    pub(super) fn asked(&self) -> &Asked {
        &self.shared.asked
    }

    /// Remembers whether a desk could be asked for new tickets, and says so when that changes.
    pub(super) fn asked_for_arrivals(&self, desk: &str, asked: Result<(), OutboxError>) -> Result<(), OutboxError> {
        let (now, mut work) = (self.now(), self.work());
        match asked {
            Err(OutboxError::Desk(_, trouble)) => {
                if trouble.kind == TroubleKind::RateLimited {
                    work.reading_pauses.begin(desk, &trouble, now);
                }
                if work.unasked.insert(desk.to_owned(), trouble.said.clone()).is_none() {
                    warn!(desk, error = %trouble, "Desk {desk} cannot be asked for new tickets: {trouble}");
                }
                Ok(())
            }
            Ok(()) => {
                if work.unasked.remove(desk).is_some() {
                    info!(desk, "Desk {desk} can be asked for new tickets again");
                }
                Ok(())
            }
            other => other,
        }
    }

    /// Rows whose sender is no more wait again, to be looked for before they are sent.
    async fn take_over(&self) -> Result<(), OutboxError> {
        let sending = rows::sending(self.parts().store.reads()).await?;
        let (now, alone) = (self.now(), self.parts().replicas.is_alone());
        let mut orphans = Vec::new();
        {
            let mut work = self.work();
            work.seen.retain(|key, _| sending.iter().any(|row| key.0 == row.id && key.1 == row.attempts));
            for row in sending {
                let own = row.run_id == self.shared.run_id;
                let since = *work.seen.entry((row.id.clone(), row.attempts)).or_insert(now);
                if !work.flying.contains(&row.id) && (own || alone || now.since(since) >= LEASE) {
                    orphans.push(row);
                }
            }
        }
        for rows::Sending { id, desk, opening, .. } in orphans {
            warn!(delivery.id = %id, "Delivery {id} was under way when its collector ended; the desk is asked for it");
            let next = self.looked_for_at(&desk, !opening.is_empty(), now);
            self.parts().store.write(move |tx| Box::pin(rows::orphan(tx, id, next, now))).await?;
        }
        Ok(())
    }

    /// Desks and outputs with rows whose time has come, and that are not left alone; whether the rows are events.
    async fn due(&self) -> Result<Vec<(String, bool)>, OutboxError> {
        let now = self.now();
        let due = rows::due(self.parts().store.reads(), now).await?;
        let work = self.work();
        let alone = |desk: &String| work.pauses.holds(desk, now) || work.reading_pauses.limits(desk, now);
        Ok(due.into_iter().filter(|(desk, _)| !alone(desk)).collect())
    }

    /// Sends the rows of a desk or output, one after the other, until none is due or it is to be left alone.
    async fn work_for(&self, desk: &str, events: bool) {
        loop {
            let sent = if events { self.send_events(desk).await } else { self.send_next(desk).await };
            match sent {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    warn!(desk, error = %error, "The outbox of desk {desk} waits for the next look");
                    break;
                }
            }
        }
        self.work().busy.remove(desk);
    }

    /// Sends the next row of a desk; false when there is none, or the desk is to be left alone.
    async fn send_next(&self, desk: &str) -> Result<bool, OutboxError> {
        let (now, name, run_id) = (self.now(), desk.to_owned(), self.shared.run_id.clone());
        let claimed = self.parts().store.write(move |tx| Box::pin(rows::claim(tx, name, run_id, now))).await?;
        let Some(job) = claimed else { return Ok(false) };
        let flight = self.flight(&job.id);
        let jobs = std::slice::from_ref(&job);
        let tried = self.within_its_time(jobs, Box::pin(self.attempt(&job))).await;
        if let Ok(noted) = &tried {
            self.tell_of_files(&job, noted).await?;
        }
        let goes_on = self.settle(jobs, tried).await;
        drop(flight);
        goes_on
    }

    /// A row is this run's until this is dropped: also when the attempt panics.
    fn flight(&self, id: &str) -> Flight<'_> {
        self.work().flying.insert(id.to_owned());
        Flight { outbox: self, id: id.to_owned() }
    }

    /// Tries `attempt` at rows, as long as an attempt may take and the rows are this run's.
    async fn within_its_time<W, T>(
        &self,
        jobs: &[Job<W>],
        attempt: impl Future<Output = Result<T, Trouble>>,
    ) -> Result<T, Trouble> {
        let fence = (!self.parts().replicas.is_alone()).then(|| Fence {
            store: self.parts().store.clone(),
            run_id: self.shared.run_id.clone(),
            rows: Arc::new(jobs.iter().map(|job| (job.id.clone(), job.attempts)).collect()),
        });
        let tried = tokio::time::timeout(ATTEMPT_WITHIN, fence::within(fence, attempt)).await;
        tried.unwrap_or_else(|_| {
            Err(Trouble::away(format!("not done within {} minutes", ATTEMPT_WITHIN.as_secs() / 60)).unclear())
        })
    }

    /// Writes down how an attempt at rows ended, which they share; whether the desk can take the next ones.
    async fn settle<W: Told>(&self, jobs: &[Job<W>], tried: Result<Noted, Trouble>) -> Result<bool, OutboxError> {
        let (now, run_id) = (self.now(), self.shared.run_id.clone());
        let Some(Job { desk, .. }) = jobs.first() else { return Ok(true) };
        let goes_on = !matches!(&tried, Err(trouble) if trouble.passes());
        let next = match &tried {
            Err(trouble) if !goes_on => self.work().pauses.begin(desk, trouble, now),
            _ => now,
        };
        if tried.is_ok() {
            self.work().pauses.end(desk);
        }
        let ends: Vec<_> =
            jobs.iter().map(|job| ((job.id.clone(), job.attempts), self.ended(job, &tried, next))).collect();
        let write = self.parts().store.write(move |tx| {
            Box::pin(async move {
                for (row, end) in ends {
                    rows::end(tx, &row, &run_id, end, now).await?;
                }
                Ok::<_, OutboxError>(())
            })
        });
        write.await?;
        for number in jobs.iter().filter_map(|job| job.what.ticket()) {
            self.tell(&crate::ticket::display(number));
        }
        Ok(goes_on)
    }

    /// How an attempt ends a row, which is tried again at `next` when it has not ended.
    fn ended<W: Told>(&self, job: &Job<W>, tried: &Result<Noted, Trouble>, next: Timestamp) -> rows::End {
        let (id, desk, now) = (&job.id, &job.desk, self.now());
        match tried {
            Ok(noted) => {
                info!(delivery.id = %id, desk, "Delivery {id} is at {desk}");
                let said = noted_words(noted);
                rows::End { state: DeliveryState::Done, unclear: false, next: now, said, outcome: Some(noted.clone()) }
            }
            Err(trouble) => {
                let said = trouble.said.clone();
                warn!(delivery.id = %id, desk, error = %said, "Delivery {id} was not made: {said}");
                let ends = !trouble.passes() || (trouble.kind == TroubleKind::Odd && job.attempts >= ODD_ATTEMPTS);
                let state = if ends { DeliveryState::Failed } else { DeliveryState::Waiting };
                // An attempt that was cut off before it told leaves in doubt what an earlier one left in doubt.
                let unclear = trouble.unclear || job.unclear;
                let opens = trouble.unclear && job.what.opens();
                let next = next.max(self.looked_for_at(desk, opens, now));
                rows::End { state, unclear, next, said, outcome: None }
            }
        }
    }

    /// Whether a desk wants no orders at all now.
    pub(super) fn is_limited(&self, desk: &str) -> bool {
        let (now, work) = (self.now(), self.work());
        work.pauses.limits(desk, now) || work.reading_pauses.limits(desk, now)
    }

    /// Whether a desk may be asked how tickets stand: not while it is left alone, with whatever it was troubled.
    pub(super) fn may_read(&self, desk: &str) -> bool {
        let (now, work) = (self.now(), self.work());
        !work.pauses.holds(desk, now) && !work.reading_pauses.holds(desk, now)
    }

    /// Remembers how asking a desk how a ticket stands went. One that wants fewer orders gets none of any kind meanwhile.
    pub(super) fn was_read(&self, desk: &str, trouble: Option<&Trouble>) {
        let (now, mut work) = (self.now(), self.work());
        match trouble {
            Some(trouble) => {
                work.reading_pauses.begin(desk, trouble, now);
            }
            None => work.reading_pauses.end(desk),
        }
    }

    pub(super) fn tell(&self, ticket: &str) {
        self.parts().feed.publish(FeedItem::Ticket { number: ticket.to_owned() });
    }

    pub(super) fn now(&self) -> Timestamp {
        self.parts().clock.now()
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        // Every change under this lock is complete at each step, so a panic elsewhere leaves it usable.
        self.shared.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A row that this run sends, until it is dropped: also when the attempt panics.
struct Flight<'a> {
    outbox: &'a Outbox,
    id: String,
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.outbox.work().flying.remove(&self.id);
    }
}

/// What is to be said of a delivery: on which other ticket it is, and which files are not there as they were sent.
fn noted_words(noted: &Noted) -> String {
    let other = noted.ticket.iter().map(|other| format!("its ticket has become {other}, and it is there"));
    let lost = noted.files.iter().filter_map(|file| Some(format!("{}: {}", file.name, file.problem.as_ref()?)));
    other.chain(lost).collect::<Vec<_>>().join("; ")
}
