//! A whole conversation with each desk, as it goes over the wire and laid out for reading: the snapshots beside this file.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use http::Method;

use super::Room;
use super::format::{LONGEST, content, document};
use super::stories::{file, note};
use crate::desk::contract::Change;
use crate::ticket::TicketState;

/// What is said between a connector and its desk while somebody listens. Copies are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Overheard(Arc<Mutex<Option<String>>>);

impl Overheard {
    /// Puts itself in front of a desk.
    pub(crate) fn over(&self, routes: Router) -> Router {
        routes.layer(from_fn_with_state(self.clone(), listen))
    }

    /// Listens from now on, to what is said for this purpose.
    fn purpose(&self, purpose: &str) {
        let mut said = self.said();
        let said = said.get_or_insert_default();
        let _ = writeln!(said, "==== {purpose}");
    }

    /// What was said.
    fn end(&self) -> String {
        self.said().take().unwrap_or_default()
    }

    fn said(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn listen(State(overheard): State<Overheard>, request: Request, next: Next) -> Response {
    if overheard.said().is_none() {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    let body = to_bytes(body, LONGEST).await.expect("a body");
    let brings = if head.method == Method::GET { String::new() } else { content(&head, &body).await };
    let mut told = format!("> {} {}\n", head.method, head.uri.path());
    for (name, value) in asked(head.uri.query().unwrap_or_default()) {
        let _ = writeln!(told, ">   {name} = {value}");
    }
    told += &brings;
    let (head, body) = next.run(Request::from_parts(head, body.into())).await.into_parts();
    let body = to_bytes(body, LONGEST).await.expect("an answer");
    let _ = writeln!(told, "< {}", head.status.as_u16());
    if !body.is_empty() {
        told += &document(&body);
    }
    if let Some(said) = overheard.said().as_mut() {
        *said += &told;
        said.push('\n');
    }
    Response::from_parts(head, body.into())
}

/// The parameters of a query, as they are meant.
fn asked(query: &str) -> Vec<(String, String)> {
    let address = reqwest::Url::parse(&format!("http://desk/?{query}")).expect("a query");
    address.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

pub(crate) async fn a_whole_conversation_reads_as_it_was_reviewed(room: Room) {
    room.desk.close().await;
    let number = room.side.opens("Outlook hangs", "since 10:40");
    room.heard.purpose("verify");
    room.desk.verify().await.expect("verified");
    room.heard.purpose("find");
    let ticket = room.desk.find(&number).await.expect("an answer").expect("found").ticket;
    room.heard.purpose("note, with a file");
    let noted = room.desk.note(&ticket, &note("m1", vec![file("snapshot.json", b"{}")])).await.expect("noted");
    assert!(noted.files.iter().all(|file| file.problem.is_none()), "{noted:?}");
    room.heard.purpose("resolve");
    let change = Change { state: Some(TicketState::Resolved), ..Change::default() };
    room.desk.change(&ticket, &change).await.expect("resolved");
    room.heard.purpose("read how it ended");
    room.desk.closing(&ticket).await.expect("an answer");
    room.heard.purpose("leave");
    room.desk.close().await;
    insta::assert_snapshot!(room.settings.kind.name(), room.heard.end());
}
