//! Rows of notes.

use firstline_diagnosis::vocabulary::Timestamp;
use uuid::Uuid;

use super::{files, tickets};
use crate::desk::outbox::push_note;
use crate::store::{Connection, Reads, sql};
use crate::ticket::{Attachment, DeskError, FileResult, NewNote, Note, NoteResult, Visibility, rich_text::RichText};

/// Longest note, in bytes of its stored form.
const NOTE_BYTES: usize = 256 * 1024;

#[derive(Debug, sqlx::FromRow)]
struct NoteRow {
    id: String,
    author: String,
    visibility: String,
    at_ms: i64,
    body: String,
    pull_id: Option<String>,
}

/// Stores a note with its files; when one with the same key is there already, nothing happens.
pub(crate) async fn insert(
    tx: &mut Connection,
    number: i64,
    note: NewNote,
    pull: Option<String>,
    now: Timestamp,
) -> Result<NoteResult, DeskError> {
    let key = Some(note.key).filter(|key| !key.is_empty());
    if let Some(there) = earlier(tx, number, key.as_deref()).await? {
        return repeated(tx, there).await;
    }
    tickets::touch(tx, number, now).await?;
    let body = stored(&note.body)?;
    let id = Uuid::now_v7().to_string();
    sql::query(
        "INSERT INTO ticket_notes (id, ticket, author, visibility, at_ms, body, pull_id, dedup_key) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&id)
    .bind(number)
    .bind(note.author)
    .bind(note.visibility.name())
    .bind(now.unix_ms())
    .bind(body)
    .bind(pull)
    .bind(key)
    .execute(&mut *tx)
    .await?;
    let mut results = Vec::with_capacity(note.files.len());
    for file in note.files {
        results.push(files::insert(tx, number, Some(&id), file, now).await?);
    }
    push_note(tx, number, &id, now).await?;
    Ok(NoteResult { note_id: id, repeated: false, files: results })
}

/// The notes of a ticket, oldest first.
pub(super) async fn of_ticket(
    reads: &Reads,
    number: i64,
    attachments: &[(Option<String>, Attachment)],
) -> Result<Vec<Note>, DeskError> {
    let rows: Vec<NoteRow> = sql::query_as(
        "SELECT id, author, visibility, at_ms, body, pull_id FROM ticket_notes WHERE ticket = $1 ORDER BY at_ms, id",
    )
    .bind(number)
    .fetch_all(reads)
    .await?;
    Ok(rows.into_iter().map(|row| note(row, attachments)).collect())
}

/// One note, without its files.
pub(super) async fn one(reads: &Reads, id: &str) -> Result<Note, DeskError> {
    let row: Option<NoteRow> =
        sql::query_as("SELECT id, author, visibility, at_ms, body, pull_id FROM ticket_notes WHERE id = $1")
            .bind(id)
            .fetch_optional(reads)
            .await?;
    row.map(|row| note(row, &[])).ok_or_else(|| DeskError::NotFound("such note".to_owned()))
}

fn note(row: NoteRow, attachments: &[(Option<String>, Attachment)]) -> Note {
    // What we wrote ourselves reads back; a row that somebody edited by hand is shown as the text it is.
    let body: RichText = serde_json::from_str(&row.body).unwrap_or_else(|_| RichText::paragraphs(&row.body));
    let own = attachments.iter().filter(|(note, _)| note.as_deref() == Some(&row.id));
    Note {
        author: row.author,
        visibility: if row.visibility == "public" { Visibility::Public } else { Visibility::Private },
        at: Timestamp(row.at_ms),
        text: body.to_plain(),
        body,
        pull: row.pull_id,
        attachments: own.map(|(_, attachment)| attachment.clone()).collect(),
        id: row.id,
    }
}

fn stored(body: &RichText) -> Result<String, DeskError> {
    if body.to_plain().trim().is_empty() {
        return Err(DeskError::Refused("the note says nothing".to_owned()));
    }
    let stored = serde_json::to_string(body).map_err(|error| DeskError::Refused(error.to_string()))?;
    if stored.len() > NOTE_BYTES {
        return Err(DeskError::Refused(format!("the note is longer than {} KiB", NOTE_BYTES / 1024)));
    }
    Ok(stored)
}

async fn earlier(tx: &mut Connection, number: i64, key: Option<&str>) -> Result<Option<String>, DeskError> {
    let Some(key) = key else { return Ok(None) };
    let row: Option<(String,)> = sql::query_as("SELECT id FROM ticket_notes WHERE ticket = $1 AND dedup_key = $2")
        .bind(number)
        .bind(key)
        .fetch_optional(&mut *tx)
        .await?;
    Ok(row.map(|(id,)| id))
}

async fn repeated(tx: &mut Connection, note_id: String) -> Result<NoteResult, DeskError> {
    let attachments = files::of_note(tx, &note_id).await?;
    let file = |attachment: Attachment| FileResult {
        name: attachment.name.clone(),
        attachment: Some(attachment),
        refused: String::new(),
    };
    Ok(NoteResult { note_id, repeated: true, files: attachments.into_iter().map(file).collect() })
}
