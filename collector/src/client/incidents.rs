use std::fmt::Write as _;

use serde_json::json;

use super::Out;
use super::command::Incident as Order;
use super::connection::{Connection, part};
use super::failure::Failure;
use super::table::{Table, harmless};
use crate::incident::{Incident, IncidentList, WeakPartList};

pub(super) async fn follow(connection: &Connection, order: Order, out: Out) -> Result<(), Failure> {
    match order {
        Order::List { all } => {
            let query: &[(&str, &str)] = if all { &[("limit", "200")] } else { &[("limit", "200"), ("open", "true")] };
            let list: IncidentList = connection.get("/incidents", query).await?;
            out.print(&list, || print(&list))
        }
        Order::Show { id } => {
            let incident: Incident = connection.get(&format!("/incidents/{}", part(&id)), &[]).await?;
            out.print(&incident, || words(&incident))
        }
        Order::Parts => {
            let list: WeakPartList = connection.get("/incidents/parts", &[]).await?;
            out.print(&list, || parts(&list))
        }
        Order::Confirm { id, note } => decide(connection, &id, "confirm", &note, out).await,
        Order::Dismiss { id, note } => decide(connection, &id, "dismiss", &note, out).await,
    }
}

fn parts(list: &WeakPartList) -> String {
    let mut table = Table::new(["part", "what", "fail", "of", "at least", "of all such parts"]);
    for one in &list.parts {
        table.row([
            one.part.clone(),
            one.name.clone(),
            one.cases.to_string(),
            one.of.to_string(),
            format!("{:.0} %", one.share_at_least * 100.0),
            format!("{:.1} %", one.fleet_share * 100.0),
        ]);
    }
    table.print("No part fails more than others.")
}

async fn decide(connection: &Connection, id: &str, verb: &str, note: &str, out: Out) -> Result<(), Failure> {
    let path = format!("/incidents/{}/{verb}", part(id));
    let incident: Incident = connection.post(&path, &json!({ "note": note })).await?;
    out.print(&incident, || format!("Now {}: {}", incident.state.name(), harmless(&incident.words)))
}

fn print(list: &IncidentList) -> String {
    let mut table = Table::new(["severity", "state", "impact", "what", "since", "id"]);
    for incident in &list.incidents {
        table.row([
            incident.severity.name().to_owned(),
            if incident.asks { "please confirm" } else { incident.state.name() }.to_owned(),
            format!("{:?}", incident.impact),
            incident.words.clone(),
            incident.onset.to_string(),
            incident.id.clone(),
        ]);
    }
    table.print("No incidents.")
}

fn words(incident: &Incident) -> String {
    let numbers = &incident.numbers;
    let mut text = format!(
        "{}\n{}, {}, {:?}, {:?}, since {}\nFor everybody: {}\n",
        harmless(&incident.words),
        incident.kind.words(),
        incident.severity,
        incident.impact,
        incident.priority,
        incident.onset,
        harmless(&incident.user),
    );
    let _ = writeln!(
        text,
        "{} of {} that share it are affected, {} of {} of all; by chance {:.1e}, {:.0} times oftener than elsewhere",
        numbers.affected, numbers.sharing, numbers.all_affected, numbers.all, numbers.p, numbers.lift
    );
    if incident.asks {
        let sure = incident.confidence * 100.0;
        let _ = writeln!(text, "Please confirm or dismiss it: it is likely ({sure:.0} %), not certain.");
    }
    if let Some(said) = &incident.confirmation {
        let what = if said.confirmed { "Confirmed" } else { "Dismissed" };
        let _ = writeln!(text, "{what} by {} at {}. {}", harmless(&said.by), said.at, harmless(&said.note));
    }
    if !incident.tickets.is_empty() {
        let _ = writeln!(text, "Tickets: {}", incident.tickets.join(", "));
    }
    if let Some(since) = incident.calm_since {
        let _ = writeln!(text, "It looks over since {since}.");
    }
    if let Some(at) = incident.closed_at {
        let _ = writeln!(text, "It was over at {at}.");
    }
    let mut table = Table::new(["endpoint", "affected", "since", "id"]);
    for one in &incident.endpoints {
        let affected = if one.is_affected { "yes" } else { "no longer" };
        table.row([one.name.clone(), affected.to_owned(), one.joined_at.to_string(), one.id.clone()]);
    }
    format!("{text}\n{}", table.print("No endpoints."))
}
