//! What stands in its documents, and its words for ours.

use firstline_diagnosis::vocabulary::{Priority, Timestamp};
use serde_json::Value;

use crate::config::DeskSettings;
use crate::desk::contract::{Found, TicketRef};
use crate::desk::trouble::{Trouble, TroubleKind};
use crate::desk::values::{bounded, text};
use crate::ticket::{Requester, TicketState};

/// What is asked for of an issue.
pub(super) const FIELDS: &str = "summary,status,reporter,project,description";

/// The key of an issue as people type it, in its own letters.
pub(super) fn key(typed: &str) -> Option<String> {
    let key = typed.trim().trim_start_matches('#').to_ascii_uppercase();
    let (project, number) = numbered(&key)?;
    let begins = project.starts_with(|letter: char| letter.is_ascii_alphabetic());
    let good = project.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'_');
    (begins && good && number > 0 && project.len() <= 40).then(|| format!("{project}-{number}"))
}

/// A key in its parts.
pub(super) fn numbered(key: &str) -> Option<(&str, u64)> {
    let (project, number) = key.rsplit_once('-')?;
    let digits = number.bytes().all(|digit| digit.is_ascii_digit());
    number.parse().ok().filter(|_| digits).map(|number| (project, number))
}

/// Which of its project an issue is.
pub(super) fn counted(issue: &Value, project: &str) -> Option<u64> {
    numbered(issue["key"].as_str()?).filter(|(own, _)| *own == project).map(|(_, number)| number)
}

/// Both names of an issue.
pub(super) fn ticket_ref(issue: &Value) -> Option<TicketRef> {
    let names = TicketRef { display_number: text(&issue["key"]), api_id: text(&issue["id"]) };
    (!names.api_id.is_empty() && numbered(&names.display_number).is_some()).then_some(names)
}

/// Whether nobody works on an issue any more.
pub(super) fn is_over(issue: &Value) -> bool {
    issue["fields"]["status"]["statusCategory"]["key"] == "done"
}

/// An issue that people see at `site`.
pub(super) fn found(settings: &DeskSettings, issue: &Value, site: &str) -> Option<Found> {
    let (names, fields) = (ticket_ref(issue)?, &issue["fields"]);
    Some(Found {
        url: format!("{site}/browse/{}", names.display_number),
        ticket: names,
        subject: text(&fields["summary"]),
        text: bounded(said(&fields["description"]).trim()),
        // Whether an address is shown is decided by its owner.
        requester: Requester {
            name: text(&fields["reporter"]["displayName"]),
            email: text(&fields["reporter"]["emailAddress"]),
            ..Requester::default()
        },
        queue: text(&fields["project"]["key"]),
        state: text(&fields["status"]["name"]),
        device: shown(&fields[settings.device_field.as_str()]),
        due: None,
    })
}

/// When the clock of an agreement runs out; nothing while it stands.
pub(super) fn runs_out(agreement: &Value) -> Option<Timestamp> {
    let running = Some(&agreement["ongoingCycle"]).filter(|cycle| cycle["paused"] != true)?;
    running["breachTime"]["epochMillis"].as_i64().map(Timestamp)
}

/// What a value shows, whatever kind of field it stands in.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Object(all) => {
            let mut shown =
                ["value", "name", "label", "displayName"].into_iter().filter_map(|key| all.get(key)).map(text);
            shown.next().unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// The text of a document in Atlassian's format, line by line.
pub(super) fn said(node: &Value) -> String {
    let mut text = String::new();
    gather(node, &mut text);
    text
}

fn gather(node: &Value, text: &mut String) {
    match node["type"].as_str().unwrap_or_default() {
        "text" => text.push_str(node["text"].as_str().unwrap_or_default()),
        "hardBreak" => text.push('\n'),
        "mention" | "emoji" => text.push_str(node["attrs"]["text"].as_str().unwrap_or_default()),
        "inlineCard" | "blockCard" => text.push_str(node["attrs"]["url"].as_str().unwrap_or_default()),
        kind => {
            node["content"].as_array().into_iter().flatten().for_each(|inner| gather(inner, text));
            if matches!(kind, "paragraph" | "heading" | "codeBlock") {
                text.push('\n');
            }
        }
    }
}

/// A mark where text is read as wiki text, in which brackets make links.
pub(super) fn wiki_mark(mark: &str) -> String {
    format!("(firstline {mark})")
}

/// What states are usually called, the likeliest first, and their category.
pub(super) fn usual_states(state: TicketState) -> (&'static str, &'static [&'static str]) {
    match state {
        TicketState::New => ("new", &["Open", "To Do"]),
        TicketState::Open => ("indeterminate", &["In Progress", "Work in progress", "Waiting for support"]),
        TicketState::Pending => ("indeterminate", &["Waiting for customer", "Pending"]),
        TicketState::Resolved => ("done", &["Resolved", "Done", "Completed", "Closed"]),
        TicketState::Closed => ("done", &["Closed", "Done", "Completed", "Resolved"]),
    }
}

/// The priorities that every site begins with.
pub(super) fn usual_priority(priority: Priority) -> &'static str {
    match priority {
        Priority::P1 => "Highest",
        Priority::P2 => "High",
        Priority::P3 => "Medium",
        Priority::P4 => "Low",
        Priority::P5 => "Lowest",
    }
}

/// The trouble, with what it means there.
pub(super) fn told(trouble: Trouble) -> Trouble {
    match trouble.kind {
        TroubleKind::Unauthorized => trouble.meaning(
            "user must be the e-mail address of the token's account; a token with scopes is taken only where url is \
             https://api.atlassian.com/ex/jira/ with the site's cloud id after it",
        ),
        TroubleKind::Forbidden => trouble.meaning(
            "its account must be an agent of the service project, who may comment on issues, attach files, edit and move them",
        ),
        _ => trouble,
    }
}
