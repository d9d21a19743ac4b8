//! The one contract for every ticket system.
//!
//! Ticket systems differ in what they call a ticket (people type a number, addresses need another id), in how files
//! arrive (with a note, on the record, by a link) and in the text they accept. The contract asks for what all of them
//! can do: a note with files is one order with a result for each file, and its text is neutral. Every order that
//! writes carries a key, since none can be sent exactly once.

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::document::{NewFile, NewTicket, NoteResult, Requester, TicketUpdate};
use super::rich_text::RichText;
use crate::store::{StoreError, sql};

/// An answer of a desk.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, DeskError>>;

/// A ticket by both of its names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TicketRef {
    /// What people type.
    pub display_number: String,
    /// What addresses need.
    pub api_id: String,
}

/// A ticket system.
pub trait Desk: Send + Sync {
    /// Its name in configuration and documents.
    fn name(&self) -> &str;

    /// The ticket that people call `number`.
    fn find<'a>(&'a self, number: &'a str) -> Answer<'a, Option<TicketRef>>;

    /// Who complains.
    fn requester<'a>(&'a self, ticket: &'a TicketRef) -> Answer<'a, Requester>;

    /// Writes a note that only people at the desk read, with files. A second order with the same key changes nothing.
    fn add_private_note<'a>(
        &'a self,
        ticket: &'a TicketRef,
        key: &'a str,
        body: RichText,
        files: Vec<NewFile>,
    ) -> Answer<'a, NoteResult>;

    /// Opens a ticket.
    fn create(&self, order: NewTicket) -> Answer<'_, TicketRef>;

    /// Changes a ticket.
    fn update<'a>(&'a self, ticket: &'a TicketRef, update: TicketUpdate) -> Answer<'a, ()>;

    /// Resolves a ticket, saying how.
    fn resolve<'a>(&'a self, ticket: &'a TicketRef, how: RichText) -> Answer<'a, ()>;
}

/// Why a desk did not do what was asked.
#[derive(Debug, Error)]
pub enum DeskError {
    /// There is no such thing.
    #[error("there is no {0}")]
    NotFound(String),
    /// The order cannot be followed; the text says what to change.
    #[error("{0}")]
    Refused(String),
    /// The store failed; trying again may help.
    #[error("the ticket could not be stored or read")]
    Store(#[from] StoreError),
}

impl From<sql::Error> for DeskError {
    fn from(error: sql::Error) -> Self {
        Self::Store(error.into())
    }
}
