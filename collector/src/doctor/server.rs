//! What a PostgreSQL server can be asked.

use super::Report;
use crate::store::{Inspection, Location, StoreError, sql};

/// The oldest version that is known to work.
const VERSION_MIN: i64 = 130_000;

/// Settings that must not be off, since what was acknowledged must outlive a power cut.
const DURABLE: [&str; 3] = ["fsync", "full_page_writes", "synchronous_commit"];

pub(super) async fn look(inspection: &Inspection, at: &Location, report: &mut Report) {
    if let Err(cause) = ask(inspection, at, report).await {
        let why = "What the server says of itself could not be looked at.";
        report.advice(
            "server",
            format!("The server refuses a question: {cause}"),
            at,
            why,
            "Ask as the collector's own user.",
        );
    }
}

async fn ask(inspection: &Inspection, at: &Location, report: &mut Report) -> Result<(), StoreError> {
    let reads = inspection.reads();
    let numbers = "SELECT CAST(current_setting('server_version_num') AS BIGINT), CAST(pg_database_size(current_database()) AS BIGINT), \
                   CASE WHEN pg_is_in_recovery() THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END";
    let (version, bytes, standby): (i64, i64, i64) = sql::query_as(numbers).fetch_one(reads).await?;
    report.fact(
        "database",
        format!("PostgreSQL {}, {} MB, {at}", version / 10_000, bytes.unsigned_abs().div_ceil(1 << 20)),
    );
    if version < VERSION_MIN {
        let what = format!("The server has version {}", version / 10_000);
        report.fault("server", what, at, "Firstline uses what PostgreSQL has since version 13.", "Upgrade the server.");
    }
    if standby != 0 {
        report.fault(
            "server",
            "The server is a standby and takes no writes",
            at,
            "Nothing can be stored.",
            "Name the primary in database.url.",
        );
    }
    for setting in DURABLE {
        let value: String = sql::query_scalar("SELECT current_setting($1)").bind(setting).fetch_one(reads).await?;
        if value == "off" {
            let why = "An agent deletes what was acknowledged; with this a power cut of the server loses some of that.";
            report.fault(
                "durability",
                format!("{setting} is off"),
                at,
                why,
                format!("Set {setting} = on in postgresql.conf."),
            );
        }
    }
    let waits = "SELECT CAST(COALESCE(MAX(EXTRACT(EPOCH FROM now() - xact_start)), 0) AS BIGINT) FROM pg_stat_activity \
                 WHERE state = 'idle in transaction' AND datname = current_database()";
    let seconds: i64 = sql::query_scalar(waits).fetch_one(reads).await?;
    if seconds > 3600 {
        let what = format!("Somebody has held a transaction open for {} hours", seconds / 3600);
        report.advice(
            "server",
            what,
            at,
            "Deleted rows stay on the disk as long.",
            "Find it in pg_stat_activity and end it.",
        );
    }
    Ok(())
}
