//! Desks, tickets, notes and attachments.

mod document;
pub mod rich_text;

pub use document::{
    Attachment, AttachmentContent, FileResult, NewFile, NewNote, NewTicket, Note, NoteResult, Requester, Suggestion,
    Ticket, TicketEndpoint, TicketList, TicketQuery, TicketState, TicketUpdate, Visibility,
};
