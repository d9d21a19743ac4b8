//! Rows of incidents and of their endpoints.

use firstline_diagnosis::vocabulary::Timestamp;

use super::{Incident, IncidentEndpoint};
use crate::alert::AlertError;
use crate::store::{Connection, Reads, sql};

/// Endpoints that a document names.
pub(super) const NAMED: usize = 500;

/// Stores an incident, new or changed.
pub(super) async fn save(tx: &mut Connection, incident: &Incident) -> Result<(), AlertError> {
    let document = serde_json::to_string(incident).map_err(|error| AlertError::Refused(error.to_string()))?;
    sql::query(
        "INSERT INTO incidents (id, check_id, state, opened_at_ms, calm_since_ms, closed_at_ms, document) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO UPDATE SET state = excluded.state, \
         calm_since_ms = excluded.calm_since_ms, closed_at_ms = excluded.closed_at_ms, document = excluded.document",
    )
    .bind(&incident.id)
    .bind(&incident.check)
    .bind(incident.state.name())
    .bind(incident.opened_at.unix_ms())
    .bind(incident.calm_since.map(Timestamp::unix_ms))
    .bind(incident.closed_at.map(Timestamp::unix_ms))
    .bind(document)
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// Adds endpoints to an incident; who is one already stays as it is.
pub(super) async fn join(
    tx: &mut Connection,
    incident: &str,
    endpoints: &[String],
    now: Timestamp,
) -> Result<(), AlertError> {
    for endpoint in endpoints {
        sql::query(
            "INSERT INTO incident_members (incident_id, endpoint_id, joined_at_ms) VALUES ($1, $2, $3) \
             ON CONFLICT (incident_id, endpoint_id) DO NOTHING",
        )
        .bind(incident)
        .bind(endpoint)
        .bind(now.unix_ms())
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// Incidents that are not over, dismissed ones, too; the oldest first.
pub(super) async fn open(reads: &Reads) -> Result<Vec<Incident>, AlertError> {
    let rows: Vec<(String,)> =
        sql::query_as("SELECT document FROM incidents WHERE state <> 'closed' ORDER BY opened_at_ms, id")
            .fetch_all(reads)
            .await?;
    rows.iter().map(|(document,)| read(document)).collect()
}

/// Everybody who is one of an incident: id, name, when it joined. Who is no more is none.
pub(super) async fn members(reads: &Reads, incident: &str) -> Result<Vec<IncidentEndpoint>, AlertError> {
    let rows: Vec<(String, String, i64)> = sql::query_as(
        "SELECT m.endpoint_id, e.name, m.joined_at_ms FROM incident_members m JOIN endpoints e ON e.id = m.endpoint_id \
         WHERE m.incident_id = $1 ORDER BY e.name, e.id",
    )
    .bind(incident)
    .fetch_all(reads)
    .await?;
    let member = |(id, name, joined)| IncidentEndpoint { id, name, joined_at: Timestamp(joined), is_affected: false };
    Ok(rows.into_iter().map(member).collect())
}

/// The incident in a row. What we wrote reads back; a later release only adds fields.
pub(super) fn read(document: &str) -> Result<Incident, AlertError> {
    serde_json::from_str(document).map_err(|error| sql::Error::Decode(Box::new(error)).into())
}
