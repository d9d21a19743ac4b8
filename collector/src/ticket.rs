//! Desks, tickets, notes and attachments.
//!
//! [`Desk`] is the contract that every ticket system is reached through; [`BuiltinDesk`] is the one that is always
//! there. What goes onto a ticket is [`rich_text`], in no system's language.

pub(crate) mod answer;
mod builtin;
mod desk;
mod document;
pub mod rich_text;
mod suggest;

pub use builtin::{
    AUTHOR, BuiltinDesk, FILE_BYTES, NAME_LETTERS, SUBJECT_LETTERS, TEXT_LETTERS, TICKET_BYTES, TICKET_FILES,
};
pub use desk::{Answer, Desk, DeskError, TicketRef};
pub use document::{
    Attachment, AttachmentContent, FileResult, NewFile, NewNote, NewTicket, Note, NoteResult, Requester, Suggestion,
    Ticket, TicketEndpoint, TicketList, TicketQuery, TicketState, TicketUpdate, Visibility,
};
