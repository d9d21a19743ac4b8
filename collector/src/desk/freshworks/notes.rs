//! Notes: with all their files in one form, and read back among the conversations of a ticket.

use async_trait::async_trait;
use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};

use super::Freshworks;
use crate::desk::contract::{Noted, Notes, OutgoingNote, Refused, TicketRef};
use crate::desk::files::{Whole, outcomes, part};
use crate::desk::pages;
use crate::desk::trouble::Trouble;
use crate::desk::values::{ending_with_mark, holds_mark, id, text};

#[async_trait]
impl Notes for Freshworks {
    async fn write_note(&self, ticket: &TicketRef, note: &OutgoingNote) -> Result<Refused, Trouble> {
        self.send_with_or_without_files(ticket, note).await
    }

    async fn noted(&self, ticket: &TicketRef, note: &OutgoingNote) -> Result<Option<Noted>, Trouble> {
        let all = self.conversations(&ticket.api_id).await?;
        let Some(found) = all.iter().find(|one| holds_mark(&text(&one["body_text"]), &note.mark)) else {
            return Ok(None);
        };
        let note_id = id(&found["id"]).ok_or_else(|| Trouble::odd("a note without an id"))?;
        Ok(Some(Noted { ticket: None, note_id, files: outcomes(&note.files, &found["attachments"]) }))
    }

    fn unseen(&self) -> Trouble {
        Trouble::odd("the note was taken, but is not among the ticket's conversations")
    }
}

impl Freshworks {
    /// All conversations of a ticket, oldest first.
    pub(super) async fn conversations(&self, ticket: &str) -> Result<Vec<Value>, Trouble> {
        let list = format!("tickets/{ticket}/conversations");
        pages::all(|page| self.page(&list, "conversations", &[], page)).await
    }
}

#[async_trait]
impl Whole for Freshworks {
    async fn send(&self, ticket: &TicketRef, note: &OutgoingNote) -> Result<(), Trouble> {
        let path = format!("tickets/{}/notes", ticket.api_id);
        let body = ending_with_mark(&note.body, &note.title, &note.mark).to_html();
        if note.files.is_empty() {
            let bare = json!({ "body": body, "private": !note.public });
            return self.write(Method::POST, &path, &bare).await.map(drop);
        }
        let form = Form::new().text("body", body).text("private", (!note.public).to_string());
        let form = note.files.iter().fold(form, |form, file| form.part("attachments[]", part(file)));
        let sent = self.http.form(&format!("/api/v2/{path}"), form).await;
        sent.map(drop).map_err(|trouble| self.product.told(trouble))
    }
}
