//! Its items: how lists are given, and what becomes of an order.

use std::collections::BTreeMap;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{Held, refused};

/// Words for states.
pub(super) const STATES: [(u64, &str); 6] = [
    (1, "New"),
    (2, "Processing (assigned)"),
    (3, "Processing (planned)"),
    (4, "Pending"),
    (5, "Solved"),
    (6, "Closed"),
];
/// Fields of a ticket that may be written.
const FIELDS: [&str; 9] =
    ["name", "content", "status", "impact", "urgency", "type", "externalid", "itilcategories_id", "entities_id"];

/// An id, as a number or a text.
pub(super) fn number(value: &Value) -> Value {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    number.map_or(Value::Null, |number| json!(number))
}

/// A list as it was asked for: without a range only its beginning, and an error when the range begins after its end.
pub(super) fn listed(items: Vec<&Value>, query: &BTreeMap<String, String>) -> Response {
    let word = |name: &str| query.get(name).map_or("", String::as_str);
    let mut found: Vec<&Value> = items.into_iter().filter(|item| !item.is_null() && item["is_deleted"] != 1).collect();
    for (name, wanted) in query {
        let Some(field) = name.strip_prefix("searchText[").and_then(|name| name.strip_suffix(']')) else { continue };
        let (begins, ends) = (wanted.starts_with('^'), wanted.ends_with('$'));
        let bare = wanted.trim_start_matches('^').trim_end_matches('$').to_lowercase();
        found.retain(|item| {
            let text = item[field].as_str().unwrap_or_default().to_lowercase();
            match (begins, ends) {
                (true, true) => text == bare,
                _ => text.contains(&bare),
            }
        });
    }
    if word("order") == "DESC" {
        found.reverse();
    }
    let (first, last) = word("range").split_once('-').unwrap_or(("0", "14"));
    let (first, last): (usize, usize) = (first.parse().unwrap_or(0), last.parse().unwrap_or(0));
    let total = found.len();
    if first > total || last < first {
        return refused(400, "ERROR_RANGE_EXCEED_TOTAL", "Provided range exceed total count of data");
    }
    let page: Vec<&Value> = found.into_iter().skip(first).take(last - first + 1).collect();
    let status = if page.len() < total { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    (status, Json(json!(page))).into_response()
}

impl Held {
    pub(super) fn item(&self, kind: &str, id: u64) -> Option<&Value> {
        self.items.get(kind)?.iter().find(|one| one["id"] == id)
    }

    /// Items that the session looks at: without a word about entities, those of the first.
    pub(super) fn in_sight<'a>(&self, items: &'a [Value]) -> Vec<&'a Value> {
        let all = self.session.as_ref().is_some_and(|(_, all)| *all);
        items.iter().filter(|item| all || item.get("entities_id").is_none_or(|entity| *entity == 0)).collect()
    }

    /// Keeps an item.
    pub(in crate::desk::glpi) fn add(&mut self, kind: &'static str, item: Value) -> u64 {
        let items = self.items.entry(kind).or_default();
        let id = items.len() as u64 + 1;
        let mut item: Map<String, Value> = item.as_object().cloned().unwrap_or_default();
        item.insert("id".to_owned(), json!(id));
        items.push(Value::Object(item));
        id
    }

    /// Opens a ticket.
    pub(super) fn open(&mut self, input: &Value) -> u64 {
        let mut ticket = json!({ "status": 1, "impact": 3, "urgency": 3, "is_deleted": 0, "externalid": null });
        for field in FIELDS {
            if let Some(value) = input.get(field) {
                ticket[field] = value.clone();
            }
        }
        let id = self.add("Ticket", ticket);
        let group = number(&input["_groups_id_assign"]);
        if !group.is_null() {
            self.add("Group_Ticket", json!({ "tickets_id": id, "groups_id": group, "type": 2 }));
        }
        id
    }

    /// Makes what was ordered.
    pub(super) fn ordered(&mut self, kind: &str, input: &Value) -> Result<u64, &'static str> {
        let ticket = number(if kind == "Group_Ticket" { &input["tickets_id"] } else { &input["items_id"] });
        let there = ticket.as_u64().is_some_and(|id| self.item("Ticket", id).is_some());
        match kind {
            "Ticket" if input["name"].as_str().is_none_or(str::is_empty) => Err("Mandatory fields are not filled"),
            "Ticket" => Ok(self.open(input)),
            "Group_Ticket" if there => {
                let link = json!({ "tickets_id": ticket, "groups_id": number(&input["groups_id"]), "type": number(&input["type"]) });
                Ok(self.add("Group_Ticket", link))
            }
            "ITILFollowup" if there && input["itemtype"] == "Ticket" && input["content"].is_string() => {
                let note = json!({ "itemtype": "Ticket", "items_id": ticket, "content": input["content"], "is_private": input["is_private"] });
                Ok(self.add("ITILFollowup", note))
            }
            "ITILSolution" if there && input["itemtype"] == "Ticket" => {
                let id = ticket.as_u64().unwrap_or_default();
                if self.item("Ticket", id).is_some_and(|one| one["status"] == 5 || one["status"] == 6) {
                    return Err("The ticket is solved already");
                }
                self.changed("Ticket", id, &json!({ "status": 5 }));
                Ok(self.add(
                    "ITILSolution",
                    json!({ "itemtype": "Ticket", "items_id": ticket, "content": input["content"] }),
                ))
            }
            _ => Err("You do not have permission to perform this action."),
        }
    }

    /// Changes an item; whether it was changed.
    pub(super) fn changed(&mut self, kind: &str, id: u64, input: &Value) -> bool {
        let Some(item) = self.items.get_mut(kind).and_then(|items| items.iter_mut().find(|one| one["id"] == id)) else {
            return false;
        };
        for (name, value) in input.as_object().into_iter().flatten() {
            if FIELDS.contains(&name.as_str()) {
                item[name] = value.clone();
            }
        }
        true
    }
}
