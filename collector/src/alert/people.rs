//! What people do with alerts.

use std::sync::Arc;
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use uuid::Uuid;

use super::rows::{self, LifeStep};
use super::{Acknowledgement, Alert, AlertError, Alerts, Matchers, NOTE_LETTERS, NewSilence, Silence, silences};
use crate::store::Connection;
use crate::ticket::rich_text::clean;

/// Longest silence: what nobody wants to hear for longer should be changed in the catalogue.
const LONGEST_SILENCE: Duration = Duration::from_hours(90 * 24);

impl Alerts {
    /// Says that `who` looks at an alert.
    ///
    /// # Errors
    /// When there is none, or it is resolved.
    pub async fn acknowledge(&self, id: &str, who: &str, note: &str) -> Result<Alert, AlertError> {
        let (now, id, who, note) = (self.clock.now(), id.to_owned(), clean(who), bounded("note", note)?);
        let acknowledgement = Acknowledgement { by: who, at: now, note };
        let alert = self.store.write(move |tx| Box::pin(acknowledge(tx, id, acknowledgement, now))).await?;
        self.tell(vec![alert.clone()]);
        Ok(alert)
    }

    /// Makes a silence, and silences at once what it matches.
    ///
    /// # Errors
    /// When it matches everything, has no reason, or ends in the past or too late.
    pub async fn silence(&self, order: NewSilence, who: &str) -> Result<Silence, AlertError> {
        let now = self.clock.now();
        let silence = checked(order, who, now)?;
        let (stored, policy) = (silence.clone(), Arc::clone(&self.policy));
        let begun =
            self.store.write(move |tx| Box::pin(async move { silences::begin(tx, stored, &policy, now).await }));
        let changed = begun.await?;
        self.tell(changed);
        Ok(silence)
    }

    /// Ends a silence now.
    ///
    /// # Errors
    /// When there is none in force.
    pub async fn end_silence(&self, id: &str, _who: &str) -> Result<(), AlertError> {
        let (now, id, policy) = (self.clock.now(), id.to_owned(), Arc::clone(&self.policy));
        let ended = self.store.write(move |tx| Box::pin(async move { silences::end(tx, id, &policy, now).await }));
        let changed = ended.await?;
        self.tell(changed);
        Ok(())
    }
}

async fn acknowledge(
    tx: &mut Connection,
    id: String,
    acknowledgement: Acknowledgement,
    now: Timestamp,
) -> Result<Alert, AlertError> {
    let alert = rows::by_id(tx, &id).await?;
    if alert.resolved_at.is_some() {
        return Err(AlertError::Refused("the alert is resolved; there is nothing to look at".to_owned()));
    }
    let Acknowledgement { by, note, .. } = acknowledgement.clone();
    let alert = Alert { acknowledgement: Some(acknowledgement), updated_at: now, ..alert };
    let alert = Alert { state: alert.standing(), ..alert };
    rows::save(tx, &alert).await?;
    rows::note_change(tx, &id, LifeStep { at: now, change: "acknowledged", by: &by, note: &note }).await?;
    Ok(alert)
}

fn checked(order: NewSilence, who: &str, now: Timestamp) -> Result<Silence, AlertError> {
    let refused = |why: &str| Err(AlertError::Refused(why.to_owned()));
    if order.matchers == Matchers::default() {
        return refused("a silence must name a check, an endpoint or a tag; without one it would hide everything");
    }
    if order.matchers.tag.as_deref().is_some_and(|tag| !tag.contains('=')) {
        return refused("a tag is written name=value");
    }
    if order.until <= now || order.until > now + LONGEST_SILENCE {
        return refused("a silence ends in the future, at most 90 days from now");
    }
    let comment = bounded("comment", &order.comment)?;
    if comment.is_empty() {
        return refused("a silence needs a comment: others will ask why");
    }
    let id = Uuid::now_v7().to_string();
    Ok(Silence { id, matchers: order.matchers, by: clean(who), comment, created_at: now, until: order.until })
}

fn bounded(what: &str, text: &str) -> Result<String, AlertError> {
    let text = clean(text).trim().to_owned();
    if text.chars().count() > NOTE_LETTERS {
        return Err(AlertError::Refused(format!("the {what} is longer than {NOTE_LETTERS} letters")));
    }
    Ok(text)
}
