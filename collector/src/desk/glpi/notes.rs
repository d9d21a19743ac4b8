//! Notes: followups of a ticket, after their files, which are documents that are linked with it.

use async_trait::async_trait;
use reqwest::multipart::{Form, Part};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde_json::{Value, json};

use super::{Glpi, PAGES, words};
use crate::authority::hexadecimal;
use crate::desk::attached::Attached;
use crate::desk::contract::{Noted, Notes, OutgoingNote, Refused, TicketRef};
use crate::desk::trouble::{Trouble, TroubleKind};
use crate::desk::values::{differs, id, marked, part, text};
use crate::ticket::NewFile;
use crate::ticket::rich_text::escape;

#[async_trait]
impl Notes for Glpi {
    async fn write_note(&self, ticket: &TicketRef, note: &OutgoingNote) -> Result<Refused, Trouble> {
        let refused = self.attach(ticket, &note.files).await?;
        let input = json!({
            "itemtype": "Ticket",
            "items_id": ticket.api_id,
            "content": format!("<p>{}</p>{}", escape(&marked(&note.title, &note.mark)), note.body.to_html()),
            "is_private": u8::from(!note.public),
        });
        self.post("ITILFollowup", input).await?;
        Ok(refused)
    }

    async fn noted(&self, ticket: &TicketRef, note: &OutgoingNote) -> Result<Option<Noted>, Trouble> {
        let (path, mark) =
            (format!("/Ticket/{}/ITILFollowup", part(&ticket.api_id)), format!("firstline {}]", note.mark));
        for page in 0..PAGES {
            let (items, last) = self.newest(&path, page).await?;
            if let Some(found) = items.iter().find(|one| text(&one["content"]).contains(&mark)) {
                let note_id = id(&found["id"]).ok_or_else(|| Trouble::odd("a followup without an id"))?;
                return Ok(Some(Noted { ticket: None, note_id, files: self.outcomes(ticket, &note.files).await? }));
            }
            if last {
                break;
            }
        }
        Ok(None)
    }

    fn unseen(&self) -> Trouble {
        let said = "the note was taken, but cannot be read back; the profile must see private followups";
        Trouble::new(TroubleKind::Forbidden, said)
    }
}

#[async_trait]
impl Attached for Glpi {
    async fn attachments(&self, ticket: &TicketRef) -> Result<Vec<Value>, Trouble> {
        let mut documents = Vec::new();
        for link in self.parts(&format!("/Ticket/{}/Document_Item", part(&ticket.api_id))).await? {
            if let Some(id) = id(&link["documents_id"]) {
                documents.extend(self.seen(&format!("/Document/{id}")).await?);
            }
        }
        Ok(documents)
    }

    async fn problem(&self, there: &[Value], sent: &NewFile) -> Result<Option<String>, Trouble> {
        let sum = hexadecimal(digest(&SHA1_FOR_LEGACY_USE_ONLY, &sent.bytes).as_ref());
        let alike = |one: &&Value| text(&one["sha1sum"]) == sum || words::raw(&one["filename"]) == sent.name;
        let mut problem = "it is not there".to_owned();
        for id in there.iter().filter(alike).filter_map(|one| id(&one["id"])) {
            let stored = self.way.bytes(&format!("/apirest.php/Document/{id}")).await.map_err(words::told)?;
            match differs(&stored, sent) {
                None => return Ok(None),
                Some(differs) => problem = differs,
            }
        }
        Ok(Some(problem))
    }

    async fn send(&self, ticket: &TicketRef, file: &NewFile) -> Result<(), Trouble> {
        let sent = self.way.form("/apirest.php/Document/", || document(ticket, file)).await;
        sent.map_err(words::told).map(drop)
    }
}

/// One file to a request: before GLPI 10.0.18, only the first of several is stored.
fn document(ticket: &TicketRef, file: &NewFile) -> Form {
    let input = json!({ "name": file.name, "_filename": [file.name], "itemtype": "Ticket", "items_id": ticket.api_id });
    let bytes = Part::bytes(file.bytes.clone()).file_name(file.name.clone());
    Form::new().text("uploadManifest", json!({ "input": input }).to_string()).part("filename[0]", bytes)
}
