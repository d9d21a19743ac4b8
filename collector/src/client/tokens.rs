use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::json;

use super::Out;
use super::command::Token as Order;
use super::connection::{Connection, part};
use super::failure::Failure;
use super::table::Table;
use crate::api::{NewToken, TokenList, TokenMade};
use crate::enrollment::TokenCreated;

pub(super) async fn follow(connection: &Connection, order: Order, out: Out) -> Result<(), Failure> {
    match order {
        Order::Create { uses, expires, tags } => {
            let tags: BTreeMap<String, String> = tags.into_iter().collect();
            let order = NewToken { uses, expires_in_seconds: expires, tags };
            let made: TokenMade = connection.post("/tokens", &order).await?;
            out.print(&made, || {
                let TokenCreated { token, expires_at, .. } = &made.created;
                let use_it = format!("firstline-agent enroll --collector {} --token {token}", made.collector);
                format!("{token}\nGood until {expires_at}. It is shown this once. On each machine:\n  {use_it}")
            })
        }
        Order::List => {
            let list: TokenList = connection.get("/tokens", &[]).await?;
            out.print(&list, || print(&list))
        }
        Order::Revoke { id } => {
            connection.tell(Method::POST, &format!("/tokens/{}/revoke", part(&id))).await?;
            out.print(&json!({ "revoked": id }), || format!("Token {id} is worthless now."))
        }
    }
}

fn print(list: &TokenList) -> String {
    let mut table = Table::new(["id", "used", "until", "by", "tags", "state"]);
    for token in &list.tokens {
        let tags: Vec<String> = token.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        table.row([
            token.id.clone(),
            format!("{}/{}", token.uses, token.uses_allowed),
            token.expires_at.to_string(),
            token.created_by.clone(),
            tags.join(","),
            token.revoked_at.map_or_else(String::new, |at| format!("revoked {at}")),
        ]);
    }
    table.print("No tokens.")
}
