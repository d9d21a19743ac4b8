//! Says what is wrong with a data folder and what to do about it.
//!
//! Each finding says what, where, why it matters and what to do. A fault makes the exit status 1; advice does not. What
//! cannot be looked at is a finding as well, never a silent "fine". Looking changes nothing and takes no lock for longer than
//! a moment, so that it may be done beside a collector that runs.
//!
//! Not here: whether the collector answers (`/readyz`), and how it does (`/metrics`).

mod certificates;
mod database;
mod files;
mod room;
mod running;
mod server;
mod sqlite;

use std::collections::BTreeMap;
use std::path::Path;

use firstline_diagnosis::vocabulary::Timestamp;
use serde::Serialize;

use crate::config::{self, Config};
use crate::store::Location;
pub(crate) use certificates::ends as certificate_ends;
pub(crate) use room::{free_bytes, short_of_files};

/// How far to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Not at every page of the database.
    Quick,
    /// At everything.
    Whole,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Something works, and will not for long, or could be better.
    Advice,
    /// Something does not work, or is not safe.
    Fault,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Names the kind, for programs.
    pub id: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What is wrong.
    pub what: String,
    /// Where.
    #[serde(rename = "where")]
    pub at: String,
    /// Why that matters.
    pub why: String,
    /// What to do.
    #[serde(rename = "do")]
    pub remedy: String,
}

/// What was found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// What is so: version, database, size, who runs.
    pub facts: BTreeMap<&'static str, String>,
    /// What is wrong, in the order in which it was looked at.
    pub findings: Vec<Finding>,
}

impl Report {
    /// How many findings are faults.
    pub fn faults(&self) -> usize {
        self.findings.iter().filter(|finding| finding.level == Level::Fault).count()
    }

    /// Whether something of this kind was found.
    pub fn has(&self, id: &str) -> bool {
        self.findings.iter().any(|finding| finding.id == id)
    }

    fn fact(&mut self, name: &'static str, fact: impl Into<String>) {
        self.facts.insert(name, fact.into());
    }

    fn fault(
        &mut self,
        id: &'static str,
        what: impl Into<String>,
        at: &dyn std::fmt::Display,
        why: &str,
        remedy: impl Into<String>,
    ) {
        self.add(Level::Fault, id, what.into(), at, why, remedy.into());
    }

    fn advice(
        &mut self,
        id: &'static str,
        what: impl Into<String>,
        at: &dyn std::fmt::Display,
        why: &str,
        remedy: impl Into<String>,
    ) {
        self.add(Level::Advice, id, what.into(), at, why, remedy.into());
    }

    fn add(
        &mut self,
        level: Level,
        id: &'static str,
        what: String,
        at: &dyn std::fmt::Display,
        why: &str,
        remedy: String,
    ) {
        self.findings.push(Finding { id, level, what, at: at.to_string(), why: why.to_owned(), remedy });
    }
}

/// What is looked at.
struct Patient<'a> {
    data: &'a Path,
    config: &'a Config,
    database: &'a Location,
    depth: Depth,
    now: Timestamp,
}

/// Looks at the collector in `data`.
pub async fn examine(data: &Path, depth: Depth, now: Timestamp) -> Report {
    let mut report = Report::default();
    report.fact("program", env!("CARGO_PKG_VERSION"));
    report.fact("data", data.display().to_string());
    if !files::is_there(data, &mut report) {
        return report;
    }
    let config = configuration(data, &mut report);
    let location = config.database.location(data).or_else(|reason| {
        let why = "The database's password is in it.";
        report.fault(
            "database_password",
            reason,
            &config.database.password_file.display(),
            why,
            "Make it readable for the collector.",
        );
        config::Database::default().location(data)
    });
    let Ok(database) = location else { return report };
    let patient = Patient { data, config: &config, database: &database, depth, now };
    files::look(&patient, &mut report);
    certificates::look(&patient, &mut report);
    let running = running::look(&patient, &mut report).await;
    database::look(&patient, running, &mut report).await;
    report
}

/// The configuration; when it is wrong, the defaults, since what they lead to is worth looking at.
fn configuration(data: &Path, report: &mut Report) -> Config {
    match Config::read(data) {
        Ok(config) => config,
        Err(cause) => {
            let file = data.join(config::FILE);
            let why = "The collector does not start with it, and takes nothing of it over on SIGHUP.";
            let remedy = "Correct it; `firstline-collector check-config` says when it is right. What follows here goes by the defaults.";
            report.fault("configuration", cause.to_string(), &file.display(), why, remedy);
            Config::default()
        }
    }
}

#[cfg(test)]
mod tests;
