//! The catalogue in force, and a trial of a check file against the registry.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use firstline_diagnosis::catalogue::{Catalogue, Check, Coverage, Written};
use firstline_diagnosis::vocabulary::Severity;
use serde::{Deserialize, Serialize};

use super::extract::{Body, Search};
use super::problem::Problem;
use super::rehearsals;
use crate::access::Roles;
use crate::access::gate::{Doors, Told};
use crate::alert::CheckUsefulness;
use crate::app::App;

/// Adds the routes of checks.
pub(super) fn doors(doors: Doors) -> Doors {
    doors
        .get(
            "/api/v1/checks",
            Roles::LOOK,
            list,
            Told { summary: "The checks in force.", query: WHERE, answer: "CheckList", ..Told::default() },
        )
        .get(
            "/api/v1/checks/{id}",
            Roles::LOOK,
            show,
            Told {
                summary: "A check as it is written, with its page.",
                query: WHERE,
                answer: "CheckPage",
                ..Told::default()
            },
        )
        .post(
            "/api/v1/checks/test",
            Roles::LOOK,
            test,
            Told {
                summary: "Try a check file on top of the built-in catalogue, without putting it in force.",
                body: "CheckFile",
                answer: "CheckReport",
                ..Told::default()
            },
        )
        .post(
            "/api/v1/checks/rehearse",
            Roles::OPERATE,
            rehearsals::rehearse,
            Told {
                summary: "Run a check file over the stored past: progress and then the report, a JSON object a line.",
                body: "Trial",
                answer: "application/jsonl",
                ..Told::default()
            },
        )
}

const WHERE: &[(&str, &str)] =
    &[("endpoint", "id or name: what is in force there, with the files for its tags; absent: what is for everybody")];

/// Where checks are in force.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Where {
    endpoint: Option<String>,
}

impl Where {
    /// The tags of the endpoint; none where it is about everybody.
    async fn tags(self, app: &App) -> Result<BTreeMap<String, String>, Problem> {
        match self.endpoint {
            Some(endpoint) => Ok(app.fleet.find(&endpoint).await?.tags),
            None => Ok(BTreeMap::new()),
        }
    }
}

/// A file of checks that is for some endpoints only.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FileForSome {
    /// Its name, checks/berlin.toml.
    pub file: String,
    /// The tags that an endpoint must have, each with the values that will do.
    pub only_for: BTreeMap<String, Vec<String>>,
}

/// A check in a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CheckLine {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// How bad.
    pub severity: Severity,
    /// Ticket category.
    pub category: String,
    /// Operating systems that it can be told on.
    pub os: Vec<String>,
    /// Signals that it reads.
    pub inputs: Vec<String>,
    /// How much of them exists on each system.
    pub coverage: BTreeMap<String, Coverage>,
    /// Whether it may alert without a ticket.
    pub proactive: bool,
}

/// The checks in force.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CheckList {
    /// Version of the catalogue.
    pub catalogue: String,
    /// The checks, by id.
    pub checks: Vec<CheckLine>,
    /// Files that are for some endpoints only.
    pub for_some: Vec<FileForSome>,
}

async fn list(State(app): State<Arc<App>>, Search(place): Search<Where>) -> Result<Json<CheckList>, Problem> {
    let tags = place.tags(&app).await?;
    let catalogues = app.detect.catalogues();
    let catalogue = catalogues.for_tags(&tags);
    let lines = catalogue.checks().iter().map(|check| CheckLine {
        id: check.id.clone(),
        title: check.title.clone(),
        severity: check.severity,
        category: check.category.clone(),
        os: check.os.clone(),
        inputs: inputs(check),
        coverage: SYSTEMS.iter().map(|os| ((*os).to_owned(), check.coverage(os))).collect(),
        proactive: check.proactive,
    });
    let mut checks: Vec<_> = lines.collect();
    checks.sort_by(|one, other| one.id.cmp(&other.id));
    let for_some = catalogues.for_some().into_iter().map(|(file, only_for)| FileForSome { file, only_for }).collect();
    Ok(Json(CheckList { catalogue: catalogue.version().to_owned(), checks, for_some }))
}

/// Systems whose coverage is told.
const SYSTEMS: [&str; 3] = ["linux", "windows", "macos"];

/// The signals that a check reads, each once.
fn inputs(check: &Check) -> Vec<String> {
    let mut signals = check.signals.clone();
    signals.sort();
    signals.dedup();
    signals
}

/// A check as it is written.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CheckPage {
    /// Version of the catalogue.
    pub catalogue: String,
    /// Everything that its file says.
    pub check: Written,
    /// The same as a page of Markdown, with how useful it was.
    pub page: String,
    /// How useful it was, as tickets ended; absent while nothing says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub useful: Option<CheckUsefulness>,
}

async fn show(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Search(place): Search<Where>,
) -> Result<Json<CheckPage>, Problem> {
    let tags = place.tags(&app).await?;
    let catalogues = app.detect.catalogues().clone();
    let catalogue = catalogues.for_tags(&tags);
    if catalogue.check(&id).is_none() {
        return Err(Problem::not_found("check"));
    }
    let written = tokio::task::spawn_blocking(move || catalogues.written(&tags)).await;
    let written = written.map_err(|error| Problem::failed(&error))?.map_err(|error| Problem::failed(&error))?;
    let check = written.into_iter().find(|check| check.id == id).ok_or_else(|| Problem::not_found("check"))?;
    let useful = app.alerts.usefulness(&app.config.desk, Some(&id)).await?.checks.into_iter().next();
    let page = check.markdown() + &useful.as_ref().map(was_useful).unwrap_or_default();
    Ok(Json(CheckPage { catalogue: catalogue.version().to_owned(), check, page, useful }))
}

/// A chapter on how useful a check was.
fn was_useful(one: &CheckUsefulness) -> String {
    let share = one.useful_share.map_or_else(String::new, |share| format!(" ({:.0} % useful)", share * 100.0));
    let CheckUsefulness { useful, not_useful, passed, open, .. } = one;
    format!(
        "\n## How useful it was here\n\nTickets and incidents: {useful} useful, {not_useful} of no use{share}; {passed} passed by \
         themselves, {open} open.\n"
    )
}

/// A check file to try.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckFile {
    /// Its name, for messages.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// What trying a check file showed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CheckReport {
    /// The file.
    pub file: String,
    /// Whether it could be put in force.
    pub good: bool,
    /// Checks that it adds.
    pub adds: Vec<String>,
    /// Built-in checks that it replaces.
    pub replaces: Vec<String>,
    /// What is wrong with it.
    pub errors: Vec<CheckError>,
}

/// What is wrong on a line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CheckError {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
}

/// The last part of a file's name.
pub(super) fn file_name(name: &str) -> Result<String, Problem> {
    let name =
        std::path::Path::new(name).file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let unnamed = || Problem::invalid("Give the file a name, so that messages can point at it.");
    if name.is_empty() { Err(unnamed()) } else { Ok(name) }
}

async fn test(Body(file): Body<CheckFile>) -> Result<Json<CheckReport>, Problem> {
    let name = file_name(&file.name)?;
    let tried = tokio::task::spawn_blocking(move || report(name, file.text)).await;
    tried.map(Json).map_err(|error| Problem::failed(&error))
}

fn report(file: String, text: String) -> CheckReport {
    let mine: Vec<String> = ids(&text);
    match Catalogue::with_overlay(&[(file.clone(), text)]) {
        Ok(_) => {
            let builtin = Catalogue::builtin();
            let (replaces, adds) = mine.into_iter().partition(|id| builtin.check(id).is_some());
            CheckReport { file, good: true, adds, replaces, errors: Vec::new() }
        }
        Err(errors) => {
            let errors =
                errors.0.into_iter().map(|one| CheckError { file: one.file, line: one.line, reason: one.reason });
            CheckReport { file, good: false, adds: Vec::new(), replaces: Vec::new(), errors: errors.collect() }
        }
    }
}

/// The ids of the checks in a file that is TOML.
pub(super) fn ids(text: &str) -> Vec<String> {
    let table: toml::Table = text.parse().unwrap_or_default();
    let checks = table.get("check").and_then(toml::Value::as_array).into_iter().flatten();
    checks.filter_map(|check| Some(check.get("id")?.as_str()?.to_owned())).collect()
}
