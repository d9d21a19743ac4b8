//! What of a note goes over the wire to a desk, laid out for reading: the snapshots beside this file.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Multipart, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use http::Method;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use serde_json::Value;

use super::stories::file;
use super::{Room, ticket};
use crate::app::fixture::Ground;
use crate::config::DeskKind;
use crate::desk::contract::{Desk, OutgoingNote, TicketRef};
use crate::ticket::rich_text::{Block, Line, RichText};
use crate::ticket::{AUTHOR, BuiltinDesk, NewFile, NewNote, NewTicket};

/// Most bytes of a request.
pub(super) const LONGEST: usize = 1 << 20;
/// After which tags a line of HTML ends.
const ENDS: [&str; 9] = ["</p>", "</h3>", "</ul>", "</ol>", "</li>", "</tr>", "</table>", "</pre>", "</div>"];

/// The requests that wrote, in order. Copies are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sent(Arc<Mutex<Vec<String>>>);

impl Sent {
    /// Puts itself in front of a desk.
    pub(crate) fn over(&self, routes: Router) -> Router {
        routes.layer(from_fn_with_state(self.clone(), write_down))
    }

    /// What was sent since it was last asked for.
    fn take(&self) -> String {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).join("\n")
    }
}

async fn write_down(State(sent): State<Sent>, request: Request, next: Next) -> Response {
    if request.method() == Method::GET {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    let body = to_bytes(body, LONGEST).await.expect("a body");
    let told = format!("{} {}\n{}", head.method, head.uri, content(&head, &body).await);
    sent.0.lock().unwrap_or_else(PoisonError::into_inner).push(told);
    next.run(Request::from_parts(head, body.into())).await
}

/// What a request brings.
pub(super) async fn content(head: &Parts, body: &Bytes) -> String {
    let kind = head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    match kind.split(';').next() {
        Some("multipart/form-data") => parts(Request::from_parts(head.clone(), body.clone().into())).await,
        Some("application/json") => document(body),
        _ => format!("{}: {} bytes\n", kind, body.len()),
    }
}

/// A document, in which each block of a text stands on a line of its own.
pub(super) fn document(body: &[u8]) -> String {
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return format!("{} bytes\n", body.len()) };
    let text = format!("{value:#}\n").replace("\\r", "").replace("\\n", "\n");
    ENDS.iter().fold(text, |text, end| text.replace(end, &format!("{end}\n")))
}

async fn parts(request: Request) -> String {
    let mut form = Multipart::from_request(request, &()).await.expect("a form");
    let mut told = String::new();
    while let Some(part) = form.next_field().await.expect("a part") {
        let (name, file) = (part.name().unwrap_or_default().to_owned(), part.file_name().map(str::to_owned));
        let kind = part.content_type().unwrap_or_default().to_owned();
        let bytes = part.bytes().await.expect("bytes");
        let held = match (file, kind.as_str()) {
            (Some(file), kind) => format!("file {file} {kind}: {} bytes\n", bytes.len()),
            (None, "application/json") => document(&bytes),
            (None, _) => document(serde_json::json!(String::from_utf8_lossy(&bytes)).to_string().as_bytes()),
        };
        told = told + "part " + &name + ": " + &held;
    }
    told
}

/// A note with everything that one can hold.
fn everything() -> OutgoingNote {
    let cell = |text: &str| Line::from(text);
    let body = RichText(vec![
        Block::heading("Disk C: is full"),
        Block::paragraph(
            Line::default().text("Free: ").bold("1.2 GB of 476 GB").text(", since 10:40 <today> & before."),
        ),
        Block::bullets(["Ruled out: failing disk", "Changed: update of Outlook"]),
        Block::steps([Line::default().text("Run ").code("cleanmgr /d C:"), Line::from("Empty the bin.")]),
        Block::Table {
            head: vec![cell("Folder"), cell("GB")],
            rows: vec![vec![cell("C:\\Users\\ana"), cell("301")], vec![cell("{code} [x|y] *z*"), cell("9")]],
        },
        Block::Code { text: "Size  Free\n476   1.2".to_owned() },
        Block::paragraph("First line.\nSecond line."),
    ]);
    let report = NewFile { media_type: "text/html".to_owned(), ..file("report.html", b"<!doctype html>") };
    let files = vec![report, file("snapshot.json", b"{}")];
    OutgoingNote { mark: "m1".to_owned(), title: "Firstline FL-1001".to_owned(), body, public: false, files }
}

/// Holds what `desk` sends of that note against the snapshot of its kind.
pub(crate) async fn is_as_it_was_reviewed(kind: DeskKind, desk: &dyn Desk, ticket: &TicketRef, sent: &Sent) {
    sent.take();
    desk.write_note(ticket, &everything()).await.expect("sent");
    insta::assert_snapshot!(kind.name(), sent.take());
}

pub(crate) async fn a_note_is_sent_in_the_desks_own_format(room: Room) {
    let ticket = ticket(&room).await;
    is_as_it_was_reviewed(room.settings.kind, room.desk.as_ref(), &ticket, &room.sent).await;
}

#[tokio::test]
async fn a_note_on_the_built_in_desk_reads_as_it_was_reviewed() {
    let Ground { folder: _folder, store, clock, feed } = Ground::new().await;
    let desk = BuiltinDesk::new(store, clock, feed);
    let order = NewTicket { subject: "My computer is slow".to_owned(), ..NewTicket::default() };
    let ticket = desk.open(order, "tess").await.expect("opened").number;
    let OutgoingNote { body, files, .. } = everything();
    let note = NewNote { author: AUTHOR.to_owned(), body, files, ..NewNote::default() };
    desk.note(&ticket, note).await.expect("written");
    let shown = desk.show(&ticket).await.expect("shown");
    let files = shown.attachments.iter().map(|one| format!("file {} {}\n", one.name, one.media_type));
    insta::assert_snapshot!("builtin", format!("{}\n{}", shown.notes[0].text, files.collect::<String>()));
}
