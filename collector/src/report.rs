//! What diagnosing was worth over a time: for whoever plans the help desk.
//!
//! Counted from the rows of tickets and of the diagnoses on them ([`crate::ticket::diagnosed`]), which are written when a note is;
//! of what was diagnosed before they were kept, from the notes and their snapshots ([`rows`]). Limits: [`LONGEST`], [`ROWS`] tickets and diagnoses (the newest; the
//! report says so when there were more), [`TOP`] lines of what is put in order.

mod csv;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use firstline_diagnosis::estimate::quantile;
use firstline_diagnosis::vocabulary::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::{AlertEndpoint, AlertError, CheckUsefulness};
use crate::app::App;
use crate::store::{Reads, StoreError};
use rows::{Diagnosed, Opened};

pub use csv::Table;

/// The longest time that a report is about.
pub(crate) const LONGEST: Duration = Duration::from_hours(400 * 24);
/// Most tickets, and most diagnoses, that are counted.
const ROWS: i64 = 200_000;
/// Most lines of what is put in order.
const TOP: usize = 20;

/// What diagnosing was worth over a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// From when.
    pub from: Timestamp,
    /// Up to when.
    pub to: Timestamp,
    /// Whether all of it was counted; else the newest only.
    pub whole: bool,
    /// Each desk with tickets in that time.
    pub desks: Vec<DeskReport>,
    /// What was the answer most often, for models, sites and builds.
    pub findings: Vec<TopFinding>,
    /// Endpoints with the same answer on several tickets, the most tickets first.
    pub repeats: Vec<Repeat>,
    /// How useful each check was, as tickets ended; over all time.
    pub checks: Vec<CheckUsefulness>,
}

/// How a desk fared.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct DeskReport {
    /// Its name; `builtin` is the one that is always there.
    pub desk: String,
    /// Tickets that were opened.
    pub tickets: u64,
    /// Those of them that have a diagnosis.
    pub diagnosed: u64,
    /// Diagnoses that were written, onto any of its tickets.
    pub diagnoses: u64,
    /// Seconds from when a ticket was opened here to its first diagnosis: of half of the diagnosed tickets less.
    pub first_diagnosis_seconds_median: Option<f64>,
    /// The same of 95 % of them.
    pub first_diagnosis_seconds_p95: Option<f64>,
    /// Tickets of those that were opened for which the desk said by when they should be solved.
    #[serde(default)]
    pub due: u64,
    /// Those of them whose first diagnosis was there by then.
    #[serde(default)]
    pub diagnosed_before_due: u64,
}

/// What the machines of which something is alike had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopFinding {
    /// `model`, `site` or `build`.
    pub by: String,
    /// Which; empty where it was not told.
    pub group: String,
    /// The check whose finding was the answer.
    pub check: String,
    /// Its title.
    pub title: String,
    /// On how many tickets.
    pub tickets: u64,
    /// Of how many endpoints.
    pub endpoints: u64,
}

/// An endpoint with the same answer on several tickets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeat {
    /// The endpoint.
    pub endpoint: AlertEndpoint,
    /// The check whose finding was the answer.
    pub check: String,
    /// Its title.
    pub title: String,
    /// The tickets, the first one first.
    pub tickets: Vec<String>,
}

/// The report from one moment to another.
///
/// # Errors
/// The database's.
pub(crate) async fn report(app: &App, from: Timestamp, to: Timestamp) -> Result<Report, AlertError> {
    let reads = app.store.reads();
    let opened = rows::opened(reads, from, to, ROWS).await?;
    let diagnosed = rows::diagnosed(reads, from, to, ROWS).await?;
    let whole =
        [opened.len(), diagnosed.len()].into_iter().all(|rows| i64::try_from(rows).is_ok_and(|rows| rows < ROWS));
    let catalogue = app.detect.catalogues().current();
    let title = |check: &str| catalogue.check(check).map_or_else(|| check.to_owned(), |check| check.title.clone());
    Ok(Report {
        from,
        to,
        whole,
        desks: desks(&opened, &diagnosed),
        findings: ["model", "site", "build"].into_iter().flat_map(|by| top(by, &diagnosed, &title)).collect(),
        repeats: repeats(&diagnosed, &title),
        checks: app.alerts.usefulness(&app.config.desk, None).await?.checks,
    })
}

/// When a ticket got its first diagnosis, if it has one.
///
/// # Errors
/// The database's.
pub(crate) async fn first_diagnosis(reads: &Reads, ticket: i64) -> Result<Option<Timestamp>, StoreError> {
    rows::first_of(reads, ticket).await
}

fn desks(opened: &[Opened], diagnosed: &[Diagnosed]) -> Vec<DeskReport> {
    let mut desks: BTreeMap<&str, (DeskReport, Vec<f64>)> = BTreeMap::new();
    for ticket in opened {
        let (desk, seconds) = desks.entry(&ticket.desk).or_default();
        desk.tickets += 1;
        let first = ticket.first();
        if let Some(first) = first {
            desk.diagnosed += 1;
            seconds.push((first - ticket.since_ms).max(0) as f64 / 1000.0);
        }
        if let Some(due) = ticket.due_ms {
            desk.due += 1;
            desk.diagnosed_before_due += u64::from(first.is_some_and(|first| first <= due));
        }
    }
    for one in diagnosed {
        desks.entry(&one.desk).or_default().0.diagnoses += 1;
    }
    let finished = |(name, (desk, seconds)): (&str, (DeskReport, Vec<f64>))| DeskReport {
        desk: name.to_owned(),
        first_diagnosis_seconds_median: quantile(&seconds, 0.5),
        first_diagnosis_seconds_p95: quantile(&seconds, 0.95),
        ..desk
    };
    desks.into_iter().map(finished).collect()
}

/// Tickets and endpoints that are counted, each once.
type Counted<'a> = (BTreeSet<i64>, BTreeSet<&'a str>);

fn top(by: &str, diagnosed: &[Diagnosed], title: &impl Fn(&str) -> String) -> Vec<TopFinding> {
    let mut groups: BTreeMap<(&str, &str), Counted<'_>> = BTreeMap::new();
    for one in diagnosed.iter().filter(|one| !one.check_id.is_empty()) {
        let group = match by {
            "model" => &one.model,
            "site" => &one.site,
            _ => &one.build,
        };
        let (tickets, endpoints) = groups.entry((group, &one.check_id)).or_default();
        tickets.insert(one.ticket);
        endpoints.insert(&one.endpoint_id);
    }
    let line = |((group, check), (tickets, endpoints)): ((&str, &str), Counted<'_>)| TopFinding {
        by: by.to_owned(),
        group: group.to_owned(),
        check: check.to_owned(),
        title: title(check),
        tickets: tickets.len() as u64,
        endpoints: endpoints.len() as u64,
    };
    let mut lines: Vec<TopFinding> = groups.into_iter().map(line).collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.tickets));
    lines.truncate(TOP);
    lines
}

fn repeats(diagnosed: &[Diagnosed], title: &impl Fn(&str) -> String) -> Vec<Repeat> {
    let mut all: BTreeMap<(&str, &str), (&str, BTreeSet<i64>)> = BTreeMap::new();
    for one in diagnosed.iter().filter(|one| !one.check_id.is_empty()) {
        let (name, tickets) = all.entry((&one.endpoint_id, &one.check_id)).or_default();
        *name = &one.endpoint_name;
        tickets.insert(one.ticket);
    }
    let line = |((id, check), (name, tickets)): ((&str, &str), (&str, BTreeSet<i64>))| Repeat {
        endpoint: AlertEndpoint { id: id.to_owned(), name: name.to_owned() },
        check: check.to_owned(),
        title: title(check),
        tickets: tickets.into_iter().map(crate::ticket::display).collect(),
    };
    let mut lines: Vec<Repeat> = all.into_iter().filter(|(_, (_, tickets))| tickets.len() > 1).map(line).collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.tickets.len()));
    lines.truncate(TOP);
    lines
}
