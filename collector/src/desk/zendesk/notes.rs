//! Notes: comments of a ticket, to which uploaded files are bound.

use async_trait::async_trait;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Zendesk, words};
use crate::desk::contract::{Noted, Notes, OutgoingNote, Refused, TicketRef};
use crate::desk::files::outcomes;
use crate::desk::pages;
use crate::desk::trouble::{Trouble, TroubleKind};
use crate::desk::values::{ending_with_mark, holds_mark, id, part, text};
use crate::ticket::NewFile;

#[async_trait]
impl Notes for Zendesk {
    async fn write_note(&self, ticket: &TicketRef, note: &OutgoingNote) -> Result<Refused, Trouble> {
        let (mut uploads, mut refused) = (Vec::new(), Refused::new());
        for file in &note.files {
            match self.upload(file).await {
                Ok(token) => uploads.push(token),
                // The note does not wait for a file that is never taken.
                Err(trouble) if trouble.kind == TroubleKind::Refused => {
                    refused.insert(file.name.clone(), trouble.said);
                }
                // What was uploaded and is bound to nothing goes away there by itself.
                Err(trouble) => return Err(trouble.clear()),
            }
        }
        let body = ending_with_mark(&note.body, &note.title, &note.mark).to_html();
        let comment = json!({ "html_body": body, "public": note.public, "uploads": uploads });
        let path = format!("/api/v2/tickets/{}.json", part(&ticket.api_id));
        let order = json!({ "ticket": { "comment": comment } });
        self.http.write(Method::PUT, &path, &order).await.map_err(words::told)?;
        Ok(refused)
    }

    async fn noted(&self, ticket: &TicketRef, note: &OutgoingNote) -> Result<Option<Noted>, Trouble> {
        let comments = self.comments(&ticket.api_id).await?;
        let holds = |comment: &&Value| holds_mark(&text(&comment["plain_body"]), &note.mark);
        let Some(comment) = comments.iter().find(holds) else { return Ok(None) };
        let note_id = id(&comment["id"]).ok_or_else(|| Trouble::odd("a comment without an id"))?;
        Ok(Some(Noted { ticket: None, note_id, files: outcomes(&note.files, &comment["attachments"]) }))
    }

    fn unseen(&self) -> Trouble {
        Trouble::odd("the note was taken, but is not among the ticket's comments")
    }
}

impl Zendesk {
    /// All comments of a ticket, oldest first.
    pub(super) async fn comments(&self, ticket: &str) -> Result<Vec<Value>, Trouble> {
        let list = format!("tickets/{}/comments", part(ticket));
        pages::all(|page| self.page(&list, "comments", &[], page)).await
    }

    /// A file on its way; the token by which a comment takes it.
    async fn upload(&self, file: &NewFile) -> Result<String, Trouble> {
        let query = [("filename", file.name.as_str())];
        let reply = self.http.upload("/api/v2/uploads.json", &query, file).await.map_err(words::told)?;
        match text(&reply.body["upload"]["token"]) {
            token if token.is_empty() => Err(Trouble::odd("an upload without a token")),
            token => Ok(token),
        }
    }
}
