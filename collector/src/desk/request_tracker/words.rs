//! Its language: queries, rights and fields.

use serde_json::{Map, Value, json};

use super::rows;
use crate::config::DeskSettings;
use crate::desk::contract::Change;
use crate::desk::trouble::{Trouble, TroubleKind};
use crate::desk::values::text;

/// A value in a query.
pub(super) fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// What a ticket refers to that was opened under `mark`.
pub(super) fn link(mark: &str) -> String {
    format!("https://firstline.invalid/mark/{mark}")
}

/// The trouble, with the right that is probably missing.
pub(super) fn lacks(trouble: Trouble, right: &str, place: &str) -> Trouble {
    Trouble { kind: TroubleKind::Forbidden, ..trouble }
        .meaning(&format!("the token's user needs the right {right} on {place}"))
}

/// Fields of a ticket as they shall be, in its words.
#[derive(Debug, Default)]
pub(super) struct Fields {
    status: Option<String>,
    queue: Option<String>,
    priority: Option<String>,
    custom: Vec<(String, String)>,
}

/// What `change` means there.
pub(super) fn fields(settings: &DeskSettings, change: &Change) -> Result<Fields, Trouble> {
    let fields = Fields {
        status: change.state.map(|state| settings.state(state).to_owned()),
        queue: change.queue.clone(),
        priority: change.priority.and_then(|priority| settings.priority(priority)).map(str::to_owned),
        custom: change
            .category_word(settings)
            .map(|word| (settings.category_field.clone(), word))
            .into_iter()
            .collect(),
    };
    if let Some(priority) = fields.priority.as_ref().filter(|priority| priority.parse::<i64>().is_err()) {
        return Err(Trouble::refused(format!("priorities: {priority:?} is no number, which its priorities are")));
    }
    Ok(fields)
}

impl Fields {
    /// Whether nothing of a change has a word there.
    pub(super) fn is_empty(&self) -> bool {
        self.status.is_none() && self.queue.is_none() && self.priority.is_none() && self.custom.is_empty()
    }

    /// The order.
    pub(super) fn body(&self) -> Value {
        let mut body = Map::new();
        for (name, value) in [("Status", &self.status), ("Queue", &self.queue), ("Priority", &self.priority)] {
            if let Some(value) = value {
                body.insert(name.to_owned(), json!(value));
            }
        }
        if !self.custom.is_empty() {
            let custom: Map<String, Value> =
                self.custom.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
            body.insert("CustomFields".to_owned(), Value::Object(custom));
        }
        Value::Object(body)
    }

    /// The fields that are not as they shall be.
    pub(super) fn missing(&self, item: &Value, priority: &Value) -> Vec<String> {
        let mut missing = Vec::new();
        let mut hold = |name: &str, wanted: &Option<String>, found: String| {
            if let Some(wanted) = wanted.as_ref().filter(|wanted| **wanted != found) {
                missing.push(format!("{name} is {found:?}, not {wanted:?}"));
            }
        };
        hold("Status", &self.status, text(&item["Status"]));
        hold("Queue", &self.queue, text(&item["Queue"]["Name"]));
        hold("Priority", &self.priority, text(priority));
        for (name, wanted) in &self.custom {
            hold(name, &Some(wanted.clone()), rows::field(item, name).unwrap_or_default());
        }
        missing
    }
}

/// What it means that a change was answered with success and is not there.
pub(super) fn not_done(missing: &[String], said: &[&str]) -> Trouble {
    let answer = if said.is_empty() { "nothing".to_owned() } else { said.join(" ") };
    let words = format!("it answered {answer:?}, and {}", missing.join(", "));
    if said.iter().any(|one| one.contains("Permission Denied")) {
        return lacks(Trouble::new(TroubleKind::Forbidden, words), "ModifyTicket", "its queue (and ModifyCustomField)");
    }
    Trouble::refused(words)
}

#[cfg(test)]
mod tests {
    use firstline_diagnosis::vocabulary::Priority;

    use super::*;
    use crate::ticket::TicketState;

    #[test]
    fn a_value_stays_within_its_quotes() {
        assert_eq!(quoted("a' OR id > 0 OR 'b\\"), "'a\\' OR id > 0 OR \\'b\\\\'");
    }

    #[test]
    fn a_change_that_was_answered_and_not_made_is_noticed() {
        let change = Change { state: Some(TicketState::Resolved), priority: Some(Priority::P1), ..Change::default() };
        let settings = DeskSettings {
            priorities: [("P1".to_owned(), "90".to_owned())].into_iter().collect(),
            ..DeskSettings::default()
        };
        let wanted = fields(&settings, &change).expect("words");
        assert_eq!(wanted.body(), json!({"Status": "resolved", "Priority": "90"}));
        let item = json!({"Status": "open"});
        let missing = wanted.missing(&item, &json!("90"));
        assert_eq!(missing, ["Status is \"open\", not \"resolved\""]);
        let trouble = not_done(&missing, &["Ticket 1: Permission Denied"]);
        assert_eq!(trouble.kind, TroubleKind::Forbidden);
        assert!(trouble.said.contains("ModifyTicket"), "{}", trouble.said);
        assert_eq!(not_done(&missing, &[]).kind, TroubleKind::Refused);
    }
}
