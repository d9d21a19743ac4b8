//! Tickets of the built-in desk.

use std::sync::Arc;

use axum::Json;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::handler::Handler as _;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use firstline_diagnosis::document::Endpoint;
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};

use super::extract::{Body, Search};
use super::problem::Problem;
use crate::access::Roles;
use crate::access::audit::Entry;
use crate::access::gate::{Caller, Doors, Told};
use crate::app::App;
use crate::escalation::{self, Escalation, EscalationOrder};
use crate::pull::{FILE_BYTES_MAX, Import, Pull, PullOrder};
use crate::ticket::rich_text::RichText;
use crate::ticket::{
    AttachmentContent, ClosingCode, NewNote, NewTicket, NoteResult, Suggestion, Ticket, TicketList, TicketQuery,
    TicketState, TicketUpdate, Visibility,
};

/// What a page made by a pull may do when it is opened in the browser: show itself, and nothing else.
const FILE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'none'; \
                           form-action 'none'; base-uri 'none'";

/// Adds the routes of tickets.
pub(super) fn doors(doors: Doors) -> Doors {
    doors
        .get(
            "/api/v1/tickets",
            Roles::LOOK,
            list,
            Told {
                summary: "Tickets, newest first, without notes.",
                query: &[
                    ("state", "new, open, pending, resolved or closed"),
                    ("open", "true: only those that are neither resolved nor closed"),
                    ("endpoint", "only of this endpoint (identity)"),
                    ("search", "words in number, subject or requester"),
                    ("after", "what `next` of the page before said"),
                    ("limit", "1 to 500; 100 when absent"),
                ],
                answer: "TicketList",
                ..Told::default()
            },
        )
        .post(
            "/api/v1/tickets",
            Roles::WORK,
            open,
            Told { summary: "Open a ticket.", body: "NewTicket", answer: "Ticket", ..Told::default() },
        )
        .get(
            "/api/v1/tickets/{ticket}",
            Roles::LOOK,
            show,
            Told { summary: "One ticket with notes and attachments.", answer: "Ticket", ..Told::default() },
        )
        .post(
            "/api/v1/tickets/{ticket}",
            Roles::WORK,
            update,
            Told {
                summary: "Change a ticket; absent fields stay.",
                body: "TicketUpdate",
                answer: "Ticket",
                ..Told::default()
            },
        )
        .get(
            "/api/v1/tickets/{ticket}/suggestions",
            Roles::LOOK,
            suggestions,
            Told {
                summary: "Endpoints that it may be about, with the reason, best first.",
                answer: "SuggestionList",
                ..Told::default()
            },
        )
        .post(
            "/api/v1/tickets/{ticket}/notes",
            Roles::WORK,
            note,
            Told { summary: "Write a note.", body: "NoteOrder", answer: "NoteResult", ..Told::default() },
        )
        .post(
            "/api/v1/tickets/{ticket}/escalate",
            Roles::WORK,
            escalate,
            Told {
                summary: "Hand a ticket over with everything that is known: note, page, queue, category and priority.",
                body: "EscalationOrder",
                answer: "Escalation",
                ..Told::default()
            },
        )
        .post(
            "/api/v1/tickets/{ticket}/attach",
            Roles::WORK,
            attach,
            Told {
                summary: "Pull a diagnosis into the ticket, from the endpoint named or from the one that fits best.",
                body: "AttachOrder",
                answer: "Pull",
                ..Told::default()
            },
        )
        .post(
            "/api/v1/tickets/{ticket}/import",
            Roles::WORK,
            import.layer(DefaultBodyLimit::max(FILE_BYTES_MAX)),
            Told {
                summary: "Put the diagnosis of a file that `firstline-agent diagnose --save` wrote onto the ticket.",
                query: &[("symptom", "what the person complains of; the ticket's words when absent")],
                body: "application/json",
                answer: "Pull",
            },
        )
        .get(
            "/api/v1/attachments/{id}",
            Roles::LOOK,
            attachment,
            Told { summary: "A file on a ticket.", answer: "application/octet-stream", ..Told::default() },
        )
}

async fn list(State(app): State<Arc<App>>, Search(query): Search<TicketQuery>) -> Result<Json<TicketList>, Problem> {
    Ok(Json(app.desk.list(&query).await?))
}

async fn open(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(mut order): Body<NewTicket>,
) -> Result<(StatusCode, Json<Ticket>), Problem> {
    if let Some(endpoint) = &mut order.endpoint {
        *endpoint = app.fleet.find(endpoint).await?.id;
    }
    Ok((StatusCode::CREATED, Json(open_as(&app, &caller, order).await?)))
}

/// Opens a ticket, and writes down who did.
pub(crate) async fn open_as(app: &App, caller: &Caller, order: NewTicket) -> Result<Ticket, Problem> {
    let ticket = app.desk.open(order, caller.name()).await?;
    app.access
        .audit()
        .record(Entry::new(&caller.actor(), "ticket.open", &ticket.number).ticket(&ticket.number))
        .await?;
    Ok(ticket)
}

async fn show(State(app): State<Arc<App>>, Path(number): Path<String>) -> Result<Json<Ticket>, Problem> {
    Ok(Json(app.desk.show(&number).await?))
}

async fn update(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(number): Path<String>,
    Body(mut order): Body<TicketUpdate>,
) -> Result<Json<Ticket>, Problem> {
    if let Some(endpoint) = &mut order.endpoint {
        *endpoint = app.fleet.find(endpoint).await?.id;
    }
    Ok(Json(update_as(&app, &caller, &number, order).await?))
}

/// Changes a ticket, and writes down who did.
pub(crate) async fn update_as(
    app: &App,
    caller: &Caller,
    number: &str,
    order: TicketUpdate,
) -> Result<Ticket, Problem> {
    let words = [order.state.map(TicketState::name), order.closing.map(ClosingCode::name)];
    let ticket = app.desk.update(number, order, caller.name()).await?;
    let entry = Entry::new(&caller.actor(), "ticket.update", &ticket.number).ticket(&ticket.number);
    let detail = words.into_iter().flatten().collect::<Vec<_>>().join(", ");
    app.access.audit().record(entry.detail(detail)).await?;
    Ok(ticket)
}

/// Endpoints that a ticket may be about.
#[derive(Debug, Serialize)]
struct SuggestionList {
    suggestions: Vec<Suggestion>,
}

async fn suggestions(State(app): State<Arc<App>>, Path(number): Path<String>) -> Result<Json<SuggestionList>, Problem> {
    Ok(Json(SuggestionList { suggestions: app.desk.suggest(&number).await? }))
}

/// The order for a note.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoteOrder {
    text: String,
    #[serde(default)]
    visibility: Visibility,
}

async fn note(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(number): Path<String>,
    Body(order): Body<NoteOrder>,
) -> Result<(StatusCode, Json<NoteResult>), Problem> {
    let result = note_as(&app, &caller, &number, RichText::paragraphs(&order.text), order.visibility).await?;
    Ok((StatusCode::CREATED, Json(result)))
}

/// Writes a note, and writes down who did.
pub(crate) async fn note_as(
    app: &App,
    caller: &Caller,
    number: &str,
    body: RichText,
    visibility: Visibility,
) -> Result<NoteResult, Problem> {
    if body.is_empty() {
        return Err(Problem::invalid("A note says something; this one is empty."));
    }
    let note = NewNote { author: caller.name().to_owned(), visibility, body, ..NewNote::default() };
    let result = app.desk.note(number, note).await?;
    app.access.audit().record(Entry::new(&caller.actor(), "ticket.note", number).ticket(number)).await?;
    Ok(result)
}

async fn escalate(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(number): Path<String>,
    Body(order): Body<EscalationOrder>,
) -> Result<Json<Escalation>, Problem> {
    Ok(Json(escalate_as(&app, &caller, &number, order).await?))
}

/// Hands a ticket over, and writes down who did.
pub(crate) async fn escalate_as(
    app: &App,
    caller: &Caller,
    number: &str,
    order: EscalationOrder,
) -> Result<Escalation, Problem> {
    let escalation = escalation::escalate(app, number, order, caller.name()).await?;
    let entry = Entry::new(&caller.actor(), "ticket.escalate", &escalation.ticket).ticket(&escalation.ticket);
    app.access.audit().record(entry.detail(&escalation.queue)).await?;
    Ok(escalation)
}

/// The order for a pull into a ticket.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct AttachOrder {
    endpoint: Option<String>,
    symptom: Option<String>,
    around: Option<String>,
    expires_in_seconds: Option<u64>,
}

async fn attach(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(number): Path<String>,
    Body(order): Body<AttachOrder>,
) -> Result<(StatusCode, Json<Pull>), Problem> {
    let endpoint = endpoint_for(&app, &number, order.endpoint.as_deref()).await?;
    let order = PullOrder {
        endpoint: endpoint.id,
        ticket: Some(number),
        symptom: order.symptom,
        around: order.around,
        requested_by: caller.name().to_owned(),
        expires_in_seconds: order.expires_in_seconds,
    };
    Ok((StatusCode::CREATED, Json(super::pulls::start_as(&app, &caller, order).await?)))
}

/// Words about a file.
#[derive(Debug, Deserialize)]
struct AboutFile {
    symptom: Option<String>,
}

async fn import(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(number): Path<String>,
    Search(about): Search<AboutFile>,
    file: Bytes,
) -> Result<Json<Pull>, Problem> {
    let import = Import { ticket: number, file: file.into(), symptom: about.symptom, ..Import::default() };
    Ok(Json(import_as(&app, &caller, import).await?))
}

/// Imports a file in the caller's name, and writes down that it was done.
pub(crate) async fn import_as(app: &App, caller: &Caller, import: Import) -> Result<Pull, Problem> {
    let number = import.ticket.clone();
    let pull = app.pulls.import(Import { requested_by: caller.name().to_owned(), ..import }).await?;
    let entry = Entry::new(&caller.actor(), "ticket.import", &pull.endpoint.id).ticket(number);
    app.access.audit().record(entry).await?;
    Ok(pull)
}

/// The endpoint that somebody named, or the ticket's own, or the one that fits best.
pub(crate) async fn endpoint_for(app: &App, number: &str, named: Option<&str>) -> Result<Endpoint, Problem> {
    if let Some(named) = named.map(str::trim).filter(|named| !named.is_empty()) {
        return Ok(app.fleet.find(named).await?);
    }
    let ticket = app.desk.show(number).await?;
    let own = ticket.endpoint.map(|endpoint| endpoint.id);
    let best = match own {
        Some(id) => Some(id),
        None => app.desk.suggest(number).await?.into_iter().next().map(|suggestion| suggestion.endpoint.id),
    };
    let id = best.ok_or_else(|| {
        Problem::conflict(format!(
            "No endpoint fits the requester of {number}. Name the endpoint that the ticket is about."
        ))
    })?;
    Ok(app.fleet.find(&id).await?)
}

async fn attachment(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Result<Response, Problem> {
    file(&app, &caller, &id).await
}

/// A file as an answer: pages open under a policy that lets them show themselves only, everything else is saved.
pub(crate) async fn file(app: &App, caller: &Caller, id: &str) -> Result<Response, Problem> {
    let AttachmentContent { attachment, ticket, bytes } = app.desk.attachment(id).await?;
    let entry = Entry::new(&caller.actor(), "attachment.read", &attachment.id).ticket(ticket).detail(&attachment.name);
    app.access.audit().record(entry).await?;
    let shown = attachment.media_type.starts_with("text/html");
    let kind = if shown { "text/html; charset=utf-8" } else { "application/octet-stream" };
    let name: String = attachment
        .name
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || "._-".contains(letter) { letter } else { '_' })
        .collect();
    let disposition = format!("{}; filename=\"{name}\"", if shown { "inline" } else { "attachment" });
    let mut response = (StatusCode::OK, bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(FILE_POLICY));
    let disposition = HeaderValue::from_str(&disposition).map_err(|error| Problem::failed(&error))?;
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    Ok(response)
}
