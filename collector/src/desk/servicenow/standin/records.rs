//! Its rows: what a query brings, what is shown of a row, and what becomes of an order.

use serde_json::{Map, Value, json};

use super::{Held, word_of};

/// Fields of an incident; others are ignored.
const FIELDS: [&str; 17] = [
    "short_description",
    "description",
    "state",
    "impact",
    "urgency",
    "priority",
    "category",
    "assignment_group",
    "caller_id",
    "cmdb_ci",
    "correlation_id",
    "correlation_display",
    "close_code",
    "close_notes",
    "hold_reason",
    "due_date",
    "u_hostname",
];
/// Fields that hold the id of a row of another table.
const REFERENCES: [(&str, &str); 3] =
    [("assignment_group", "sys_user_group"), ("caller_id", "sys_user"), ("cmdb_ci", "cmdb_ci")];
/// Codes with which an incident may be closed.
const CODES: [&str; 2] = ["Solution provided", "Workaround provided"];

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What stands in a field, also of the row that it refers to; none for a field that there is not.
fn field(held: &Held, row: &Value, name: &str) -> Option<String> {
    let Some((name, rest)) = name.split_once('.') else { return row.get(name).map(text) };
    let (_, table) = REFERENCES.iter().find(|(field, _)| *field == name)?;
    let id = row.get(name)?;
    let referred = held.tables[table].iter().find(|one| one["sys_id"] == *id);
    Some(referred.map(|one| text(&one[rest])).unwrap_or_default())
}

/// A term of a query, as far as it is understood; none for one that is left out.
fn holds(held: &Held, row: &Value, term: &str) -> Option<bool> {
    if let Some((name, list)) = term.split_once("NOT IN") {
        return Some(!list.split(',').any(|one| field(held, row, name).as_deref() == Some(one)));
    }
    if let Some((name, least)) = term.split_once(">=") {
        return Some(field(held, row, name)?.as_str() >= least);
    }
    let (name, wanted) = term.split_once('=')?;
    let wanted = if wanted == "javascript:gs.getUserName()" { "firstline" } else { wanted };
    Some(field(held, row, name)? == wanted)
}

/// The rows that a query brings. A term that is not understood is left out.
pub(super) fn matching<'a>(held: &Held, rows: &'a [Value], query: &str) -> Vec<&'a Value> {
    let query = query.replace("^^", "\u{1}");
    let terms: Vec<String> = query.split('^').map(|term| term.replace('\u{1}', "^")).collect();
    let (mut order, mut all): (Option<(&str, bool)>, Vec<Vec<&str>>) = (None, Vec::new());
    for term in &terms {
        if let Some(name) = term.strip_prefix("ORDERBYDESC") {
            order = order.or(Some((name, true)));
        } else if let Some(name) = term.strip_prefix("ORDERBY") {
            order = order.or(Some((name, false)));
        } else if let (Some(other), Some(last)) = (term.strip_prefix("OR"), all.last_mut()) {
            last.push(other);
        } else {
            all.push(vec![term]);
        }
    }
    let fits = |row: &&Value| {
        all.iter().all(|any| {
            let known: Vec<bool> = any.iter().filter_map(|term| holds(held, row, term)).collect();
            known.is_empty() || known.contains(&true)
        })
    };
    let mut found: Vec<&Value> = rows.iter().filter(fits).collect();
    if let Some((name, down)) = order {
        found.sort_by_key(|row| field(held, row, name));
        if down {
            found.reverse();
        }
    }
    found
}

/// A row with the fields that were asked for, alone or beside how they are shown.
pub(super) fn seen_as(held: &Held, row: &Value, fields: &str, both: bool) -> Value {
    let one = |name: &str| {
        let value = field(held, row, name)?;
        // What is kept in the journal is not read here.
        let shown = if name == "state" { word_of(&json!(value)) } else { value.clone() };
        let seen = if both { json!({ "display_value": shown, "value": value }) } else { json!(value) };
        Some((name.to_owned(), seen))
    };
    Value::Object(fields.split(',').filter_map(one).collect())
}

impl Held {
    /// What is written of an order; a reference that fits nothing is stored empty.
    fn taken(&self, order: &Value) -> Map<String, Value> {
        let order = order.as_object().cloned().unwrap_or_default();
        let known = order.into_iter().filter(|(name, _)| FIELDS.contains(&name.as_str()));
        known
            .map(|(name, value)| {
                let table = REFERENCES.iter().find(|(field, _)| *field == name).map(|(_, table)| table);
                let fits = table.is_none_or(|table| self.tables[table].iter().any(|one| one["sys_id"] == value));
                (name, if fits { value } else { json!("") })
            })
            .collect()
    }

    /// Makes an incident.
    pub(super) fn inserted(&mut self, order: &Value) -> Value {
        let count = self.tables["incident"].len();
        let mut row: Map<String, Value> = FIELDS.iter().map(|name| ((*name).to_owned(), json!(""))).collect();
        row.extend(
            [("state", "1"), ("impact", "3"), ("urgency", "3")].map(|(name, value)| (name.to_owned(), json!(value))),
        );
        row.extend(self.taken(order));
        row.insert("number".to_owned(), json!(format!("INC{:07}", 10_001 + count)));
        // Ids say nothing of the order in which they were made.
        row.insert("sys_id".to_owned(), json!(format!("{:032x}", 0xffff - count)));
        row.insert("sys_created_on".to_owned(), json!("2026-01-15 10:20:30"));
        let row = Value::Object(row);
        self.tables.get_mut("incident").expect("it has incidents").push(row.clone());
        row
    }

    /// Changes an incident.
    pub(super) fn updated(&mut self, id: &str, order: &Value) -> Result<Value, (u16, &'static str)> {
        let taken = self.taken(order);
        let journal: Vec<Value> = ["work_notes", "comments"]
            .iter()
            .filter(|name| order[**name].is_string())
            .map(|name| {
                json!({ "sys_id": format!("j{}", self.tables["sys_journal_field"].len()), "element_id": id,
                "element": name, "value": order[*name], "sys_created_on": "2026-01-15 10:21:00" })
            })
            .collect();
        let rows = self.tables.get_mut("incident").expect("it has incidents");
        let row = rows.iter_mut().find(|row| row["sys_id"] == id).ok_or((404, ""))?;
        let after = |name: &str| taken.get(name).map_or_else(|| text(&row[name]), text);
        if after("state") == "6" && (after("close_notes").is_empty() || !CODES.contains(&after("close_code").as_str()))
        {
            return Err((403, "Data Policy Exception: Resolution code and notes are mandatory"));
        }
        for (name, value) in taken {
            row[name] = value;
        }
        let row = row.clone();
        self.tables.get_mut("sys_journal_field").expect("it has a journal").extend(journal);
        Ok(row)
    }
}
