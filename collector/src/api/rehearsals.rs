//! A check file over the stored past.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use tracing::warn;

use super::checks::{file_name, ids};
use super::extract::Body;
use super::problem::Problem;
use super::recordings::lines;
use crate::access::audit::Entry;
use crate::access::gate::Caller;
use crate::app::App;
use crate::detect::is_for;
use crate::fleet::ListQuery;
use crate::recording::{Progress, Rehearsal, RehearseError, Report, rehearse as run};

/// One at a time: a rehearsal reads weeks of the whole fleet.
static TURN: Semaphore = Semaphore::const_new(1);

/// The longest past that is rehearsed: as long as five minutes are kept.
const DAYS_MAX: u32 = 90;
/// Lines that wait to be sent.
const LINES: usize = 8;

/// A check file, and over which past it is to be run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trial {
    /// The file's name, for messages.
    pub name: String,
    /// Its text.
    pub text: String,
    /// Over the last so many days.
    pub days: u32,
    /// Only endpoints with these words in name, id, a user's name or a tag.
    #[serde(default)]
    pub search: Option<String>,
}

/// A line of the answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line {
    /// How far it is.
    Progress(Progress),
    /// The end.
    Report(Report),
    /// It could not be finished.
    Failed(String),
}

pub(super) async fn rehearse(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(trial): Body<Trial>,
) -> Result<Response, Problem> {
    if !(1..=DAYS_MAX).contains(&trial.days) {
        return Err(Problem::invalid(format!("days is {}; it goes from 1 to {DAYS_MAX}.", trial.days)));
    }
    let turn = TURN
        .try_acquire()
        .map_err(|_| Problem::conflict("Another rehearsal is running. Wait for its end, or end it, and try again."))?;
    let (rehearsal, only_for) = prepared(&app, &trial).await?;
    let endpoints = endpoints(&app, trial.search.clone(), &only_for).await?;
    let entry = Entry::new(&caller.actor(), "check.rehearse", &trial.name);
    app.access.audit().record(entry.detail(format!("{} days, {} endpoints", trial.days, endpoints.len()))).await?;
    let (sender, taken) = mpsc::channel(LINES);
    tokio::spawn(follow(app, rehearsal, endpoints, sender, turn));
    Ok(lines(taken))
}

/// The tags of endpoints that a file is for.
type OnlyFor = BTreeMap<String, Vec<String>>;

/// The checks of the file, alone, and whom it is for.
async fn prepared(app: &Arc<App>, trial: &Trial) -> Result<(Rehearsal, OnlyFor), Problem> {
    let (name, text) = (file_name(&trial.name)?, trial.text.clone());
    let mine = ids(&text);
    let app = Arc::clone(app);
    let to = app.clock.now();
    let tried = tokio::task::spawn_blocking(move || app.detect.catalogues().rehearsed(&name, text, &mine)).await;
    let tried = tried.map_err(|error| Problem::failed(&error))?;
    let (catalogue, only_for) = tried.map_err(|error| Problem::invalid(error.to_string()))?;
    if catalogue.checks().is_empty() {
        return Err(Problem::invalid("The file holds no check that could fire."));
    }
    let from = to - Duration::from_hours(24) * trial.days;
    Ok((Rehearsal { catalogue: Arc::new(catalogue), from, to }, only_for))
}

async fn endpoints(app: &App, search: Option<String>, only_for: &OnlyFor) -> Result<Vec<String>, Problem> {
    let mut query = ListQuery { search, limit: Some(500), ..ListQuery::default() };
    let mut ids = Vec::new();
    loop {
        let page = app.fleet.list(query.clone()).await?;
        let meant = page.endpoints.into_iter().filter(|endpoint| is_for(only_for, &endpoint.tags));
        ids.extend(meant.map(|endpoint| endpoint.id));
        if page.next.is_none() {
            return Ok(ids);
        }
        query.after = page.next;
    }
}

async fn follow(
    app: Arc<App>,
    rehearsal: Rehearsal,
    endpoints: Vec<String>,
    sender: mpsc::Sender<Bytes>,
    _turn: SemaphorePermit<'static>,
) {
    // Progress that nobody takes in time is left out.
    let progress = |progress| {
        let sent = sender.try_send(printed(&Line::Progress(progress)));
        !matches!(sent, Err(TrySendError::Closed(_)))
    };
    let last = match run(&app.store, &app.fleet, &rehearsal, &endpoints, progress).await {
        Ok(report) => Line::Report(report),
        Err(RehearseError::Abandoned) => return,
        Err(error) => {
            warn!(error = %error, "A rehearsal could not be finished: {error}");
            Line::Failed("The stored past could not be read. Try again; the collector's log says more.".to_owned())
        }
    };
    // Who has gone meanwhile does not need it.
    sender.send(printed(&last)).await.ok();
}

fn printed(line: &Line) -> Bytes {
    let mut text = serde_json::to_vec(line).unwrap_or_default();
    text.push(b'\n');
    text.into()
}
