//! Whether what was mended stays mended: an hour, a day and a week after a pull showed that something is gone, the same
//! checks are looked at once more, in what the endpoint tells anyway, and the result is noted on the ticket.
//!
//! - A later pull on the same ticket that shows something mended starts anew: it knows better.
//! - An endpoint that is away is waited for, a day at most; then the note says that it could not be looked at. What could
//!   not be checked never counts as mended.
//! - The note is written under the re-test's name, then the row goes: whatever dies in between, there is one note.

use std::time::Duration;

use firstline_diagnosis::document::{Compared, Diagnosis, Outcome, OutcomeResult};
use firstline_diagnosis::texts;
use firstline_diagnosis::vocabulary::Timestamp;
use thiserror::Error;

use crate::app::App;
use crate::detect::DetectError;
use crate::fleet::FleetError;
use crate::pull::Pull;
use crate::store::{Connection, StoreError, sql};
use crate::ticket::rich_text::{Block, Line, RichText};
use crate::ticket::{AUTHOR, DeskError, NewNote, Visibility};

/// When what was mended is looked at again.
const SPANS: [(&str, Duration); 3] = [
    ("1 hour", Duration::from_hours(1)),
    ("24 hours", Duration::from_hours(24)),
    ("7 days", Duration::from_hours(7 * 24)),
];

/// An endpoint that was heard within this time can be judged.
const HEARD: Duration = Duration::from_mins(10);
/// How long one that is away is waited for.
const PATIENCE: Duration = Duration::from_hours(24);
/// Re-tests of one turn.
const AT_A_TIME: i64 = 100;

/// Why a re-test was not made; the next turn tries again.
#[derive(Debug, Error)]
pub enum RetestError {
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The endpoint could not be judged.
    #[error(transparent)]
    Judge(#[from] DetectError),
    /// The desk's.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// What is stored does not read.
    #[error("a re-test cannot be read")]
    Form(#[from] serde_json::Error),
}

impl From<sql::Error> for RetestError {
    fn from(error: sql::Error) -> Self {
        Self::Store(error.into())
    }
}

/// A re-test as it is stored.
#[derive(Debug)]
struct Retest {
    id: String,
    ticket: String,
    endpoint_id: String,
    span: String,
    due: Timestamp,
    mended: Compared,
}

/// Plans the re-tests of what a pull shows to be mended; nothing when it shows nothing of the kind.
pub(crate) async fn plan(
    tx: &mut Connection,
    pull: &Pull,
    diagnosis: &Diagnosis,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (Some(ticket), Some(mended)) = (&pull.ticket, mended(diagnosis)) else { return Ok(()) };
    sql::query("DELETE FROM retests WHERE ticket = $1 AND endpoint_id = $2")
        .bind(ticket)
        .bind(&pull.endpoint.id)
        .execute(&mut *tx)
        .await?;
    for (span, after) in SPANS {
        sql::query(
            "INSERT INTO retests (id, pull_id, ticket, endpoint_id, span, due_ms, mended)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING",
        )
        .bind(format!("{} {span}", pull.id))
        .bind(&pull.id)
        .bind(ticket)
        .bind(&pull.endpoint.id)
        .bind(span)
        .bind((now + after).unix_ms())
        .bind(&mended)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// What an answer shows to be gone, or about to, as it is stored.
fn mended(diagnosis: &Diagnosis) -> Option<String> {
    let mut mended = diagnosis.compared.clone()?;
    mended.outcomes.retain(is_mended);
    if mended.outcomes.is_empty() { None } else { serde_json::to_string(&mended).ok() }
}

fn is_mended(outcome: &Outcome) -> bool {
    matches!(outcome.result, OutcomeResult::Gone | OutcomeResult::Clearing)
}

/// When what is mended is looked at again, in a sentence for the ticket; nothing when nothing is.
pub(crate) fn promise(compared: &Compared) -> Option<String> {
    let [first, second, third] = SPANS.map(|(span, _)| span);
    compared.outcomes.iter().any(is_mended).then(|| {
        format!("What is gone is looked at again after {first}, {second} and {third}, and the result is noted here.")
    })
}

/// Makes the re-tests whose time has come.
///
/// # Errors
/// The first that failed, when all were tried.
pub async fn run(app: &App) -> Result<(), RetestError> {
    let now = app.clock.now();
    let mut first = Ok(());
    for retest in due(app, now).await? {
        let made = one(app, &retest, now).await;
        if first.is_ok() {
            first = made;
        }
    }
    first
}

async fn due(app: &App, now: Timestamp) -> Result<Vec<Retest>, RetestError> {
    let rows: Vec<(String, String, String, String, i64, String)> = sql::query_as(
        "SELECT id, ticket, endpoint_id, span, due_ms, mended FROM retests WHERE due_ms <= $1 ORDER BY due_ms LIMIT $2",
    )
    .bind(now.unix_ms())
    .bind(AT_A_TIME)
    .fetch_all(app.store.reads())
    .await?;
    let read = |(id, ticket, endpoint_id, span, due_ms, mended): (String, String, String, String, i64, String)| {
        let mended = serde_json::from_str(&mended)?;
        Ok(Retest { id, ticket, endpoint_id, span, due: Timestamp(due_ms), mended })
    };
    rows.into_iter().map(read).collect()
}

async fn one(app: &App, retest: &Retest, now: Timestamp) -> Result<(), RetestError> {
    let found = match app.fleet.known(&retest.endpoint_id).await {
        Ok(known) if known.endpoint.last_seen.is_some_and(|seen| now.since(seen) <= HEARD) => {
            Some(app.detect.retest(&retest.endpoint_id, &retest.mended).await?)
        }
        Ok(_) if now.since(retest.due) < PATIENCE => return Ok(()),
        // It was away all day, or is no more.
        Ok(_) | Err(FleetError::Unknown(_)) => None,
        Err(error) => return Err(DetectError::from(error).into()),
    };
    let note = NewNote {
        author: AUTHOR.to_owned(),
        visibility: Visibility::Private,
        body: note(retest, found.as_ref()),
        key: format!("retest:{}", retest.id),
        ..NewNote::default()
    };
    app.desk.note(&retest.ticket, note).await?;
    let id = retest.id.clone();
    let write = app.store.write(move |tx| {
        Box::pin(async move {
            sql::query("DELETE FROM retests WHERE id = $1").bind(id).execute(tx).await?;
            Ok::<_, RetestError>(())
        })
    });
    write.await
}

/// What is written on the ticket.
fn note(retest: &Retest, found: Option<&Compared>) -> RichText {
    let head = |sum: &str| Block::paragraph(Line::default().bold(format!("Looked again after {}: {sum}", retest.span)));
    let Some(found) = found else {
        let away = "The computer has not been heard from since, so whether it stays mended is not known.";
        return RichText(vec![head("could not be checked."), Block::paragraph(away)]);
    };
    RichText(vec![head(&sum(found)), Block::bullets(found.outcomes.iter().map(line))])
}

/// What is not mended any more, or not known to be.
fn sum(found: &Compared) -> String {
    let all = found.outcomes.len();
    let of = |results: &[OutcomeResult]| found.outcomes.iter().filter(|one| results.contains(&one.result)).count();
    let parts = [
        (of(&[OutcomeResult::Remains]), "is back"),
        (of(&[OutcomeResult::Clearing]), "is not over yet"),
        (of(&[OutcomeResult::Unknown, OutcomeResult::New]), "could not be checked"),
    ];
    let told = parts.iter().filter(|(count, _)| *count > 0);
    let told: Vec<String> = told.map(|(count, what)| format!("{count} of {all} {what}")).collect();
    match (told.is_empty(), of(&[OutcomeResult::Gone])) {
        (true, _) => "still mended.".to_owned(),
        (false, 0) => format!("{}.", told.join(", ")),
        (false, _) => format!("{}, the rest is still mended.", told.join(", ")),
    }
}

fn line(outcome: &Outcome) -> Line {
    let words = match outcome.result {
        OutcomeResult::Gone => "still gone",
        OutcomeResult::Remains => "is back",
        OutcomeResult::Clearing => "is not over yet",
        OutcomeResult::Unknown | OutcomeResult::New => "could not be checked",
    };
    let place = texts::behind(&outcome.instance);
    Line::default().bold(format!("{}{place} {words}. ", outcome.title)).text(outcome.now.clone())
}

#[cfg(test)]
mod tests;
