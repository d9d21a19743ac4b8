//! Notes: entries of the work log, with up to three files each.

use async_trait::async_trait;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use super::words::{self, SUMMARY_LETTERS, is, values_of};
use super::{BmcHelix, PAGE, PAGES};
use crate::desk::contract::{FileOutcome, Noted, Notes, OutgoingNote, Refused, TicketRef};
use crate::desk::trouble::{Trouble, TroubleKind};
use crate::desk::values::{differs, marked, part, text};
use crate::ticket::NewFile;

/// The form of the work log.
const WORK_LOG: &str = "HPD:WorkLog";
/// Where an entry has its files.
const SLOTS: [&str; 3] = ["z2AF Work Log01", "z2AF Work Log02", "z2AF Work Log03"];
/// What a note's entries with more files are called, after the title.
const MORE: &str = ", more files";

#[async_trait]
impl Notes for BmcHelix {
    async fn write_note(&self, ticket: &TicketRef, note: &OutgoingNote) -> Result<Refused, Trouble> {
        let mut refused = Refused::new();
        let (first, more) = note.files.split_at(note.files.len().min(SLOTS.len()));
        let there = if more.is_empty() { Vec::new() } else { self.log_of(ticket, note).await? };
        for files in more.chunks(SLOTS.len()) {
            if !files.iter().all(|file| stored(&there, &file.name).is_some()) {
                self.send(ticket, note, MORE, files, &mut refused).await?;
            }
        }
        if !self.send(ticket, note, "", first, &mut refused).await? {
            // With none of its files: each of them is sent alone, so that those that can be taken are.
            for file in first {
                self.send(ticket, note, MORE, std::slice::from_ref(file), &mut refused).await?;
            }
            self.send(ticket, note, "", &[], &mut refused).await?;
        }
        Ok(refused)
    }

    async fn noted(&self, ticket: &TicketRef, note: &OutgoingNote) -> Result<Option<Noted>, Trouble> {
        let log = self.log_of(ticket, note).await?;
        let summary = summary(note, "");
        let Some(head) = log.iter().find(|entry| text(&entry["values"]["Description"]) == summary) else {
            return Ok(None);
        };
        let mut files = Vec::with_capacity(note.files.len());
        for sent in &note.files {
            let problem = match stored(&log, &sent.name) {
                Some((entry, slot)) => {
                    let path = format!("{}/{}/attach/{}", words::path(WORK_LOG), part(&id_of(entry)), part(slot));
                    differs(&self.way.bytes(&path).await.map_err(words::told)?, sent)
                }
                None => Some("it is not there".to_owned()),
            };
            files.push(FileOutcome { name: sent.name.clone(), problem });
        }
        Ok(Some(Noted { ticket: None, note_id: id_of(head), files }))
    }

    fn unseen(&self) -> Trouble {
        let said = "the note was taken, but cannot be read back; the account must read HPD:WorkLog";
        Trouble::new(TroubleKind::Forbidden, said)
    }
}

impl BmcHelix {
    /// The entries of a ticket's work log that carry a note's mark.
    async fn log_of(&self, ticket: &TicketRef, note: &OutgoingNote) -> Result<Vec<Value>, Trouble> {
        let (query, fields) =
            (is("Incident Number", &ticket.display_number), format!("Incident Number,Description,{}", SLOTS.join(",")));
        let mark = format!("[firstline {}]", note.mark);
        let mut log = Vec::new();
        for page in 0..PAGES {
            let found = self.page(WORK_LOG, &query, &fields, page).await?;
            let last = found.len() < PAGE;
            log.extend(found.into_iter().filter(|entry| {
                let values = values_of(entry);
                text(&values["Incident Number"]) == ticket.display_number
                    && text(&values["Description"]).contains(&mark)
            }));
            if last {
                break;
            }
        }
        Ok(log)
    }

    /// Writes an entry; whether it was taken. What is refused without files is an error; with files, they are to blame.
    async fn send(
        &self,
        ticket: &TicketRef,
        note: &OutgoingNote,
        more: &str,
        files: &[NewFile],
        refused: &mut Refused,
    ) -> Result<bool, Trouble> {
        let body = entry(ticket, note, more, files);
        let sent = match files {
            [] => self.way.write(reqwest::Method::POST, &words::path(WORK_LOG), &body).await,
            files => self.way.form(&words::path(WORK_LOG), || form(&body, files)).await,
        };
        match sent.map_err(words::told) {
            Ok(_) => Ok(true),
            Err(trouble) if files.is_empty() || trouble.passes() => Err(trouble),
            Err(trouble) => {
                refused.extend(files.iter().map(|file| (file.name.clone(), trouble.said.clone())));
                Ok(false)
            }
        }
    }
}

/// The summary of an entry, by which it is found; its title is cut, not its mark.
fn summary(note: &OutgoingNote, more: &str) -> String {
    let rest = marked(more, &note.mark);
    let letters = SUMMARY_LETTERS.saturating_sub(rest.chars().count());
    format!("{}{rest}", note.title.chars().take(letters).collect::<String>())
}

fn entry(ticket: &TicketRef, note: &OutgoingNote, more: &str, files: &[NewFile]) -> Value {
    let said = if more.is_empty() { note.body.to_plain() } else { "More files of a note.".to_owned() };
    let mut values = json!({
        "Incident Number": ticket.display_number,
        "Work Log Type": "General Information",
        "Description": summary(note, more),
        "Detailed Description": said,
        "View Access": if note.public { "Public" } else { "Internal" },
        "Secure Work Log": "No",
    });
    for (slot, file) in SLOTS.iter().zip(files) {
        values[*slot] = json!(file.name);
    }
    json!({ "values": values })
}

fn form(body: &Value, files: &[NewFile]) -> Form {
    let entry = Part::text(body.to_string()).mime_str("application/json").expect("a type that is one");
    // Its parts have blanks in their names, which it takes as they are.
    let form = Form::new().percent_encode_noop().part("entry", entry);
    SLOTS.iter().zip(files).fold(form, |form, (slot, file)| {
        form.part(format!("attach-{slot}"), Part::bytes(file.bytes.clone()).file_name(file.name.clone()))
    })
}

/// The entry and the place where a file of this name is.
fn stored<'a>(log: &'a [Value], name: &str) -> Option<(&'a Value, &'static str)> {
    let places = log.iter().flat_map(|entry| SLOTS.map(|slot| (entry, slot)));
    places.into_iter().find(|(entry, slot)| entry["values"][*slot]["name"] == name)
}

/// The id of an entry, which ends its address.
fn id_of(entry: &Value) -> String {
    let address = text(&entry["_links"]["self"][0]["href"]);
    let id = address.rsplit('/').next().unwrap_or_default();
    id.replace("%7C", "|").replace("%7c", "|")
}
