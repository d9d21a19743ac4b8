//! Rows of what was counted.

use firstline_diagnosis::vocabulary::Timestamp;

use super::month;
use crate::detect::orders::{Counts, SymptomCounts};
use crate::store::sql::Executor;
use crate::store::{Connection, Reads, StoreError, sql};

/// When tickets were counted last.
pub(super) async fn counted_at<'c>(on: impl Executor<'c>) -> Result<Option<Timestamp>, StoreError> {
    let at: Option<i64> = sql::query_scalar("SELECT MAX(estimated_at_ms) FROM symptom_orders").fetch_one(on).await?;
    Ok(at.map(Timestamp))
}

/// What was counted then.
pub(super) async fn counted(reads: &Reads) -> Result<(Option<Timestamp>, Counts), StoreError> {
    let rows: Vec<(String, i64, i64, String)> =
        sql::query_as("SELECT symptom, estimated_at_ms, tickets, document FROM symptom_orders ORDER BY symptom")
            .fetch_all(reads)
            .await?;
    let at = rows.iter().map(|row| Timestamp(row.1)).max();
    // What another version wrote in another form is counted again next month.
    let counts = rows.into_iter().filter_map(|(symptom, _, tickets, document)| {
        let confirmed = serde_json::from_str(&document).ok()?;
        Some((symptom, SymptomCounts { tickets: u64::try_from(tickets).unwrap_or_default(), confirmed }))
    });
    Ok((at, counts.collect()))
}

/// Stores what was counted, in place of what was counted before; not when another collector did so this month.
pub(super) async fn keep(tx: &mut Connection, now: Timestamp, counts: &Counts) -> Result<(), StoreError> {
    if counted_at(&mut *tx).await?.is_some_and(|at| month(at) == month(now)) {
        return Ok(());
    }
    sql::query("DELETE FROM symptom_orders").execute(&mut *tx).await?;
    for (symptom, counts) in counts {
        let document = serde_json::to_string(&counts.confirmed).map_err(|error| sql::Error::Encode(Box::new(error)))?;
        sql::query("INSERT INTO symptom_orders (symptom, estimated_at_ms, tickets, document) VALUES ($1, $2, $3, $4)")
            .bind(symptom)
            .bind(now.unix_ms())
            .bind(i64::try_from(counts.tickets).unwrap_or(i64::MAX))
            .bind(document)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}
