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
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::BoxFuture;
use metrics::counter;
use tokio::sync::oneshot;
use tracing::{error, info, warn};

use super::connection::{Connection, Engine};
use super::link::Link;
use super::records::{Appended, Ledger, RecordBatch};
use super::{StoreError, sql};
use crate::metrics::TRANSACTIONS;
pub(super) use waiting::Lane;
use waiting::{Batch, Closure, Done, Job, Lanes, Waiting};

/// How often records are tried.
const TRIES: usize = 3;

/// What became of the records of a transaction.
type Stored = Result<Vec<Appended>, StoreError>;

/// A handle to the writing task.
#[derive(Clone)]
pub(super) struct Writer {
    lane: Lane,
    lanes: Lanes,
    failing: Arc<AtomicBool>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("waiting", &self.lanes.waiting()).finish_non_exhaustive()
    }
}

impl Writer {
    /// Starts the task on `link`; `lock` is held until it ends.
    pub(super) fn start(link: Link, lock: Option<File>) -> Self {
        let (lanes, waiting) = waiting::lanes();
        let failing = Arc::new(AtomicBool::new(false));
        let said = Arc::clone(&failing);
        tokio::spawn(async move {
            let closed = run(link, waiting, &said).await;
            drop(lock);
            closed.map(|answer| answer.send(()))
        });
        Self { lane: Lane::Fleet, lanes, failing }
    }

    /// The same task, for jobs of `lane`.
    pub(super) fn for_lane(&self, lane: Lane) -> Self {
        Self { lane, ..self.clone() }
    }

    /// Whether the newest batch could not be committed.
    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    pub(super) async fn write<T, E, F>(&self, job: F) -> Result<T, E>
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
        self.lanes.of(self.lane).send(Job::Run(closure)).await.map_err(|_| StoreError::Closed)?;
        answered.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    pub(super) async fn append(&self, batch: RecordBatch) -> Result<Appended, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.lanes.of(Lane::Fleet).send(Job::Append(batch, answer)).await.map_err(|_| StoreError::Closed)?;
        answered.await.unwrap_or(Err(StoreError::Closed))
    }

    pub(super) async fn close(&self) {
        let (answer, answered) = oneshot::channel();
        if self.lanes.of(Lane::Fleet).send(Job::Close(answer)).await.is_ok() {
            let _ = answered.await;
        }
    }
}

/// Writes until the store closes; who asked for that is to be told.
async fn run(mut link: Link, mut waiting: Waiting, failing: &AtomicBool) -> Option<oneshot::Sender<()>> {
    let mut ledger = Ledger::default();
    while let Some(mut batch) = waiting.batch().await {
        let close = batch.close.take();
        let committed = commit(&mut link, &mut ledger, batch).await;
        if failing.swap(!committed, Ordering::Relaxed) && committed {
            info!("The database can be written again");
        }
        if let Some(answer) = close {
            waiting.close();
            if let Err(cause) = link.close().await {
                error!(error = %cause, "The database did not close cleanly");
            }
            return Some(answer);
        }
    }
    None
}

/// Runs a batch in one transaction and answers everybody in it; says whether the database takes writes.
async fn commit(link: &mut Link, ledger: &mut Ledger, batch: Batch) -> bool {
    let (records, answers): (Vec<_>, Vec<_>) = batch.appends.into_iter().unzip();
    let mut done = Vec::with_capacity(batch.closures.len());
    let result = transact(link, ledger, &records, batch.closures, &mut done).await;
    let outcome = result.as_ref().map(|_| ()).map_err(Clone::clone);
    for one in done {
        (one.tell)(outcome.clone());
    }
    let result = match result.and_then(|stored| stored) {
        Err(cause) => again(link, ledger, &records, cause).await,
        Ok(appended) => Ok(appended),
    };
    match result {
        Ok(appended) => {
            for (answer, one) in answers.into_iter().zip(appended) {
                let _ = answer.send(Ok(one));
            }
            true
        }
        Err(cause) if cause.is_of_data() => {
            one_by_one(link, ledger, records.into_iter().zip(answers)).await;
            true
        }
        Err(cause) => {
            error!(error = %cause, rows = batch.rows, "A batch could not be committed; its senders are told: {cause}");
            for answer in answers {
                let _ = answer.send(Err(cause.clone()));
            }
            false
        }
    }
}

/// Tries records again as long as that may help.
async fn again(link: &mut Link, ledger: &mut Ledger, records: &[RecordBatch], mut cause: StoreError) -> Stored {
    for _ in 1..TRIES {
        if records.is_empty() || !cause.may_pass() {
            break;
        }
        warn!(error = %cause, "A batch of records was lost and is tried again: {cause}");
        match alone(link, ledger, records).await {
            Ok(appended) => return Ok(appended),
            Err(next) => cause = next,
        }
    }
    Err(cause)
}

/// Stores each endpoint's records alone, so that those which cannot be stored harm nobody else's.
async fn one_by_one(
    link: &mut Link,
    ledger: &mut Ledger,
    records: impl Iterator<Item = (RecordBatch, oneshot::Sender<Result<Appended, StoreError>>)>,
) {
    for (one, answer) in records {
        let key = one.endpoint_key;
        let stored = alone(link, ledger, &[one]).await;
        if let Err(cause) = &stored {
            error!(error = %cause, endpoint.key = key, "Records of endpoint {key} cannot be stored: {cause}");
        }
        let _ = answer.send(stored.map(|mut appended| appended.remove(0)));
    }
}

/// Stores records in a transaction without jobs.
async fn alone(link: &mut Link, ledger: &mut Ledger, records: &[RecordBatch]) -> Stored {
    transact(link, ledger, records, Vec::new(), &mut Vec::new()).await?
}

/// Runs jobs and stores records in one transaction. When it is lost, so is what the ledger knew from it.
async fn transact(
    link: &mut Link,
    ledger: &mut Ledger,
    records: &[RecordBatch],
    closures: Vec<Closure>,
    done: &mut Vec<Done>,
) -> Result<Stored, StoreError> {
    let mut jobs = closures.into_iter();
    let result = match link.begin().await {
        Ok(connection) => fill(connection, ledger, records, &mut jobs, done).await,
        Err(cause) => Err(cause),
    };
    if let Err(cause) = &result {
        // Those that did not run hear why.
        for job in jobs {
            done.push(job(Err(cause.clone())).await);
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
    records: &[RecordBatch],
    jobs: &mut std::vec::IntoIter<Closure>,
    done: &mut Vec<Done>,
) -> Result<Stored, StoreError> {
    let with_jobs = jobs.len() > 0;
    if with_jobs {
        take_baton(connection).await?;
    }
    while jobs.len() > 0 {
        connection.raw("SAVEPOINT job").await?;
        let Some(job) = jobs.next() else { break };
        let one = job(Ok(&mut *connection)).await;
        let keep = one.keep;
        done.push(one);
        let end = if keep { "RELEASE SAVEPOINT job" } else { "ROLLBACK TO SAVEPOINT job; RELEASE SAVEPOINT job" };
        connection.raw(end).await?;
    }
    if with_jobs {
        connection.raw("SAVEPOINT records").await?;
    }
    let stored = match ledger.append(connection, records).await {
        Err(cause) if with_jobs && cause.is_of_data() => {
            connection.raw("ROLLBACK TO SAVEPOINT records").await?;
            Err(cause)
        }
        Err(cause) => return Err(cause),
        Ok(appended) => Ok(appended),
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
