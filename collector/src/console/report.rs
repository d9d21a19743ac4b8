//! The report on diagnosing.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::chrome::{Chrome, When, page};
use super::units::quantity;
use crate::access::gate::Caller;
use crate::api::extract::Search;
use crate::api::problem::Fault;
use crate::api::reports::{Times, over};
use crate::app::App;
use crate::report::{DeskReport, Report, TopFinding};

/// Times that are offered, in days.
const DAYS: [u64; 4] = [7, 30, 90, 365];

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
        report,
    })
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
