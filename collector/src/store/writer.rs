//! The one task that writes.
//!
//! It takes what is waiting, runs it in one transaction, commits, and then answers. Under load batches grow by
//! themselves, since jobs queue up while the disk is flushed. When only agents' records wait, it gives others
//! [`LINGER`] to join: nobody looks at that delay, and each commit saved is a flush of the disk.

use std::fmt;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use tracing::{error, info};

use super::StoreError;
use super::records::{Appended, Ledger, RecordBatch};

/// Jobs that may wait; who comes later waits for a place.
const QUEUE_JOBS: usize = 1024;

/// Rows after which a batch is committed without waiting for more.
const BATCH_ROWS: usize = 2000;

/// How long a batch of nothing but records waits for company.
const LINGER: Duration = Duration::from_millis(50);

/// What a job leaves behind: whether to keep its writes, and whom to tell when they are committed or lost.
struct Done {
    keep: bool,
    tell: Box<dyn FnOnce(Result<(), StoreError>) + Send>,
}

type Closure = Box<dyn for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Done> + Send>;

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
    /// Starts the task on `connection`; `lock` is held until it ends.
    pub(super) fn start(connection: SqliteConnection, lock: File) -> Self {
        let (jobs, waiting) = mpsc::channel(QUEUE_JOBS);
        let failing = Arc::new(AtomicBool::new(false));
        let said = Arc::clone(&failing);
        tokio::spawn(async move {
            let closed = run(connection, waiting, &said).await;
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
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, E>> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let closure: Closure = Box::new(move |connection| {
            Box::pin(async move {
                let result = job(connection).await;
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
async fn run(
    mut connection: SqliteConnection,
    mut waiting: mpsc::Receiver<Job>,
    failing: &AtomicBool,
) -> Option<oneshot::Sender<()>> {
    let mut ledger = Ledger::default();
    while let Some(mut batch) = gather(&mut waiting).await {
        let close = batch.close.take();
        let committed = commit(&mut connection, &mut ledger, batch).await;
        if failing.swap(!committed, Ordering::Relaxed) && committed {
            info!("The database can be written again");
        }
        if let Some(answer) = close {
            waiting.close();
            if let Err(cause) = connection.close().await {
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

/// Runs a batch in one transaction and answers everybody in it; says whether it was committed.
async fn commit(connection: &mut SqliteConnection, ledger: &mut Ledger, batch: Batch) -> bool {
    let (records, answers): (Vec<_>, Vec<_>) = batch.appends.into_iter().unzip();
    let mut done = Vec::with_capacity(batch.closures.len());
    let result = transact(connection, ledger, records, batch.closures, &mut done).await;
    if let Err(cause) = &result {
        ledger.forget();
        error!(error = %cause, rows = batch.rows, "A batch could not be committed; its senders are told: {cause}");
    }
    let outcome = result.as_ref().map(|_| ()).map_err(Clone::clone);
    let committed = outcome.is_ok();
    for one in done {
        (one.tell)(outcome.clone());
    }
    match result {
        Ok(appended) => answers.into_iter().zip(appended).for_each(|(answer, one)| {
            let _ = answer.send(Ok(one));
        }),
        Err(cause) => answers.into_iter().for_each(|answer| {
            let _ = answer.send(Err(cause.clone()));
        }),
    }
    committed
}

async fn transact(
    connection: &mut SqliteConnection,
    ledger: &mut Ledger,
    records: Vec<RecordBatch>,
    closures: Vec<Closure>,
    done: &mut Vec<Done>,
) -> Result<Vec<Appended>, StoreError> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    for closure in closures {
        let mut savepoint = transaction.begin().await?;
        let one = closure(&mut savepoint).await;
        let keep = one.keep;
        done.push(one);
        if keep { savepoint.commit().await? } else { savepoint.rollback().await? }
    }
    let appended = ledger.append(&mut transaction, records).await?;
    transaction.commit().await?;
    Ok(appended)
}
