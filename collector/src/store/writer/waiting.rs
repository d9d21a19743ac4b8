//! What waits for the writer, in two lanes, and what of it goes into the next transaction.

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::store::StoreError;
use crate::store::connection::Connection;
use crate::store::records::{Appended, Claim, RecordBatch};

/// Jobs that may wait; who comes later waits for a place.
const QUEUE_JOBS: usize = 1024;

/// Rows after which a batch is committed without waiting for more.
const BATCH_ROWS: usize = 2000;

/// The same for a batch that somebody waits for.
const HURRIED_ROWS: usize = 200;

/// What a job is taken for, in rows.
const JOB_ROWS: usize = 10;

/// How long a batch of nothing but records waits for company.
const LINGER: Duration = Duration::from_millis(50);

/// What a job leaves behind: whether to keep its writes, and whom to tell when they are committed or lost.
pub(super) struct Done {
    pub(super) keep: bool,
    pub(super) tell: Box<dyn FnOnce(Result<(), StoreError>) + Send>,
}

/// A job: runs on the connection, or hears why there is none.
pub(super) type Closure = Box<dyn for<'c> FnOnce(Result<&'c mut Connection, StoreError>) -> BoxFuture<'c, Done> + Send>;

/// A job, and whether only a member of the collectors that share the database may do it.
pub(super) struct Task {
    pub(super) closure: Closure,
    pub(super) for_members: bool,
}

/// What is asked of the writer.
pub(super) enum Job {
    Run(Task),
    Append(RecordBatch, oneshot::Sender<Result<Appended, StoreError>>),
    Claim(Claim, oneshot::Sender<Result<i64, StoreError>>),
    Close(oneshot::Sender<()>),
}

/// Whose turn a job takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Lane {
    /// Somebody looks at a screen meanwhile.
    People,
    /// Nobody does.
    Fleet,
}

/// Where jobs are sent.
#[derive(Clone)]
pub(super) struct Lanes {
    people: mpsc::Sender<Job>,
    fleet: mpsc::Sender<Job>,
}

/// Two empty lanes.
pub(super) fn lanes() -> (Lanes, Waiting) {
    let (people, from_people) = mpsc::channel(QUEUE_JOBS);
    let (fleet, from_fleet) = mpsc::channel(QUEUE_JOBS);
    (Lanes { people, fleet }, Waiting { people: from_people, fleet: from_fleet })
}

impl Lanes {
    pub(super) fn of(&self, lane: Lane) -> &mpsc::Sender<Job> {
        match lane {
            Lane::People => &self.people,
            Lane::Fleet => &self.fleet,
        }
    }

    /// Jobs that wait, in both.
    pub(super) fn waiting(&self) -> usize {
        2 * QUEUE_JOBS - self.people.capacity() - self.fleet.capacity()
    }
}

/// What waits, in two lanes.
pub(super) struct Waiting {
    people: mpsc::Receiver<Job>,
    fleet: mpsc::Receiver<Job>,
}

impl Waiting {
    /// The next job; none when nobody can send one any more.
    async fn next(&mut self) -> Option<(Lane, Job)> {
        tokio::select! {
            biased;
            Some(job) = self.people.recv() => Some((Lane::People, job)),
            Some(job) = self.fleet.recv() => Some((Lane::Fleet, job)),
            else => None,
        }
    }

    /// A job that is here and that `batch` has room for.
    fn here(&mut self, batch: &Batch) -> Option<(Lane, Job)> {
        if batch.close.is_some() || batch.work >= BATCH_ROWS {
            return None;
        }
        if let Ok(job) = self.people.try_recv() {
            return Some((Lane::People, job));
        }
        let room = if batch.hurried { HURRIED_ROWS } else { BATCH_ROWS };
        let job = (batch.work < room).then(|| self.fleet.try_recv().ok())?;
        job.map(|job| (Lane::Fleet, job))
    }

    /// Waits for a job, then takes what else is there, and for records a little of what comes.
    pub(super) async fn batch(&mut self) -> Option<Batch> {
        let mut batch = Batch::default();
        batch.add(self.next().await?);
        let until = Instant::now() + LINGER;
        loop {
            while let Some(job) = self.here(&batch) {
                batch.add(job);
            }
            if batch.is_urgent() {
                return Some(batch);
            }
            match timeout_at(until, self.next()).await {
                Ok(Some(job)) => batch.add(job),
                Ok(None) | Err(_) => return Some(batch),
            }
        }
    }

    /// Lets nobody in any more.
    pub(super) fn close(&mut self) {
        self.people.close();
        self.fleet.close();
    }
}

/// What goes into one transaction.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) tasks: Vec<Task>,
    pub(super) appends: Vec<(RecordBatch, oneshot::Sender<Result<Appended, StoreError>>)>,
    pub(super) claims: Vec<(Claim, oneshot::Sender<Result<i64, StoreError>>)>,
    pub(super) rows: usize,
    /// What it will take, in rows.
    work: usize,
    /// Whether somebody waits for it.
    hurried: bool,
    pub(super) close: Option<oneshot::Sender<()>>,
}

impl Batch {
    fn add(&mut self, (lane, job): (Lane, Job)) {
        self.hurried |= lane == Lane::People;
        match job {
            Job::Run(task) => {
                self.work += JOB_ROWS;
                self.tasks.push(task);
            }
            Job::Claim(claim, answer) => {
                self.work += 1;
                self.claims.push((claim, answer));
            }
            Job::Append(batch, answer) => {
                self.rows += batch.rows.len();
                self.work += batch.rows.len();
                self.appends.push((batch, answer));
            }
            Job::Close(answer) => self.close = Some(answer),
        }
    }

    fn is_urgent(&self) -> bool {
        self.work >= BATCH_ROWS || !self.tasks.is_empty() || self.close.is_some()
    }
}
