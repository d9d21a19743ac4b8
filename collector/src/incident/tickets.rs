//! What tickets are told of an incident that their endpoint is one of.
//!
//! Open tickets that came since shortly before it began get one note when it is certain or confirmed, and one more when it is
//! over or a person said that it is none. Notes have keys, so that however often this runs, and on whichever replica, there is
//! one of each. A ticket that comes later, or an endpoint that joins later, is told at the next turn.

use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;

use super::{Incident, IncidentState, rows};
use crate::alert::AlertError;
use crate::app::App;
use crate::store::{Reads, sql};
use crate::ticket::rich_text::{Block, Line, RichText};
use crate::ticket::{AUTHOR, NewNote, Visibility, display};

/// A ticket may be older than the moment at which the incident was seen to begin.
const BEFORE: Duration = Duration::from_hours(4);

/// What is over is told within this time.
const AFTER: Duration = Duration::from_hours(24);

/// Tickets of one incident and turn.
const AT_A_TIME: i64 = 200;

const AFFECTED: &str = "SELECT t.number FROM incident_members m JOIN tickets t ON t.endpoint_id = m.endpoint_id
    WHERE m.incident_id = $1 AND t.state IN ('new', 'open', 'pending') AND t.opened_at_ms >= $2
    AND NOT EXISTS (SELECT 1 FROM ticket_notes n WHERE n.ticket = t.number AND n.dedup_key = $3)
    ORDER BY t.number LIMIT $4";

const TOLD: &str = "SELECT n.ticket FROM ticket_notes n WHERE n.dedup_key = $1
    AND NOT EXISTS (SELECT 1 FROM ticket_notes m WHERE m.ticket = n.ticket AND m.dedup_key = $2)
    ORDER BY n.ticket LIMIT $3";

const CHILDREN: &str = "SELECT ticket FROM ticket_notes WHERE dedup_key = $1 ORDER BY ticket LIMIT 500";

const OWN: &str =
    "SELECT l.ticket, d.desk, d.display_number FROM alert_tickets l LEFT JOIN desk_tickets d ON d.ticket = l.ticket
    WHERE l.incident_id = $1 ORDER BY l.ticket DESC LIMIT 1";

const LATELY: &str =
    "SELECT document FROM incidents WHERE state <> 'closed' OR closed_at_ms >= $1 ORDER BY opened_at_ms, id";

/// The key of a note of an incident: `part`, `over`, `dismissed`.
fn key(incident: &str, what: &str) -> String {
    format!("incident:{incident}:{what}")
}

/// Tickets that were told that they are part of an incident.
pub(super) async fn children(reads: &Reads, incident: &str) -> Result<Vec<String>, AlertError> {
    let rows: Vec<(i64,)> = sql::query_as(CHILDREN).bind(key(incident, "part")).fetch_all(reads).await?;
    Ok(rows.into_iter().map(|(number,)| display(number)).collect())
}

/// The incident's own ticket, when it has one: its number here, and what people call it.
pub(super) async fn own(reads: &Reads, incident: &str) -> Result<Option<(String, String)>, AlertError> {
    let row: Option<(i64, Option<String>, Option<String>)> =
        sql::query_as(OWN).bind(incident).fetch_optional(reads).await?;
    let named = |(number, desk, there): (i64, Option<String>, Option<String>)| {
        let there = desk.zip(there.filter(|there| !there.is_empty()));
        let words = there.map_or_else(|| display(number), |(desk, there)| format!("{there} at {desk}"));
        (display(number), words)
    };
    Ok(row.map(named))
}

/// Tells tickets what they have not been told yet.
///
/// # Errors
/// The first that failed.
pub async fn run(app: &App) -> Result<(), AlertError> {
    let (now, reads) = (app.clock.now(), app.store.reads());
    let rows: Vec<(String,)> = sql::query_as(LATELY).bind((now - AFTER).unix_ms()).fetch_all(reads).await?;
    for (document,) in rows {
        let incident = app.incidents.asked(rows::read(&document)?);
        match incident.state {
            IncidentState::Open if !incident.asks => part(app, &incident).await?,
            IncidentState::Open => {}
            IncidentState::Closed => ended(app, &incident, "over", over(&incident)).await?,
            IncidentState::Dismissed => ended(app, &incident, "dismissed", dismissed(&incident)).await?,
        }
    }
    Ok(())
}

async fn part(app: &App, incident: &Incident) -> Result<(), AlertError> {
    let key = key(&incident.id, "part");
    let rows: Vec<(i64,)> = sql::query_as(AFFECTED)
        .bind(&incident.id)
        .bind((incident.onset - BEFORE).unix_ms())
        .bind(&key)
        .bind(AT_A_TIME)
        .fetch_all(app.store.reads())
        .await?;
    if rows.is_empty() {
        return Ok(());
    }
    let own = own(app.store.reads(), &incident.id).await?.map(|(_, words)| words);
    for (number,) in rows {
        write(app, number, &key, belongs(incident, own.as_deref())).await?;
    }
    Ok(())
}

async fn ended(app: &App, incident: &Incident, what: &str, body: RichText) -> Result<(), AlertError> {
    let rows: Vec<(i64,)> = sql::query_as(TOLD)
        .bind(key(&incident.id, "part"))
        .bind(key(&incident.id, what))
        .bind(AT_A_TIME)
        .fetch_all(app.store.reads())
        .await?;
    for (number,) in rows {
        write(app, number, &key(&incident.id, what), body.clone()).await?;
    }
    Ok(())
}

async fn write(app: &App, number: i64, key: &str, body: RichText) -> Result<(), AlertError> {
    let note = NewNote {
        author: AUTHOR.to_owned(),
        visibility: Visibility::Private,
        body,
        key: key.to_owned(),
        ..NewNote::default()
    };
    app.desk.note(&display(number), note).await?;
    Ok(())
}

fn head(text: String) -> Block {
    Block::paragraph(Line::default().bold(text))
}

fn belongs(incident: &Incident, own: Option<&str>) -> RichText {
    let confirmed = incident.confirmation.as_ref().filter(|said| said.confirmed);
    let by = confirmed.map_or_else(String::new, |said| format!(" Confirmed by {}.", said.by));
    let own = own.map_or_else(String::new, |own| format!(", on ticket {own}"));
    RichText(vec![
        head(format!("Part of an incident: {}.", incident.title.trim_end_matches('.'))),
        Block::paragraph(format!("{}{by} Do not repair it here alone.", incident.words)),
        Block::paragraph(format!("What to tell the user: {}", incident.user)),
        Block::paragraph(Line::default().text("The incident: ").code(format!("/incidents/{}", incident.id)).text(own)),
    ])
}

fn over(incident: &Incident) -> RichText {
    let at = incident.closed_at.unwrap_or(Timestamp(0));
    RichText(vec![
        head("The incident is over.".to_owned()),
        Block::paragraph(format!(
            "{} It was over at {at}. Please confirm with the user that everything works again, and close the ticket.",
            incident.words
        )),
    ])
}

fn dismissed(incident: &Incident) -> RichText {
    let said = incident.confirmation.as_ref();
    let by = said.map_or_else(String::new, |said| format!(" by {}", said.by));
    let note = said.map(|said| said.note.as_str()).filter(|note| !note.is_empty());
    let why = note.map_or_else(String::new, |note| format!(" {note}"));
    RichText(vec![
        head(format!("It is no incident: that was dismissed{by}.")),
        Block::paragraph(format!("Look at this computer on its own.{why}")),
    ])
}
