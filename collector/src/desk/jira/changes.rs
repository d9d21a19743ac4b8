//! Changes: states by the ways that lead from where an issue stands, other fields as they are.

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::{Jira, words};
use crate::desk::contract::{Change, TicketRef};
use crate::desk::trouble::{Trouble, TroubleKind};
use crate::desk::values::{part, text};
use crate::ticket::TicketState;

/// Where an issue shall stand.
struct Wanted<'a> {
    category: &'a str,
    /// Good names, best first.
    names: Vec<&'a str>,
    /// Whether the administrator chose the name, so that no other will do.
    chosen: bool,
}

impl Wanted<'_> {
    /// Whether a state is it. Whatever is done is resolved.
    fn is(&self, state: &Value) -> bool {
        let named = self.names.iter().any(|name| text(&state["name"]).eq_ignore_ascii_case(name));
        named || (!self.chosen && self.category == "done" && state["statusCategory"]["key"] == "done")
    }

    /// The way there: by name, or the only one of the right kind.
    fn way<'v>(&self, ways: &'v [Value]) -> Option<&'v Value> {
        let named = |name: &&str| ways.iter().find(|way| text(&way["to"]["name"]).eq_ignore_ascii_case(name));
        let of_kind = |way: &&Value| !self.chosen && way["to"]["statusCategory"]["key"] == self.category;
        self.names.iter().find_map(named).or_else(|| {
            let mut ways = ways.iter().filter(of_kind);
            ways.next().filter(|_| ways.next().is_none())
        })
    }
}

impl Jira {
    pub(super) async fn make(&self, ticket: &TicketRef, change: &Change) -> Result<(), Trouble> {
        let fields = self.wanted_fields(ticket, change).await?;
        let asked = format!("status,project,{}", fields.keys().map(String::as_str).collect::<Vec<_>>().join(","));
        let now = self.fields_of(ticket, &asked).await?;
        let project = text(&now["project"]["key"]);
        if change.queue.as_ref().is_some_and(|queue| *queue != project) {
            return Err(Trouble::refused(format!(
                "it is in {project}, and only a person can move it to another project"
            )));
        }
        let path = format!("api/3/issue/{}", part(&ticket.api_id));
        let other = |now: &Value| fields.iter().find(|(name, value)| words::shown(&now[*name]) != words::shown(value));
        if other(&now).is_some() {
            self.write(Method::PUT, &path, &json!({ "fields": fields })).await?;
        }
        let wanted = change.state.map(|state| self.wanted_state(state));
        if let Some(wanted) = wanted.as_ref().filter(|wanted| !wanted.is(&now["status"])) {
            self.walk(&path, wanted, &text(&now["status"]["name"])).await?;
        }
        let now = self.fields_of(ticket, &asked).await?;
        if let Some((name, value)) = other(&now) {
            return Err(Trouble::refused(format!(
                "it answered with success, and {name} is {}, not {value}",
                now[name]
            )));
        }
        match wanted.filter(|wanted| !wanted.is(&now["status"])) {
            Some(_) => {
                Err(Trouble::refused(format!("it answered with success, and stands at {}", now["status"]["name"])))
            }
            None => Ok(()),
        }
    }

    /// Fields of an issue as it is.
    pub(super) async fn fields_of(&self, ticket: &TicketRef, fields: &str) -> Result<Value, Trouble> {
        let gone = || Trouble::new(TroubleKind::NotFound, format!("{} is not there any more", ticket.display_number));
        Ok(self.issue(&ticket.api_id, fields).await?.ok_or_else(gone)?["fields"].take())
    }

    fn wanted_state(&self, state: TicketState) -> Wanted<'_> {
        let (category, usual) = words::usual_states(state);
        match self.settings.states.get(state.name()) {
            Some(name) => Wanted { category, names: vec![name], chosen: true },
            None => Wanted { category, names: usual.to_vec(), chosen: false },
        }
    }

    /// Priority and category, in the form that their fields want.
    async fn wanted_fields(&self, ticket: &TicketRef, change: &Change) -> Result<Map<String, Value>, Trouble> {
        let mut fields = Map::new();
        if let Some(priority) = change.priority {
            let word = self.settings.priority(priority).unwrap_or_else(|| words::usual_priority(priority));
            fields.insert("priority".to_owned(), json!({ "name": word }));
        }
        let field = &self.settings.category_field;
        if let Some(category) = change.category.as_ref().filter(|_| !field.is_empty()) {
            let word = self.settings.category(category);
            let edit = self.get(&format!("api/3/issue/{}/editmeta", part(&ticket.api_id)), &[]).await?;
            let value = match edit["fields"][field]["schema"]["type"].as_str() {
                Some("option") => json!({ "value": word }),
                Some("array") => json!([{ "value": word }]),
                Some(_) => json!(word),
                None => {
                    return Err(Trouble::refused(format!("category_field: {field} cannot be edited on this issue")));
                }
            };
            fields.insert(field.clone(), value);
        }
        Ok(fields)
    }

    /// Takes the way to a state, with a resolution where the way asks for one.
    async fn walk(&self, issue: &str, wanted: &Wanted<'_>, from: &str) -> Result<(), Trouble> {
        let path = format!("{issue}/transitions");
        let offered = self.get(&path, &[("expand", "transitions.fields")]).await?;
        let ways = offered["transitions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let way = wanted.way(ways).ok_or_else(|| {
            let names: Vec<String> = ways.iter().map(|way| text(&way["to"]["name"])).collect();
            Trouble::refused(format!(
                "no way leads from {from} to {}; there are ways to: {} (choose one in states)",
                wanted.names.join(" or "),
                names.join(", ")
            ))
        })?;
        let mut order = json!({ "transition": { "id": way["id"] } });
        let resolutions =
            way["fields"]["resolution"]["allowedValues"].as_array().map(Vec::as_slice).unwrap_or_default();
        let done = resolutions.iter().find(|one| one["name"] == "Done").or(resolutions.first());
        if let Some(done) = done {
            order["fields"] = json!({ "resolution": { "name": done["name"] } });
        }
        self.write(Method::POST, &path, &order).await.map(drop)
    }
}
