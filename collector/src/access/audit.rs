//! The append-only, hash-chained log of who read or changed what.
//!
//! Entry `n` carries SHA-256 over its own fields and the hash of entry `n - 1`. [`Audit::verify`] walks the chain and
//! names the first entry that does not fit: one that was changed, or whose predecessor was taken out. Entries cut off
//! at the end cannot be seen from inside; keep the count and the last hash elsewhere to see that too.

use firstline_diagnosis::vocabulary::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::chain::Walked;
use super::late::Late;
use super::{AccessError, Actor};
use crate::app::Clock;
use crate::store::{Connection, Reads, Store, sql};

/// Entries in a page at most.
pub const PAGE_ENTRIES_MAX: u32 = 500;
/// Longest free text of an entry, in characters.
const DETAIL_CHARACTERS_MAX: usize = 500;

/// The log, as a place to write to and to read from.
pub struct Audit<'a> {
    pub(super) store: &'a Store,
    pub(super) clock: &'a dyn Clock,
    pub(super) walked: &'a Walked,
    pub(super) late: &'a Late,
}

/// What is about to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    who: String,
    action: &'static str,
    object: String,
    ticket: String,
    detail: String,
    address: String,
}

impl Entry {
    /// `who` did `action` to `object`.
    pub fn new(who: &Actor, action: &'static str, object: &str) -> Self {
        Self {
            who: shortened(&who.name),
            action,
            object: shortened(object),
            ticket: String::new(),
            detail: String::new(),
            address: who.address.map(|address| address.to_string()).unwrap_or_default(),
        }
    }

    /// Whether somebody only looked.
    pub(super) fn is_of_look(&self) -> bool {
        matches!(self.action.rsplit_once('.'), Some((_, "read" | "list")))
    }

    /// The entry in a line.
    pub(super) fn words(&self) -> String {
        let Self { who, action, object, ticket, detail, address } = self;
        format!("{who:?} {action} {object:?}, ticket {ticket:?}, {detail:?}, from {address:?}")
    }

    /// For this ticket.
    pub fn ticket(mut self, ticket: impl Into<String>) -> Self {
        self.ticket = shortened(&ticket.into());
        self
    }

    /// With these circumstances.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = shortened(&detail.into());
        self
    }
}

/// What is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, sqlx::FromRow)]
pub struct AuditEntry {
    /// Its place: 1, 2, 3, without gaps.
    pub sequence: i64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    #[sqlx(rename = "at_ms", try_from = "i64")]
    pub at: Moment,
    /// Who.
    pub who: String,
    /// What they did: `endpoint.read`, `pull.start`, `account.create`.
    pub action: String,
    /// To what.
    pub object: String,
    /// The name of the endpoint that `object` is; absent when it is none.
    #[sqlx(default)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// For which ticket; may be empty.
    pub ticket: String,
    /// Circumstances; may be empty.
    pub detail: String,
    /// Where from; empty when it was the collector itself.
    pub address: String,
    /// SHA-256 over the hash before and these fields, hexadecimal.
    pub hash: String,
}

/// A moment as the database keeps it and documents print it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(pub Timestamp);

impl From<i64> for Moment {
    fn from(unix_ms: i64) -> Self {
        Self(Timestamp(unix_ms))
    }
}

/// A page of the log, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditPage {
    /// The entries.
    pub entries: Vec<AuditEntry>,
    /// What to pass as `before` for the next page; absent on the last.
    pub next: Option<i64>,
}

/// What walking the chain showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChainReport {
    /// Whether every entry fits.
    pub whole: bool,
    /// Entries walked.
    pub entries: i64,
    /// The first entry that does not fit.
    pub broken_at: Option<i64>,
    /// The last hash, to be kept elsewhere.
    pub head: String,
    /// When it was walked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Moment>,
}

impl Default for ChainReport {
    /// Nothing was walked, and nothing is wrong with it.
    fn default() -> Self {
        Self { whole: true, entries: 0, broken_at: None, head: String::new(), at: None }
    }
}

impl Audit<'_> {
    /// Writes an entry down; returns once it is committed. One about a look may come [later](super::late) while the database
    /// takes nothing in.
    ///
    /// # Errors
    /// When the store fails; then the thing itself must not be done or shown.
    pub async fn record(&self, entry: Entry) -> Result<(), AccessError> {
        let (now, written) = (self.clock.now(), entry.clone());
        match self.store.write(move |tx| Box::pin(append(tx, written, now))).await {
            Err(cause) => self.later(entry, now, cause),
            done => done,
        }
    }

    /// A page of the log, newest first; only of entries with these words in one of their fields, or in the name of the
    /// endpoint that they are about, when there are any.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn page(&self, words: &str, before: Option<i64>, limit: u32) -> Result<AuditPage, AccessError> {
        const SQL: &str = "SELECT a.sequence, a.at_ms, a.who, a.action, a.object, e.name AS endpoint, a.ticket, a.detail, \
            a.address, a.hash FROM audit_log a LEFT JOIN endpoints e ON e.id = a.object WHERE a.sequence < $1 \
            AND ($3 = '' OR LOWER(a.who || ' ' || a.action || ' ' || a.object || ' ' || COALESCE(e.name, '') || ' ' || \
            a.ticket || ' ' || a.detail || ' ' || a.address) LIKE $3 ESCAPE '!') ORDER BY a.sequence DESC LIMIT $2";
        let limit = limit.clamp(1, PAGE_ENTRIES_MAX);
        let before = before.unwrap_or(i64::MAX);
        let entries: Vec<AuditEntry> = sql::query_as(SQL)
            .bind(before)
            .bind(i64::from(limit))
            .bind(sql::containing(words))
            .fetch_all(self.store.reads())
            .await?;
        let full = entries.len() == limit as usize;
        let next = entries.last().filter(|entry| full && entry.sequence > 1).map(|entry| entry.sequence);
        Ok(AuditPage { entries, next })
    }
}

/// The entries after a place, in order.
pub(super) async fn after(reads: &Reads, place: i64, limit: i64) -> Result<Vec<AuditEntry>, AccessError> {
    const SQL: &str = "SELECT sequence, at_ms, who, action, object, ticket, detail, address, hash FROM audit_log \
                       WHERE sequence > $1 ORDER BY sequence LIMIT $2";
    Ok(sql::query_as(SQL).bind(place).bind(limit).fetch_all(reads).await?)
}

impl AuditEntry {
    /// Whether it is as it was written down after an entry with this hash.
    pub(super) fn follows(&self, previous: &str) -> bool {
        self.hash == self.expected_hash(previous)
    }

    /// What the hash must be after `previous`. Every field is preceded by its length, so that no two entries read alike.
    fn expected_hash(&self, previous: &str) -> String {
        use std::fmt::Write as _;
        let mut hash = Sha256::new();
        let numbers = [self.sequence.to_string(), self.at.0.unix_ms().to_string()];
        let texts = [&self.who, &self.action, &self.object, &self.ticket, &self.detail, &self.address];
        for field in [previous]
            .into_iter()
            .chain(numbers.iter().map(String::as_str))
            .chain(texts.into_iter().map(String::as_str))
        {
            hash.update((field.len() as u64).to_be_bytes());
            hash.update(field.as_bytes());
        }
        hash.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

/// Appends an entry within a transaction of the writer, so that it is there exactly when the change is.
pub async fn append(tx: &mut Connection, entry: Entry, now: Timestamp) -> Result<(), AccessError> {
    const LAST: &str = "SELECT sequence, hash FROM audit_log ORDER BY sequence DESC LIMIT 1";
    const APPEND: &str = "INSERT INTO audit_log (sequence, at_ms, who, action, object, ticket, detail, address, hash) \
                          VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let last: Option<(i64, String)> = sql::query_as(LAST).fetch_optional(&mut *tx).await?;
    let (sequence, previous) = last.unwrap_or_default();
    let Entry { who, action, object, ticket, detail, address } = entry;
    let action = action.to_owned();
    let mut entry = AuditEntry {
        sequence: sequence + 1,
        at: Moment(now),
        who,
        action,
        object,
        endpoint: None,
        ticket,
        detail,
        address,
        hash: String::new(),
    };
    entry.hash = entry.expected_hash(&previous);
    sql::query(APPEND)
        .bind(entry.sequence)
        .bind(now.unix_ms())
        .bind(entry.who)
        .bind(entry.action)
        .bind(entry.object)
        .bind(entry.ticket)
        .bind(entry.detail)
        .bind(entry.address)
        .bind(entry.hash)
        .execute(tx)
        .await?;
    Ok(())
}

fn shortened(text: &str) -> String {
    // PostgreSQL keeps no character 0; what is hashed must be what is kept.
    text.chars().map(|letter| if letter == '\0' { '\u{fffd}' } else { letter }).take(DETAIL_CHARACTERS_MAX).collect()
}
