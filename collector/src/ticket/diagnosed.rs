//! Diagnoses that are on tickets: a row for each, written together with its note, for reports and for outputs.

use firstline_diagnosis::vocabulary::Timestamp;

use super::DeskError;
use crate::desk::DiagnosisEvent;
use crate::store::{Connection, sql};

/// A diagnosis that goes onto a ticket.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NewDiagnosis {
    /// The check whose finding is the answer; empty when there is none.
    pub(crate) check: String,
    /// The machine's model; empty when it was not told.
    pub(crate) model: String,
    /// Its tag `site`; empty without one.
    pub(crate) site: String,
    /// Its system's build.
    pub(crate) build: String,
    /// What outputs are told.
    pub(crate) event: DiagnosisEvent,
}

/// Stores the diagnosis that a pull brought onto a ticket, once.
pub(super) async fn insert(
    tx: &mut Connection,
    number: i64,
    pull: &str,
    new: &NewDiagnosis,
    now: Timestamp,
) -> Result<(), DeskError> {
    let document = serde_json::to_string(&new.event).map_err(|error| DeskError::Refused(error.to_string()))?;
    sql::query(
        "INSERT INTO diagnoses (pull_id, ticket, endpoint_id, at_ms, check_id, model, site, build, document) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (pull_id) DO NOTHING",
    )
    .bind(pull)
    .bind(number)
    .bind(&new.event.endpoint.id)
    .bind(now.unix_ms())
    .bind(&new.check)
    .bind(&new.model)
    .bind(&new.site)
    .bind(&new.build)
    .bind(document)
    .execute(tx)
    .await?;
    Ok(())
}
