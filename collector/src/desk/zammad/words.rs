//! What stands in its documents, and its words for ours.

use firstline_diagnosis::vocabulary::Priority;
use serde_json::{Map, Value};

use crate::config::DeskSettings;
use crate::desk::contract::{Change, TicketRef};
use crate::desk::trouble::{Trouble, TroubleKind};
use crate::desk::values::{given, id, text};
use crate::ticket::{Requester, TicketState};

/// Both names of a ticket.
pub(super) fn ticket_ref(item: &Value) -> Option<TicketRef> {
    let (api_id, display_number) = (id(&item["id"])?, text(&item["number"]));
    (!display_number.is_empty()).then_some(TicketRef { display_number, api_id })
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

/// The id of the ticket that a merged one has become: the one that its links name as its parent.
pub(super) fn merged_into(item: &Value, links: &Value) -> Result<String, Trouble> {
    let links = links.as_array().into_iter().flatten();
    let parents = links.filter(|link| link["link_type"] == "parent" && link["link_object"] == "Ticket");
    match parents.filter_map(|link| id(&link["link_object_value"])).collect::<Vec<_>>().as_slice() {
        [parent] => Ok(parent.clone()),
        _ => Err(Trouble::refused(format!(
            "ticket {} was merged, and its links do not say which one it became",
            text(&item["number"])
        ))),
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
    trouble.meaning(more)
}

/// Fields of a ticket as they shall be.
pub(super) fn fields(settings: &DeskSettings, change: &Change) -> Map<String, Value> {
    given([
        ("state", change.state_word(settings, usual_state)),
        ("priority", change.priority_word(settings, usual_priority)),
        ("group", change.queue.clone()),
        (&settings.category_field, change.category_word(settings)),
    ])
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
