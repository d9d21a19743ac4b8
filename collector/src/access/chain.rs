//! How far the chain of the audit log was walked, so that a page need not walk all of it.
//!
//! What was walked is remembered in memory only: whoever can change the log could change a note beside it. A process
//! begins with nothing, an hourly task and each look at the log go on from where the last one ended. What was walked
//! before is held against its last entry: one that is gone or has another hash is a break, also where the end of the log
//! was cut off. `verify` walks everything anew.

use std::sync::{Mutex, PoisonError};

use super::AccessError;
use super::audit::{self, Audit, ChainReport, Moment};
use crate::store::{Reads, sql};

/// Entries that are walked at a time.
const AT_A_TIME: i64 = 1000;
/// Entries that a look at the log walks at most; the task walks the rest.
pub const LOOK_ENTRIES_MAX: i64 = 20_000;

/// How far the log was walked.
#[derive(Debug, Default)]
pub(super) struct Walked(Mutex<ChainReport>);

/// What is known of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What was walked until now.
    pub walked: ChainReport,
    /// Entries that there are.
    pub entries: i64,
}

impl Standing {
    /// Whether all of the log was walked and fits.
    pub fn is_whole(&self) -> bool {
        self.walked.whole && self.walked.entries >= self.entries
    }
}

impl Walked {
    fn get(&self) -> ChainReport {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps what goes further, and every break: one that was seen does not go away by itself.
    fn keep(&self, report: &ChainReport) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !report.whole || (kept.whole && report.entries >= kept.entries) {
            kept.clone_from(report);
        }
    }

    fn replace(&self, report: &ChainReport) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone_from(report);
    }
}

impl Audit<'_> {
    /// Walks the whole chain anew.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn verify(&self) -> Result<ChainReport, AccessError> {
        let report = verify(self.store.reads()).await?;
        let report = ChainReport { at: Some(Moment(self.clock.now())), ..report };
        self.walked.replace(&report);
        Ok(report)
    }

    /// Walks on from where the last walk ended, `entries` at most, and says how things stand.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn walk_on(&self, entries: i64) -> Result<Standing, AccessError> {
        let reads = self.store.reads();
        let mut report = self.walked.get();
        if report.whole {
            report = hold_against_last(reads, report).await?;
        }
        let until = report.entries.saturating_add(entries);
        while report.whole && report.entries < until {
            let limit = AT_A_TIME.min(until - report.entries);
            let (further, walked) = step(reads, report, limit).await?;
            report = further;
            if walked < limit {
                break;
            }
        }
        report.at = Some(Moment(self.clock.now()));
        self.walked.keep(&report);
        let entries: i64 =
            sql::query_scalar("SELECT COALESCE(MAX(sequence), 0) FROM audit_log").fetch_one(reads).await?;
        Ok(Standing { walked: report, entries })
    }
}

/// Walks the whole chain of any database.
///
/// # Errors
/// The database's.
pub async fn verify(reads: &Reads) -> Result<ChainReport, AccessError> {
    let mut report = ChainReport::default();
    loop {
        let (further, walked) = step(reads, report, AT_A_TIME).await?;
        report = further;
        if !report.whole || walked < AT_A_TIME {
            return Ok(report);
        }
    }
}

/// Walks the next entries, at most `limit`; how many those were.
async fn step(reads: &Reads, mut report: ChainReport, limit: i64) -> Result<(ChainReport, i64), AccessError> {
    let entries = audit::after(reads, report.entries, limit).await?;
    let walked = entries.len() as i64;
    for entry in &entries {
        if entry.sequence != report.entries + 1 || !entry.follows(&report.head) {
            return Ok((ChainReport { whole: false, broken_at: Some(entry.sequence), ..report }, walked));
        }
        report.entries = entry.sequence;
        report.head.clone_from(&entry.hash);
    }
    Ok((report, walked))
}

/// Whether the last entry that was walked is there as it was.
async fn hold_against_last(reads: &Reads, report: ChainReport) -> Result<ChainReport, AccessError> {
    if report.entries == 0 {
        return Ok(report);
    }
    let hash: Option<String> = sql::query_scalar("SELECT hash FROM audit_log WHERE sequence = $1")
        .bind(report.entries)
        .fetch_optional(reads)
        .await?;
    if hash.as_ref() == Some(&report.head) {
        return Ok(report);
    }
    Ok(ChainReport { whole: false, broken_at: Some(report.entries), ..report })
}
