//! What stands in its documents, and its words for ours.

use firstline_diagnosis::vocabulary::Priority;
use serde_json::{Map, Value, json};

use crate::config::DeskSettings;
use crate::desk::contract::{Change, Found, OutgoingTicket, TicketRef};
use crate::desk::trouble::{Trouble, TroubleKind};
use crate::desk::values::{self, bounded, given, id, text};
use crate::ticket::ending::CLOSED_BY_MERGE;
use crate::ticket::{Requester, TicketState};

/// Both names of a ticket, which are one.
pub(super) fn ticket_ref(ticket: &Value) -> Option<TicketRef> {
    let number = id(&ticket["id"])?;
    Some(TicketRef { display_number: number.clone(), api_id: number })
}

/// Whether a ticket was merged into another one.
pub(super) fn is_merged(ticket: &Value) -> bool {
    ticket["tags"].as_array().into_iter().flatten().any(|tag| tag == CLOSED_BY_MERGE)
}

/// A ticket from its document.
pub(super) fn found(settings: &DeskSettings, document: &Value) -> Option<Found> {
    let ticket = &document["ticket"];
    let names = ticket_ref(ticket)?;
    let beside = |list: &str, wanted: &Value| {
        document[list].as_array().into_iter().flatten().find(|one| one["id"] == *wanted).cloned().unwrap_or_default()
    };
    let person = beside("users", &ticket["requester_id"]);
    Some(Found {
        url: format!("{}/agent/tickets/{}", settings.url.trim_end_matches('/'), names.api_id),
        ticket: names,
        subject: text(&ticket["subject"]),
        text: bounded(&text(&ticket["description"])),
        // People sign in there with their address; what they are called on a computer it does not know.
        requester: Requester { name: text(&person["name"]), email: text(&person["email"]), ..Requester::default() },
        queue: text(&beside("groups", &ticket["group_id"])["name"]),
        state: text(&ticket["status"]),
        device: field(ticket, &settings.device_field),
        due: ticket["due_at"].as_str().and_then(|at| at.parse().ok()),
    })
}

/// What a field holds, which goes by its number.
pub(super) fn field(ticket: &Value, number: &str) -> String {
    let fields = ticket["custom_fields"].as_array().into_iter().flatten();
    let mut found =
        fields.filter(|field| id(&field["id"]).as_deref() == Some(number)).map(|field| text(&field["value"]));
    found.next().unwrap_or_default()
}

/// The document of a new ticket. Without a requester it is the agent's own.
pub(super) fn opening(settings: &DeskSettings, order: &OutgoingTicket, group: &Value) -> Value {
    let mut ticket = json!({
        "subject": order.subject,
        "comment": { "html_body": order.body.to_html(), "public": false },
        "type": settings.ticket_type_or("incident"),
        "group_id": group,
        "external_id": order.mark,
        "tags": ["firstline"],
    });
    if !order.requester.email.is_empty() {
        let name = if order.requester.name.is_empty() { &order.requester.email } else { &order.requester.name };
        ticket["requester"] = json!({ "name": name, "email": order.requester.email });
    }
    ticket
}

/// Fields of a ticket as they shall be.
pub(super) fn fields(settings: &DeskSettings, change: &Change) -> Result<Map<String, Value>, Trouble> {
    let mut fields = given([
        ("status", change.state_word(settings, usual_state)),
        ("priority", change.priority_word(settings, usual_priority)),
    ]);
    if let Some(category) = change.category_word(settings) {
        let number: u64 = settings.category_field.parse().map_err(|_| {
            Trouble::refused(format!("category_field: {:?} is no number of a field", settings.category_field))
        })?;
        fields.insert("custom_fields".to_owned(), json!([{ "id": number, "value": category }]));
    }
    Ok(fields)
}

/// Whether the ticket of a document is as it was `wanted`.
pub(super) fn hold(document: &Value, wanted: &Map<String, Value>) -> Result<(), Trouble> {
    let mut now = document["ticket"].clone();
    if let (Some(all), Some(asked)) = (now["custom_fields"].as_array_mut(), wanted.get("custom_fields")) {
        all.retain(|field| field["id"] == asked[0]["id"]);
    }
    values::hold(&now, wanted)
}

/// Nothing becomes new again; what is closed takes no more notes, and closes by itself.
fn usual_state(state: TicketState) -> &'static str {
    match state {
        TicketState::New | TicketState::Open => "open",
        TicketState::Pending => "pending",
        TicketState::Resolved | TicketState::Closed => "solved",
    }
}

fn usual_priority(priority: Priority) -> &'static str {
    match priority {
        Priority::P1 => "urgent",
        Priority::P2 => "high",
        Priority::P3 => "normal",
        Priority::P4 | Priority::P5 => "low",
    }
}

/// The trouble, with what it means there.
pub(super) fn told(trouble: Trouble) -> Trouble {
    match trouble.kind {
        TroubleKind::Unauthorized => trouble.meaning(
            "user must be the e-mail address of an agent, and the token an active one of theirs (Admin Center, Apps and \
             integrations, API tokens)",
        ),
        TroubleKind::Forbidden => trouble.meaning(
            "the agent's role must let them see the ticket, write private comments and change its properties",
        ),
        // Two of the same order arrived at once: what became of the first is seen later.
        TroubleKind::Refused if trouble.said.contains("IdempotentRequestInProgress") => {
            Trouble::away(trouble.said).unclear()
        }
        TroubleKind::Refused if trouble.said.contains("closed prevents") => {
            trouble.meaning("what is closed there stays as it is; a follow-up ticket is needed")
        }
        _ => trouble,
    }
}
