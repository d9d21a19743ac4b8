//! Rows of what methods said.

use firstline_diagnosis::trend::Outlook;

use crate::detect::DetectError;
use crate::store::{Connection, Reads, sql};

/// Stores what methods said of an endpoint (by key), over what they said before.
pub(super) async fn save(tx: &mut Connection, key: i64, outlooks: &[Outlook]) -> Result<(), DetectError> {
    for outlook in outlooks {
        let document = serde_json::to_string(outlook).map_err(|error| sql::Error::Encode(Box::new(error)))?;
        sql::query(
            "INSERT INTO outlooks (endpoint_key, check_id, at_ms, document) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (endpoint_key, check_id) DO UPDATE SET at_ms = excluded.at_ms, document = excluded.document",
        )
        .bind(key)
        .bind(&outlook.check)
        .bind(outlook.at.unix_ms())
        .bind(document)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// What methods last said of an endpoint (by id).
pub(super) async fn of(reads: &Reads, endpoint_id: &str) -> Result<Vec<Outlook>, DetectError> {
    let rows: Vec<(String,)> = sql::query_as(
        "SELECT document FROM outlooks WHERE endpoint_key = (SELECT key FROM endpoints WHERE id = $1) ORDER BY check_id",
    )
    .bind(endpoint_id)
    .fetch_all(reads)
    .await?;
    // What another version wrote in another form is asked again in its time.
    Ok(rows.into_iter().filter_map(|(document,)| serde_json::from_str(&document).ok()).collect())
}
