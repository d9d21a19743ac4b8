use std::time::Duration;

use firstline_diagnosis::texts;
use serde_json::json;

use super::command::Alert as Order;
use super::connection::{Connection, part};
use super::events::Events;
use super::failure::Failure;
use super::table::{Table, harmless, told_apart};
use super::{Out, line, progress};
use crate::alert::{Alert, AlertBudget, AlertList, AlertState, CheckUsefulness, HeldBackList, Silence, UsefulnessList};

/// How long to wait before a stream that broke is opened again.
const AGAIN_AFTER: Duration = Duration::from_secs(2);
/// How often a stream may fail in a row before we give up.
const TRIES: u32 = 30;

pub(super) async fn follow(connection: &Connection, order: Order, out: Out) -> Result<(), Failure> {
    match order {
        Order::List { held_back: true, .. } => {
            let list: HeldBackList = connection.get("/alerts/held-back", &[("limit", "500")]).await?;
            out.print(&list, || print_held_back(&list))
        }
        Order::List { all, state, .. } => list(connection, all, state, out).await,
        Order::Budget { day } => {
            let query: Vec<(&str, &str)> = day.iter().map(|day| ("day", day.as_str())).collect();
            let budget: AlertBudget = connection.get("/alerts/budget", &query).await?;
            out.print(&budget, || print_budget(&budget))
        }
        Order::Useful => {
            let list: UsefulnessList = connection.get("/alerts/usefulness", &[]).await?;
            out.print(&list, || print_useful(&list.checks))
        }
        Order::Watch => watch(connection, out).await,
        Order::Ack { id, note } => {
            let alert: Alert =
                connection.post(&format!("/alerts/{}/acknowledge", part(&id)), &json!({ "note": note })).await?;
            out.print(&alert, || format!("Acknowledged: {}", one_line(&alert)))
        }
        Order::Silence { id, span, comment } => {
            let order = json!({ "seconds": span, "comment": comment });
            let silence: Silence = connection.post(&format!("/alerts/{}/silence", part(&id)), &order).await?;
            out.print(&silence, || format!("Silenced until {} (silence {}).", silence.until, silence.id))
        }
    }
}

async fn list(connection: &Connection, all: bool, state: Option<String>, out: Out) -> Result<(), Failure> {
    let mut query = vec![("limit", "500")];
    if let Some(state) = &state {
        query.push(("state", state));
    } else if !all {
        query.push(("open", "true"));
    }
    let list: AlertList = connection.get("/alerts", &query).await?;
    let budget: AlertBudget = connection.get("/alerts/budget", &[]).await?;
    out.print(&list, || format!("{}\n{}", print(&list).trim_end(), spent(&budget)))
}

/// A day's quota in one line.
fn spent(budget: &AlertBudget) -> String {
    let AlertBudget { day, allowed, announced, rolled_up, .. } = budget;
    let rolled = if rolled_up.words.is_empty() { String::new() } else { format!(" Rolled up: {}", rolled_up.words) };
    harmless(&format!("{announced} of {allowed} alerts announced on {day} (UTC).{rolled}"))
}

fn print_budget(budget: &AlertBudget) -> String {
    let mut table = Table::new(["check", "announced", "rolled up"]);
    for one in &budget.checks {
        table.row([one.check.clone(), one.announced.to_string(), one.rolled_up.to_string()]);
    }
    format!("{}\n{}", spent(budget), table.print("No check called anybody."))
}

/// How useful each check was.
pub(super) fn print_useful(checks: &[CheckUsefulness]) -> String {
    let mut table = Table::new(["check", "useful", "of no use", "passed by itself", "open", "useful share"]);
    for one in checks {
        let share = one.useful_share.map_or_else(|| "-".to_owned(), |share| format!("{:.0} %", share * 100.0));
        let counts = [one.useful, one.not_useful, one.passed, one.open].map(|count| count.to_string());
        let [useful, not_useful, passed, open] = counts;
        table.row([one.check.clone(), useful, not_useful, passed, open, share]);
    }
    table.print(
        "No alert has opened a ticket, and none that had a diagnosis was closed with a code or at another desk. docs/desks.md says how tickets are counted.",
    )
}

fn print_held_back(list: &HeldBackList) -> String {
    let mut table = Table::new(["severity", "endpoint", "what", "why nobody was told", "since"]);
    for one in &list.held_back {
        let what =
            if one.instance.is_empty() { one.title.clone() } else { format!("{} ({})", one.title, one.instance) };
        let why = one.words.clone();
        let endpoint = told_apart(&one.endpoint.name, &one.endpoint.id);
        table.row([one.severity.name().to_owned(), endpoint, what, why, one.at.to_string()]);
    }
    table.print("People were told of everything that holds.")
}

fn print(list: &AlertList) -> String {
    let mut table = Table::new(["severity", "state", "endpoint", "what", "since", "ticket", "id"]);
    for alert in &list.alerts {
        let what = if alert.instance.is_empty() {
            alert.title.clone()
        } else {
            format!("{} ({})", alert.title, alert.instance)
        };
        table.row([
            alert.severity.name().to_owned(),
            standing(alert).to_owned(),
            which(alert),
            what,
            alert.started_at.to_string(),
            list.tickets.get(&alert.id).cloned().unwrap_or_default(),
            alert.id.clone(),
        ]);
    }
    table.print("No alerts.")
}

/// Whose an alert is: an endpoint's, or an incident's.
fn which(alert: &Alert) -> String {
    let id = if alert.incident.is_some() { "" } else { &alert.endpoint.id };
    told_apart(&alert.endpoint.name, id)
}

/// Where an alert stands; what only the quota keeps quiet is told apart.
fn standing(alert: &Alert) -> &'static str {
    let by_quota = alert.is_rolled_up() && alert.silenced_by.is_none() && alert.inhibited_by.is_none();
    if by_quota && alert.state == AlertState::Silenced { "rolled up" } else { alert.state.name() }
}

fn one_line(alert: &Alert) -> String {
    let instance = texts::behind(&alert.instance);
    harmless(&format!(
        "{} {} {} {}{instance}: {}",
        alert.updated_at,
        standing(alert),
        alert.severity.name(),
        which(alert),
        alert.summary
    ))
}

/// Follows the feed until Ctrl-C; goes on where it was when the connection breaks.
async fn watch(connection: &Connection, out: Out) -> Result<(), Failure> {
    let mut last: Option<String> = None;
    let mut failures = 0;
    progress("Watching alerts. Ctrl-C ends it.");
    loop {
        let opened = tokio::select! {
            opened = connection.stream("/alerts/watch", last.as_deref()) => opened,
            _ = tokio::signal::ctrl_c() => return Ok(()),
        };
        match opened {
            Ok(response) => {
                failures = 0;
                let mut events = Events::new(response);
                loop {
                    let event = tokio::select! {
                        event = events.next() => event,
                        _ = tokio::signal::ctrl_c() => return Ok(()),
                    };
                    let Some(event) = event else { break };
                    last = event.id.or(last);
                    match event.name.as_str() {
                        "alert" => tell(&event.data, out),
                        "lagged" => progress("Some alerts were missed; firstline alert list shows them."),
                        _ => {}
                    }
                }
            }
            Err(Failure::Unreachable(text)) if failures < TRIES && last.is_some() => {
                failures += 1;
                progress(&text);
            }
            Err(failure) => return Err(failure),
        }
        tokio::select! {
            () = tokio::time::sleep(AGAIN_AFTER) => {}
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
    }
}

fn tell(data: &str, out: Out) {
    if out.json {
        return line(data);
    }
    if let Ok(alert) = serde_json::from_str::<Alert>(data) {
        line(&one_line(&alert));
    }
}
