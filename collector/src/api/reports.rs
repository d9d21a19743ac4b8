//! The report on diagnosing.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use firstline_diagnosis::vocabulary::Timestamp;
use http::header;
use serde::Deserialize;

use super::extract::Search;
use super::problem::Problem;
use crate::access::Roles;
use crate::access::gate::{Doors, Told};
use crate::app::App;
use crate::report::{LONGEST, Report, Table, report};

/// How long a time is when nobody says.
pub(crate) const USUAL: Duration = Duration::from_hours(30 * 24);

const QUERY: &[(&str, &str)] =
    &[("from", "RFC 3339; 30 days before `to` when absent, at most 400"), ("to", "RFC 3339; now when absent")];

/// Adds the routes.
pub(super) fn doors(doors: Doors) -> Doors {
    doors
        .get(
            "/api/v1/report",
            Roles::LOOK,
            show,
            Told {
                summary: "Diagnoses by desk, time to the first one, top findings by model, site and build, repeated tickets, and \
                          how useful each check was.",
                query: QUERY,
                answer: "Report",
                ..Told::default()
            },
        )
        .get(
            "/api/v1/report.csv",
            Roles::LOOK,
            table,
            Told {
                summary: "A table of the report as comma-separated values.",
                query: &[
                    ("table", "desks, findings, repeats or checks"),
                    ("from", "RFC 3339; 30 days before `to` when absent, at most 400"),
                    ("to", "RFC 3339; now when absent"),
                ],
                answer: "text/csv",
                ..Told::default()
            },
        )
}

/// Which time.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Times {
    pub(crate) from: Option<Timestamp>,
    pub(crate) to: Option<Timestamp>,
}

/// Which table of which time.
#[derive(Debug, Deserialize)]
struct Which {
    table: Table,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

/// The report over a time.
pub(crate) async fn over(app: &App, times: Times) -> Result<Report, Problem> {
    let to = times.to.unwrap_or_else(|| app.clock.now());
    let from = times.from.unwrap_or(to - USUAL);
    if from >= to || to.since(from) > LONGEST {
        return Err(Problem::invalid("`from` is before `to`, at most 400 days."));
    }
    Ok(report(app, from, to).await?)
}

async fn show(State(app): State<Arc<App>>, Search(times): Search<Times>) -> Result<Json<Report>, Problem> {
    Ok(Json(over(&app, times).await?))
}

async fn table(State(app): State<Arc<App>>, Search(which): Search<Which>) -> Result<Response, Problem> {
    let Which { table, from, to } = which;
    let text = over(&app, Times { from, to }).await?.csv(table);
    let name = format!("attachment; filename=\"firstline-{}.csv\"", table.name());
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)], text)
        .into_response())
}
