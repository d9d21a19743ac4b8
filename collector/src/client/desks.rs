use std::fmt::Write as _;

use serde_json::json;

use super::Out;
use super::command::{Desk as DeskOrder, Outbox as OutboxOrder};
use super::connection::{Connection, part};
use super::failure::Failure;
use super::table::{Table, harmless};
use crate::config::Config;
use crate::desk::{Delivery, DeliveryList, DeskList, Trial, TrialOrder};

/// Prints the table that makes a desk, when the collector would take it.
pub(super) fn add(order: DeskOrder, out: Out) -> Result<(), Failure> {
    let DeskOrder::Add { name, kind, url, token_file, token_variable, queues, device_field } = order else {
        return Ok(());
    };
    let mut table = toml::Table::new();
    let texts = [
        ("name", Some(name)),
        ("kind", Some(kind)),
        ("url", Some(url)),
        ("token_file", token_file),
        ("token_variable", token_variable),
        ("device_field", device_field),
    ];
    table.extend(texts.into_iter().filter_map(|(key, text)| Some((key.to_owned(), toml::Value::String(text?)))));
    if !queues.is_empty() {
        let queues = queues.into_iter().map(toml::Value::String).collect();
        table.insert("queues".to_owned(), toml::Value::Array(queues));
    }
    let text = format!("\n[[desk]]\n{table}");
    Config::parse(&text).map_err(Failure::usage)?;
    out.print(&table, || text)
}

pub(super) async fn follow(connection: &Connection, order: DeskOrder, out: Out) -> Result<(), Failure> {
    match order {
        DeskOrder::Add { .. } => add(order, out),
        DeskOrder::List => {
            let list: DeskList = connection.get("/desks", &[]).await?;
            out.print(&list, || desks(&list))
        }
        DeskOrder::Test { desk, ticket } => {
            let path = format!("/desks/{}/test", part(&desk));
            let trial: Trial = connection.post(&path, &TrialOrder { ticket }).await?;
            out.print(&trial, || steps(&trial))?;
            if trial.passed { Ok(()) } else { Err(Failure::failed(format!("desk {desk} is not set up for all of it"))) }
        }
    }
}

pub(super) async fn follow_outbox(connection: &Connection, order: OutboxOrder, out: Out) -> Result<(), Failure> {
    match order {
        OutboxOrder::List { state, ticket } => {
            let mut query = vec![("limit", "500")];
            query.extend(state.as_deref().map(|state| ("state", state)));
            query.extend(ticket.as_deref().map(|ticket| ("ticket", ticket)));
            let list: DeliveryList = connection.get("/outbox", &query).await?;
            out.print(&list, || deliveries(&list))
        }
        OutboxOrder::Retry { id } => {
            let delivery: Delivery = connection.post(&format!("/outbox/{}/retry", part(&id)), &json!({})).await?;
            out.print(&delivery, || harmless(&format!("Delivery {} is tried again now.", delivery.id)))
        }
        OutboxOrder::Drop { id } => {
            let delivery: Delivery = connection.post(&format!("/outbox/{}/drop", part(&id)), &json!({})).await?;
            out.print(&delivery, || harmless(&format!("Delivery {} is given up.", delivery.id)))
        }
    }
}

fn desks(list: &DeskList) -> String {
    let mut table = Table::new(["desk", "kind", "address", "queues", "waiting", "failed", "trouble"]);
    for desk in &list.desks {
        table.row([
            desk.name.clone(),
            desk.kind.clone(),
            desk.url.clone(),
            desk.queues.join(", "),
            desk.waiting.to_string(),
            desk.failed.to_string(),
            desk.trouble.clone(),
        ]);
    }
    table.print("No desks but the built-in one. docs/desks.md says how to set one up.")
}

fn steps(trial: &Trial) -> String {
    let mut text = String::new();
    for step in &trial.steps {
        let mark = if step.done { "done  " } else { "FAILED" };
        let _ = writeln!(text, "{mark}  {:<8} {}", step.step, harmless(&step.said));
    }
    text
}

fn deliveries(list: &DeliveryList) -> String {
    let mut table = Table::new(["state", "desk", "ticket", "there", "what", "attempts", "made", "the desk says", "id"]);
    for one in &list.deliveries {
        table.row([
            one.state.name().to_owned(),
            one.desk.clone(),
            one.ticket.clone(),
            one.number.clone(),
            one.words.clone(),
            one.attempts.to_string(),
            one.made_at.to_string(),
            one.said.clone(),
            one.id.clone(),
        ]);
    }
    table.print("Nothing goes out to other desks.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(url: &str) -> DeskOrder {
        DeskOrder::Add {
            name: "helpdesk".to_owned(),
            kind: "request-tracker".to_owned(),
            url: url.to_owned(),
            token_file: Some("rt.token".to_owned()),
            token_variable: None,
            queues: vec!["Work \"stations\"".to_owned()],
            device_field: None,
        }
    }

    #[test]
    fn a_desk_is_only_printed_when_a_collector_would_take_it() {
        assert!(add(order("https://rt.example.com"), Out { json: false }).is_ok());
        let refused = add(order("http://rt.example.com"), Out { json: false }).expect_err("not encrypted");
        assert!(refused.to_string().contains("use https://"), "{refused}");
    }
}
