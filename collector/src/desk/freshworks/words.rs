//! What stands in their documents, and their words for ours.

use firstline_diagnosis::vocabulary::Priority;
use serde_json::{Map, Value, json};

use crate::config::DeskSettings;
use crate::desk::contract::{Change, Found, TicketRef};
use crate::desk::trouble::Trouble;
use crate::desk::values::{self, bounded, given, id, text};
use crate::ticket::{Requester, TicketState};

/// What tickets of ours carry.
pub(super) const TAG: &str = "firstline";

/// States of every account; it may have more.
const STATES: [(u64, &str); 4] = [(OPEN, "Open"), (3, "Pending"), (RESOLVED, "Resolved"), (CLOSED, "Closed")];
const PRIORITIES: [(u64, &str); 4] = [(1, "Low"), (MEDIUM, "Medium"), (3, "High"), (4, "Urgent")];
/// The state of a new ticket.
pub(super) const OPEN: u64 = 2;
const RESOLVED: u64 = 4;
const CLOSED: u64 = 5;
/// The priority of a new ticket.
pub(super) const MEDIUM: u64 = 2;

/// Fields for a category that every Freshservice has; others are made by the administrator.
const CATEGORY_FIELDS: [&str; 3] = ["category", "sub_category", "item_category"];

/// Both names of a ticket, which are one.
pub(super) fn ticket_ref(ticket: &Value) -> Option<TicketRef> {
    let number = id(&ticket["id"])?;
    Some(TicketRef { display_number: number.clone(), api_id: number })
}

/// Whether nobody works on a ticket any more.
pub(super) fn is_over(ticket: &Value) -> bool {
    let state = ticket["status"].as_u64();
    ticket["deleted"] == true || ticket["spam"] == true || state == Some(RESOLVED) || state == Some(CLOSED)
}

/// Whether a ticket takes no more work. A merged one is closed.
pub(super) fn is_closed(ticket: &Value) -> bool {
    ticket["status"].as_u64() == Some(CLOSED)
}

/// Whether a note is about a merge, in the words that an account in English has for it.
pub(super) fn tells_of_a_merge(said: &str) -> bool {
    said.to_lowercase().contains("merged")
}

/// A ticket from its document.
pub(super) fn found(settings: &DeskSettings, ticket: &Value, requester: Requester, queue: String) -> Option<Found> {
    let names = ticket_ref(ticket)?;
    Some(Found {
        url: format!("{}/a/tickets/{}", settings.url.trim_end_matches('/'), names.api_id),
        ticket: names,
        subject: text(&ticket["subject"]),
        text: bounded(&text(&ticket["description_text"])),
        requester,
        queue,
        state: state_name(&ticket["status"]),
        device: device(settings, ticket),
        due: ticket["due_by"].as_str().and_then(|at| at.parse().ok()),
    })
}

fn state_name(number: &Value) -> String {
    let known = STATES.iter().find(|(code, _)| number == code).map(|(_, name)| (*name).to_owned());
    known.unwrap_or_else(|| number.to_string())
}

/// What the field says; else the one asset of the ticket.
fn device(settings: &DeskSettings, ticket: &Value) -> String {
    let said = text(&ticket["custom_fields"][settings.device_field.as_str()]);
    match ticket["assets"].as_array().map(Vec::as_slice) {
        Some([asset]) if said.is_empty() => text(&asset["name"]),
        _ => said,
    }
}

/// A person, whichever of their documents tells of them.
pub(super) fn person(document: &Value) -> Requester {
    let first = |places: &[&str]| {
        let mut found = places.iter().filter_map(|place| document.pointer(place)).map(text);
        found.find(|text| !text.is_empty()).unwrap_or_default()
    };
    let name = match first(&["/name", "/contact/name"]) {
        name if name.is_empty() => format!("{} {}", first(&["/first_name"]), first(&["/last_name"])).trim().to_owned(),
        name => name,
    };
    Requester { name, email: first(&["/email", "/primary_email", "/contact/email"]), ..Requester::default() }
}

/// Fields of a ticket as they shall be.
pub(super) fn fields(settings: &DeskSettings, change: &Change) -> Result<Map<String, Value>, Trouble> {
    let (state, priority) = (change.state_word(settings, usual_state), change.priority_word(settings, usual_priority));
    let mut fields = given([
        ("status", state.map(|word| code("states", &STATES, &word)).transpose()?),
        ("priority", priority.map(|word| code("priorities", &PRIORITIES, &word)).transpose()?),
    ]);
    if let Some(category) = change.category_word(settings) {
        let field = settings.category_field.clone();
        if CATEGORY_FIELDS.contains(&field.as_str()) {
            fields.insert(field, json!(category));
        } else {
            fields.insert("custom_fields".to_owned(), json!({ field: category }));
        }
    }
    Ok(fields)
}

/// The number that stands for a word.
fn code(map: &str, known: &[(u64, &str)], word: &str) -> Result<u64, Trouble> {
    let found = known.iter().find(|(_, name)| name.eq_ignore_ascii_case(word)).map(|(code, _)| *code);
    found.or_else(|| word.parse().ok()).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(_, name)| *name).collect();
        Trouble::refused(format!("{map}: {word:?} is no number, and none of {}", names.join(", ")))
    })
}

/// Whether a ticket is as it was `wanted`.
pub(super) fn hold(ticket: &Value, wanted: &Map<String, Value>) -> Result<(), Trouble> {
    let mut now = ticket.clone();
    if let (Some(all), Some(asked)) = (now["custom_fields"].as_object_mut(), wanted.get("custom_fields")) {
        all.retain(|name, _| asked.get(name).is_some());
    }
    let matrix = wanted.get("priority").is_some_and(|priority| now["priority"] != *priority);
    values::hold(&now, wanted).map_err(|trouble| {
        let more = "where a matrix makes priorities from urgency and impact, it decides";
        if matrix { trouble.meaning(more) } else { trouble }
    })
}

fn usual_state(state: TicketState) -> &'static str {
    match state {
        TicketState::New | TicketState::Open => "Open",
        TicketState::Pending => "Pending",
        TicketState::Resolved => "Resolved",
        TicketState::Closed => "Closed",
    }
}

fn usual_priority(priority: Priority) -> &'static str {
    match priority {
        Priority::P1 => "Urgent",
        Priority::P2 => "High",
        Priority::P3 => "Medium",
        Priority::P4 | Priority::P5 => "Low",
    }
}
