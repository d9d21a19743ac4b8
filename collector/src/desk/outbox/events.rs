//! Rows that tell outputs of events: several at a time where an output takes them so, one of each thread.

use firstline_diagnosis::vocabulary::Timestamp;
use uuid::Uuid;

use super::rows::{self, Job};
use super::{Outbox, OutboxError};
use crate::desk::Noted;
use crate::desk::output::{Event, Outgoing, Output};
use crate::desk::trouble::Trouble;
use crate::store::{Connection, sql};

/// Puts an event into the outbox.
pub(crate) async fn push_event(
    tx: &mut Connection,
    output: &str,
    event: &Event,
    now: Timestamp,
) -> Result<(), sql::Error> {
    sql::query(
        "INSERT INTO outbox (id, desk, ticket, note_id, change, state, attempts, unclear, run_id, made_ms, next_ms, changed_ms, \
         said, outcome, event, thread) VALUES ($1, $2, NULL, NULL, '', 'waiting', 0, 0, '', $5, $5, $5, '', '', $3, $4)",
    )
    .bind(Uuid::now_v7().to_string())
    .bind(output)
    .bind(rows::encoded(event)?)
    .bind(event.thread())
    .bind(now.unix_ms())
    .execute(tx)
    .await?;
    Ok(())
}

impl Outbox {
    /// Sends the next events of an output; false when there are none, or it is to be left alone.
    pub(super) async fn send_events(&self, name: &str) -> Result<bool, OutboxError> {
        let output = self.parts().desks.output(name);
        let most = output.as_ref().map_or(1, |output| output.at_a_time());
        let (now, desk, run_id) = (self.now(), name.to_owned(), self.shared.run_id.clone());
        let claimed = self.parts().store.write(move |tx| Box::pin(claim(tx, desk, run_id, most, now))).await?;
        if claimed.is_empty() {
            return Ok(false);
        }
        let flights: Vec<_> = claimed.iter().map(|job| self.flight(&job.id)).collect();
        let goes_on = self.send_to(&output, claimed).await;
        drop(flights);
        goes_on
    }

    /// Sends events together. Where they are refused together, halves are tried, until it is known which of them is refused.
    async fn send_to(&self, output: &Result<&dyn Output, Trouble>, jobs: Vec<Job<Event>>) -> Result<bool, OutboxError> {
        let (now, mut jobs) = (self.now(), jobs);
        let events: Vec<Outgoing> =
            jobs.iter().map(|job| Outgoing { id: job.id.clone(), event: job.what.clone() }).collect();
        let tried = match output {
            Ok(output) => self.within_its_time(&jobs, output.send(&events, now)).await.map_err(of_the_whole),
            Err(trouble) => Err(trouble.clone()),
        };
        match tried {
            Err(trouble) if !trouble.passes() && jobs.len() > 1 => {
                let rest = jobs.split_off(jobs.len() / 2);
                let first = Box::pin(self.send_to(output, jobs)).await?;
                Ok(Box::pin(self.send_to(output, rest)).await? && first)
            }
            tried => self.settle(&jobs, tried.map(|()| Noted::default())).await,
        }
    }
}

/// An address that is gone, or that is closed to us, is no trouble with one event: all of them wait until it was seen to.
fn of_the_whole(trouble: Trouble) -> Trouble {
    use crate::desk::TroubleKind::{Forbidden, NotFound, Unauthorized};
    match trouble.kind {
        Forbidden | NotFound => Trouble { kind: Unauthorized, ..trouble },
        _ => trouble,
    }
}

/// Takes the oldest events of an output whose time has come and before which nothing waits in their thread.
async fn claim(
    tx: &mut Connection,
    output: String,
    run_id: String,
    most: usize,
    now: Timestamp,
) -> Result<Vec<Job<Event>>, OutboxError> {
    let found: Vec<(String, String, i64, i64)> = sql::query_as(
        "SELECT o.id, o.event, o.attempts, o.unclear FROM outbox o \
         WHERE o.desk = $1 AND o.state = 'waiting' AND o.thread <> '' AND o.next_ms <= $2 AND NOT EXISTS \
         (SELECT 1 FROM outbox e WHERE e.thread = o.thread AND e.desk = o.desk AND e.state IN ('waiting', 'sending') \
         AND e.id < o.id) ORDER BY o.id LIMIT $3",
    )
    .bind(output.as_str())
    .bind(now.unix_ms())
    .bind(i64::try_from(most).unwrap_or(1))
    .fetch_all(&mut *tx)
    .await?;
    let mut jobs = Vec::with_capacity(found.len());
    for (id, event, attempts, unclear) in found {
        rows::begin(tx, &id, &run_id, now).await?;
        let what = rows::decoded(&event)?;
        jobs.push(Job { id, desk: output.clone(), attempts: attempts + 1, unclear: unclear != 0, what });
    }
    Ok(jobs)
}
