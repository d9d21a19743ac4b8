//! The one task that writes.
//!
//! It takes what is waiting, runs it in one transaction, commits, and then answers. Under load batches grow by
//! themselves, since jobs queue up while the disk is flushed. When only agents' records wait, it gives others
//! [`LINGER`] to join: nobody looks at that delay, and each commit saved is a flush of the disk.
//!
//! A batch fails whole when its transaction is lost (a full disk, a server that went away, a deadlock). Records are tried
//! again at once when that may help, since their numbers tell them apart even if they were committed after all; when the
//! records themselves are the reason, each endpoint's are stored alone. Jobs ran and cannot run twice, so whoever sent
//! them is told.

use std::fmt;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use metrics::counter;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use tracing::{error, info, warn};

use super::connection::{Connection, Engine};
use super::link::Link;
use super::records::{Appended, Ledger, RecordBatch};
use super::{StoreError, sql};
use crate::metrics::TRANSACTIONS;

/// Jobs that may wait; who comes later waits for a place.
const QUEUE_JOBS: usize = 1024;

/// Rows after which a batch is committed without waiting for more.
const BATCH_ROWS: usize = 2000;

/// How long a batch of nothing but records waits for company.
const LINGER: Duration = Duration::from_millis(50);

/// How often records are tried.
const TRIES: usize = 3;

/// What a job leaves behind: whether to keep its writes, and whom to tell when they are committed or lost.
struct Done {
    keep: bool,
    tell: Box<dyn FnOnce(Result<(), StoreError>) + Send>,
}

/// What became of the records of a transaction.
type Stored = Result<Vec<Appended>, StoreError>;

/// A job: runs on the connection, or hears why there is none.
type Closure = Box<dyn for<'c> FnOnce(Result<&'c mut Connection, StoreError>) -> BoxFuture<'c, Done> + Send>;

enum Job {
    Run(Closure),
    Append(RecordBatch, oneshot::Sender<Result<Appended, StoreError>>),
    Close(oneshot::Sender<()>),
}

/// A handle to the writing task.
#[derive(Clone)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
    failing: Arc<AtomicBool>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("waiting", &(QUEUE_JOBS - self.jobs.capacity())).finish_non_exhaustive()
    }
}

impl Writer {
    /// Starts the task on `link`; `lock` is held until it ends.
    pub(super) fn start(link: Link, lock: Option<File>) -> Self {
        let (jobs, waiting) = mpsc::channel(QUEUE_JOBS);
        let failing = Arc::new(AtomicBool::new(false));
        let said = Arc::clone(&failing);
        tokio::spawn(async move {
            let closed = run(link, waiting, &said).await;
            drop(lock);
            closed.map(|answer| answer.send(()))
        });
        Self { jobs, failing }
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
        self.jobs.send(Job::Run(closure)).await.map_err(|_| StoreError::Closed)?;
        answered.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    pub(super) async fn append(&self, batch: RecordBatch) -> Result<Appended, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.jobs.send(Job::Append(batch, answer)).await.map_err(|_| StoreError::Closed)?;
        answered.await.unwrap_or(Err(StoreError::Closed))
    }

    pub(super) async fn close(&self) {
        let (answer, answered) = oneshot::channel();
        if self.jobs.send(Job::Close(answer)).await.is_ok() {
            let _ = answered.await;
        }
    }
}

/// What goes into one transaction.
#[derive(Default)]
struct Batch {
    closures: Vec<Closure>,
    appends: Vec<(RecordBatch, oneshot::Sender<Result<Appended, StoreError>>)>,
    rows: usize,
    close: Option<oneshot::Sender<()>>,
}

impl Batch {
    fn add(&mut self, job: Job) {
        match job {
            Job::Run(closure) => self.closures.push(closure),
            Job::Append(batch, answer) => {
                self.rows += batch.rows.len();
                self.appends.push((batch, answer));
            }
            Job::Close(answer) => self.close = Some(answer),
        }
    }

    fn is_urgent(&self) -> bool {
        self.rows >= BATCH_ROWS || !self.closures.is_empty() || self.close.is_some()
    }
}

/// Writes until the store closes; who asked for that is to be told.
async fn run(mut link: Link, mut waiting: mpsc::Receiver<Job>, failing: &AtomicBool) -> Option<oneshot::Sender<()>> {
    let mut ledger = Ledger::default();
    while let Some(mut batch) = gather(&mut waiting).await {
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

/// Waits for a job, then takes what else is there, and for records a little of what comes.
async fn gather(waiting: &mut mpsc::Receiver<Job>) -> Option<Batch> {
    let mut batch = Batch::default();
    batch.add(waiting.recv().await?);
    let until = Instant::now() + LINGER;
    loop {
        while batch.rows < BATCH_ROWS && batch.close.is_none() {
            let Ok(job) = waiting.try_recv() else { break };
            batch.add(job);
        }
        if batch.is_urgent() {
            return Some(batch);
        }
        match timeout_at(until, waiting.recv()).await {
            Ok(Some(job)) => batch.add(job),
            Ok(None) | Err(_) => return Some(batch),
        }
    }
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
