//! Notes: articles of a ticket, with their files in them.

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use super::Zammad;
use super::words;
use crate::desk::contract::{FileOutcome, Noted, Notes, OutgoingNote, Refused, TicketRef};
use crate::desk::files::Whole;
use crate::desk::plain::plain;
use crate::desk::trouble::{Trouble, TroubleKind};
use crate::desk::values::{bounded, differs, id, marked, part, text};
use crate::ticket::NewFile;

#[async_trait]
impl Notes for Zammad {
    async fn write_note(&self, ticket: &TicketRef, note: &OutgoingNote) -> Result<Refused, Trouble> {
        self.send_with_or_without_files(ticket, note).await
    }

    async fn noted(&self, ticket: &TicketRef, note: &OutgoingNote) -> Result<Option<Noted>, Trouble> {
        let wanted = marked(&note.title, &note.mark);
        let articles = self.articles(&ticket.api_id).await?;
        let Some(article) = articles.iter().find(|one| text(&one["subject"]) == wanted) else { return Ok(None) };
        let note_id = id(&article["id"]).ok_or_else(|| Trouble::odd("an article without an id"))?;
        let stored = article["attachments"].as_array().cloned().unwrap_or_default();
        let mut files = Vec::with_capacity(note.files.len());
        for sent in &note.files {
            let there = stored.iter().find(|one| text(&one["filename"]) == sent.name);
            let problem = match there.and_then(|one| id(&one["id"])) {
                Some(id) => self.trouble_with(&ticket.api_id, &note_id, &id, sent).await?,
                None => Some("it is not there".to_owned()),
            };
            files.push(FileOutcome { name: sent.name.clone(), problem });
        }
        Ok(Some(Noted { ticket: None, note_id, files }))
    }

    fn unseen(&self) -> Trouble {
        Trouble::odd("the note was taken, but is not among the ticket's articles")
    }
}

#[async_trait]
impl Whole for Zammad {
    async fn send(&self, ticket: &TicketRef, note: &OutgoingNote) -> Result<(), Trouble> {
        let ticket_id: u64 = ticket.api_id.parse().map_err(|_| Trouble::odd("an id that is no number"))?;
        let attachments: Vec<Value> = note.files.iter().map(file).collect();
        let body = json!({
            "ticket_id": ticket_id,
            "subject": marked(&note.title, &note.mark),
            "body": note.body.to_html(),
            "content_type": "text/html",
            "type": "note",
            "sender": "Agent",
            "internal": !note.public,
            "attachments": attachments,
        });
        let written = self.http.write(Method::POST, "/api/v1/ticket_articles", &body).await.map_err(words::told);
        match written {
            Ok(_) => Ok(()),
            // A refusal of a file comes after the note was stored.
            Err(trouble) if trouble.kind == TroubleKind::Refused => {
                let stored = self.noted(ticket, note).await.map_err(Trouble::unclear)?;
                stored.map(drop).ok_or(trouble)
            }
            Err(trouble) => Err(trouble),
        }
    }
}

impl Zammad {
    async fn trouble_with(
        &self,
        ticket: &str,
        article: &str,
        id: &str,
        sent: &NewFile,
    ) -> Result<Option<String>, Trouble> {
        let path = format!("/api/v1/ticket_attachment/{ticket}/{article}/{id}");
        let stored = self.http.bytes(&path).await.map_err(words::told)?;
        Ok(differs(&stored, sent))
    }

    /// All articles of a ticket, oldest first.
    pub(super) async fn articles(&self, ticket: &str) -> Result<Vec<Value>, Trouble> {
        let list = self.get(&format!("/ticket_articles/by_ticket/{}", part(ticket)), &[]).await?;
        match list {
            Value::Array(articles) => Ok(articles),
            _ => Err(Trouble::odd("articles that are no list")),
        }
    }

    /// What the person said when they opened the ticket.
    pub(super) async fn first_text(&self, ticket: &str) -> Result<String, Trouble> {
        let articles = self.articles(ticket).await?;
        let Some(first) = articles.first() else { return Ok(String::new()) };
        let body = text(&first["body"]);
        let body = if first["content_type"] == "text/html" { plain(&body) } else { body };
        Ok(bounded(&body))
    }
}

fn file(file: &NewFile) -> Value {
    json!({
        "filename": file.name,
        "data": BASE64_STANDARD.encode(&file.bytes),
        "mime-type": file.media_type,
    })
}
