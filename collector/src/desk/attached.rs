//! Files at desks where they belong to the ticket and not to a note.
//!
//! They are sent before the note that tells of them. A file that is there alike is not sent again: neither when the note has to be
//! written a second time, nor when another note brings the same file.

use async_trait::async_trait;
use serde_json::Value;

use super::contract::{FileOutcome, Refused, TicketRef};
use super::trouble::Trouble;
use crate::ticket::NewFile;

/// Such a desk.
#[async_trait]
pub(super) trait Attached: Sync {
    /// The files of a ticket, as the desk tells of them.
    async fn attachments(&self, ticket: &TicketRef) -> Result<Vec<Value>, Trouble>;

    /// Why a file is not among them as it was sent; none when it is.
    async fn problem(&self, there: &[Value], sent: &NewFile) -> Result<Option<String>, Trouble>;

    /// Sends a file.
    async fn send(&self, ticket: &TicketRef, file: &NewFile) -> Result<(), Trouble>;

    /// Sends the files that are not there. One that is refused does not keep away the others.
    async fn attach(&self, ticket: &TicketRef, files: &[NewFile]) -> Result<Refused, Trouble> {
        let mut refused = Refused::new();
        let there = if files.is_empty() { Vec::new() } else { self.attachments(ticket).await? };
        for file in files {
            if self.problem(&there, file).await?.is_none() {
                continue;
            }
            match self.send(ticket, file).await {
                Err(trouble) if trouble.passes() => return Err(trouble),
                Err(trouble) => drop(refused.insert(file.name.clone(), trouble.said)),
                Ok(()) => {}
            }
        }
        Ok(refused)
    }

    /// What became of files.
    async fn outcomes(&self, ticket: &TicketRef, files: &[NewFile]) -> Result<Vec<FileOutcome>, Trouble> {
        let there = if files.is_empty() { Vec::new() } else { self.attachments(ticket).await? };
        let mut outcomes = Vec::with_capacity(files.len());
        for file in files {
            outcomes.push(FileOutcome { name: file.name.clone(), problem: self.problem(&there, file).await? });
        }
        Ok(outcomes)
    }
}
