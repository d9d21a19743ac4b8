use std::fmt::Write as _;

use serde::Serialize;
use serde_json::json;

use super::Out;
use super::command::{Desk as DeskOrder, NewDesk, NewOutput, Outbox as OutboxOrder, Output as OutputOrder};
use super::connection::{Connection, part};
use super::failure::Failure;
use super::table::{Table, harmless};
use crate::config::Config;
use crate::desk::{Delivery, DeliveryList, DeskList, DeskWords, MapWord, OutputList, Trial, TrialOrder, TrialStep};

/// Prints the table that makes a desk, when the collector would take it.
pub(super) fn add(order: &NewDesk, out: Out) -> Result<(), Failure> {
    add_table("desk", order, out)
}

/// Prints the table that makes an output, when the collector would take it.
pub(super) fn add_output(order: &NewOutput, out: Out) -> Result<(), Failure> {
    add_table("output", order, out)
}

fn add_table(name: &str, order: &impl Serialize, out: Out) -> Result<(), Failure> {
    let table = toml::Table::try_from(order).map_err(|error| Failure::usage(error.to_string()))?;
    let text = format!("\n[[{name}]]\n{table}");
    Config::parse(&text).map_err(Failure::usage)?;
    out.print(&table, || text)
}

pub(super) async fn follow(connection: &Connection, order: DeskOrder, out: Out) -> Result<(), Failure> {
    match order {
        DeskOrder::Add(order) => add(&order, out),
        DeskOrder::List => {
            let list: DeskList = connection.get("/desks", &[]).await?;
            out.print(&list, || desks(&list))
        }
        DeskOrder::Show { desk } => {
            let words: DeskWords = connection.get(&format!("/desks/{}/words", part(&desk)), &[]).await?;
            out.print(&words, || maps(&words))
        }
        DeskOrder::Test { desk, ticket } => {
            let path = format!("/desks/{}/test", part(&desk));
            let trial: Trial = connection.post(&path, &TrialOrder { ticket }).await?;
            told(&trial, out)
        }
    }
}

pub(super) async fn follow_output(connection: &Connection, order: OutputOrder, out: Out) -> Result<(), Failure> {
    match order {
        OutputOrder::Add(order) => add_output(&order, out),
        OutputOrder::List => {
            let list: OutputList = connection.get("/outputs", &[]).await?;
            out.print(&list, || outputs(&list))
        }
        OutputOrder::Test { output } => {
            let trial: Trial = connection.post(&format!("/outputs/{}/test", part(&output)), &json!({})).await?;
            told(&trial, out)
        }
    }
}

/// Prints how a desk or an output did.
fn told(trial: &Trial, out: Out) -> Result<(), Failure> {
    out.print(trial, || steps(&trial.steps))?;
    if trial.passed { Ok(()) } else { Err(Failure::failed(format!("{} is not set up for all of it", trial.desk))) }
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
            desk.traffic.waiting.to_string(),
            desk.traffic.failed.to_string(),
            desk.traffic.trouble.clone(),
        ]);
    }
    table.print("No desks but the built-in one. docs/desks.md says how to set one up.")
}

/// A table of the configuration's words, and below it what the desk has.
fn maps(words: &DeskWords) -> String {
    let mut table = Table::new(["map", "in Firstline", "at the desk", "is there"]);
    for map in &words.maps {
        for one in &map.configured {
            let ours = if one.ours.is_empty() { "(new tickets)" } else { &one.ours };
            let is_there = one.is_there.map_or("not told", |is_there| if is_there { "yes" } else { "NO" });
            table.row([map.map.clone(), ours.to_owned(), one.word.clone(), is_there.to_owned()]);
        }
    }
    let mut text = table.print("The configuration names no words of this desk; the usual ones of its kind count.");
    for map in &words.maps {
        let there = map.there.iter().map(MapWord::told).collect::<Vec<_>>().join(", ");
        let there = if there.is_empty() { "the desk does not tell them".to_owned() } else { there };
        let _ = write!(text, "\n{} there: {}", map.map, harmless(&there));
    }
    text.push('\n');
    text
}

fn outputs(list: &OutputList) -> String {
    let mut table = Table::new(["output", "kind", "address", "waiting", "failed", "trouble"]);
    for output in &list.outputs {
        table.row([
            output.name.clone(),
            output.kind.clone(),
            output.url.clone(),
            output.traffic.waiting.to_string(),
            output.traffic.failed.to_string(),
            output.traffic.trouble.clone(),
        ]);
    }
    table.print("No outputs. docs/outputs.md says how to set one up.")
}

/// The steps of a trial, a line each.
pub(super) fn steps(steps: &[TrialStep]) -> String {
    let mut text = String::new();
    for step in steps {
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
    table.print("Nothing goes out to other desks or to outputs.")
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::command::{Command, Line};
    use super::*;

    /// The order as it is typed.
    fn order(url: &str) -> Box<NewDesk> {
        let typed = ["firstline", "desk", "add", "helpdesk", "--url", url, "--token-file", "rt.token"];
        let more = ["--queue", "Work \"stations\""];
        match Line::try_parse_from(typed.into_iter().chain(more)).expect("understood").command {
            Command::Desk(DeskOrder::Add(order)) => order,
            other => panic!("{other:?}"),
        }
    }

    /// The order for an output without a secret.
    fn new_output(url: &str) -> NewOutput {
        let typed = ["firstline", "output", "add", "automation", "--url", url];
        match Line::try_parse_from(typed).expect("understood").command {
            Command::Output(OutputOrder::Add(order)) => *order,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_desk_or_an_output_is_only_printed_when_a_collector_would_take_it() {
        assert!(add(&order("https://rt.example.com"), Out { json: false }).is_ok());
        let output = NewOutput { secret_file: Some("s".to_owned()), ..new_output("https://hooks.example.com") };
        assert!(add_output(&output, Out { json: false }).is_ok());
        let refused = add_output(&new_output("https://hooks.example.com"), Out { json: false }).expect_err("no secret");
        assert!(refused.to_string().contains("needs secret_file"), "{refused}");
        let refused = add(&order("http://rt.example.com"), Out { json: false }).expect_err("not encrypted");
        assert!(refused.to_string().contains("use https://"), "{refused}");
    }
}
