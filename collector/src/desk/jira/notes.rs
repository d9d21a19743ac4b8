//! Notes: comments of an issue. Files come with a comment of their own, through the service desk, which alone keeps them from
//! the customer.

use async_trait::async_trait;
use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};

use super::{Jira, words};
use crate::desk::contract::{Noted, Notes, OutgoingNote, Refused, TicketRef};
use crate::desk::files::{outcomes, part as file_part};
use crate::desk::pages::{self, PAGE};
use crate::desk::trouble::{Trouble, TroubleKind};
use crate::desk::values::{ending_with_mark, holds_mark, part, text};
use crate::ticket::NewFile;

#[async_trait]
impl Notes for Jira {
    async fn write_note(&self, ticket: &TicketRef, note: &OutgoingNote) -> Result<Refused, Trouble> {
        let refused = self.attach(ticket, note).await?;
        let internal = json!([{ "key": "sd.public.comment", "value": { "internal": true } }]);
        let mut comment = json!({ "body": ending_with_mark(&note.body, &note.title, &note.mark).to_adf() });
        if !note.public {
            comment["properties"] = internal;
        }
        self.write(Method::POST, &format!("api/3/issue/{}/comment", part(&ticket.api_id)), &comment).await?;
        Ok(refused)
    }

    async fn noted(&self, ticket: &TicketRef, note: &OutgoingNote) -> Result<Option<Noted>, Trouble> {
        let comments = self.comments(ticket).await?;
        let holds = |comment: &&Value| holds_mark(&words::said(&comment["body"]), &note.mark);
        let Some(comment) = comments.iter().find(holds) else { return Ok(None) };
        let stored = match files_of(&comments, note).filter(|_| !note.files.is_empty()) {
            Some(files) => {
                let (issue, comment) = (part(&ticket.api_id), part(&text(&files["id"])));
                self.listed(&format!("servicedeskapi/request/{issue}/comment/{comment}/attachment")).await?
            }
            None => Vec::new(),
        };
        Ok(Some(Noted {
            ticket: None,
            note_id: text(&comment["id"]),
            files: outcomes(&note.files, &Value::Array(stored)),
        }))
    }

    fn unseen(&self) -> Trouble {
        Trouble::odd("the note was taken, but is not among the issue's comments")
    }
}

impl Jira {
    /// Attaches the files of a note, unless that was done when it was last tried; the files that were not taken.
    async fn attach(&self, ticket: &TicketRef, note: &OutgoingNote) -> Result<Refused, Trouble> {
        let mut refused = Refused::new();
        if note.files.is_empty() || files_of(&self.comments(ticket).await?, note).is_some() {
            return Ok(refused);
        }
        let request = match self.get(&format!("servicedeskapi/request/{}", part(&ticket.api_id)), &[]).await {
            Ok(request) => request,
            Err(trouble) if trouble.kind == TroubleKind::NotFound => {
                let said = format!(
                    "{}; the issue is no request of a service desk, where files could be internal",
                    trouble.said
                );
                return Ok(all(note, &said));
            }
            Err(trouble) => return Err(trouble),
        };
        let desk = text(&request["serviceDeskId"]);
        let mut temporary = Vec::new();
        for file in &note.files {
            match self.upload(&desk, file).await {
                Ok(id) => temporary.push(id),
                Err(trouble) if trouble.kind == TroubleKind::Refused => {
                    refused.insert(file.name.clone(), trouble.said);
                }
                Err(trouble) => return Err(trouble.clear()),
            }
        }
        if temporary.is_empty() {
            return Ok(refused);
        }
        let body = json!({
            "temporaryAttachmentIds": temporary,
            "public": note.public,
            "additionalComment": { "body": format!("Files of {} {}", note.title, mark_of_files(note)) },
        });
        let path = format!("servicedeskapi/request/{}/attachment", part(&ticket.api_id));
        match self.write(Method::POST, &path, &body).await {
            Ok(_) => Ok(refused),
            Err(trouble) if trouble.kind == TroubleKind::Refused => Ok(all(note, &trouble.said)),
            Err(trouble) => Err(trouble),
        }
    }

    /// A file on its way, which goes away by itself when nothing takes it.
    async fn upload(&self, desk: &str, file: &NewFile) -> Result<String, Trouble> {
        let path = format!("/rest/servicedeskapi/servicedesk/{}/attachTemporaryFile", part(desk));
        let form = Form::new().part("file", file_part(file));
        let reply = self.http.form(&path, form).await.map_err(words::told)?;
        match text(&reply.body["temporaryAttachments"][0]["temporaryAttachmentId"]) {
            id if id.is_empty() => Err(Trouble::odd("a temporary file without an id")),
            id => Ok(id),
        }
    }

    async fn comments(&self, ticket: &TicketRef) -> Result<Vec<Value>, Trouble> {
        pages::all(|page| self.page_of_comments(ticket, page)).await
    }

    async fn page_of_comments(&self, ticket: &TicketRef, page: usize) -> Result<Vec<Value>, Trouble> {
        let (start, count) = (((page - 1) * PAGE).to_string(), PAGE.to_string());
        let query = [("startAt", start.as_str()), ("maxResults", count.as_str()), ("orderBy", "created")];
        pages::rows(self.get(&format!("api/3/issue/{}/comment", part(&ticket.api_id)), &query).await?, "comments")
    }
}

/// The comment that the files of a note came with.
fn files_of<'a>(comments: &'a [Value], note: &OutgoingNote) -> Option<&'a Value> {
    let wanted = mark_of_files(note);
    comments.iter().find(|comment| words::said(&comment["body"]).contains(&wanted))
}

fn mark_of_files(note: &OutgoingNote) -> String {
    words::wiki_mark(&format!("{} files", note.mark))
}

fn all(note: &OutgoingNote, said: &str) -> Refused {
    note.files.iter().map(|file| (file.name.clone(), said.to_owned())).collect()
}
