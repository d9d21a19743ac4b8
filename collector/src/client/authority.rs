use std::fmt::Write as _;

use super::Out;
use super::command::Authority as Order;
use super::connection::Connection;
use super::failure::Failure;
use super::table::Table;
use crate::api::authority::Retirement;
use crate::fleet::{AuthorityStatus, RootStatus};

pub(super) async fn follow(connection: &Connection, order: Order, out: Out) -> Result<(), Failure> {
    let status: AuthorityStatus = match order {
        Order::Status => connection.get("/authority", &[]).await?,
        Order::Rotate => connection.post("/authority/rotate", &serde_json::json!({})).await?,
        Order::Retire { force } => connection.post("/authority/retire", &Retirement { force }).await?,
    };
    out.print(&status, || print(&status))
}

fn print(status: &AuthorityStatus) -> String {
    let mut text = format!("Root           {}\n", root(&status.root));
    let key = if status.key_present { "" } else { "  NOT THERE: nothing can be enrolled or renewed" };
    let _ = writeln!(text, "Key            {}{key}", status.key_file);
    let _ = writeln!(text, "Endpoints      {} know it, {} must be enrolled again", status.know, status.lapsed);
    for one in &status.replicas {
        let words = match (one.knows, one.key_present) {
            (true, true) => "knows it and has its key",
            (true, false) => "knows it; WITHOUT ITS KEY: nothing can be enrolled or renewed there",
            (false, _) => "does not know it yet",
        };
        let _ = writeln!(text, "Replica        {}: {words}", super::table::harmless(&one.name));
    }
    if let Some(before) = &status.before {
        let _ = writeln!(text, "Root before    {}", root(before));
        text.push_str(&change(status));
    }
    text
}

fn root(root: &RootStatus) -> String {
    format!("{}  {}  {} to {}", root.name, root.sha256, root.made_at, root.expires_at)
}

/// Who still depends on the root before.
fn change(status: &AuthorityStatus) -> String {
    let mut text = format!("Tokens         {} pin the root before and end with it\n", status.tokens_before);
    let Some(until) = status.depend_until else {
        text.push_str("Nobody depends on the root before: `firstline authority retire`\n");
        return text;
    };
    let _ = writeln!(
        text,
        "{} endpoints depend on the root before, until {until} at the latest. They renew when they connect.",
        status.depend
    );
    let mut table = Table::new(["waiting for", "id", "last seen"]);
    for one in &status.waiting {
        let seen = one.last_seen.map_or_else(|| "never".to_owned(), |at| at.to_string());
        table.row([one.name.clone(), one.id.clone(), seen]);
    }
    text + &table.print("")
}
