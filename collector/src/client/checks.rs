use std::path::Path;

use serde_json::json;

use super::Out;
use super::command::Check;
use super::connection::{Connection, part};
use super::failure::Failure;
use super::table::{Table, harmless, harmless_lines};
use crate::api::{CheckList, CheckPage, CheckReport};

pub(super) async fn follow(connection: &Connection, order: Check, out: Out) -> Result<(), Failure> {
    match order {
        Check::List { endpoint } => {
            let list: CheckList = connection.get("/checks", &on(endpoint.as_deref())).await?;
            out.print(&list, || print(&list))
        }
        Check::Show { id, endpoint } => {
            let path = format!("/checks/{}", part(&id));
            let page: CheckPage = connection.get(&path, &on(endpoint.as_deref())).await?;
            out.print(&page, || harmless_lines(&page.page))
        }
        Check::Test { file } => {
            let (name, text) = read(&file)?;
            let report: CheckReport = connection.post("/checks/test", &json!({ "name": name, "text": text })).await?;
            out.print(&report, || words(&report))?;
            if report.good { Ok(()) } else { Err(Failure::failed(format!("{} would be refused whole", report.file))) }
        }
        Check::Symptoms { symptom } => super::symptoms::list(connection, symptom.as_deref(), out).await,
        Check::Rehearse { file, days, search } => super::rehearse::rehearse(connection, &file, days, search, out).await,
        // Followed without a collector.
        Check::Replay { .. } => Ok(()),
    }
}

fn on(endpoint: Option<&str>) -> Vec<(&str, &str)> {
    endpoint.map(|endpoint| ("endpoint", endpoint)).into_iter().collect()
}

/// Name and text of a check file.
pub(super) fn read(file: &Path) -> Result<(String, String), Failure> {
    let unreadable = |error| Failure::usage(format!("cannot read {}: {error}", file.display()));
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
    Ok((file.file_name().unwrap_or_default().to_string_lossy().into_owned(), text))
}

fn print(list: &CheckList) -> String {
    let mut table =
        Table::new(["check", "severity", "alerts", "linux", "windows", "macos", "category", "title", "reads"]);
    for check in &list.checks {
        let alerts = if check.proactive { "yes" } else { "no" };
        let on = |system: &str| check.coverage.get(system).map_or("unknown", |coverage| coverage.name()).to_owned();
        table.row([
            check.id.clone(),
            check.severity.name().to_owned(),
            alerts.to_owned(),
            on("linux"),
            on("windows"),
            on("macos"),
            check.category.clone(),
            check.title.clone(),
            check.inputs.join(", "),
        ]);
    }
    let mut text = format!("{}\nCatalogue {}", table.print("No checks."), harmless(&list.catalogue));
    for one in &list.for_some {
        let tags: Vec<String> =
            one.only_for.iter().map(|(tag, values)| format!("{tag}={}", values.join("|"))).collect();
        text.push('\n');
        text += &harmless(&format!("{} is for {} only; see it with --endpoint NAME", one.file, tags.join(", ")));
    }
    text
}

fn words(report: &CheckReport) -> String {
    let mut lines: Vec<String> =
        report.errors.iter().map(|one| harmless(&format!("{}:{}: {}", one.file, one.line, one.reason))).collect();
    if report.good {
        lines.push(harmless(&format!("{} is good.", report.file)));
        for (word, ids) in [("adds", &report.adds), ("replaces", &report.replaces)] {
            if !ids.is_empty() {
                lines.push(harmless(&format!("It {word}: {}", ids.join(", "))));
            }
        }
    }
    lines.join("\n")
}
