//! The one task that writes.
//!
//! It takes what is waiting, runs it in one transaction, commits, and then answers. Under load batches grow by
//! themselves, since jobs queue up while the disk is flushed. When only agents' records wait, it gives others
//! [`LINGER`] to join: nobody looks at that delay, and each commit saved is a flush of the disk.
//!
//! Somebody who looks at a screen does not wait for a fleet: jobs of [`Lane::People`] have a queue of their own, which is
//! emptied first, and a batch with such a job takes only a little of what else waits.
//!
//! A batch fails whole when its transaction is lost (a full disk, a server that went away, a deadlock). Records are tried
//! again at once when that may help, since their numbers tell them apart even if they were committed after all; when the
//! records themselves are the reason, each endpoint's are stored alone. Jobs ran and cannot run twice, so whoever sent
//! them is told.

mod waiting;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::BoxFuture;
use metrics::counter;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{debug, error, info};

use super::connection::{Connection, Engine};
use super::link::Link;
use super::lock::{Lock, Opened};
use super::membership::Membership;
use super::records::{Appended, Claim, Ledger, RecordBatch};
use super::standing::Standing;
use super::{StoreError, sql};
use crate::metrics::TRANSACTIONS;
use crate::outage::Outage;
pub(super) use waiting::Lane;
use waiting::{Batch, Closure, Done, Job, Lanes, Task, Waiting};

/// How often records are tried.
const TRIES: usize = 3;

/// What became of the records and claims of a transaction.
type Stored = Result<(Vec<Appended>, Vec<Result<i64, StoreError>>), StoreError>;

/// A handle to the writing task.
#[derive(Clone)]
pub(super) struct Writer {
    lane: Lane,
    lanes: Lanes,
    failing: Arc<AtomicBool>,
    membership: Membership,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("waiting", &self.waiting()).finish_non_exhaustive()
    }
}

impl Writer {
    /// Starts the task on `link`; `lock` is held until it ends.
    pub(super) fn start(link: Link, lock: Option<Lock>, standing: Standing) -> Self {
        let (lanes, waiting) = waiting::lanes();
        let failing = Arc::new(AtomicBool::new(false));
        let said = Arc::clone(&failing);
        let membership = Membership::default();
        // Without that note a log that is removed later goes unnoticed, and nothing else.
        let opened = lock.as_ref().and_then(|lock| lock.open().ok());
        let (ledger, outage) = (Ledger::default(), Outage::default());
        let bench = Bench { opened, link, ledger, membership: membership.clone(), outage, standing };
        tokio::spawn(async move {
            let closed = run(bench, waiting, &said).await;
            drop(lock);
            closed.map(|answer| answer.send(()))
        });
        Self { lane: Lane::Fleet, lanes, failing, membership }
    }

    /// This collector's right to write beside others.
    pub(super) fn membership(&self) -> &Membership {
        &self.membership
    }

    /// The same task, for jobs of `lane`.
    pub(super) fn for_lane(&self, lane: Lane) -> Self {
        Self { lane, ..self.clone() }
    }

    /// How many jobs wait.
    pub(super) fn waiting(&self) -> usize {
        self.lanes.waiting()
    }

    /// Whether the newest batch could not be committed.
    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Runs a job; when collectors share the database, one `for_members` only while this one is counted among them.
    pub(super) async fn write<T, E, F>(&self, for_members: bool, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let closure: Closure = Box::new(move |connection| {
            Box::pin(async move {
                let result = match connection {
                    Ok(connection) => job(connection).await,
                    Err(cause) => Err(cause.into()),
                };
                let keep = result.is_ok();
                let tell = Box::new(move |committed: Result<(), StoreError>| {
                    let _ = answer.send(result.and_then(|value| committed.map(|()| value).map_err(E::from)));
                });
                Done { keep, tell }
            })
        });
        let task = Task { closure, for_members };
        self.lanes.of(self.lane).send(Job::Run(task)).await.map_err(|_| StoreError::Closed)?;
        answered.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    pub(super) async fn append(&self, batch: RecordBatch) -> Result<Appended, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.lanes.of(Lane::Fleet).send(Job::Append(batch, answer)).await.map_err(|_| StoreError::Closed)?;
        answered.await.unwrap_or(Err(StoreError::Closed))
    }

    pub(super) async fn claim(&self, claim: Claim) -> Result<i64, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.lanes.of(Lane::Fleet).send(Job::Claim(claim, answer)).await.map_err(|_| StoreError::Closed)?;
        answered.await.unwrap_or(Err(StoreError::Closed))
    }

    pub(super) async fn close(&self) {
        let (answer, answered) = oneshot::channel();
        if self.lanes.of(Lane::Fleet).send(Job::Close(answer)).await.is_ok() {
            let _ = answered.await;
        }
    }
}

/// What the task works with.
struct Bench {
    /// First, so that it is let go before the connection, whose end removes the log.
    opened: Option<Opened>,
    link: Link,
    ledger: Ledger,
    membership: Membership,
    /// Batches that could not be committed, in a row, for a reason that does not pass.
    outage: Outage,
    standing: Standing,
}

/// What the ledger enters in one transaction.
#[derive(Default)]
struct Entries {
    records: Vec<RecordBatch>,
    claims: Vec<Claim>,
}

impl Entries {
    fn is_empty(&self) -> bool {
        self.records.is_empty() && self.claims.is_empty()
    }
}

/// Writes until the store closes; who asked for that is to be told.
async fn run(mut bench: Bench, mut waiting: Waiting, failing: &AtomicBool) -> Option<oneshot::Sender<()>> {
    while let Some(mut batch) = waiting.batch().await {
        let close = batch.close.take();
        let committed = commit(&mut bench, batch).await;
        failing.store(!committed, Ordering::Relaxed);
        if committed && let Some(count) = bench.outage.is_over() {
            info!(count, "The database can be written again; {count} batches were refused, and their senders told");
        }
        if let Some(answer) = close {
            waiting.close();
            drop(bench.opened.take());
            if let Err(cause) = bench.link.close().await {
                error!(error = %cause, "The database did not close cleanly");
            }
            return Some(answer);
        }
    }
    None
}

/// Runs a batch in one transaction and answers everybody in it; says whether the database takes writes.
async fn commit(bench: &mut Bench, batch: Batch) -> bool {
    let (records, answers): (Vec<_>, Vec<_>) = batch.appends.into_iter().unzip();
    let (claims, claimants): (Vec<_>, Vec<_>) = batch.claims.into_iter().unzip();
    let entries = Entries { records, claims };
    let mut done = Vec::with_capacity(batch.tasks.len());
    let result = transact(bench, &entries, batch.tasks, &mut done).await;
    let outcome = result.as_ref().map(|_| ()).map_err(Clone::clone);
    for one in done {
        (one.tell)(outcome.clone());
    }
    let mut doubt = false;
    let result = match result.and_then(|stored| stored) {
        Err(cause) => {
            let first = bench.ledger.take_entered();
            doubt = !first.is_empty() && cause.is_lost();
            let second = again(bench, &entries, cause, &mut doubt).await;
            second.map(|(second, claimed)| (since(&first, second, &entries), claimed))
        }
        Ok(entered) => Ok(entered),
    };
    match result {
        Ok((appended, claimed)) => {
            for (answer, one) in answers.into_iter().zip(appended) {
                let _ = answer.send(stored(one));
            }
            for (answer, one) in claimants.into_iter().zip(claimed) {
                let _ = answer.send(one);
            }
            true
        }
        Err(cause) if cause.is_of_data() => {
            for answer in claimants {
                let _ = answer.send(Err(cause.clone()));
            }
            one_by_one(bench, entries.records.into_iter().zip(answers)).await;
            true
        }
        Err(cause) => {
            not_committed(bench, &cause);
            let told = if doubt { StoreError::Doubtful(Box::new(cause.clone())) } else { cause.clone() };
            for answer in answers {
                let _ = answer.send(Err(told.clone()));
            }
            for answer in claimants {
                let _ = answer.send(Err(cause.clone()));
            }
            false
        }
    }
}

/// Says that a batch could not be committed, or how many since that was last said; what passes is said of the database.
fn not_committed(bench: &mut Bench, cause: &StoreError) {
    if cause.is_passing() {
        bench.standing.refused(cause);
    } else if let Some(count) = bench.outage.failed(Instant::now()) {
        let what = if count > 1 { format!("{count} batches") } else { "A batch".to_owned() };
        error!(error = %cause, count, "{what} could not be committed; the senders are told: {cause}");
    }
}

/// What became of batches that were tried again. Of those that had been committed all the same, nobody would hear what is new.
fn since(first: &[Appended], second: Vec<Appended>, entries: &Entries) -> Vec<Appended> {
    if first.len() != second.len() {
        return second;
    }
    let each = second.into_iter().zip(first).zip(&entries.records);
    each.map(|((second, first), batch)| second.after(first, &batch.rows)).collect()
}

/// What the sender of records is told.
fn stored(one: Appended) -> Result<Appended, StoreError> {
    if one.moved { Err(StoreError::Moved) } else { Ok(one) }
}

/// Tries entries again as long as that may help. There is `doubt` when one of the tries may have been committed without a word.
async fn again(bench: &mut Bench, entries: &Entries, mut cause: StoreError, doubt: &mut bool) -> Stored {
    for _ in 1..TRIES {
        if entries.is_empty() || !cause.may_pass() {
            break;
        }
        debug!(error = %cause, "A batch of records was lost and is tried again: {cause}");
        match alone(bench, entries).await {
            Ok(entered) => return Ok(entered),
            Err(next) => {
                *doubt |= !bench.ledger.take_entered().is_empty() && next.is_lost();
                cause = next;
            }
        }
    }
    Err(cause)
}

/// Stores each endpoint's records alone, so that those which cannot be stored harm nobody else's.
async fn one_by_one(
    bench: &mut Bench,
    records: impl Iterator<Item = (RecordBatch, oneshot::Sender<Result<Appended, StoreError>>)>,
) {
    for (one, answer) in records {
        let key = one.endpoint_key;
        let entered = alone(bench, &Entries { records: vec![one], claims: Vec::new() }).await;
        if let Err(cause) = &entered {
            error!(error = %cause, endpoint.key = key, "Records of endpoint {key} cannot be stored: {cause}");
        }
        let _ = answer.send(entered.and_then(|(mut appended, _)| stored(appended.remove(0))));
    }
}

/// Makes entries in a transaction without jobs.
async fn alone(bench: &mut Bench, entries: &Entries) -> Stored {
    transact(bench, entries, Vec::new(), &mut Vec::new()).await?
}

/// Runs jobs and stores records in one transaction. When it is lost, so is what the ledger knew from it.
async fn transact(
    bench: &mut Bench,
    entries: &Entries,
    tasks: Vec<Task>,
    done: &mut Vec<Done>,
) -> Result<Stored, StoreError> {
    let Bench { link, ledger, membership, .. } = bench;
    ledger.take_entered();
    let mut jobs = tasks.into_iter();
    let result = match link.begin().await {
        Ok(connection) => fill(connection, ledger, membership, entries, &mut jobs, done).await,
        Err(cause) => Err(cause),
    };
    if let Err(cause) = &result {
        // Those that did not run hear why.
        for job in jobs {
            done.push((job.closure)(Err(cause.clone())).await);
        }
    }
    if !matches!(result, Ok(Ok(_))) {
        ledger.forget();
    }
    if let Err(cause) = &result {
        link.give_up(cause).await;
    }
    result
}

/// Fills the transaction that has begun, and commits it. Records that cannot be stored take no job with them.
async fn fill(
    connection: &mut Connection,
    ledger: &mut Ledger,
    membership: &Membership,
    entries: &Entries,
    jobs: &mut std::vec::IntoIter<Task>,
    done: &mut Vec<Done>,
) -> Result<Stored, StoreError> {
    let with_jobs = jobs.len() > 0;
    if with_jobs {
        take_baton(connection).await?;
    }
    let may_write = !with_jobs || membership.holds(connection).await?;
    while jobs.len() > 0 {
        connection.raw("SAVEPOINT job").await?;
        let Some(job) = jobs.next() else { break };
        let refused = job.for_members && !may_write;
        let one = (job.closure)(if refused { Err(StoreError::Expelled) } else { Ok(&mut *connection) }).await;
        let keep = one.keep;
        done.push(one);
        let end = if keep { "RELEASE SAVEPOINT job" } else { "ROLLBACK TO SAVEPOINT job; RELEASE SAVEPOINT job" };
        connection.raw(end).await?;
    }
    if with_jobs {
        connection.raw("SAVEPOINT records").await?;
    }
    let stored = match ledger.append(connection, &entries.records, &entries.claims).await {
        Err(cause) if with_jobs && cause.is_of_data() => {
            connection.raw("ROLLBACK TO SAVEPOINT records").await?;
            Err(cause)
        }
        Err(cause) => return Err(cause),
        Ok(entered) => Ok(entered),
    };
    connection.commit().await?;
    counter!(TRANSACTIONS).increment(1);
    Ok(stored)
}

/// Waits until no other collector runs jobs on this database, and keeps it so until the transaction ends. The baton is
/// the row of the first migration: it is always there, and nobody changes it.
async fn take_baton(connection: &mut Connection) -> Result<(), StoreError> {
    if connection.engine() == Engine::Postgres {
        let baton = "SELECT number FROM schema_migrations ORDER BY number LIMIT 1 FOR UPDATE";
        sql::query_scalar::<i64>(baton).fetch_optional(connection).await?;
    }
    Ok(())
}
