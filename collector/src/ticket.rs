//! Desks, tickets, notes and attachments.
