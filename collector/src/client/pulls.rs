use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use serde::Serialize;

use super::command::{Pull as Order, PullTerms};
use super::connection::{Connection, part};
use super::events::Events;
use super::failure::Failure;
use super::table::{harmless, told_apart};
use super::{Out, diagnosis, progress};
use crate::pull::{Pull, PullOrder, PullResult, PullState};

/// How long to wait before a stream that broke is opened again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How often in a row that is tried.
const TRIES: u32 = 10;

/// What `ticket attach --json` prints.
#[derive(Debug, Serialize)]
pub(super) struct Attached {
    pub pull: Pull,
    #[serde(flatten)]
    pub result: PullResult,
}

/// Pulls from an endpoint.
pub(super) async fn pull(connection: &Connection, order: Order, out: Out) -> Result<(), Failure> {
    let terms = order.terms;
    let order = PullOrder {
        endpoint: order.endpoint,
        ticket: order.ticket,
        symptom: terms.symptom.clone(),
        around: terms.around.clone(),
        requested_by: String::new(),
        expires_in_seconds: terms.expires,
    };
    let pull: Pull = connection.post("/pulls", &order).await?;
    if terms.no_wait {
        return out.print(&pull, || ordered(&pull));
    }
    let (_, result) = wait(connection, pull).await?;
    out.print(&result, || diagnosis::words(&result.diagnosis))
}

/// Pulls into a ticket, from an order that was accepted.
pub(super) async fn attach(connection: &Connection, pull: Pull, terms: &PullTerms, out: Out) -> Result<(), Failure> {
    if terms.no_wait {
        return out.print(&pull, || ordered(&pull));
    }
    let (pull, result) = wait(connection, pull).await?;
    let ticket = pull.ticket.clone().unwrap_or_default();
    let attached = Attached { pull, result };
    out.print(&attached, || {
        format!("{}The diagnosis is on {}.", diagnosis::words(&attached.result.diagnosis), harmless(&ticket))
    })
}

fn ordered(pull: &Pull) -> String {
    let (id, state) = (harmless(&pull.id), pull.state.name());
    format!("Pull {id} from {} is {state}; it waits until {}.", harmless(&which(pull)), pull.expires_at)
}

/// The endpoint that is asked.
fn which(pull: &Pull) -> String {
    told_apart(&pull.endpoint.name, &pull.endpoint.id)
}

/// Follows a pull to its end, telling how it goes. Ctrl-C cancels it.
async fn wait(connection: &Connection, first: Pull) -> Result<(Pull, PullResult), Failure> {
    let path = format!("/pulls/{}", part(&first.id));
    let mut told = Told::default();
    told.tell(&first);
    let mut pull = first;
    let mut failures = 0;
    while !pull.state.is_final() {
        let followed = tokio::select! {
            followed = follow(connection, &path, &mut told) => followed,
            _ = tokio::signal::ctrl_c() => {
                connection.tell(Method::POST, &format!("{path}/cancel")).await?;
                return Err(Failure::failed("cancelled"));
            }
        };
        match followed {
            Ok(Some(newer)) => {
                failures = 0;
                pull = newer;
            }
            Ok(None) => failures += 1,
            Err(Failure::Unreachable(text)) => {
                failures += 1;
                progress(&text);
            }
            Err(failure) => return Err(failure),
        }
        if failures > TRIES {
            return Err(Failure::Unreachable(format!("lost sight of pull {}; it goes on at the collector", pull.id)));
        }
        if !pull.state.is_final() {
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }
    if pull.state != PullState::Done {
        let why = pull.error.clone().unwrap_or_else(|| pull.why.clone());
        let ended = match pull.state {
            PullState::Expired => "has expired",
            PullState::Cancelled => "was cancelled",
            _ => "has failed",
        };
        return Err(Failure::failed(format!("the pull from {} {ended}: {why}", which(&pull))));
    }
    let result = connection.get(&format!("{path}/result"), &[]).await?;
    Ok((pull, result))
}

/// The newest state that one stream told.
async fn follow(connection: &Connection, path: &str, told: &mut Told) -> Result<Option<Pull>, Failure> {
    let mut events = Events::new(connection.stream(&format!("{path}/watch"), None).await?);
    let mut newest = None;
    while let Some(event) = events.next().await {
        if event.name != "pull" {
            continue;
        }
        let Ok(pull) = serde_json::from_str::<Pull>(&event.data) else { continue };
        told.tell(&pull);
        let over = pull.state.is_final();
        newest = Some(pull);
        if over {
            break;
        }
    }
    Ok(newest)
}

/// What was told already, so that every line is news.
#[derive(Default)]
struct Told {
    state: Option<PullState>,
    sections: BTreeMap<String, String>,
}

impl Told {
    fn tell(&mut self, pull: &Pull) {
        let before = self.state.replace(pull.state);
        let asked_before = matches!(before, Some(PullState::Sent | PullState::Running));
        if before != Some(pull.state) {
            match pull.state {
                PullState::Queued => {
                    progress(&format!("{}: {} (until {})", which(pull), pull.why, pull.expires_at));
                }
                PullState::Sent | PullState::Running if asked_before => {}
                PullState::Sent | PullState::Running => progress(&format!("{}: asked", which(pull))),
                PullState::Receiving => progress("  the snapshot comes in"),
                PullState::Done => progress("  done\n"),
                PullState::Failed | PullState::Expired | PullState::Cancelled => {}
            }
        }
        for section in &pull.sections {
            let before = self.sections.insert(section.section.clone(), section.state.clone());
            let ended = matches!(section.state.as_str(), "finished" | "partial" | "failed" | "timed_out");
            if ended && before.as_deref() != Some(section.state.as_str()) {
                let detail = if section.detail.is_empty() { String::new() } else { format!(": {}", section.detail) };
                let (name, state) = (&section.section, section.state.replace('_', " "));
                progress(&format!(
                    "  {name:<12} {state:<9} {:>4} readings {:>6} ms{detail}",
                    section.readings, section.elapsed_ms
                ));
            }
        }
    }
}
