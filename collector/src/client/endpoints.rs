use std::fmt::Write as _;

use firstline_diagnosis::document::{Actor, Endpoint, EndpointList, EndpointState, Related};
use firstline_diagnosis::vocabulary::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Out;
use super::command::Endpoint as Order;
use super::connection::{Connection, part};
use super::failure::Failure;
use super::inventory;
use super::moment::Moment;
use super::table::{Table, harmless, told_apart};
use super::tags;
use crate::change::ChangeList;

pub(super) async fn follow(connection: &Connection, order: Order, out: Out) -> Result<(), Failure> {
    match order {
        Order::List { search, state, tag, limit } => {
            let wished = [("search", search.as_deref()), ("state", state.as_deref()), ("tag", tag.as_deref())];
            let list = list(connection, wished, limit).await?;
            out.print(&list, || print(&list))
        }
        Order::Show { endpoint } => {
            let endpoint: Endpoint = connection.get(&format!("/endpoints/{}", part(&endpoint)), &[]).await?;
            out.print(&endpoint, || words(&endpoint))
        }
        Order::Tag { endpoint, change } => tags::follow(connection, &endpoint, change, out).await,
        Order::Inventory { endpoint, at, since, search, group } => {
            inventory::follow(connection, &endpoint, inventory::Wish { at, since, search, group }, out).await
        }
        Order::Changes { endpoint, since, until } => {
            let moments = [("since", since), ("until", until)]
                .map(|(name, moment)| (name, moment.map(|moment| moment.0.to_string())));
            let query: Vec<(&str, &str)> =
                moments.iter().filter_map(|(name, moment)| Some((*name, moment.as_deref()?))).collect();
            let list: ChangeList = connection.get(&format!("/endpoints/{}/changes", part(&endpoint)), &query).await?;
            out.print(&list, || changes(&list))
        }
        Order::Revoke { endpoint } => {
            let path = format!("/endpoints/{}/revoke", part(&endpoint));
            let endpoint: Endpoint = connection.post(&path, &json!({})).await?;
            out.print(&endpoint, || {
                format!("{} is revoked. It must be enrolled again to come back.", harmless(&called(&endpoint)))
            })
        }
        Order::Record { endpoint, from, to, all } => record(connection, &endpoint, (from, to), all).await,
        Order::Duplicates => {
            let list: DuplicateList = connection.get("/duplicates", &[]).await?;
            out.print(&list, || duplicates(&list))
        }
        Order::Merge { earlier, into } => {
            let path = format!("/endpoints/{}/merge", part(&into));
            let endpoint: Endpoint = connection.post(&path, &json!({ "earlier": earlier })).await?;
            out.print(&endpoint, || {
                format!("{} is a part of the past of {} now.", harmless(&earlier), harmless(&called(&endpoint)))
            })
        }
        Order::Decommission { endpoint, forget } => {
            let path = format!("/endpoints/{}/decommission", part(&endpoint));
            let endpoint: Endpoint = connection.post(&path, &json!({ "forget": forget })).await?;
            let records = if forget { " Its records are forgotten." } else { "" };
            out.print(&endpoint, || format!("{} is out of service.{records}", harmless(&called(&endpoint))))
        }
    }
}

/// A recording, as it arrives: it may be longer than what fits in memory.
async fn record(
    connection: &Connection,
    endpoint: &str,
    (from, to): (Option<Moment>, Option<Moment>),
    all: bool,
) -> Result<(), Failure> {
    use std::io::Write as _;
    let mut query: Vec<(&str, String)> = Vec::new();
    query.extend(from.map(|from| ("from", from.0.to_string())));
    query.extend(to.map(|to| ("to", to.0.to_string())));
    query.extend(all.then(|| ("all", "true".to_owned())));
    let path = format!("/endpoints/{}/recording", part(endpoint));
    let mut pieces = connection.pieces(connection.asked(&path, &query), &path).await?;
    let mut out = std::io::stdout().lock();
    while let Some(piece) = pieces.next().await? {
        // A reader that went away (`| head`) is no failure.
        if out.write_all(&piece).is_err() {
            return Ok(());
        }
    }
    let _ = out.flush();
    Ok(())
}

/// Page after page, until there are enough.
async fn list(
    connection: &Connection,
    wished: [(&'static str, Option<&str>); 3],
    limit: Option<usize>,
) -> Result<EndpointList, Failure> {
    let limit = limit.unwrap_or(usize::MAX);
    let mut all = EndpointList { endpoints: Vec::new(), next: None };
    loop {
        let page = (limit - all.endpoints.len()).min(500).to_string();
        let fields = [("after", all.next.as_deref()), ("limit", Some(page.as_str()))];
        let query: Vec<(&str, &str)> =
            wished.into_iter().chain(fields).filter_map(|(name, value)| Some((name, value?))).collect();
        let mut next: EndpointList = connection.get("/endpoints", &query).await?;
        all.endpoints.append(&mut next.endpoints);
        all.next = next.next;
        if all.next.is_none() || all.endpoints.len() >= limit {
            return Ok(all);
        }
    }
}

/// What changed, newest first, and how far back that is known.
fn changes(list: &ChangeList) -> String {
    let mut table = Table::new(["when", "kind", "what", "by"]);
    for one in &list.changes {
        let by = match one.actor {
            Actor::User => "user",
            Actor::Management => "management",
            Actor::Vendor => "vendor",
            Actor::Unknown => "-",
        };
        table.row([one.at.to_string(), one.kind.clone(), one.words.clone(), by.to_owned()]);
    }
    let mut text = table.print(&format!("Nothing that matters changed between {} and {}.", list.since, list.until));
    if list.left_out > 0 {
        let _ = write!(text, "\n{} changes that explain nothing are left out.", list.left_out);
    }
    if let Some(known) = list.known_since.filter(|known| *known > list.since) {
        let _ = write!(text, "\nThere is no earlier snapshot: the machine is known since {known}.");
    }
    text
}

/// Machines that were enrolled again.
#[derive(Debug, Serialize, Deserialize)]
struct DuplicateList {
    duplicates: Vec<Duplicate>,
    incomparable: i64,
    endpoints: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Duplicate {
    endpoint: Named,
    earlier: Named,
    enrolled_at: Timestamp,
    alike: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Named {
    id: String,
    name: String,
    state: EndpointState,
    last_seen: Option<Timestamp>,
}

fn duplicates(list: &DuplicateList) -> String {
    let mut table = Table::new(["now", "enrolled again", "alike", "before", "last seen", "earlier id"]);
    for pair in &list.duplicates {
        table.row([
            told_apart(&pair.endpoint.name, &pair.endpoint.id),
            pair.enrolled_at.to_string(),
            pair.alike.join(", "),
            told_apart(&pair.earlier.name, &pair.earlier.id),
            pair.earlier.last_seen.map_or_else(|| "never".to_owned(), |at| at.to_string()),
            pair.earlier.id.clone(),
        ]);
    }
    let mut text = table.print("No two endpoints show the same firmware.").trim_end().to_owned();
    if list.incomparable > 0 {
        let (some, all) = (list.incomparable, list.endpoints);
        let _ = write!(text, "\n{some} of {all} endpoints cannot be compared, since their firmware tells nothing.");
    }
    text
}

fn print(list: &EndpointList) -> String {
    let mut table = Table::new(["name", "state", "worst", "users", "system", "last seen", "id"]);
    for endpoint in &list.endpoints {
        table.row([
            called(endpoint),
            endpoint.state.name().to_owned(),
            endpoint.worst_severity.map_or("-", |severity| severity.name()).to_owned(),
            endpoint.users.join(", "),
            system(endpoint),
            endpoint.last_seen.map_or_else(|| "never".to_owned(), |at| at.to_string()),
            endpoint.id.clone(),
        ]);
    }
    table.print("No endpoints.")
}

/// The name, and what tells it from others that have it.
fn called(endpoint: &Endpoint) -> String {
    let id = endpoint.short_id.as_ref().map_or("", |_| &endpoint.id);
    told_apart(&endpoint.name, id)
}

fn related(endpoint: &Endpoint) -> String {
    endpoint.related.iter().map(Related::words).collect::<Vec<_>>().join(" ")
}

fn words(endpoint: &Endpoint) -> String {
    let tags: Vec<String> = endpoint.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let rows = [
        ("name", called(endpoint)),
        ("id", endpoint.id.clone()),
        ("state", endpoint.state.name().to_owned()),
        ("worst finding", endpoint.worst_severity.map_or("none", |severity| severity.name()).to_owned()),
        ("system", format!("{} ({})", system(endpoint), endpoint.os.build_id)),
        ("signed in", endpoint.users.join(", ")),
        ("tags", tags.join(", ")),
        ("last seen", endpoint.last_seen.map_or_else(|| "never".to_owned(), |at| at.to_string())),
        ("related", related(endpoint)),
    ];
    rows.map(|(word, value)| format!("{word:<15}{}", harmless(&value))).join("\n")
}

fn system(endpoint: &Endpoint) -> String {
    format!("{} {}", endpoint.os.name, endpoint.os.version).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use firstline_diagnosis::document::Os;
    use firstline_diagnosis::vocabulary::Severity;

    fn endpoint(name: &str, worst: Option<Severity>) -> Endpoint {
        let os = Os {
            os_type: "linux".into(),
            name: "Debian GNU/Linux".into(),
            version: "12".into(),
            build_id: "6.1".into(),
        };
        Endpoint {
            short_id: None,
            id: "0190".into(),
            name: name.into(),
            os,
            users: vec!["ada".into()],
            tags: [("site".to_owned(), "berlin".to_owned())].into(),
            state: EndpointState::Online,
            last_seen: Some(Timestamp(1_769_000_000_000)),
            worst_severity: worst,
            related: Vec::new(),
        }
    }

    #[test]
    fn of_two_machines_of_one_name_each_side_says_which() {
        let named =
            |id: &str| Named { id: id.into(), name: "vm".into(), state: EndpointState::Online, last_seen: None };
        let pair = Duplicate {
            endpoint: named("01a2041c-401f-7197-ad64-4cff6801b2eb"),
            earlier: named("01a2041c-401f-7197-ad64-4cff5f3a0c21"),
            enrolled_at: Timestamp(1_769_000_000_000),
            alike: vec!["the serial number".into()],
        };
        let said = duplicates(&DuplicateList { duplicates: vec![pair], incomparable: 1, endpoints: 3 });
        assert!(said.contains("vm (6801b2eb)") && said.contains("vm (5f3a0c21)"), "{said}");
        assert!(said.ends_with("\n1 of 3 endpoints cannot be compared, since their firmware tells nothing."), "{said}");
    }

    #[test]
    fn a_list_is_a_table_and_names_are_harmless() {
        let letters = "5f3a0c21".to_owned();
        let twin = Endpoint { id: letters.clone(), short_id: Some(letters), ..endpoint("twin", None) };
        let endpoints = vec![endpoint("ada-laptop", Some(Severity::High)), endpoint("evil\u{1b}]0;x\u{7}", None), twin];
        insta::assert_snapshot!(print(&EndpointList { endpoints, next: None }), @r"
        NAME                 STATE   WORST  USERS  SYSTEM               LAST SEEN             ID
        ada-laptop           online  high   ada    Debian GNU/Linux 12  2026-01-21T12:53:20Z  0190
        evil\u{1b}]0;x\u{7}  online  -      ada    Debian GNU/Linux 12  2026-01-21T12:53:20Z  0190
        twin (5f3a0c21)      online  -      ada    Debian GNU/Linux 12  2026-01-21T12:53:20Z  5f3a0c21
        ");
    }
}
