//! What stands in its documents, and its words for ours.

use firstline_diagnosis::vocabulary::{Priority, Timestamp};
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::config::DeskSettings;
use crate::desk::contract::Change;
use crate::desk::plain::plain;
use crate::desk::trouble::{Trouble, TroubleKind};
use crate::desk::values::{given, id, text};
use crate::ticket::{Requester, TicketState};

/// The part of one who complains.
pub(super) const REQUESTER: &str = "1";
/// The part of one who works on it.
pub(super) const ASSIGNED: &str = "2";
/// What a solution is that was refused.
const REFUSED: &str = "4";
/// Its states.
const STATES: [(&str, &str); 6] = [
    ("1", "New"),
    ("2", "Processing (assigned)"),
    ("3", "Processing (planned)"),
    ("4", "Pending"),
    ("5", "Solved"),
    ("6", "Closed"),
];

/// The items of a list; some lists are objects that number their items.
pub(super) fn items(list: Value) -> Vec<Value> {
    match list {
        Value::Array(items) => items,
        Value::Object(items) => items.into_iter().map(|(_, item)| item).filter(Value::is_object).collect(),
        _ => Vec::new(),
    }
}

/// A text as it was before its letters were written as entities.
pub(super) fn raw(value: &Value) -> String {
    let mut text = text(value);
    for (written, letter) in
        [("&#60;", "<"), ("&lt;", "<"), ("&#62;", ">"), ("&gt;", ">"), ("&quot;", "\""), ("&#38;", "&"), ("&amp;", "&")]
    {
        text = text.replace(written, letter);
    }
    text
}

/// What a person wrote: HTML, with its own letters as entities or not.
pub(super) fn said(value: &Value) -> String {
    let written = text(value);
    plain(&if written.contains('<') { written } else { raw(value) })
}

/// The word for a state.
pub(super) fn word_of(status: &Value) -> String {
    let number = id(status).unwrap_or_default();
    STATES.iter().find(|(one, _)| *one == number).map_or(number, |(_, word)| (*word).to_owned())
}

/// Whether nobody works on a ticket any more.
pub(super) fn is_over(item: &Value) -> bool {
    matches!(id(&item["status"]).as_deref(), Some("5" | "6"))
}

/// A person, with the address that is used.
pub(super) fn requester(user: &Value, mails: &[Value]) -> Requester {
    let used = mails.iter().find(|one| id(&one["is_default"]).as_deref() == Some("1")).or_else(|| mails.first());
    let name = format!("{} {}", raw(&user["firstname"]), raw(&user["realname"]));
    let sign_in = raw(&user["name"]);
    Requester {
        name: if name.trim().is_empty() { sign_in.clone() } else { name.trim().to_owned() },
        email: used.map(|one| text(&one["email"])).unwrap_or_default(),
        sign_in,
    }
}

/// The ticket that a merged one has become: it is closed, and the first side of one link.
pub(super) fn merged_into(item: &Value, links: &[Value]) -> Option<String> {
    let own = id(&item["id"])?;
    let ours = links.iter().filter(|link| id(&link["tickets_id_1"]).as_ref() == Some(&own));
    let others: Vec<String> = ours.filter_map(|link| id(&link["tickets_id_2"])).collect();
    let closed = id(&item["status"]).as_deref() == Some("6");
    others.first().filter(|_| closed && others.len() == 1).cloned()
}

/// The type of the newest solution that was not refused.
pub(super) fn kind_of_solution(solutions: &[Value]) -> Option<String> {
    let number = |solution: &&Value| id(&solution["id"]).and_then(|id| id.parse::<u64>().ok());
    let counts = solutions.iter().filter(|one| id(&one["status"]).as_deref() != Some(REFUSED));
    id(&counts.max_by_key(number)?["solutiontypes_id"]).filter(|kind| kind != "0")
}

/// A time, which is one of the server's clock: `2026-01-15 10:20:30`.
pub(super) fn moment(value: &Value, zone: &TimeZone) -> Option<Timestamp> {
    let civil = jiff::fmt::strtime::parse("%Y-%m-%d %H:%M:%S", text(value)).ok()?.to_datetime().ok()?;
    Some(zone.to_ambiguous_timestamp(civil).compatible().ok()?.into())
}

/// Why a ticket in the bin is not worked with.
pub(super) fn in_the_bin(number: &str, links: &[Value]) -> Trouble {
    let ends = links.iter().flat_map(|link| [id(&link["tickets_id_1"]), id(&link["tickets_id_2"])]).flatten();
    let others: Vec<String> = ends.filter(|one| one != number).collect();
    let more = match others.as_slice() {
        [] => String::new(),
        others => format!("; if it was merged, it became one of those it is linked with: {}", others.join(", ")),
    };
    Trouble::refused(format!("ticket {number} is in the bin{more}"))
}

/// Fields of a ticket as they shall be.
pub(super) fn fields(settings: &DeskSettings, change: &Change) -> Result<Map<String, Value>, Trouble> {
    let (impact, urgency) = change.impact_and_urgency(settings, usual_priority)?;
    let field = settings.category_field.as_str();
    let category = match change.category_word(settings) {
        Some(word) if field != "itilcategories_id" => Some(json!(word)),
        word => number("categories", word)?,
    };
    Ok(given([
        ("status", number("states", change.state_word(settings, usual_state))?),
        ("impact", number("priorities", impact)?),
        ("urgency", number("priorities", urgency)?),
        (field, category),
    ]))
}

fn number(map: &str, word: Option<String>) -> Result<Option<Value>, Trouble> {
    let Some(word) = word else { return Ok(None) };
    let number = word.parse::<u32>().map(|number| Some(json!(number)));
    number.map_err(|_| Trouble::refused(format!("{map}: {word:?} is no number, which GLPI has for them")))
}

/// The states that every installation has.
fn usual_state(state: TicketState) -> &'static str {
    match state {
        TicketState::New => "1",
        TicketState::Open => "2",
        TicketState::Pending => "4",
        TicketState::Resolved => "5",
        TicketState::Closed => "6",
    }
}

/// Impact and urgency, from 5 for the highest, from which it works out the priority.
fn usual_priority(priority: Priority) -> (&'static str, &'static str) {
    match priority {
        Priority::P1 => ("5", "5"),
        Priority::P2 => ("4", "4"),
        Priority::P3 => ("3", "3"),
        Priority::P4 => ("2", "2"),
        Priority::P5 => ("1", "1"),
    }
}

/// The trouble of a change that was answered with success.
pub(super) fn not_done(trouble: Trouble, said: &Value) -> Trouble {
    match said["message"].as_str() {
        Some(message) if !message.is_empty() => trouble.meaning(message),
        _ => trouble,
    }
}

/// The trouble of one who asked for a session: whatever the status, it is about the credentials.
pub(super) fn denied(trouble: Trouble) -> Trouble {
    let more = match &trouble.said {
        said if said.contains("APP_TOKEN") => "app_token_file must hold the token of the API client",
        said if said.contains("NOT_ALLOWED_IP") => "the API client does not allow the collector's address",
        said if said.contains("CREDENTIALS_DISABLED") => {
            "names and passwords are switched off there; remove user, and use a token"
        }
        _ => "the token, or the name and password, is wrong, or the account is switched off",
    };
    match trouble.kind {
        TroubleKind::Refused | TroubleKind::Unauthorized => {
            Trouble { kind: TroubleKind::Unauthorized, ..trouble }.meaning(more)
        }
        _ => trouble,
    }
}

/// The trouble, with what it means there.
pub(super) fn told(trouble: Trouble) -> Trouble {
    let more = match &trouble.said {
        said if said.contains("ERROR_GLPI_ADD") => {
            "the account's profile needs the right to add this, in the ticket's entity"
        }
        said if said.contains("ERROR_GLPI_UPDATE") => {
            "the account's profile needs the right to update tickets, in the ticket's entity"
        }
        said if said.contains("POST_MAX_SIZE") => "PHP's upload_max_filesize and post_max_size are too small for it",
        _ if trouble.kind == TroubleKind::Forbidden => "the account's profile needs the right to read this",
        _ => return trouble,
    };
    trouble.meaning(more)
}
