//! What programs are told of alerts and diagnoses, as the outputs of the configuration say.
//!
//! - The lives of alerts and the diagnoses on tickets are rows that grow in one order. Up to where an output was told, and what
//!   it is told, are stored in one transaction: so each thing is told once, whatever dies in between.
//! - An output hears of an alert from the moment at which people are told of it, as it stands then, and of whatever becomes of
//!   it until it is over; several steps of a moment are one event. It hears of the end only of what it was told of.
//! - What was before an output was set up is not told.

use std::collections::BTreeSet;

use firstline_diagnosis::vocabulary::Timestamp;
use tracing::info;

use super::rows::by_id;
use super::{Alert, AlertError, AlertState};
use crate::app::App;
use crate::config::OutputSettings;
use crate::desk::outbox::push_event;
use crate::desk::output::{AlertEvent, DiagnosisEvent, Event, What};
use crate::store::{Connection, Reads, sql};

/// Steps of alerts and diagnoses of one turn.
const AT_A_TIME: i64 = 500;

const NEWEST: &str = "SELECT CAST(COALESCE((SELECT MAX(id) FROM alert_changes), 0) AS BIGINT),
    CAST(COALESCE((SELECT MAX(id) FROM diagnoses), 0) AS BIGINT)";

const CHANGES: &str = "SELECT id, alert_id FROM alert_changes WHERE id > $1 ORDER BY id LIMIT $2";

const DIAGNOSES: &str = "SELECT id, at_ms, document FROM diagnoses WHERE id > $1 ORDER BY id LIMIT $2";

/// Up to which step of an alert, and up to which diagnosis, an output was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    change: i64,
    diagnosis: i64,
}

impl Mark {
    fn read(mark: &str) -> Option<Self> {
        let (change, diagnosis) = mark.split_once(' ')?;
        Some(Self { change: change.parse().ok()?, diagnosis: diagnosis.parse().ok()? })
    }

    fn written(self) -> String {
        format!("{} {}", self.change, self.diagnosis)
    }
}

/// What happens with an output and an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Raise,
    Change,
    Resolve,
}

/// Tells every output what happened since it was last told. To be called by the collector that keeps house.
///
/// # Errors
/// The database's; the next turn tries again.
pub(crate) async fn run(app: &App) -> Result<(), AlertError> {
    for one in app.outbox.desks().outputs() {
        let takes_diagnoses =
            one.settings.diagnoses && one.output.as_ref().is_ok_and(|output| output.takes_diagnoses());
        while let Some(mark) = untold(app.store.reads(), &one.settings.name).await? {
            let (output, now) = (one.settings.clone(), app.clock.now());
            let store = app.store.for_people();
            store.write(move |tx| Box::pin(tell(tx, output, takes_diagnoses, mark, now))).await?;
        }
    }
    Ok(())
}

/// Up to where an output was told, when there is more to tell; no mark when it never was.
async fn untold(reads: &Reads, output: &str) -> Result<Option<Option<Mark>>, AlertError> {
    let newest = newest(reads).await?;
    let mark: Option<String> =
        sql::query_scalar("SELECT mark FROM desk_marks WHERE desk = $1").bind(output).fetch_optional(reads).await?;
    let mark = mark.as_deref().and_then(Mark::read);
    let is_behind = |mark: Mark| mark.change < newest.change || mark.diagnosis < newest.diagnosis;
    Ok(mark.is_none_or(is_behind).then_some(mark))
}

async fn newest<'c>(on: impl sql::Executor<'c>) -> Result<Mark, AlertError> {
    let (change, diagnosis): (i64, i64) = sql::query_as(NEWEST).fetch_one(on).await?;
    Ok(Mark { change, diagnosis })
}

/// Tells an output what comes next.
async fn tell(
    tx: &mut Connection,
    output: OutputSettings,
    takes_diagnoses: bool,
    mark: Option<Mark>,
    now: Timestamp,
) -> Result<(), AlertError> {
    let next = match mark {
        None => {
            info!(output = %output.name, "Output {} is told from now on", output.name);
            newest(&mut *tx).await?
        }
        Some(Mark { change, diagnosis }) => Mark {
            change: tell_alerts(tx, &output, change, now).await?,
            diagnosis: tell_diagnoses(tx, &output, takes_diagnoses, diagnosis, now).await?,
        },
    };
    crate::desk::keep_mark(tx, output.name, next.written(), now).await?;
    Ok(())
}

async fn tell_alerts(
    tx: &mut Connection,
    output: &OutputSettings,
    after: i64,
    now: Timestamp,
) -> Result<i64, AlertError> {
    let changes: Vec<(i64, String)> = sql::query_as(CHANGES).bind(after).bind(AT_A_TIME).fetch_all(&mut *tx).await?;
    let mut told = BTreeSet::new();
    for (_, id) in &changes {
        if told.insert(id) {
            let alert = by_id(tx, id).await?;
            tell_alert(tx, output, &alert, now).await?;
        }
    }
    Ok(changes.last().map_or(after, |(id, _)| *id))
}

async fn tell_alert(
    tx: &mut Connection,
    output: &OutputSettings,
    alert: &Alert,
    now: Timestamp,
) -> Result<(), AlertError> {
    let known: i64 = sql::query_scalar("SELECT COUNT(*) FROM output_alerts WHERE output = $1 AND alert_id = $2")
        .bind(output.name.as_str())
        .bind(&alert.id)
        .fetch_one(&mut *tx)
        .await?;
    let Some(step) = step(output, alert, known > 0) else { return Ok(()) };
    let event = AlertEvent::from(alert);
    let (what, at) = match step {
        Step::Raise => (What::Raised(event), alert.fired_at),
        Step::Change => (What::Changed(event), alert.updated_at),
        Step::Resolve => (What::Resolved(event), alert.resolved_at.unwrap_or(now)),
    };
    push_event(tx, &output.name, &Event::new(what, at), now).await?;
    let remember = match step {
        Step::Raise => "INSERT INTO output_alerts (output, alert_id) VALUES ($1, $2)",
        Step::Resolve => "DELETE FROM output_alerts WHERE output = $1 AND alert_id = $2",
        Step::Change => return Ok(()),
    };
    sql::query(remember).bind(output.name.as_str()).bind(&alert.id).execute(tx).await?;
    Ok(())
}

/// What an output is told of an alert that changed.
fn step(output: &OutputSettings, alert: &Alert, known: bool) -> Option<Step> {
    match (known, alert.state) {
        (true, AlertState::Resolved) => Some(Step::Resolve),
        (true, _) => Some(Step::Change),
        (false, _) => (alert.is_told(output.beyond_quota) && output.means(alert.severity, &alert.finding.category))
            .then_some(Step::Raise),
    }
}

async fn tell_diagnoses(
    tx: &mut Connection,
    output: &OutputSettings,
    takes: bool,
    after: i64,
    now: Timestamp,
) -> Result<i64, AlertError> {
    let rows: Vec<(i64, i64, String)> =
        sql::query_as(DIAGNOSES).bind(after).bind(AT_A_TIME).fetch_all(&mut *tx).await?;
    for (_, at_ms, document) in rows.iter().filter(|_| takes) {
        let event: DiagnosisEvent =
            serde_json::from_str(document).map_err(|error| sql::Error::Decode(Box::new(error)))?;
        let event = Event::new(What::Attached(Box::new(event)), Timestamp(*at_ms));
        push_event(tx, &output.name, &event, now).await?;
    }
    Ok(rows.last().map_or(after, |(id, ..)| *id))
}
