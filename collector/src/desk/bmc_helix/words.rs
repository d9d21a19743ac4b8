//! What stands in its documents, and its words for ours.

use firstline_diagnosis::vocabulary::{Priority, Timestamp};
use serde_json::{Map, Value, json};

use crate::config::DeskSettings;
use crate::desk::contract::{Change, OutgoingTicket, TicketRef};
use crate::desk::trouble::{Trouble, TroubleKind};
use crate::desk::values::{given, part, text};
use crate::ticket::TicketState;

/// Longest summary, in letters.
pub(super) const SUMMARY_LETTERS: usize = 100;
/// What a change must leave as it was.
const KEPT: [&str; 4] = ["Description", "Detailed Decription", "Customer Login ID", "Assigned Group"];

/// Where the entries of a form are.
pub(super) fn path(form: &str) -> String {
    format!("/api/arsys/v1/entry/{}", part(form))
}

/// The entries of an answer.
pub(super) fn entries(body: &Value) -> Result<Vec<Value>, Trouble> {
    body["entries"].as_array().cloned().ok_or_else(|| Trouble::odd("an answer without entries"))
}

/// The fields of an entry.
pub(super) fn values_of(entry: &Value) -> Value {
    entry["values"].clone()
}

/// A term of a query, in which quotes are doubled.
pub(super) fn is(field: &str, wanted: &str) -> String {
    format!("'{}'=\"{}\"", field.replace('\'', "''"), wanted.replace('"', "\"\""))
}

/// Both names of a ticket.
pub(super) fn ticket_ref(values: &Value) -> Option<TicketRef> {
    let (display_number, api_id) = (text(&values["Incident Number"]), text(&values["Request ID"]));
    (!display_number.is_empty() && !api_id.is_empty()).then_some(TicketRef { display_number, api_id })
}

/// When a ticket was made: `2026-01-15T10:20:30.000+0000`.
pub(super) fn made_at(values: &Value) -> Option<Timestamp> {
    let at = text(&values["Submit Date"]);
    let at = jiff::fmt::strtime::parse("%Y-%m-%dT%H:%M:%S%.f%z", at).ok()?.to_timestamp().ok()?;
    Some(at.into())
}

/// Whether nobody works on a ticket any more.
pub(super) fn is_over(values: &Value) -> bool {
    matches!(text(&values["Status"]).as_str(), "Resolved" | "Closed" | "Cancelled")
}

/// The name of a group in `Company/Organization/Group`, of which the first two may be absent.
pub(super) fn group_name(queue: &str) -> &str {
    queue.rsplit_once('/').map_or(queue, |(_, name)| name)
}

/// The queue of the configuration that a group is.
pub(super) fn queue_of(settings: &DeskSettings, group: &str) -> String {
    settings.queues.iter().find(|queue| group_name(queue) == group).cloned().unwrap_or_else(|| group.to_owned())
}

/// The fields that give a ticket to a group.
pub(super) fn group(queue: &str) -> Map<String, Value> {
    let mut fields = Map::from_iter([("Assigned Group".to_owned(), json!(group_name(queue)))]);
    if let [company, organization, _] = queue.split('/').collect::<Vec<_>>().as_slice() {
        fields.insert("Assigned Support Company".to_owned(), json!(company));
        fields.insert("Assigned Support Organization".to_owned(), json!(organization));
    }
    fields
}

/// The fields of a new ticket that say for whom it is.
pub(super) fn customer(person: &Value) -> Map<String, Value> {
    [("First_Name", "First Name"), ("Last_Name", "Last Name"), ("Login_ID", "Remedy Login ID")]
        .map(|(written, read)| (written.to_owned(), person[read].clone()))
        .into_iter()
        .collect()
}

/// The fields of a new ticket, of which some are called otherwise than where they are read.
pub(super) fn made(order: &OutgoingTicket, mark_field: &str) -> Map<String, Value> {
    let subject: String = order.subject.chars().take(SUMMARY_LETTERS).collect();
    let fields = [
        ("z1D_Action", "CREATE"),
        ("Status", "New"),
        ("Impact", "4-Minor/Localized"),
        ("Urgency", "4-Low"),
        ("Service_Type", "Infrastructure Event"),
        ("Reported Source", "Systems Management"),
        ("Description", &subject),
        ("Detailed_Decription", &order.body.to_plain()),
        (mark_field, &order.mark),
    ];
    fields.map(|(field, value)| (field.to_owned(), json!(value))).into_iter().collect()
}

/// Fields of a ticket as they shall be.
pub(super) fn fields(settings: &DeskSettings, change: &Change) -> Result<Map<String, Value>, Trouble> {
    let (impact, urgency) = change.impact_and_urgency(settings, usual_priority)?;
    Ok(given([
        ("Status", change.state_word(settings, usual_state)),
        ("Impact", impact),
        ("Urgency", urgency),
        (&settings.category_field, change.category_word(settings)),
    ]))
}

/// What it wants to be told together with a state.
pub(super) fn reasons(settings: &DeskSettings, change: &Change) -> Map<String, Value> {
    let code = if settings.close_code.is_empty() { "No Further Action Required" } else { &settings.close_code };
    let reasons = match change.state {
        Some(TicketState::Resolved | TicketState::Closed) => {
            json!({ "Status_Reason": code, "Resolution": "Resolved in Firstline; the work log says why." })
        }
        Some(TicketState::Pending) => json!({ "Status_Reason": "Client Action Required" }),
        _ => return Map::new(),
    };
    reasons.as_object().cloned().unwrap_or_default()
}

/// What stands in fields that a change is not about.
pub(super) fn kept(before: &Value, wanted: &Map<String, Value>) -> Map<String, Value> {
    let others = KEPT.into_iter().filter(|field| !wanted.contains_key(*field));
    others.map(|field| (field.to_owned(), before[field].clone())).collect()
}

fn usual_state(state: TicketState) -> &'static str {
    match state {
        TicketState::New => "New",
        TicketState::Open => "In Progress",
        TicketState::Pending => "Pending",
        TicketState::Resolved => "Resolved",
        TicketState::Closed => "Closed",
    }
}

/// Impact and urgency from which it works out the priority.
fn usual_priority(priority: Priority) -> (&'static str, &'static str) {
    match priority {
        Priority::P1 => ("1-Extensive/Widespread", "1-Critical"),
        Priority::P2 => ("2-Significant/Large", "2-High"),
        Priority::P3 => ("3-Moderate/Limited", "3-Medium"),
        Priority::P4 => ("3-Moderate/Limited", "4-Low"),
        Priority::P5 => ("4-Minor/Localized", "4-Low"),
    }
}

/// The trouble, with what it means there.
pub(super) fn told(trouble: Trouble) -> Trouble {
    let more = match trouble.kind {
        TroubleKind::Unauthorized => "user or password is wrong, or the account is locked",
        TroubleKind::Forbidden => {
            "the account needs the permissions of Incident User, and the address must begin with https://"
        }
        _ => return trouble,
    };
    trouble.meaning(more)
}
