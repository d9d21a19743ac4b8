//! What a person says of an incident: that it is one, or that it is none.

use firstline_diagnosis::vocabulary::Timestamp;

use super::{Confirmation, Incident, IncidentState, Incidents, rows};
use crate::alert::AlertError;
use crate::store::{Connection, sql};
use crate::ticket::rich_text::clean;

/// How sure we are of what a person who looked confirmed.
const CONFIRMED: f64 = 0.95;

/// Longest note, in letters.
const NOTE_LETTERS: usize = 1000;

impl Incidents {
    /// Says that an incident is one: people and tickets are told of it at the next look, within a minute.
    ///
    /// # Errors
    /// When there is none, or it is over.
    pub async fn confirm(&self, id: &str, who: &str, note: &str) -> Result<Incident, AlertError> {
        self.decide(id, true, who, note).await
    }

    /// Says that an incident is none: its alert ends, and its endpoints' alerts are told again, within a minute. The same is
    /// not opened again as long as it goes on.
    ///
    /// # Errors
    /// When there is none, or it is over.
    pub async fn dismiss(&self, id: &str, who: &str, note: &str) -> Result<Incident, AlertError> {
        self.decide(id, false, who, note).await
    }

    async fn decide(&self, id: &str, is_one: bool, who: &str, note: &str) -> Result<Incident, AlertError> {
        let note = clean(note).trim().to_owned();
        if note.chars().count() > NOTE_LETTERS {
            return Err(AlertError::Refused(format!("the note is longer than {NOTE_LETTERS} letters")));
        }
        let (now, id) = (self.clock.now(), id.to_owned());
        let said = Confirmation { confirmed: is_one, by: clean(who), at: now, note };
        let decided = self.store.write(move |tx| Box::pin(decide(tx, id, said, now))).await?;
        self.tell(Vec::new(), vec![decided.clone()]);
        Ok(decided)
    }
}

async fn decide(tx: &mut Connection, id: String, said: Confirmation, now: Timestamp) -> Result<Incident, AlertError> {
    let row: Option<(String,)> =
        sql::query_as("SELECT document FROM incidents WHERE id = $1").bind(&id).fetch_optional(&mut *tx).await?;
    let (document,) = row.ok_or_else(|| AlertError::NotFound("such incident".to_owned()))?;
    let before = rows::read(&document)?;
    if before.state == IncidentState::Closed {
        return Err(AlertError::Refused("the incident is over".to_owned()));
    }
    let state = if said.confirmed { IncidentState::Open } else { IncidentState::Dismissed };
    let confidence = if said.confirmed { before.confidence.max(CONFIRMED) } else { before.confidence };
    let after = Incident { state, confidence, confirmation: Some(said), updated_at: now, ..before };
    rows::save(tx, &after).await?;
    Ok(after)
}
