//! The pull on a ticket's page: which endpoint, how it goes, what became of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use firstline_diagnosis::vocabulary::Timestamp;
use serde::Deserialize;

use super::chrome::When;
use super::ticket::{answered, back};
use super::units::quantity;
use crate::access::gate::Caller;
use crate::api::extract::Posted;
use crate::api::problem::{Fault, Problem};
use crate::api::pulls::{cancel_as, newer, start_as};
use crate::api::tickets::endpoint_for;
use crate::api::watch::{self, Step};
use crate::app::App;
use crate::pull::{Pull, PullOrder, PullSection, PullState};
use crate::ticket::Ticket;

/// An endpoint that is there answers within a second or two; after so long something is wrong with it.
const SILENT_AFTER: Duration = Duration::from_secs(15);
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Endpoints offered at most.
const CHOICES_MAX: usize = 5;

/// An endpoint that the ticket may be about.
pub(super) struct Choice {
    pub(super) id: String,
    pub(super) name: String,
    /// What tells it from others of its name; empty when there is none.
    pub(super) telling: String,
    pub(super) state: &'static str,
    pub(super) reason: String,
}

/// The endpoints that the ticket may be about: the one it names, or those that fit, best first.
pub(super) async fn choices(app: &App, ticket: &Ticket) -> Result<Vec<Choice>, Problem> {
    let own = ticket.endpoint.iter().map(|endpoint| (endpoint.clone(), "The ticket names this endpoint.".to_owned()));
    let mut wanted: Vec<_> = own.collect();
    if wanted.is_empty() {
        let suggested = app.desk.suggest(&ticket.number).await?;
        wanted.extend(suggested.into_iter().map(|one| (one.endpoint, one.reason)));
    }
    let mut seen = BTreeSet::new();
    let mut choices = Vec::new();
    for (endpoint, reason) in wanted.into_iter().take(CHOICES_MAX) {
        if seen.insert(endpoint.id.clone())
            && let Some(known) = app.fleet.show(&endpoint.id).await?
        {
            let telling = known.short_id.unwrap_or_default();
            choices.push(Choice { id: known.id, name: known.name, telling, state: known.state.name(), reason });
        }
    }
    Ok(choices)
}

/// A pull that goes on.
pub(super) struct PullView {
    pub(super) id: String,
    pub(super) words: String,
    /// When it was ordered.
    pub(super) asked: When,
    /// Whether the endpoint is not there, so that nothing can go on.
    pub(super) waits: bool,
    /// When silence is worth a word, since the endpoint was asked and has said nothing yet; absent once it has.
    pub(super) silent_from: Option<When>,
    pub(super) cancellable: bool,
    pub(super) total: usize,
    pub(super) finished: usize,
    pub(super) sections: Vec<SectionView>,
}

/// A section of it.
pub(super) struct SectionView {
    pub(super) name: String,
    pub(super) state: String,
    pub(super) words: &'static str,
    pub(super) tick: &'static str,
    pub(super) count: String,
    pub(super) detail: String,
}

impl PullView {
    pub(super) fn new(pull: &Pull, now: Timestamp) -> Self {
        // It may have waited for long before it went out.
        let silent_from = (pull.requested_at + SILENT_AFTER).max(now + ANSWER_WITHIN);
        let finished = pull.sections.iter().filter(|section| ended(section)).count();
        Self {
            id: pull.id.clone(),
            words: words(pull, now),
            asked: When::new(pull.requested_at, now),
            waits: pull.state == PullState::Queued,
            silent_from: (pull.state == PullState::Sent).then(|| When::new(silent_from, now)),
            cancellable: !pull.state.is_final(),
            // The snapshot's way here is the last step, so that the bar is full only when everything is.
            total: pull.sections.len() + 1,
            finished: finished + usize::from(pull.state == PullState::Done),
            sections: pull.sections.iter().map(SectionView::new).collect(),
        }
    }
}

fn words(pull: &Pull, now: Timestamp) -> String {
    let (name, until) = (&pull.endpoint.name, When::new(pull.expires_at, now).ahead());
    match pull.state {
        PullState::Queued => format!("{name} is away. It is asked as soon as it comes back; given up {until}."),
        PullState::Sent => format!("Asked {name}"),
        PullState::Running => format!("Reading from {name}"),
        PullState::Receiving => format!("Receiving the snapshot from {name}"),
        PullState::Done => "Done.".to_owned(),
        PullState::Failed | PullState::Expired | PullState::Cancelled => pull.why.clone(),
    }
}

fn ended(section: &PullSection) -> bool {
    matches!(section.state.as_str(), "finished" | "partial" | "failed" | "timed_out")
}

impl SectionView {
    fn new(section: &PullSection) -> Self {
        let (class, words, tick) = match section.state.as_str() {
            "finished" => ("done", "finished", "✓"),
            "partial" => ("done", "partly read", "≈"),
            "failed" => ("failed", "failed", "✗"),
            "timed_out" => ("timed_out", "took too long", "✗"),
            "started" => ("started", "reading", "…"),
            _ => ("waiting", "waiting", "·"),
        };
        let time =
            if section.elapsed_ms > 0 { quantity(f64::from(section.elapsed_ms) / 1000.0, "s") } else { String::new() };
        let count = match section.readings {
            0 => time,
            readings => format!("{readings} readings, {time}"),
        };
        let name = crate::api::problem::sentence(&section.section).trim_end_matches('.').to_owned();
        Self { name, state: class.to_owned(), words, tick, count, detail: section.detail.clone() }
    }
}

/// A pull that ended without a diagnosis.
pub(super) struct LastPull {
    pub(super) failed: bool,
    pub(super) words: String,
}

impl LastPull {
    pub(super) fn new(pull: &Pull) -> Self {
        let why = pull.error.clone().unwrap_or_else(|| pull.why.clone());
        Self {
            failed: pull.state != PullState::Cancelled,
            words: format!("The last pull from {} did not finish. {why}", pull.endpoint.name),
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct PullForm {
    #[serde(default)]
    endpoint: String,
    #[serde(default)]
    around: String,
}

/// `POST /tickets/{ticket}/pull`.
pub(super) async fn start(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(number): Path<String>,
    Posted(form): Posted<PullForm>,
) -> Result<Response, Fault> {
    let mut done = order(&app, &caller, &number, form).await;
    if let Err(problem) = &mut done
        && problem.status == 404
    {
        app.desk.show(&number).await?;
        // A name that nobody has is a slip of the pen: the field is there to be filled again.
        *problem = Problem::invalid(std::mem::take(&mut problem.detail));
    }
    answered(&app, &caller, &number, "pull", done).await
}

async fn order(app: &App, caller: &Caller, number: &str, form: PullForm) -> Result<(), Problem> {
    let endpoint = endpoint_for(app, number, Some(&form.endpoint)).await?;
    let order = PullOrder {
        endpoint: endpoint.id,
        ticket: Some(number.to_owned()),
        around: Some(form.around),
        requested_by: caller.name().to_owned(),
        ..PullOrder::default()
    };
    start_as(app, caller, order).await?;
    Ok(())
}

/// `POST /pulls/{id}/cancel`.
pub(super) async fn cancel(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    let pull = cancel_as(&app, &caller, &id).await?;
    Ok(back(&pull.ticket.unwrap_or_default(), "pull"))
}

#[derive(Template)]
#[template(path = "pull_progress.html")]
struct Progress {
    pull: PullView,
}

/// `GET /live/pulls/{id}`: `progress` with the sections as they go, and `over` at the end.
pub(super) async fn live(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<impl IntoResponse, Problem> {
    let watched = app.feed.subscribe();
    let now = app.pulls.show(&id).await?;
    let first = vec![event(&app, &now)?];
    Ok(watch::stream(watched, first, move |item| {
        let (app, id) = (Arc::clone(&app), id.clone());
        async move {
            let Some(pull) = newer(&app, &id, item).await else { return Step::Skip };
            match event(&app, &pull) {
                Ok(event) if pull.state.is_final() => Step::Last(event),
                Ok(event) => Step::Send(event),
                Err(_) => Step::Skip,
            }
        }
    }))
}

fn event(app: &App, pull: &Pull) -> Result<Event, Problem> {
    if pull.state.is_final() {
        return Ok(Event::default().event("over").data(pull.state.name()));
    }
    let progress = Progress { pull: PullView::new(pull, app.clock.now()) };
    let text = progress.render().map_err(|error| Problem::failed(&error))?;
    Ok(Event::default().event("progress").data(text))
}
