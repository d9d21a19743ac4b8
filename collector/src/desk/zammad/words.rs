//! What stands in its documents, and its words for ours.

use firstline_diagnosis::vocabulary::Priority;
use serde_json::{Map, Value, json};

use crate::config::DeskSettings;
use crate::desk::contract::{Change, TicketRef};
use crate::desk::trouble::{Trouble, TroubleKind};
use crate::ticket::{Requester, TicketState};

/// A text of a document; empty when there is none.
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// An id of a document.
pub(super) fn id_of(value: &Value) -> Option<String> {
    value.as_u64().map(|id| id.to_string())
}

/// A part of a path.
pub(super) fn part(text: &str) -> String {
    crate::access::gate::percent_encoded(text).replace('/', "%2F")
}

/// Both names of a ticket.
pub(super) fn ticket_ref(item: &Value) -> Option<TicketRef> {
    let (api_id, display_number) = (id_of(&item["id"])?, text(&item["number"]));
    (!display_number.is_empty()).then_some(TicketRef { display_number, api_id })
}

/// A subject by which something is found again.
pub(super) fn subject(title: &str, mark: &str) -> String {
    format!("{title} [firstline {mark}]")
}

/// A person. The sign-in name is an address as a rule, and is one of the machine only when it is none.
pub(super) fn requester(user: &Value) -> Requester {
    let (login, email) = (text(&user["login"]), text(&user["email"]));
    let name = format!("{} {}", text(&user["firstname"]), text(&user["lastname"]));
    Requester {
        name: if name.trim().is_empty() { login.clone() } else { name.trim().to_owned() },
        sign_in: if login.contains('@') { String::new() } else { login },
        email,
    }
}

/// The trouble, with what it means there.
pub(super) fn told(trouble: Trouble) -> Trouble {
    let more = match trouble.kind {
        TroubleKind::Unauthorized => "the token is wrong, has expired, or its user is inactive",
        TroubleKind::Forbidden if trouble.said.contains("Authentication required") => "no token arrived there",
        TroubleKind::Forbidden => {
            "the token needs the permission ticket.agent, and its user full access to the ticket's group"
        }
        _ => return trouble,
    };
    let said = format!("{}; {more}", trouble.said);
    Trouble { said, ..trouble }
}

/// Fields of a ticket as they shall be.
pub(super) fn fields(settings: &DeskSettings, change: &Change) -> Map<String, Value> {
    let mut fields = Map::new();
    if let Some(state) = change.state {
        let word = settings.states.get(state.name()).map_or_else(|| usual_state(state), String::as_str);
        fields.insert("state".to_owned(), json!(word));
    }
    if let Some(priority) = change.priority {
        let word = settings.priority(priority).unwrap_or_else(|| usual_priority(priority));
        fields.insert("priority".to_owned(), json!(word));
    }
    if let Some(group) = &change.queue {
        fields.insert("group".to_owned(), json!(group));
    }
    if let Some(category) = &change.category
        && !settings.category_field.is_empty()
    {
        fields.insert(settings.category_field.clone(), json!(settings.category(category)));
    }
    fields
}

/// The states that every installation begins with. One that waits would need a time, so nothing is made to wait.
fn usual_state(state: TicketState) -> &'static str {
    match state {
        TicketState::New => "new",
        TicketState::Open | TicketState::Pending => "open",
        TicketState::Resolved | TicketState::Closed => "closed",
    }
}

/// The priorities that every installation begins with.
fn usual_priority(priority: Priority) -> &'static str {
    match priority {
        Priority::P1 | Priority::P2 => "3 high",
        Priority::P3 => "2 normal",
        Priority::P4 | Priority::P5 => "1 low",
    }
}
