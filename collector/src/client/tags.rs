use std::collections::BTreeMap;

use super::Out;
use super::command::TagChange;
use super::connection::{Connection, part};
use super::failure::Failure;
use super::table::Table;
use crate::api::tags::{TagList, TagOrder};

pub(super) async fn follow(
    connection: &Connection,
    endpoint: &str,
    change: Option<TagChange>,
    out: Out,
) -> Result<(), Failure> {
    let path = format!("/endpoints/{}/tags", part(endpoint));
    let list: TagList = match change {
        None => connection.get(&path, &[]).await?,
        Some(TagChange::Add { tags }) => {
            let set: BTreeMap<String, String> = tags.into_iter().collect();
            connection.post(&path, &TagOrder { set, ..TagOrder::default() }).await?
        }
        Some(TagChange::Remove { names }) => {
            connection.post(&path, &TagOrder { remove: names, ..TagOrder::default() }).await?
        }
    };
    out.print(&list, || print(&list))
}

fn print(list: &TagList) -> String {
    let mut table = Table::new(["tag", "where from", "since"]);
    for tag in &list.tags {
        let other = if tag.counts { "" } else { " (another counts)" };
        table.row([format!("{}={}", tag.name, tag.value), format!("{}{other}", tag.words()), tag.at.to_string()]);
    }
    table.print("No tags.")
}
