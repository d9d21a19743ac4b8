//! The report on diagnosing.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use firstline_diagnosis::vocabulary::Timestamp;
use serde::Deserialize;

use super::chrome::{Chrome, When, page};
use super::units::quantity;
use crate::access::gate::Caller;
use crate::api::extract::Search;
use crate::api::problem::Fault;
use crate::api::reports::{Times, over};
use crate::app::App;
use crate::report::{DeskReport, Report, TopFinding};
use crate::symptom::{SymptomLine, SymptomList};

/// Times that are offered, in days.
const DAYS: [u64; 4] = [7, 30, 90, 365];
/// Most causes of a complaint that are listed.
const CAUSES: usize = 3;

#[derive(Template)]
#[template(path = "report.html")]
struct ReportPage {
    chrome: Chrome,
    report: Report,
    from: When,
    to: When,
    spans: Vec<SpanLink>,
    desks: Vec<DeskLine>,
    groups: Vec<Group>,
    checks: Vec<CheckLine>,
    /// When complaints were counted, in words; empty when they never were.
    counted: String,
    complaints: Vec<Complaint>,
}

struct SpanLink {
    days: u64,
    is_chosen: bool,
}

struct DeskLine {
    desk: DeskReport,
    share: String,
    median: String,
    most: String,
}

/// What machines of which one thing is alike had.
struct Group {
    by: &'static str,
    head: &'static str,
    lines: Vec<TopFinding>,
}

struct CheckLine {
    check: String,
    useful: u64,
    not_useful: u64,
    passed: u64,
    open: u64,
    share: String,
}

/// What people complained of, and what it turned out to be.
struct Complaint {
    label: String,
    tickets: u64,
    elsewhere: u64,
    /// What it may be, in the order in which it is looked at, and on how many tickets it was.
    causes: Vec<(String, u64)>,
    order: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Form {
    days: Option<u64>,
}

/// `GET /report`.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Search(form): Search<Form>,
) -> Result<Response, Fault> {
    let (now, days) = (app.clock.now(), form.days.unwrap_or(DAYS[1]).clamp(1, 400));
    let times = Times { from: Some(now - Duration::from_hours(days * 24)), to: Some(now) };
    let report = over(&app, times).await?;
    let symptoms = app.symptoms.all();
    let group = |by: &'static str, head: &'static str| Group {
        by,
        head,
        lines: report.findings.iter().filter(|one| one.by == by).cloned().collect(),
    };
    page(&ReportPage {
        chrome: Chrome::new("Report", "tickets", &caller),
        from: When::new(report.from, now),
        to: When::new(report.to, now),
        spans: DAYS.map(|one| SpanLink { days: one, is_chosen: one == days }).into(),
        desks: report.desks.iter().cloned().map(DeskLine::from).collect(),
        groups: vec![group("model", "Model"), group("site", "Site"), group("build", "Build")],
        checks: report.checks.iter().map(CheckLine::from).collect(),
        counted: counted(&symptoms, now),
        complaints: complaints(&symptoms),
        report,
    })
}

/// When closed tickets were counted, and which.
fn counted(symptoms: &SymptomList, now: Timestamp) -> String {
    let full = |at: Timestamp| When::new(at, now).full();
    let both = symptoms.estimated_at.zip(symptoms.since);
    let words = both.map(|(at, since)| format!("counted {}, of tickets opened since {}", full(at), full(since)));
    words.unwrap_or_default()
}

/// The complaints of closed tickets, the most frequent first.
fn complaints(symptoms: &SymptomList) -> Vec<Complaint> {
    let mut told: Vec<&SymptomLine> = symptoms.symptoms.iter().filter(|one| one.tickets > 0).collect();
    told.sort_by_key(|one| std::cmp::Reverse(one.tickets));
    let line = |one: &SymptomLine| Complaint {
        label: one.label.clone(),
        tickets: one.tickets,
        elsewhere: one.elsewhere,
        causes: one.candidates.iter().take(CAUSES).map(|cause| (cause.title.clone(), cause.confirmed)).collect(),
        order: one.order(symptoms.least_tickets),
    };
    told.into_iter().map(line).collect()
}

impl From<DeskReport> for DeskLine {
    fn from(desk: DeskReport) -> Self {
        let time = |seconds: Option<f64>| seconds.map_or_else(|| "-".to_owned(), |seconds| quantity(seconds, "s"));
        Self {
            share: share((desk.tickets > 0).then(|| desk.diagnosed as f64 / desk.tickets as f64)),
            median: time(desk.first_diagnosis_seconds_median),
            most: time(desk.first_diagnosis_seconds_p95),
            desk,
        }
    }
}

impl From<&crate::alert::CheckUsefulness> for CheckLine {
    fn from(one: &crate::alert::CheckUsefulness) -> Self {
        Self {
            check: one.check.clone(),
            useful: one.useful,
            not_useful: one.not_useful,
            passed: one.passed,
            open: one.open,
            share: share(one.useful_share),
        }
    }
}

fn share(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| quantity(share, "1"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::symptom::{Candidate, Standing};

    const NOW: Timestamp = Timestamp(1_769_000_000_000);

    fn symptom(label: &str, tickets: u64, confirmed: [u64; 4]) -> SymptomLine {
        let cause = |(index, confirmed): (usize, u64)| Candidate {
            check: format!("check-{index}"),
            title: format!("Cause {index}"),
            confirmed,
            p: 0.5,
            prior: index + 1,
            place: index + 1,
        };
        SymptomLine {
            id: label.to_lowercase(),
            label: label.to_owned(),
            tickets,
            elsewhere: 2,
            standing: Standing::InForce,
            candidates: confirmed.into_iter().enumerate().map(cause).collect(),
        }
    }

    #[test]
    fn complaints_stand_with_what_they_turned_out_to_be_the_most_frequent_first() {
        let list = SymptomList {
            catalogue: String::new(),
            estimated_at: Some(NOW - Duration::from_hours(24)),
            since: Some(NOW - Duration::from_hours(366 * 24)),
            least_tickets: 20,
            symptoms: vec![
                symptom("Printing", 25, [9, 4, 1, 1]),
                symptom("Sound", 0, [0; 4]),
                symptom("Slow", 40, [30, 5, 3, 0]),
            ],
        };
        let shown = complaints(&list);
        let labels: Vec<_> = shown.iter().map(|one| (one.label.as_str(), one.tickets)).collect();
        assert_eq!(labels, [("Slow", 40), ("Printing", 25)], "what nobody complained of is left out");
        let causes: Vec<_> = shown[0].causes.iter().map(|(title, tickets)| (title.as_str(), *tickets)).collect();
        assert_eq!(causes, [("Cause 0", 30), ("Cause 1", 5), ("Cause 2", 3)]);
        assert_eq!(shown[0].order, "the order they show is in force");
        assert!(counted(&list, NOW).starts_with("counted 2026-01-20"), "{}", counted(&list, NOW));
        assert_eq!(counted(&SymptomList { estimated_at: None, since: None, ..list }, NOW), "");
    }
}
