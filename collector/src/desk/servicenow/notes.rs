//! Notes: rows of the journal, after their files, which belong to the incident.

use async_trait::async_trait;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::words::{self, journal_field};
use super::{PAGE, PAGES, ServiceNow, term, value};
use crate::authority::hexadecimal;
use crate::desk::attached::Attached;
use crate::desk::contract::{Noted, Notes, OutgoingNote, Refused, TicketRef};
use crate::desk::trouble::{Trouble, TroubleKind};
use crate::desk::values::{differs, differs_in_length, part, text};
use crate::ticket::NewFile;

#[async_trait]
impl Notes for ServiceNow {
    async fn write_note(&self, ticket: &TicketRef, note: &OutgoingNote) -> Result<Refused, Trouble> {
        let refused = self.attach(ticket, &note.files).await?;
        self.patch(ticket, &json!({ journal_field(note): words::journal(note) })).await?;
        Ok(refused)
    }

    async fn noted(&self, ticket: &TicketRef, note: &OutgoingNote) -> Result<Option<Noted>, Trouble> {
        let (field, mark) = (journal_field(note), format!("firstline {}]", note.mark));
        let query =
            format!("{}^{}^ORDERBYDESCsys_created_on", term("element_id", &ticket.api_id), term("element", field));
        let rows = self.all("sys_journal_field", &query, "sys_id,element_id,element,value").await?;
        let ours = |row: &&Value| {
            value(row, "element_id") == ticket.api_id
                && value(row, "element") == field
                && value(row, "value").contains(&mark)
        };
        let Some(row) = rows.iter().find(ours) else { return Ok(None) };
        Ok(Some(Noted {
            ticket: None,
            note_id: value(row, "sys_id"),
            files: self.outcomes(ticket, &note.files).await?,
        }))
    }

    fn unseen(&self) -> Trouble {
        let said = "the note was taken, but cannot be read back; the account must read sys_journal_field";
        Trouble::new(TroubleKind::Forbidden, said)
    }
}

#[async_trait]
impl Attached for ServiceNow {
    async fn attachments(&self, ticket: &TicketRef) -> Result<Vec<Value>, Trouble> {
        let query = format!("table_name=incident^{}", term("table_sys_id", &ticket.api_id));
        let mut all = Vec::new();
        for page in 0..PAGES {
            let (limit, offset) = (PAGE.to_string(), (page * PAGE).to_string());
            let parameters =
                [("sysparm_query", query.as_str()), ("sysparm_limit", &limit), ("sysparm_offset", &offset)];
            let reply = self.way.get("/api/now/attachment", &parameters).await.map_err(words::told)?;
            all.extend(words::rows(&reply)?);
            if words::total(&reply).is_none_or(|total| total <= (page + 1) * PAGE) {
                break;
            }
        }
        all.retain(|one| text(&one["table_sys_id"]) == ticket.api_id);
        Ok(all)
    }

    async fn problem(&self, there: &[Value], sent: &NewFile) -> Result<Option<String>, Trouble> {
        let digest = hexadecimal(&Sha256::digest(&sent.bytes));
        let mut problem = "it is not there".to_owned();
        for one in there.iter().filter(|one| text(&one["file_name"]) == sent.name) {
            let differs = match text(&one["hash"]) {
                hash if hash == digest => None,
                hash if hash.is_empty() => {
                    let path = format!("/api/now/attachment/{}/file", part(&text(&one["sys_id"])));
                    differs(&self.way.bytes(&path).await.map_err(words::told)?, sent)
                }
                _ => differs_in_length(text(&one["size_bytes"]), sent)
                    .or_else(|| Some("what was stored is not what was sent".to_owned())),
            };
            match differs {
                None => return Ok(None),
                Some(differs) => problem = differs,
            }
        }
        Ok(Some(problem))
    }

    async fn send(&self, ticket: &TicketRef, file: &NewFile) -> Result<(), Trouble> {
        let query = [("table_name", "incident"), ("table_sys_id", &ticket.api_id), ("file_name", &file.name)];
        let sent = self.way.upload("/api/now/attachment/file", &query, file).await;
        sent.map_err(words::told).map(drop)
    }
}
