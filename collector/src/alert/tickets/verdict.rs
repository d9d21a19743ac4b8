//! How useful checks were, as tickets tell when they end.
//!
//! An alert's ticket that somebody closed was useful, unless the desk's state or closing code says otherwise (`not_useful` of its
//! configuration; at the built-in desk the [`ClosingCode`](crate::ticket::ClosingCode)). One that was resolved by nobody, since the alert was over, says
//! neither, and so does one that was merged into another. People who confirm or dismiss an incident judge its check, too.
//!
//! A ticket that a person opened judges the check that was the first answer to it by the same words. At the built-in desk only a
//! closing code does, and a merged one counts nowhere. What such a ticket says is kept nowhere: it counts as it stands.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::alert::{AlertError, Alerts};
use crate::app::App;
use crate::config::DeskSettings;
use crate::store::{Connection, sql};
use crate::ticket::ending::Ending;

/// Tickets of one turn.
const AT_A_TIME: i64 = 200;

/// Tickets that ended, and were read since when they are another desk's.
const ENDED: &str =
    "SELECT l.ticket, l.resolved_here, t.state, t.closing AS code, d.desk, d.state_there, d.closing FROM alert_tickets l
    JOIN tickets t ON t.number = l.ticket LEFT JOIN desk_tickets d ON d.ticket = l.ticket
    WHERE l.verdict = '' AND t.state IN ('resolved', 'closed')
    AND (d.ticket IS NULL OR d.read_ms >= t.updated_at_ms) ORDER BY l.ticket LIMIT $1";

const COUNTS: &str = "SELECT check_id, verdict, COUNT(*) FROM alert_tickets WHERE ($1 IS NULL OR check_id = $1)
    GROUP BY check_id, verdict";

/// The same of tickets that no alert opened, by the check that was the first answer to them and by how they ended.
const ANSWERED: &str =
    "SELECT x.check_id, COUNT(*) AS tickets, t.state, t.closing AS code, d.desk, d.state_there, d.closing
    FROM diagnoses x JOIN tickets t ON t.number = x.ticket LEFT JOIN desk_tickets d ON d.ticket = t.number
    WHERE x.check_id <> '' AND ($1 IS NULL OR x.check_id = $1)
    AND NOT EXISTS (SELECT 1 FROM diagnoses y WHERE y.ticket = x.ticket AND y.check_id <> ''
        AND (y.at_ms < x.at_ms OR (y.at_ms = x.at_ms AND y.id < x.id)))
    AND (t.closing <> '' OR (t.state IN ('resolved', 'closed') AND d.read_ms >= t.updated_at_ms))
    AND NOT EXISTS (SELECT 1 FROM alert_tickets l WHERE l.ticket = t.number)
    GROUP BY x.check_id, t.state, t.closing, d.desk, d.state_there, d.closing";

const INCIDENTS: &str = "SELECT check_id, document FROM incidents
    WHERE ($1 IS NULL OR check_id = $1) AND document LIKE '%\"confirmation\":{%'";

/// How the tickets of one check ended, and those of people to whom it was the answer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CheckUsefulness {
    /// The check.
    pub check: String,
    /// Tickets that are not closed.
    pub open: u64,
    /// Tickets and incidents that people closed as useful or confirmed.
    pub useful: u64,
    /// Tickets and incidents of which people said that they were about nothing, or something else.
    pub not_useful: u64,
    /// Tickets that were resolved by nobody, since it was over, or merged into others.
    pub passed: u64,
    /// The useful of those that people judged, 0 to 1; absent while nobody did.
    pub useful_share: Option<f64>,
}

/// How useful checks were, by check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsefulnessList {
    /// The checks of which there were tickets, or that were the answer to one whose end says something.
    pub checks: Vec<CheckUsefulness>,
}

/// The ticket of an alert, as it ended.
#[derive(Debug, sqlx::FromRow)]
struct Ended {
    ticket: i64,
    resolved_here: i64,
    #[sqlx(flatten)]
    ending: Ending,
}

/// Tickets of people that ended alike.
#[derive(Debug, sqlx::FromRow)]
struct Answered {
    check_id: String,
    tickets: i64,
    #[sqlx(flatten)]
    ending: Ending,
}

/// What an end says; nobody judges what was resolved by nobody, or went into another ticket.
fn verdict(ending: &Ending, by_nobody: bool, desks: &[DeskSettings]) -> &'static str {
    if ending.was_useful(desks) && ending.code().is_none() && (by_nobody || ending.is_merged()) {
        "passed"
    } else {
        verdict_of(ending.was_useful(desks))
    }
}

fn verdict_of(was_useful: bool) -> &'static str {
    if was_useful { "useful" } else { "not_useful" }
}

/// Judges tickets that ended.
pub(super) async fn judge(app: &App) -> Result<(), AlertError> {
    let ended: Vec<Ended> = sql::query_as(ENDED).bind(AT_A_TIME).fetch_all(app.store.reads()).await?;
    for one in ended {
        let (verdict, words) = (verdict(&one.ending, one.resolved_here != 0, &app.config.desk), one.ending.line());
        app.store.for_people().write(move |tx| Box::pin(keep(tx, one.ticket, verdict, words))).await?;
    }
    Ok(())
}

async fn keep(tx: &mut Connection, ticket: i64, verdict: &'static str, words: String) -> Result<(), AlertError> {
    sql::query("UPDATE alert_tickets SET verdict = $2, closing = $3 WHERE ticket = $1")
        .bind(ticket)
        .bind(verdict)
        .bind(words)
        .execute(tx)
        .await?;
    Ok(())
}

impl Alerts {
    /// How useful each check was, or the one with this id, with what was said of the `desks` in the configuration.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn usefulness(&self, desks: &[DeskSettings], check: Option<&str>) -> Result<UsefulnessList, AlertError> {
        let mut checks: BTreeMap<String, CheckUsefulness> = BTreeMap::new();
        let tickets: Vec<(String, String, i64)> =
            sql::query_as(COUNTS).bind(check).fetch_all(self.store.reads()).await?;
        for (check, verdict, count) in tickets {
            checks.entry(check).or_default().count(&verdict, count);
        }
        let answered: Vec<Answered> = sql::query_as(ANSWERED).bind(check).fetch_all(self.store.reads()).await?;
        for one in answered {
            let verdict = verdict(&one.ending, false, desks);
            if verdict != "passed" {
                checks.entry(one.check_id).or_default().count(verdict, one.tickets);
            }
        }
        let incidents: Vec<(String, String)> =
            sql::query_as(INCIDENTS).bind(check).fetch_all(self.store.reads()).await?;
        for (check, document) in incidents {
            let Some(said) = crate::incident::confirmation(&document) else { continue };
            checks.entry(check).or_default().count(verdict_of(said.confirmed), 1);
        }
        let list = checks.into_iter().map(|(check, one)| CheckUsefulness { check, ..one.shared() });
        Ok(UsefulnessList { checks: list.collect() })
    }
}

impl CheckUsefulness {
    fn count(&mut self, verdict: &str, tickets: i64) {
        let place = match verdict {
            "useful" => &mut self.useful,
            "not_useful" => &mut self.not_useful,
            "passed" => &mut self.passed,
            _ => &mut self.open,
        };
        *place += u64::try_from(tickets).unwrap_or_default();
    }

    fn shared(self) -> Self {
        let judged = self.useful + self.not_useful;
        Self { useful_share: (judged > 0).then(|| self.useful as f64 / judged as f64), ..self }
    }
}
