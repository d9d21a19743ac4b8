use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, RawForm, State};
use axum::response::{IntoResponse, Redirect, Response};
use firstline_diagnosis::change::normalise;
use firstline_diagnosis::vocabulary::Timestamp;
use http::StatusCode;
use serde::Deserialize;

use super::around::named;
use super::chrome::{Chrome, When, page};
use super::endpoint::Happened;
use super::endpoint_options::{EndpointOption, options};
use super::finding::DiagnosisView;
use super::forecast;
use super::remote::{Way, ways_of};
use super::ticket_account::{AccountView, name_for};
use super::ticket_close::{Closing, ended};
use super::ticket_pull::{Choice, LastPull, PullView, choices};
use super::tickets::requester;
use super::units::quantity;
use crate::access::Roles;
use crate::access::audit::Entry;
use crate::access::gate::{Caller, percent_encoded};
use crate::api::extract::Posted;
use crate::api::problem::{Fault, Problem};
use crate::api::tickets::{escalate_as, file, note_as};
use crate::app::App;
use crate::escalation::EscalationOrder;
use crate::pull::{Pull, PullState};
use crate::report;
use crate::ticket::answer::primary;
use crate::ticket::rich_text::{Block, Line, RichText};
use crate::ticket::{Ticket, Visibility, number_of};

#[derive(Template)]
#[template(path = "ticket.html")]
pub(super) struct TicketPage {
    chrome: Chrome,
    /// Why something was not done; empty when nothing was refused.
    fault: String,
    works: bool,
    ticket: TicketView,
    pull: Option<PullView>,
    last: Option<LastPull>,
    choices: Vec<Choice>,
    offers_other: bool,
    options: Vec<EndpointOption>,
    /// The words of the ticket that name a moment; empty where it names none.
    named: String,
    diagnosis: Option<TicketDiagnosis>,
    /// Ways onto its endpoint.
    ways: Vec<Way>,
    /// By which name the requester can be looked up; empty when they cannot.
    person: String,
    /// What a directory says of them, once it was asked.
    pub(super) account: Option<AccountView>,
    /// What is offered about its end.
    closing: Option<Closing>,
}

struct TicketView {
    number: String,
    desk: String,
    /// Number and address at another desk.
    outside: Option<(String, String)>,
    /// What goes out to it and is not there.
    pending: usize,
    subject: String,
    text: String,
    state: &'static str,
    priority: String,
    category: String,
    requester: String,
    endpoint: String,
    endpoint_id: String,
    opened: When,
    opened_by: String,
    handed_to: String,
    /// How it ended; empty while nobody said.
    ended: String,
    /// How long after it was opened it had its first diagnosis.
    first_diagnosis: Option<String>,
    /// When it should be solved, as its desk says.
    due: Option<When>,
    notes: Vec<NoteView>,
    files: Vec<FileView>,
}

struct NoteView {
    id: String,
    author: String,
    at: When,
    text: String,
    public: bool,
    by_pull: bool,
}

struct FileView {
    id: String,
    name: String,
    size: String,
    at: When,
}

struct TicketDiagnosis {
    view: DiagnosisView,
    /// The queue that its finding is handed over to; empty when it names none.
    queue: String,
    symptom_label: String,
    plain: String,
    changes: Vec<Happened>,
}

/// `GET /tickets/{ticket}`.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(number): Path<String>,
) -> Result<Response, Fault> {
    page(&of(&app, &caller, &number, String::new()).await?)
}

/// The ticket with the reason why something that was asked for on it was not done, so that nobody loses their place. What
/// is not theirs to mend is told as everywhere.
pub(super) async fn refused(app: &App, caller: &Caller, number: &str, problem: Problem) -> Result<Response, Fault> {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if !status.is_client_error() || status == StatusCode::UNAUTHORIZED || status == StatusCode::NOT_FOUND {
        return Err(Fault(problem));
    }
    let shown = page(&of(app, caller, number, problem.detail).await?)?;
    Ok((status, shown).into_response())
}

/// The page of a ticket.
pub(super) async fn of(app: &App, caller: &Caller, number: &str, fault: String) -> Result<TicketPage, Problem> {
    let ticket = app.desk.show(number).await?;
    let pulls = app.pulls.of_ticket(&ticket.number).await?;
    let now = app.clock.now();
    let running = pulls.iter().find(|pull| !pull.state.is_final());
    let newest = pulls.iter().max_by_key(|pull| pull.requested_at);
    let done = pulls.iter().filter(|pull| pull.state == PullState::Done).max_by_key(|pull| pull.finished_at);
    let diagnosis = match done {
        Some(pull) => diagnosis(app, caller, pull, now).await?,
        None => None,
    };
    let choices = if running.is_some() { Vec::new() } else { choices(app, &ticket).await? };
    let title = format!("{} {}", ticket.number, ticket.subject);
    Ok(TicketPage {
        fault,
        chrome: Chrome::new(title, "tickets", caller).refreshed(if running.is_some() { 3 } else { 0 }),
        works: caller.may(Roles::WORK),
        pull: running.map(|pull| PullView::new(pull, now)),
        last: newest.filter(|pull| pull.state.is_final() && pull.state != PullState::Done).map(LastPull::new),
        offers_other: true,
        options: if running.is_some() { Vec::new() } else { options(app, "").await? },
        choices,
        named: named(&ticket),
        diagnosis,
        ways: ways_of(app, caller, &ticket).await?,
        person: name_for(app, &ticket.requester),
        account: None,
        closing: Closing::of(&ticket),
        ticket: TicketView {
            pending: pending(app, &ticket.number).await?,
            first_diagnosis: first_diagnosis(app, &ticket).await?,
            ..TicketView::new(ticket, now)
        },
    })
}

/// How long after a ticket was opened it had its first diagnosis.
async fn first_diagnosis(app: &App, ticket: &Ticket) -> Result<Option<String>, Problem> {
    let first = report::first_diagnosis(app.store.reads(), number_of(&ticket.number)?).await?;
    Ok(first.map(|first| quantity(first.since(ticket.opened_at).as_secs_f64().round(), "s")))
}

/// How much goes out to the ticket's own desk and is not there.
async fn pending(app: &App, number: &str) -> Result<usize, Problem> {
    Ok(super::desks::lines(app, Some(number)).await?.iter().filter(|line| line.open).count())
}

/// What a pull said, once it is written down that somebody reads it.
async fn diagnosis(
    app: &App,
    caller: &Caller,
    pull: &Pull,
    now: Timestamp,
) -> Result<Option<TicketDiagnosis>, Problem> {
    let Some(result) = app.pulls.result(&pull.id).await? else { return Ok(None) };
    let entry = Entry::new(&caller.actor(), "endpoint.read", &pull.endpoint.id).detail("diagnosis");
    app.access.audit().record(entry.ticket(pull.ticket.clone().unwrap_or_default())).await?;
    let catalogue = app.detect.catalogues().current();
    let title = |check: &str| catalogue.check(check).map_or_else(|| check.to_owned(), |check| check.title.clone());
    let mut view = DiagnosisView::new(&result.diagnosis, now, title);
    forecast::illustrate(app, &pull.endpoint.id, &result.diagnosis, &mut view).await?;
    if let Some(around) = &mut view.around {
        around.illustrate(result.diagnosis.around.as_ref(), &result.snapshot);
    }
    let label =
        catalogue.symptoms().iter().find(|symptom| symptom.id == view.symptom).map(|symptom| symptom.label.clone());
    let snapshot = &result.snapshot;
    let changes = normalise(&snapshot.changes, &snapshot.events, &snapshot.marks, snapshot.taken_at).records;
    let changes = changes.into_iter().map(|one| Happened { at: When::new(one.at, now), text: one.words });
    let queue = primary(&result.diagnosis).map(|finding| finding.escalation.queue.clone()).unwrap_or_default();
    Ok(Some(TicketDiagnosis {
        queue,
        symptom_label: label.unwrap_or_else(|| view.symptom.clone()),
        plain: view.plain(),
        changes: changes.collect(),
        view,
    }))
}

impl TicketView {
    fn new(ticket: Ticket, now: Timestamp) -> Self {
        let ended = ended(&ticket);
        let notes = ticket.notes.into_iter().map(|note| NoteView {
            at: When::new(note.at, now),
            public: note.visibility == Visibility::Public,
            by_pull: note.pull.is_some(),
            id: note.id,
            author: note.author,
            text: note.text,
        });
        // Every pull adds its own: the newest are wanted.
        let files = ticket.attachments.into_iter().rev().map(|one| FileView {
            at: When::new(one.at, now),
            size: quantity(one.size_bytes as f64, "By"),
            id: one.id,
            name: one.name,
        });
        Self {
            notes: notes.collect(),
            files: files.collect(),
            due: ticket.outside.as_ref().and_then(|outside| outside.due).map(|due| When::new(due, now)),
            outside: ticket.outside.map(|outside| (outside.number, outside.url)),
            pending: 0,
            number: ticket.number,
            desk: if ticket.desk == "builtin" { "built-in".to_owned() } else { ticket.desk },
            subject: ticket.subject,
            text: ticket.text,
            state: ticket.state.name(),
            priority: ticket.priority.map(|priority| format!("{priority:?}")).unwrap_or_default(),
            category: ticket.category,
            requester: requester(&ticket.requester),
            endpoint: ticket.endpoint.as_ref().map(|endpoint| endpoint.name.clone()).unwrap_or_default(),
            endpoint_id: ticket.endpoint.map(|endpoint| endpoint.id).unwrap_or_default(),
            opened: When::new(ticket.opened_at, now),
            opened_by: ticket.opened_by,
            handed_to: ticket.handed_to,
            ended,
            first_diagnosis: None,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct NoteForm {
    text: String,
}

/// `POST /tickets/{ticket}/notes`.
pub(super) async fn note(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(number): Path<String>,
    Posted(form): Posted<NoteForm>,
) -> Result<Response, Fault> {
    note_as(&app, &caller, &number, RichText::paragraphs(&form.text), Visibility::Private).await?;
    Ok(back(&number, "notes"))
}

/// `POST /tickets/{ticket}/steps`: the ticked steps become a note.
pub(super) async fn steps(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(number): Path<String>,
    RawForm(form): RawForm,
) -> Result<Response, Fault> {
    let pairs: Vec<(String, String)> = serde_urlencoded_pairs(&form);
    let steps: Vec<String> = pairs.into_iter().filter(|(name, _)| name == "step").map(|(_, value)| value).collect();
    if steps.is_empty() {
        return Ok(back(&number, "diagnosis"));
    }
    let body = RichText(vec![
        Block::paragraph(Line::default().bold("Steps taken")),
        Block::bullets(steps.iter().map(|step| Line::step(step))),
    ]);
    note_as(&app, &caller, &number, body, Visibility::Private).await?;
    Ok(back(&number, "notes"))
}

#[derive(Deserialize)]
pub(super) struct EscalationForm {
    queue: String,
    reason: String,
}

/// `POST /tickets/{ticket}/escalate`.
pub(super) async fn escalate(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(number): Path<String>,
    Posted(form): Posted<EscalationForm>,
) -> Result<Response, Fault> {
    let order = EscalationOrder { queue: Some(form.queue), reason: Some(form.reason) };
    let done = escalate_as(&app, &caller, &number, order).await;
    answered(&app, &caller, &number, "notes", done).await
}

/// Names and values of a form in which a name may come several times.
fn serde_urlencoded_pairs(form: &[u8]) -> Vec<(String, String)> {
    let query = format!("http://form/?{}", String::from_utf8_lossy(form));
    let Ok(address) = reqwest::Url::parse(&query) else { return Vec::new() };
    address.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// `GET /attachments/{id}`.
pub(super) async fn attachment(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    Ok(file(&app, &caller, &id).await?)
}

/// Back to a part of the ticket when something was done on it, else its page with the reason why not.
pub(super) async fn answered<T>(
    app: &App,
    caller: &Caller,
    number: &str,
    part: &str,
    done: Result<T, Problem>,
) -> Result<Response, Fault> {
    match done {
        Ok(_) => Ok(back(number, part)),
        Err(problem) => refused(app, caller, number, problem).await,
    }
}

/// Back to a part of the ticket.
pub(super) fn back(number: &str, part: &str) -> Response {
    Redirect::to(&format!("/tickets/{}#{part}", percent_encoded(number))).into_response()
}
