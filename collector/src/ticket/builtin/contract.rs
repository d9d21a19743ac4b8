//! The built-in desk as one of many.

use super::{BuiltinDesk, number};
use crate::ticket::desk::{Answer, Desk, DeskError, TicketRef};
use crate::ticket::rich_text::RichText;
use crate::ticket::{NewFile, NewNote, NewTicket, NoteResult, Requester, TicketState, TicketUpdate, Visibility};

/// The desk's name in documents.
pub(super) const NAME: &str = "builtin";

/// Who writes what no person wrote.
pub const AUTHOR: &str = "Firstline";

impl Desk for BuiltinDesk {
    fn name(&self) -> &'static str {
        NAME
    }

    fn find<'a>(&'a self, number: &'a str) -> Answer<'a, Option<TicketRef>> {
        Box::pin(async move {
            match self.show(number).await {
                Ok(ticket) => Ok(Some(TicketRef { display_number: ticket.number, api_id: ticket.api_id })),
                Err(DeskError::NotFound(_)) => Ok(None),
                Err(error) => Err(error),
            }
        })
    }

    fn requester<'a>(&'a self, ticket: &'a TicketRef) -> Answer<'a, Requester> {
        Box::pin(async move { Ok(self.show(&ticket.api_id).await?.requester) })
    }

    fn add_private_note<'a>(
        &'a self,
        ticket: &'a TicketRef,
        key: &'a str,
        body: RichText,
        files: Vec<NewFile>,
    ) -> Answer<'a, NoteResult> {
        let note =
            NewNote { author: AUTHOR.to_owned(), visibility: Visibility::Private, body, files, key: key.to_owned() };
        Box::pin(self.note(&ticket.api_id, note))
    }

    fn create(&self, order: NewTicket) -> Answer<'_, TicketRef> {
        Box::pin(async move {
            let ticket = self.open(order, AUTHOR).await?;
            Ok(TicketRef { display_number: ticket.number, api_id: ticket.api_id })
        })
    }

    fn update<'a>(&'a self, ticket: &'a TicketRef, update: TicketUpdate) -> Answer<'a, ()> {
        Box::pin(async move { self.update(&ticket.api_id, update, AUTHOR).await.map(drop) })
    }

    fn resolve<'a>(&'a self, ticket: &'a TicketRef, how: RichText) -> Answer<'a, ()> {
        Box::pin(async move {
            let key = format!("resolve:{}", number::parse(&ticket.api_id)?);
            self.add_private_note(ticket, &key, how, Vec::new()).await?;
            let update = TicketUpdate { state: Some(TicketState::Resolved), ..TicketUpdate::default() };
            self.update(&ticket.api_id, update, AUTHOR).await.map(drop)
        })
    }
}
