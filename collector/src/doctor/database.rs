//! What both databases have in common: version, rows without their owner, the chain of the audit log, the clock.

use std::time::Duration;

use super::running::Running;
use super::{Depth, Patient, Report, files, room, server, sqlite};
use crate::access::chain;
use crate::authority;
use crate::fleet::locked_out::{self, LockedOut};
use crate::store::{Inspection, Location, StoreError, sql};

/// Rows may be so far in the future, since machines' clocks differ.
const AHEAD: Duration = Duration::from_mins(5);

/// Rows that belong to something that is not there: what they are, and how they are counted.
const ORPHANS: [(&str, &str); 6] = [
    (
        "samples of unknown endpoints",
        "SELECT COUNT(*) FROM (SELECT DISTINCT endpoint_key FROM samples) s WHERE NOT EXISTS (SELECT 1 FROM endpoints e WHERE e.key = s.endpoint_key)",
    ),
    (
        "events of unknown endpoints",
        "SELECT COUNT(*) FROM (SELECT DISTINCT endpoint_key FROM events) s WHERE NOT EXISTS (SELECT 1 FROM endpoints e WHERE e.key = s.endpoint_key)",
    ),
    (
        "states of unknown endpoints",
        "SELECT COUNT(*) FROM (SELECT DISTINCT endpoint_key FROM inventory) s WHERE NOT EXISTS (SELECT 1 FROM endpoints e WHERE e.key = s.endpoint_key)",
    ),
    (
        "layouts of samples",
        "SELECT COUNT(*) FROM (SELECT DISTINCT layout FROM samples) s WHERE NOT EXISTS (SELECT 1 FROM layouts l WHERE l.fingerprint = s.layout)",
    ),
    (
        "files of attachments",
        "SELECT COUNT(*) FROM attachments a WHERE NOT EXISTS (SELECT 1 FROM blobs b WHERE b.sha256 = a.sha256)",
    ),
    (
        "documents of snapshots",
        "SELECT COUNT(*) FROM snapshots s WHERE NOT EXISTS (SELECT 1 FROM blobs b WHERE b.sha256 = s.document_sha256)",
    ),
];

/// Looks at the database.
pub(super) async fn look(patient: &Patient<'_>, running: Running, report: &mut Report) {
    let at = patient.database;
    if let Location::Sqlite(file) = at
        && !file.exists()
    {
        let why = "The collector does not start without it: every endpoint, ticket and account would be gone.";
        let remedy = "Put the folder back from a backup with `firstline-collector restore`.";
        report.fault("database_missing", "The database is missing", &at, why, remedy);
        return;
    }
    let inspection = match Inspection::open(at).await {
        Ok(inspection) => inspection,
        Err(cause) => return unreadable(patient, report, &cause),
    };
    if let Err(cause) = inspection.answers().await {
        inspection.close().await;
        return unreadable(patient, report, &cause);
    }
    match at {
        Location::Sqlite(file) => sqlite::look(patient, file, &inspection, running, report).await,
        Location::Postgres(_) => server::look(&inspection, at, report).await,
    }
    if is_current(patient, &inspection, report).await
        && let Err(cause) = rows(patient, &inspection, running, report).await
    {
        unreadable(patient, report, &cause);
    }
    inspection.close().await;
}

/// Looks whether the authority is the one that the endpoints know. One that cannot be read is a finding already.
async fn locked_out(patient: &Patient<'_>, inspection: &Inspection, report: &mut Report) -> Result<(), StoreError> {
    let place = patient.config.authority.place(patient.data);
    let Ok(trusted) = authority::trusted(&place) else { return Ok(()) };
    if let Some(out) = LockedOut::count(inspection.reads(), &trusted, patient.now).await? {
        let (at, why) =
            (patient.data.join("authority"), "They are turned away, and hear that the collector is another one.");
        report.fault("locked_out", out.to_string(), &at.display(), why, locked_out::REMEDY);
    }
    Ok(())
}

fn unreadable(patient: &Patient<'_>, report: &mut Report, cause: &StoreError) {
    let why = "Nothing can be stored or shown.";
    let file = files::configuration(patient);
    let remedy = match patient.database {
        Location::Sqlite(_) => {
            "Stop the collector, keep the file for later, and put a backup back with `firstline-collector restore`."
                .to_owned()
        }
        Location::Postgres(_) if matches!(cause, StoreError::Pooler { .. } | StoreError::Untrusted { .. }) => {
            format!("Correct [database] in {}.", file.display())
        }
        Location::Postgres(_) => format!(
            "See whether the server runs and lets this machine in; [database] of {} says where it is.",
            file.display()
        ),
    };
    report.fault("database", format!("The database cannot be read: {}", cause.said()), &patient.database, why, remedy);
}

/// Whether the tables are those of this program. One that is older is brought up to date at the next start.
async fn is_current(patient: &Patient<'_>, inspection: &Inspection, report: &mut Report) -> bool {
    let why = "The collector does not start with it.";
    match inspection.migrations_missing().await {
        Ok(0) => true,
        Ok(count) => {
            let what = format!("{count} migrations of this program are not applied");
            let remedy =
                "Take a backup; the next start of this version applies them, and there is no way back but the backup.";
            report.advice("version", what, &patient.database, "Its rows are not looked at here.", remedy);
            false
        }
        Err(cause @ StoreError::Newer { .. }) => {
            report.fault(
                "version",
                cause.to_string(),
                &patient.database,
                why,
                "Start the newer program, or put back the backup that was taken before it.",
            );
            false
        }
        Err(cause @ StoreError::Changed { .. }) => {
            report.fault(
                "version",
                cause.to_string(),
                &patient.database,
                why,
                "Start the program that made it, or put back a backup.",
            );
            false
        }
        Err(cause) => {
            report.fault(
                "version",
                format!("It has no list of migrations: {}", cause.said()),
                &patient.database,
                why,
                "This is no collector's database, or a damaged one: put back a backup.",
            );
            false
        }
    }
}

async fn rows(
    patient: &Patient<'_>,
    inspection: &Inspection,
    running: Running,
    report: &mut Report,
) -> Result<(), StoreError> {
    let reads = inspection.reads();
    let counts = inspection.counts().await?;
    let endpoints = counts.get("endpoints").copied().unwrap_or(0).unsigned_abs();
    report.fact("endpoints", endpoints.to_string());
    room::files(patient, running, endpoints, report);
    locked_out(patient, inspection, report).await?;
    let newest: Option<i64> = sql::query_scalar("SELECT MAX(at_ms) FROM audit_log").fetch_one(reads).await?;
    let limit = (patient.now + AHEAD).unix_ms();
    if let Some(newest) = newest.filter(|newest| *newest > limit) {
        let newest = firstline_diagnosis::vocabulary::Timestamp(newest);
        let what = format!("The clock says {}, and the newest entry of the audit log is of {newest}", patient.now);
        let why = "The clock was set back, or was wrong: sessions, tokens, holds and retention go by it.";
        report.fault("clock", what, &patient.database, why, "Set the clock; let the system keep it (NTP).");
    }
    if patient.depth == Depth::Quick {
        return Ok(());
    }
    for (what, count) in ORPHANS {
        let count: i64 = sql::query_scalar(count).fetch_one(reads).await?;
        if count > 0 {
            let why = "A row is missing that others belong to: something else than the collector has written here, or a page was lost.";
            let remedy =
                "The collector passes over them. Look for the cause; a backup from before it has the missing rows.";
            report.fault(
                "orphans",
                format!("{count} {what} are not there or have no owner"),
                &patient.database,
                why,
                remedy,
            );
        }
    }
    audit_chain(patient, inspection, report).await
}

async fn audit_chain(patient: &Patient<'_>, inspection: &Inspection, report: &mut Report) -> Result<(), StoreError> {
    let walked = match chain::verify(inspection.reads()).await {
        Ok(walked) => walked,
        Err(crate::access::AccessError::Store(cause)) => return Err(cause),
        Err(cause) => return Err(StoreError::from(sql::Error::Configuration(cause.to_string().into()))),
    };
    report.fact("audit log", format!("{} entries, last hash {}", walked.entries, walked.head));
    if let Some(entry) = walked.broken_at {
        let what = format!("The chain of the audit log breaks at entry {entry}");
        let why = "An entry was changed or taken out after it was written: what the log says cannot be relied upon.";
        let remedy =
            "Keep this folder as it is, compare the log with a backup's, and find out who may write to the database.";
        report.fault("audit_chain", what, &patient.database, why, remedy);
    }
    Ok(())
}
