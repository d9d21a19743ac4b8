//! How desks and outputs stand.

use std::collections::HashMap;

use firstline_diagnosis::vocabulary::Timestamp;

use super::{Outbox, OutboxError, Work, rows};
use crate::desk::document::{OutputView, Traffic};
use crate::desk::output::ConfiguredOutput;
use crate::desk::{Configured, DeskView};
use crate::store::sql;

/// What is known of all ways out.
struct Known {
    /// Rows by name and state.
    counts: Vec<(String, String, i64)>,
    /// Up to when each was looked at.
    looked: HashMap<String, i64>,
}

impl Outbox {
    /// The desks, and how they stand.
    ///
    /// # Errors
    /// The database's.
    pub async fn standing(&self) -> Result<Vec<DeskView>, OutboxError> {
        let (known, work) = (self.known().await?, self.work());
        let one = |Configured { settings, desk }: &Configured| DeskView {
            name: settings.name.clone(),
            kind: settings.kind.name().to_owned(),
            url: settings.url.clone(),
            queues: settings.queues.clone(),
            traffic: known.traffic(&settings.name, desk.as_ref().err(), &work),
        };
        Ok(self.parts().desks.all().iter().map(one).collect())
    }

    /// The outputs, and how they stand.
    ///
    /// # Errors
    /// The database's.
    pub async fn outputs(&self) -> Result<Vec<OutputView>, OutboxError> {
        let (known, work) = (self.known().await?, self.work());
        let one = |ConfiguredOutput { settings, output }: &ConfiguredOutput| OutputView {
            name: settings.name.clone(),
            kind: settings.kind.name().to_owned(),
            url: settings.url.clone(),
            traffic: known.traffic(&settings.name, output.as_ref().err(), &work),
        };
        Ok(self.parts().desks.outputs().iter().map(one).collect())
    }

    async fn known(&self) -> Result<Known, OutboxError> {
        let reads = self.parts().store.reads();
        let looked: Vec<(String, i64)> =
            sql::query_as("SELECT desk, at_ms FROM desk_marks ORDER BY desk").fetch_all(reads).await?;
        Ok(Known { counts: rows::counts(reads).await?, looked: looked.into_iter().collect() })
    }
}

impl Known {
    fn traffic(&self, name: &str, broken: Option<&String>, work: &Work) -> Traffic {
        let count = |states: &[&str]| {
            let own = self.counts.iter().filter(|(one, state, _)| one == name && states.contains(&state.as_str()));
            own.map(|(_, _, count)| count).sum()
        };
        let pause = work.pauses.of(name).or_else(|| work.reading_pauses.of(name));
        let trouble = broken.or(pause.map(|pause| &pause.said)).or_else(|| work.unasked.get(name));
        Traffic {
            waiting: count(&["waiting", "sending"]),
            failed: count(&["failed"]),
            looked_at: self.looked.get(name).copied().map(Timestamp),
            paused_until: pause.map(|pause| pause.until),
            trouble: trouble.cloned().unwrap_or_default(),
        }
    }
}
