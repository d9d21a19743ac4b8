//! Tickets, notes and attachments.
//!
//! [`BuiltinDesk`] is the desk that is always there; the tickets of others ([`crate::desk`]) have their pages on it. What
//! goes onto a ticket is [`rich_text`], in no system's language.

pub(crate) mod answer;
mod builtin;
mod closing;
pub(crate) mod diagnosed;
mod document;
pub(crate) mod ending;
mod error;
pub mod rich_text;
mod suggest;

pub use builtin::{
    AUTHOR, BuiltinDesk, FILE_BYTES, NAME_LETTERS, SUBJECT_LETTERS, TEXT_LETTERS, TICKET_BYTES, TICKET_FILES,
};
pub(crate) use builtin::{
    bounded_order, change_ticket, display, insert_note, insert_ticket, number_of, unjudge_ticket,
};
pub use closing::ClosingCode;
pub use document::{
    Attachment, AttachmentContent, FileResult, NewFile, NewNote, NewTicket, Note, NoteResult, Requester, Suggestion,
    Ticket, TicketEndpoint, TicketList, TicketQuery, TicketState, TicketUpdate, Visibility,
};
pub use error::DeskError;
