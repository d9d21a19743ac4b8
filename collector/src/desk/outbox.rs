//! What goes out to desks: never lost, never doubled, and in order on each ticket.
//!
//! - A row is made in the transaction that makes what it tells, so that neither is there without the other.
//! - One collector sends: the one that keeps house. A row says `sending`, and who sends it, before the desk is asked. One whose
//!   sender is no more is taken over: at once when this collector is alone, else when it was seen unchanged for [`LEASE`], which
//!   is longer than any attempt lasts ([`ATTEMPT_WITHIN`]). Only this process's own clock is asked for that.
//! - After a take-over, and after an answer that is not clear, the desk is asked for the mark before anything is sent again.
//!   What remains is a collector that stands still for longer than the lease just before it sends, and then goes on.
//! - Trouble with a desk as a whole (away, too many orders, a token that ran out) makes it be left alone for as long as it says,
//!   else longer each time, and its rows wait however long that takes. Trouble with one order ends its row as `failed`, with
//!   the desk's own words; a person has it tried again, or dropped. Rows of one desk never wait for another desk.
//! - Rows that ended well or were dropped are kept for [`KEPT`].

mod attempt;
mod rows;
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
use super::trouble::{Trouble, TroubleKind};
use super::{Delivery, DeliveryState, DeskView, Desks};
use crate::app::Clock;
use crate::feed::{Feed, FeedItem};
use crate::replica::Replicas;
use crate::store::{Store, StoreError, sql};
use crate::ticket::BuiltinDesk;
use rows::Job;
pub(crate) use rows::{push_change, push_note};

/// How long an attempt may take, with everything that is asked and read back.
const ATTEMPT_WITHIN: Duration = Duration::from_mins(4);
/// How long a row that another collector sends is seen unchanged before it is taken over.
const LEASE: Duration = Duration::from_mins(5);
/// How long what has ended is kept.
const KEPT: Duration = Duration::from_hours(30 * 24);
/// The shortest and the longest pause of a desk that does not say how long it wants.
const PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_mins(10));
/// The pause of a desk that says there were too many orders, and not how long it wants.
const LIMITED: Duration = Duration::from_mins(1);
/// Attempts after which answers that are none end a row.
const ODD_ATTEMPTS: i64 = 10;

/// What goes out to desks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Outbox {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    store: Store,
    clock: Arc<dyn Clock>,
    feed: Feed,
    replicas: Replicas,
    desks: Desks,
    builtin: BuiltinDesk,
    /// This run of this collector.
    run_id: String,
    work: Mutex<Work>,
    tasks: TaskTracker,
    asked: Asked,
}

/// What this run knows beside the rows.
#[derive(Debug, Default)]
struct Work {
    /// Rows that this run sends.
    flying: HashSet<String>,
    /// Rows that other runs send, by id and attempt, and since when they are seen so.
    seen: HashMap<(String, i64), Timestamp>,
    /// Desks that are left alone.
    pauses: HashMap<String, Pause>,
    /// Desks that could not be asked for new tickets, and why.
    unasked: HashMap<String, String>,
    /// Desks that are being worked for.
    busy: HashSet<String>,
}

#[derive(Debug, Clone)]
struct Pause {
    until: Timestamp,
    failures: u32,
    said: String,
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
    /// The outbox in `store`.
    pub(crate) fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        feed: Feed,
        replicas: Replicas,
        desks: Desks,
        builtin: BuiltinDesk,
    ) -> Self {
        let run_id = Uuid::new_v4().to_string();
        let shared = Shared {
            store,
            clock,
            feed,
            replicas,
            desks,
            builtin,
            run_id,
            work: Mutex::default(),
            tasks: TaskTracker::new(),
            asked: Asked::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Sends what is due, a task for each desk. To be called by the collector that keeps house.
    ///
    /// # Errors
    /// The database's.
    pub async fn tick(&self) -> Result<(), OutboxError> {
        self.take_over().await?;
        for desk in self.due().await? {
            if self.work().busy.insert(desk.clone()) {
                let outbox = self.clone();
                self.shared.tasks.spawn(async move { outbox.work_for(&desk).await });
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
        self.shared.store.write(move |tx| Box::pin(rows::forget(tx, before))).await
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
        rows::list(self.shared.store.reads(), state, ticket, limit).await
    }

    /// Has a delivery tried again now.
    ///
    /// # Errors
    /// When there is none, or it is under way or has ended well.
    pub async fn retry(&self, id: &str) -> Result<Delivery, OutboxError> {
        let delivery = self.change(id, DeliveryState::Waiting).await?;
        self.work().pauses.remove(&delivery.desk);
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
        self.shared.store.write(move |tx| Box::pin(async move { rows::decide(tx, &wanted, to, now).await })).await?;
        let delivery = rows::one(self.shared.store.reads(), id).await?;
        self.tell(&delivery.ticket);
        Ok(delivery)
    }

    pub(super) fn store(&self) -> &Store {
        &self.shared.store
    }

    pub(super) fn desks(&self) -> &Desks {
        &self.shared.desks
    }

    pub(super) fn builtin(&self) -> &BuiltinDesk {
        &self.shared.builtin
    }

    pub(super) fn asked(&self) -> &Asked {
        &self.shared.asked
    }

    /// Remembers whether a desk could be asked for new tickets, and says so when that changes.
    pub(super) fn asked_for_arrivals(&self, desk: &str, asked: Result<(), OutboxError>) -> Result<(), OutboxError> {
        let mut work = self.work();
        match asked {
            Err(OutboxError::Desk(_, trouble)) => {
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

    pub(super) fn clock_now(&self) -> Timestamp {
        self.now()
    }

    /// The desks, and how they stand.
    ///
    /// # Errors
    /// The database's.
    pub async fn standing(&self) -> Result<Vec<DeskView>, OutboxError> {
        let counts = rows::counts(self.shared.store.reads()).await?;
        let looked: HashMap<String, i64> =
            sql::query_as::<(String, i64)>("SELECT desk, at_ms FROM desk_marks ORDER BY desk")
                .fetch_all(self.shared.store.reads())
                .await?
                .into_iter()
                .collect();
        let count = |desk: &str, states: &[&str]| {
            let of_desk = counts.iter().filter(|(name, state, _)| name == desk && states.contains(&state.as_str()));
            of_desk.map(|(_, _, count)| count).sum()
        };
        let work = self.work();
        let one = |configured: &super::Configured| {
            let settings = &configured.settings;
            let pause = work.pauses.get(&settings.name);
            let broken = configured.desk.as_ref().err().cloned();
            DeskView {
                name: settings.name.clone(),
                kind: settings.kind.name().to_owned(),
                url: settings.url.clone(),
                queues: settings.queues.clone(),
                waiting: count(&settings.name, &["waiting", "sending"]),
                failed: count(&settings.name, &["failed"]),
                looked_at: looked.get(&settings.name).copied().map(Timestamp),
                paused_until: pause.map(|pause| pause.until),
                trouble: broken
                    .or_else(|| pause.map(|pause| pause.said.clone()))
                    .or_else(|| work.unasked.get(&settings.name).cloned())
                    .unwrap_or_default(),
            }
        };
        Ok(self.shared.desks.all().iter().map(one).collect())
    }

    /// Rows whose sender is no more wait again, to be looked for before they are sent.
    async fn take_over(&self) -> Result<(), OutboxError> {
        let sending = rows::sending(self.shared.store.reads()).await?;
        let (now, alone) = (self.now(), self.shared.replicas.is_alone());
        let mut orphans = Vec::new();
        {
            let mut work = self.work();
            work.seen.retain(|key, _| sending.iter().any(|(id, attempts, _)| key.0 == *id && key.1 == *attempts));
            for (id, attempts, run_id) in sending {
                let own = run_id == self.shared.run_id;
                let since = *work.seen.entry((id.clone(), attempts)).or_insert(now);
                if !work.flying.contains(&id) && (own || alone || now.since(since) >= LEASE) {
                    orphans.push(id);
                }
            }
        }
        for id in orphans {
            warn!(delivery.id = %id, "Delivery {id} was under way when its collector ended; the desk is asked for it");
            self.shared.store.write(move |tx| Box::pin(rows::orphan(tx, id, now))).await?;
        }
        Ok(())
    }

    /// Desks with rows whose time has come, and that are not left alone.
    async fn due(&self) -> Result<Vec<String>, OutboxError> {
        let now = self.now();
        let desks = rows::due(self.shared.store.reads(), now).await?;
        let work = self.work();
        let alone = |desk: &String| work.pauses.get(desk).is_some_and(|pause| pause.until > now);
        Ok(desks.into_iter().filter(|desk| !alone(desk)).collect())
    }

    /// Sends the rows of a desk, one after the other, until none is due or the desk is to be left alone.
    async fn work_for(&self, desk: &str) {
        loop {
            match self.send_next(desk).await {
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

    /// Sends the next row; false when there is none, or the desk is to be left alone.
    async fn send_next(&self, desk: &str) -> Result<bool, OutboxError> {
        let (now, name, run_id) = (self.now(), desk.to_owned(), self.shared.run_id.clone());
        let claimed = self.shared.store.write(move |tx| Box::pin(rows::claim(tx, name, run_id, now))).await?;
        let Some(job) = claimed else { return Ok(false) };
        self.work().flying.insert(job.id.clone());
        let flight = Flight { outbox: self, id: job.id.clone() };
        let tried = tokio::time::timeout(ATTEMPT_WITHIN, self.attempt(&job)).await;
        let tried = tried.unwrap_or_else(|_| {
            Err(Trouble::away(format!("not done within {} minutes", ATTEMPT_WITHIN.as_secs() / 60)).unclear())
        });
        let goes_on = self.settle(&job, tried).await;
        drop(flight);
        goes_on
    }

    /// Writes down how an attempt ended; whether the desk can take the next one.
    async fn settle(&self, job: &Job, tried: Result<super::Noted, Trouble>) -> Result<bool, OutboxError> {
        let now = self.now();
        let goes_on = !matches!(&tried, Err(trouble) if trouble.passes());
        let end = match tried {
            Ok(noted) => {
                self.work().pauses.remove(&job.desk);
                info!(delivery.id = %job.id, desk = %job.desk, "Delivery {} is on ticket {}", job.id, job.ticket.display_number);
                self.tell_of_files(job, &noted).await?;
                rows::End {
                    state: DeliveryState::Done,
                    unclear: false,
                    next: now,
                    said: files_words(&noted),
                    outcome: Some(noted),
                }
            }
            Err(trouble) => {
                let (desk, said) = (&job.desk, &trouble.said);
                warn!(delivery.id = %job.id, desk, error = %said, "Delivery {} was not made: {said}", job.id);
                let ends = !trouble.passes() || (trouble.kind == TroubleKind::Odd && job.attempts >= ODD_ATTEMPTS);
                let next = if goes_on { now } else { self.pause(&job.desk, &trouble, now) };
                let state = if ends { DeliveryState::Failed } else { DeliveryState::Waiting };
                // An attempt that was cut off before it told leaves in doubt what an earlier one left in doubt.
                let unclear = trouble.unclear || job.unclear;
                rows::End { state, unclear, next, said: trouble.said, outcome: None }
            }
        };
        let (row, run_id) = (job.clone(), self.shared.run_id.clone());
        self.shared.store.write(move |tx| Box::pin(rows::end(tx, row, run_id, end, now))).await?;
        self.tell(&crate::ticket::display(job.number));
        Ok(goes_on)
    }

    /// Leaves a desk alone; until when.
    fn pause(&self, desk: &str, trouble: &Trouble, now: Timestamp) -> Timestamp {
        let mut work = self.work();
        let failures = work.pauses.get(desk).map_or(0, |pause| pause.failures);
        let least = if trouble.kind == TroubleKind::RateLimited { LIMITED } else { PAUSES.0 };
        let grown = least.saturating_mul(1 << failures.min(20)).min(PAUSES.1);
        // A crowd that was refused together does not come back together.
        let spread = grown.mul_f64(0.75 + rand::random::<f64>() * 0.5);
        let until = now + trouble.wait.unwrap_or(spread);
        let pause = Pause { until, failures: failures + 1, said: trouble.said.clone() };
        work.pauses.insert(desk.to_owned(), pause);
        until
    }

    fn tell(&self, ticket: &str) {
        self.shared.feed.publish(FeedItem::Ticket { number: ticket.to_owned() });
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now()
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

/// What is to be said of files that are not there as they were sent.
fn files_words(noted: &super::Noted) -> String {
    let lost = noted.files.iter().filter_map(|file| Some(format!("{}: {}", file.name, file.problem.as_ref()?)));
    lost.collect::<Vec<_>>().join("; ")
}
