//! Rows of attachments, and their contents.

use std::fmt::Write as _;

use firstline_diagnosis::vocabulary::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{FILE_BYTES, TICKET_BYTES, TICKET_FILES, number, tickets};
use crate::store::{Connection, Reads, sql};
use crate::ticket::{Attachment, AttachmentContent, DeskError, FileResult, NewFile, rich_text::clean_line};

/// Longest file name, in letters.
const NAME_LETTERS: usize = 120;

#[derive(Debug, sqlx::FromRow)]
struct FileRow {
    id: String,
    ticket: i64,
    note_id: Option<String>,
    name: String,
    media_type: String,
    size_bytes: i64,
    sha256: String,
    at_ms: i64,
}

/// Stores a file of a ticket that gets no note.
pub(super) async fn attach(
    tx: &mut Connection,
    ticket: i64,
    file: NewFile,
    now: Timestamp,
) -> Result<FileResult, DeskError> {
    tickets::touch(tx, ticket, now).await?;
    insert(tx, ticket, None, file, now).await
}

/// Stores a file, or says why not.
pub(super) async fn insert(
    tx: &mut Connection,
    ticket: i64,
    note: Option<&str>,
    file: NewFile,
    now: Timestamp,
) -> Result<FileResult, DeskError> {
    let name = file_name(&file.name);
    if let Some(refused) = refusal(tx, ticket, &file).await? {
        return Ok(FileResult { name, attachment: None, refused });
    }
    let attachment = Attachment {
        id: Uuid::now_v7().to_string(),
        name: name.clone(),
        media_type: media_type(&file.media_type),
        size_bytes: file.bytes.len() as u64,
        sha256: sha256_hex(&file.bytes),
        at: now,
    };
    store(tx, ticket, note, &attachment, file.bytes).await?;
    Ok(FileResult { name, attachment: Some(attachment), refused: String::new() })
}

async fn store(
    tx: &mut Connection,
    ticket: i64,
    note: Option<&str>,
    attachment: &Attachment,
    bytes: Vec<u8>,
) -> Result<(), DeskError> {
    sql::query("INSERT INTO blobs (sha256, bytes) VALUES ($1, $2) ON CONFLICT (sha256) DO NOTHING")
        .bind(&attachment.sha256)
        .bind(bytes)
        .execute(&mut *tx)
        .await?;
    sql::query(
        "INSERT INTO attachments (id, ticket, note_id, name, media_type, size_bytes, sha256, at_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&attachment.id)
    .bind(ticket)
    .bind(note)
    .bind(&attachment.name)
    .bind(&attachment.media_type)
    .bind(attachment.size_bytes as i64)
    .bind(&attachment.sha256)
    .bind(attachment.at.unix_ms())
    .execute(&mut *tx)
    .await?;
    Ok(())
}

async fn refusal(tx: &mut Connection, ticket: i64, file: &NewFile) -> Result<Option<String>, DeskError> {
    if file.bytes.len() > FILE_BYTES {
        return Ok(Some(format!("a file may have at most {} MiB", FILE_BYTES >> 20)));
    }
    let (files, bytes): (i64, i64) = sql::query_as(
        "SELECT COUNT(*), CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM attachments WHERE ticket = $1",
    )
    .bind(ticket)
    .fetch_one(&mut *tx)
    .await?;
    if files >= TICKET_FILES {
        return Ok(Some(format!("a ticket may have at most {TICKET_FILES} files")));
    }
    let full = bytes + file.bytes.len() as i64 > TICKET_BYTES;
    Ok(full.then(|| format!("the files of a ticket may have at most {} MiB", TICKET_BYTES >> 20)))
}

/// The attachments of a ticket, oldest first, each with the note it came with.
pub(super) async fn of_ticket(reads: &Reads, ticket: i64) -> Result<Vec<(Option<String>, Attachment)>, DeskError> {
    let rows: Vec<FileRow> = sql::query_as("SELECT * FROM attachments WHERE ticket = $1 ORDER BY at_ms, id")
        .bind(ticket)
        .fetch_all(reads)
        .await?;
    Ok(rows.into_iter().map(|row| (row.note_id.clone(), row.into())).collect())
}

/// The attachments of a note.
pub(super) async fn of_note(tx: &mut Connection, note: &str) -> Result<Vec<Attachment>, DeskError> {
    let rows: Vec<FileRow> = sql::query_as("SELECT * FROM attachments WHERE note_id = $1 ORDER BY at_ms, id")
        .bind(note)
        .fetch_all(&mut *tx)
        .await?;
    Ok(rows.into_iter().map(Attachment::from).collect())
}

/// The attachments of a note, oldest first, by id.
pub(super) async fn ids_of_note(reads: &Reads, note: &str) -> Result<Vec<String>, DeskError> {
    let ids = sql::query_scalar("SELECT id FROM attachments WHERE note_id = $1 ORDER BY at_ms, id");
    Ok(ids.bind(note).fetch_all(reads).await?)
}

/// An attachment with its content.
pub(super) async fn content(reads: &Reads, id: &str) -> Result<AttachmentContent, DeskError> {
    let missing = || DeskError::NotFound("such attachment".to_owned());
    let row: Option<FileRow> =
        sql::query_as("SELECT * FROM attachments WHERE id = $1").bind(id).fetch_optional(reads).await?;
    let row = row.ok_or_else(missing)?;
    let blob: Option<(Vec<u8>,)> =
        sql::query_as("SELECT bytes FROM blobs WHERE sha256 = $1").bind(&row.sha256).fetch_optional(reads).await?;
    let (bytes,) = blob.ok_or_else(missing)?;
    Ok(AttachmentContent { ticket: number::display(row.ticket), attachment: row.into(), bytes })
}

impl From<FileRow> for Attachment {
    fn from(row: FileRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            media_type: row.media_type,
            size_bytes: u64::try_from(row.size_bytes).unwrap_or(0),
            sha256: row.sha256,
            at: Timestamp(row.at_ms),
        }
    }
}

/// A name that is no path on any system and fits into a header.
fn file_name(name: &str) -> String {
    let name = clean_line(name);
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last
        .chars()
        .map(|letter| if matches!(letter, '"' | '<' | '>' | ':' | '|' | '?' | '*' | ';') { '_' } else { letter })
        .take(NAME_LETTERS)
        .collect();
    let kept = kept.trim_matches([' ', '.']);
    if kept.is_empty() { "file".to_owned() } else { kept.to_owned() }
}

/// The media type when it is written as one, else the one that says nothing.
fn media_type(text: &str) -> String {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let good = essence.len() <= 100 && essence.split_once('/').is_some_and(|(kind, sub)| part(kind) && part(sub));
    if good { essence } else { "application/octet-stream".to_owned() }
}

/// SHA-256 in hexadecimal.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn a_file_name_is_never_a_path() {
        for (given, kept) in [
            ("../../etc/passwd", "passwd"),
            ("C:\\temp\\a.txt", "a.txt"),
            ("..", "file"),
            ("a\r\nSet-Cookie: b", "a Set-Cookie_ b"),
            ("<img>\".png", "_img__.png"),
        ] {
            assert_eq!(file_name(given), kept);
        }
    }

    #[test]
    fn a_media_type_is_one_or_says_nothing() {
        assert_eq!(media_type("text/HTML; charset=utf-8"), "text/html");
        assert_eq!(media_type("text/html\r\nx: y"), "application/octet-stream");
        assert_eq!(media_type("nothing"), "application/octet-stream");
    }
}
