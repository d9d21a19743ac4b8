use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::json;

use super::Out;
use super::command::Token as Order;
use super::connection::{Connection, part};
use super::failure::Failure;
use super::table::Table;
use crate::api::{NewToken, TokenList};
use crate::enrollment::TokenCreated;

pub(super) async fn follow(connection: &Connection, order: Order, out: Out) -> Result<(), Failure> {
    match order {
        Order::Create { uses, expires, tags } => {
            let tags: BTreeMap<String, String> = tags.into_iter().collect();
            let order = NewToken { uses, expires_in_seconds: expires, tags };
            let made: TokenCreated = connection.post("/tokens", &order).await?;
            out.print(&made, || {
                let use_it = "firstline-agent enroll --collector HOST:7443 --token";
                format!(
                    "{}\nGood until {}. It is shown this once. On each machine:\n  {use_it} {}",
                    made.token, made.expires_at, made.token
                )
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
