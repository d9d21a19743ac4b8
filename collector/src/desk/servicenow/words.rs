//! What stands in its documents, and its words for ours.

use firstline_diagnosis::vocabulary::{Priority, Timestamp};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::config::DeskSettings;
use crate::desk::contract::{Change, OutgoingNote, TicketRef};
use crate::desk::http::Reply;
use crate::desk::trouble::{Trouble, TroubleKind};
use crate::desk::values::{given, marked, text};
use crate::ticket::rich_text::escape;
use crate::ticket::{Requester, TicketState};

/// How it writes moments, in UTC.
const MOMENT: &str = "%Y-%m-%d %H:%M:%S";

/// What stands in a field: alone, or beside how it is shown.
pub(super) fn value(row: &Value, field: &str) -> String {
    match &row[field] {
        Value::Object(both) => both.get("value").map(text).unwrap_or_default(),
        alone => text(alone),
    }
}

/// How a field is shown to people.
pub(super) fn shown(row: &Value, field: &str) -> String {
    match row[field]["display_value"].as_str() {
        Some(shown) => shown.to_owned(),
        None => value(row, field),
    }
}

/// The rows of an answer.
pub(super) fn rows(reply: &Reply) -> Result<Vec<Value>, Trouble> {
    reply.body["result"].as_array().cloned().ok_or_else(|| Trouble::odd("an answer without a list of results"))
}

/// How many rows there are in all, seen or not.
pub(super) fn total(reply: &Reply) -> Option<usize> {
    reply.headers.get("x-total-count")?.to_str().ok()?.parse().ok()
}

/// A term of a query, in which `^` would begin the next one.
pub(super) fn term(field: &str, wanted: &str) -> String {
    format!("{field}={}", wanted.replace('^', "^^"))
}

/// Both names of a ticket.
pub(super) fn ticket_ref(row: &Value) -> Option<TicketRef> {
    let (api_id, display_number) = (value(row, "sys_id"), value(row, "number"));
    (!api_id.is_empty() && !display_number.is_empty()).then_some(TicketRef { display_number, api_id })
}

/// Who complains.
pub(super) fn requester(row: &Value) -> Requester {
    Requester {
        name: value(row, "caller_id.name"),
        email: value(row, "caller_id.email"),
        sign_in: value(row, "caller_id.user_name"),
    }
}

/// A moment of a document; none when it is not set.
pub(super) fn moment(written: &str) -> Option<Timestamp> {
    let at = DateTime::strptime(MOMENT, written).ok()?.to_zoned(TimeZone::UTC).ok()?;
    Some(at.timestamp().into())
}

/// A moment as queries have it.
pub(super) fn written(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_millisecond(at.unix_ms()).unwrap_or_default();
    at.strftime(MOMENT).to_string()
}

/// A note in its journal: what stands between the tags is HTML, and no bracket of ours may end it.
pub(super) fn journal(note: &OutgoingNote) -> String {
    let html = format!("<p>{}</p>{}", escape(&marked(&note.title, &note.mark)), note.body.to_html());
    format!("[code]{}[/code]", html.replace('[', "&#91;"))
}

/// Where a note is written, and where it is found.
pub(super) fn journal_field(note: &OutgoingNote) -> &'static str {
    if note.public { "comments" } else { "work_notes" }
}

/// Fields of an incident as they shall be.
pub(super) fn fields(settings: &DeskSettings, change: &Change) -> Result<Map<String, Value>, Trouble> {
    let (impact, urgency) = change.impact_and_urgency(settings, usual_priority)?;
    Ok(given([
        ("state", change.state_word(settings, usual_state)),
        ("impact", impact),
        ("urgency", urgency),
        (&settings.category_field, change.category_word(settings)),
    ]))
}

/// Impact and urgency as a priority names both: each choice of the one with each of the other.
pub(super) fn pairs(impacts: &[(String, String)], urgencies: &[(String, String)]) -> Vec<(String, String)> {
    let pair = |one: &str, other: &str| format!("{one}, {other}");
    let both = impacts.iter().flat_map(|impact| urgencies.iter().map(move |urgency| (impact, urgency)));
    both.map(|(impact, urgency)| (pair(&impact.0, &urgency.0), pair(&impact.1, &urgency.1))).collect()
}

/// What it wants to be told together with a state.
pub(super) fn reasons(settings: &DeskSettings, change: &Change) -> Map<String, Value> {
    let code = if settings.close_code.is_empty() { "Solution provided" } else { settings.close_code.as_str() };
    let reasons = match change.state {
        Some(TicketState::Resolved | TicketState::Closed) => {
            json!({ "close_code": code, "close_notes": "Resolved in Firstline; the notes say why." })
        }
        // It waits for the caller.
        Some(TicketState::Pending) => json!({ "hold_reason": "1" }),
        _ => return Map::new(),
    };
    reasons.as_object().cloned().unwrap_or_default()
}

/// The states that every installation begins with.
fn usual_state(state: TicketState) -> &'static str {
    match state {
        TicketState::New => "1",
        TicketState::Open => "2",
        TicketState::Pending => "3",
        TicketState::Resolved => "6",
        TicketState::Closed => "7",
    }
}

/// Impact and urgency from which it works out the priority, as its table is in the beginning.
fn usual_priority(priority: Priority) -> (&'static str, &'static str) {
    match priority {
        Priority::P1 => ("1", "1"),
        Priority::P2 => ("1", "2"),
        Priority::P3 => ("2", "2"),
        Priority::P4 => ("2", "3"),
        Priority::P5 => ("3", "3"),
    }
}

/// The trouble, with what it means there.
pub(super) fn told(trouble: Trouble) -> Trouble {
    let more = match trouble.kind {
        TroubleKind::Unauthorized => {
            "the secret is wrong or has expired, or the account is locked, inactive, or asked for a second factor"
        }
        TroubleKind::Forbidden => {
            "the account needs the role itil, and no data policy or rule may stand in the way (a close code that does not exist does)"
        }
        TroubleKind::NotFound => "or the account may not see it, which needs the role itil",
        _ => return trouble,
    };
    trouble.meaning(more)
}
