//! Counts closed tickets by symptom and by the finding that was confirmed.
//!
//! - A ticket counts, at whichever desk, when it is resolved or closed and has a diagnosis. Its symptom is the one of its first
//!   diagnosis; without one it does not count.
//! - Its confirmed finding is the answer of its newest diagnosis that had one (a pull after the repair finds nothing), unless the
//!   desk's state or closing code says that it was of no use (`not_useful`; at the built-in desk its code). A ticket
//!   without one counts among the tickets only.
//! - Tickets that alerts opened do not count: they are about a finding from the start, and nobody complained. Nor do those that
//!   were merged at their desk: the one that they became does.

use firstline_diagnosis::vocabulary::Timestamp;
use serde::Deserialize;

use crate::config::DeskSettings;
use crate::detect::orders::Counts;
use crate::store::{Reads, StoreError, sql};
use crate::ticket::ending::Ending;

/// Tickets that are read at a time: each comes with a diagnosis.
const AT_A_TIME: i64 = 200;

/// Tickets that ended, and were read since when they are another desk's.
const CLOSED: &str = "SELECT t.number, t.state, t.closing AS code, d.desk, d.state_there, d.closing,
    (SELECT s.diagnosis FROM diagnoses x JOIN snapshots s ON s.pull_id = x.pull_id
     WHERE x.ticket = t.number ORDER BY x.at_ms, x.id LIMIT 1) AS diagnosis,
    (SELECT x.check_id FROM diagnoses x
     WHERE x.ticket = t.number AND x.check_id <> '' ORDER BY x.at_ms DESC, x.id DESC LIMIT 1) AS answer
    FROM tickets t LEFT JOIN desk_tickets d ON d.ticket = t.number
    WHERE t.number > $1 AND t.opened_at_ms >= $2 AND t.state IN ('resolved', 'closed')
    AND (d.ticket IS NULL OR d.read_ms >= t.updated_at_ms)
    AND EXISTS (SELECT 1 FROM diagnoses x WHERE x.ticket = t.number)
    AND NOT EXISTS (SELECT 1 FROM alert_tickets l WHERE l.ticket = t.number)
    ORDER BY t.number LIMIT $3";

#[derive(Debug, sqlx::FromRow)]
struct Closed {
    number: i64,
    #[sqlx(flatten)]
    ending: Ending,
    /// The first diagnosis (JSON).
    diagnosis: Option<String>,
    /// The check whose finding was the newest answer.
    answer: Option<String>,
}

/// What a diagnosis says of its question.
#[derive(Debug, Deserialize)]
struct Asked {
    symptom: Option<String>,
}

/// Counts tickets that were opened since.
pub(super) async fn count(reads: &Reads, since: Timestamp, desks: &[DeskSettings]) -> Result<Counts, StoreError> {
    let (mut counts, mut after) = (Counts::new(), 0);
    loop {
        let rows = sql::query_as(CLOSED).bind(after).bind(since.unix_ms()).bind(AT_A_TIME);
        let tickets: Vec<Closed> = rows.fetch_all(reads).await?;
        let Some(last) = tickets.last() else { return Ok(counts) };
        after = last.number;
        for ticket in tickets {
            let Some(symptom) = ticket.symptom().filter(|_| !ticket.ending.is_merged()) else { continue };
            let of_symptom = counts.entry(symptom).or_default();
            of_symptom.tickets += 1;
            if let Some(check) = ticket.confirmed(desks) {
                *of_symptom.confirmed.entry(check).or_default() += 1;
            }
        }
    }
}

impl Closed {
    fn symptom(&self) -> Option<String> {
        serde_json::from_str::<Asked>(self.diagnosis.as_deref()?).ok()?.symptom
    }

    fn confirmed(self, desks: &[DeskSettings]) -> Option<String> {
        self.answer.filter(|_| self.ending.was_useful(desks))
    }
}
