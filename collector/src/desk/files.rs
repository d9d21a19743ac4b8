//! Files at desks that take them together with their note.
//!
//! Some of them tell how what they store is called and how long it is ([`outcomes`]); its bytes lie on other hosts, to which no
//! credentials go.

use async_trait::async_trait;
use reqwest::multipart::Part;
use serde_json::Value;

use super::contract::{FileOutcome, OutgoingNote, Refused, TicketRef};
use super::trouble::{Trouble, TroubleKind};
use super::values::{differs_in_length, text};
use crate::ticket::NewFile;

/// A desk that takes a note with all of its files in one order, or nothing of it.
#[async_trait]
pub(super) trait Whole: Sync {
    /// Sends a note.
    async fn send(&self, ticket: &TicketRef, note: &OutgoingNote) -> Result<(), Trouble>;

    /// Sends a note; without its files, when it is not taken with them: what stands in front of a desk may limit them, too.
    async fn send_with_or_without_files(&self, ticket: &TicketRef, note: &OutgoingNote) -> Result<Refused, Trouble> {
        match self.send(ticket, note).await {
            Err(trouble) if trouble.kind == TroubleKind::Refused && !note.files.is_empty() => {
                let bare = OutgoingNote { files: Vec::new(), ..note.clone() };
                self.send(ticket, &bare).await?;
                Ok(note.files.iter().map(|file| (file.name.clone(), trouble.said.clone())).collect())
            }
            sent => sent.map(|()| Refused::new()),
        }
    }
}

/// A result for each file that was sent, held against what is stored with the note.
pub(super) fn outcomes(sent: &[NewFile], stored: &Value) -> Vec<FileOutcome> {
    let one = |sent: &NewFile| {
        let there = stored.as_array().into_iter().flatten().find(|one| name(one) == sent.name);
        let problem = match there {
            Some(there) => differs_in_length(length(there), sent),
            None => Some("it is not there".to_owned()),
        };
        FileOutcome { name: sent.name.clone(), problem }
    };
    sent.iter().map(one).collect()
}

/// Each desk has another word for it, and some two.
fn name(stored: &Value) -> String {
    ["file_name", "filename", "name"]
        .into_iter()
        .map(|key| text(&stored[key]))
        .find(|name| !name.is_empty())
        .unwrap_or_default()
}

fn length(stored: &Value) -> u64 {
    ["size", "file_size"].into_iter().find_map(|key| stored[key].as_u64()).unwrap_or_default()
}

/// A file as a part of a form.
pub(super) fn part(file: &NewFile) -> Part {
    let bare = || Part::bytes(file.bytes.clone()).file_name(file.name.clone());
    bare().mime_str(&file.media_type).unwrap_or_else(|_| bare())
}
