//! How a ticket of the built-in desk ends, from its page. Others end at their own desks.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;

use super::ticket::answered;
use crate::access::gate::Caller;
use crate::api::extract::Posted;
use crate::api::problem::{Fault, Problem};
use crate::api::tickets::{note_as, update_as};
use crate::app::App;
use crate::ticket::rich_text::RichText;
use crate::ticket::{ClosingCode, Ticket, TicketState, TicketUpdate, Visibility};

/// What the page offers about the end of a ticket.
pub(super) struct Closing {
    /// Whether it is open.
    pub(super) is_open: bool,
    pub(super) codes: [ClosingCode; ClosingCode::ALL.len()],
}

impl Closing {
    /// What is offered for a ticket; nothing for one of another desk.
    pub(super) fn of(ticket: &Ticket) -> Option<Self> {
        let closing = Self { is_open: !ticket.state.is_over(), codes: ClosingCode::ALL };
        ticket.outside.is_none().then_some(closing)
    }
}

/// How a ticket ended, in words; empty while nobody said.
pub(super) fn ended(ticket: &Ticket) -> String {
    let there = ticket.outside.as_ref().map(|outside| outside.closing.clone()).unwrap_or_default();
    ticket.closing.map_or(there, |code| code.words().to_owned())
}

#[derive(Deserialize)]
pub(super) struct CloseForm {
    closing: ClosingCode,
    #[serde(default)]
    text: String,
}

/// `POST /tickets/{ticket}/close`.
pub(super) async fn close(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(number): Path<String>,
    Posted(form): Posted<CloseForm>,
) -> Result<Response, Fault> {
    let done = closed(&app, &caller, &number, form).await;
    answered(&app, &caller, &number, "close", done).await
}

async fn closed(app: &App, caller: &Caller, number: &str, form: CloseForm) -> Result<(), Problem> {
    let order =
        TicketUpdate { state: Some(TicketState::Closed), closing: Some(form.closing), ..TicketUpdate::default() };
    update_as(app, caller, number, order).await?;
    let words = RichText::paragraphs(&form.text);
    if !words.is_empty() {
        note_as(app, caller, number, words, Visibility::Private).await?;
    }
    Ok(())
}

/// `POST /tickets/{ticket}/reopen`.
pub(super) async fn reopen(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(number): Path<String>,
) -> Result<Response, Fault> {
    let order = TicketUpdate { state: Some(TicketState::Open), ..TicketUpdate::default() };
    let done = update_as(&app, &caller, &number, order).await;
    answered(&app, &caller, &number, "close", done).await
}
