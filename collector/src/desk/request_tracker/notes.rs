//! Notes: written with all their files in one request, and read back.

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use super::words::lacks;
use super::{RequestTracker, rows};
use crate::desk::contract::{FileOutcome, Noted, Notes, OutgoingNote, Refused, TicketRef};
use crate::desk::files::Whole;
use crate::desk::plain::plain;
use crate::desk::trouble::{Trouble, TroubleKind};
use crate::desk::values::{self, bounded, text};
use crate::ticket::NewFile;

/// Attachments of a ticket that are looked through for a mark; each note of ours has four.
const LOOKED_THROUGH: usize = 100;
/// Pages of that many.
const PAGES: usize = 20;

/// What is listed of an attachment.
const LISTED: &str = "Subject,Filename,ContentType,ContentLength,TransactionId";

#[async_trait]
impl Notes for RequestTracker {
    async fn write_note(&self, ticket: &TicketRef, note: &OutgoingNote) -> Result<Refused, Trouble> {
        self.send_with_or_without_files(ticket, note).await
    }

    async fn noted(&self, ticket: &TicketRef, note: &OutgoingNote) -> Result<Option<Noted>, Trouble> {
        let wanted = subject(note);
        let mut seen: Vec<Value> = Vec::new();
        for page in 1..=PAGES {
            let (page, count) = (page.to_string(), LOOKED_THROUGH.to_string());
            let query = [
                ("fields", LISTED),
                ("orderby", "id"),
                ("order", "DESC"),
                ("per_page", count.as_str()),
                ("page", page.as_str()),
            ];
            let items = rows::items(self.get(&format!("/ticket/{}/attachments", ticket.api_id), &query).await?)?;
            let (last, head) =
                (items.len() < LOOKED_THROUGH, items.iter().find(|one| text(&one["Subject"]) == wanted).cloned());
            // Newest first: the files of a note stand before its head.
            seen.extend(items);
            if let Some(head) = head {
                return self.read_back(&head, &seen, note).await.map(Some);
            }
            if last {
                break;
            }
        }
        Ok(None)
    }

    fn unseen(&self) -> Trouble {
        let trouble = Trouble::new(TroubleKind::Forbidden, "the note was taken, but cannot be read back");
        lacks(trouble, "ShowTicketComments", "its queue")
    }
}

#[async_trait]
impl Whole for RequestTracker {
    async fn send(&self, ticket: &TicketRef, note: &OutgoingNote) -> Result<(), Trouble> {
        let (kind, right) = if note.public { ("correspond", "ReplyToTicket") } else { ("comment", "CommentOnTicket") };
        let attachments: Vec<Value> = note.files.iter().map(file).collect();
        let body = json!({
            "Subject": subject(note),
            "Content": note.body.to_html(),
            "ContentType": "text/html",
            "Attachments": attachments,
        });
        let written = self.http.write(Method::POST, &format!("/REST/2.0/ticket/{}/{kind}", ticket.api_id), &body).await;
        written.map_err(|trouble| {
            let denied = trouble.kind == TroubleKind::Forbidden || trouble.said.contains("Permission Denied");
            if denied { lacks(trouble, right, "its queue") } else { trouble }
        })?;
        Ok(())
    }
}

impl RequestTracker {
    /// What is there of the note whose head was found.
    async fn read_back(&self, head: &Value, seen: &[Value], note: &OutgoingNote) -> Result<Noted, Trouble> {
        let transaction = text(&head["TransactionId"]);
        let mut stored: Vec<(u64, &Value)> = seen
            .iter()
            .filter(|one| text(&one["TransactionId"]) == transaction && !text(&one["Filename"]).is_empty())
            .filter_map(|one| Some((values::id(&one["id"])?.parse().ok()?, one)))
            .collect();
        stored.sort_by_key(|(id, _)| *id);
        let mut files = Vec::with_capacity(note.files.len());
        for (index, sent) in note.files.iter().enumerate() {
            let problem = match stored.get(index) {
                Some((id, _)) => self.differs(*id, sent).await?,
                None => Some("it is not there".to_owned()),
            };
            files.push(FileOutcome { name: sent.name.clone(), problem });
        }
        Ok(Noted { ticket: None, note_id: transaction, files })
    }

    /// What is wrong with a stored file.
    async fn differs(&self, id: u64, sent: &NewFile) -> Result<Option<String>, Trouble> {
        let stored = self.content(&id.to_string()).await?;
        let cut = stored.len() < sent.bytes.len();
        let differs = values::differs(&stored, sent);
        Ok(differs.map(|words| if cut { format!("{words}; $MaxAttachmentSize may be too small") } else { words }))
    }

    /// The bytes of an attachment.
    async fn content(&self, id: &str) -> Result<Vec<u8>, Trouble> {
        let attachment = self.get(&format!("/attachment/{id}"), &[]).await?;
        let text: String = values::text(&attachment["Content"]).split_ascii_whitespace().collect();
        BASE64_STANDARD.decode(text).map_err(|_| Trouble::odd("an attachment that is not in base64"))
    }

    /// What the person said when they opened the ticket.
    pub(super) async fn first_text(&self, id: &str) -> Result<String, Trouble> {
        let query = [("fields", LISTED), ("orderby", "id"), ("per_page", "20")];
        let items = rows::items(self.get(&format!("/ticket/{id}/attachments"), &query).await?)?;
        let transaction = items.first().map(|first| first["TransactionId"].clone());
        let said = |kind: &str| {
            items.iter().find(|one| {
                Some(&one["TransactionId"]) == transaction.as_ref()
                    && one["ContentType"] == kind
                    && text(&one["Filename"]).is_empty()
            })
        };
        let (part, html) = match (said("text/plain"), said("text/html")) {
            (Some(part), _) => (part, false),
            (None, Some(part)) => (part, true),
            (None, None) => return Ok(String::new()),
        };
        let Some(part) = values::id(&part["id"]) else { return Ok(String::new()) };
        let bytes = self.content(&part).await?;
        let text = String::from_utf8_lossy(&bytes);
        Ok(bounded(&if html { plain(&text) } else { text.into_owned() }))
    }
}

/// The subject of a note, by which it is found.
fn subject(note: &OutgoingNote) -> String {
    format!("{} [firstline {}]", note.title, note.mark)
}

fn file(file: &NewFile) -> Value {
    json!({
        "FileName": file.name,
        "FileType": file.media_type,
        "FileContent": BASE64_STANDARD.encode(&file.bytes),
    })
}
