//! Finding the earlier endpoint of a machine by what its firmware says, one look into an index for each hash.

use std::collections::BTreeMap;

use super::evidence::{self, HARDWARE};
use crate::store::{Connection, sql};

/// Endpoints that say one of a machine's hashes and are looked at, the newest first: a series of boards may share one.
const CANDIDATES: i64 = 100;

/// Each hash is looked up by itself, so that the index serves: of one hash at most [`CANDIDATES`] are taken.
pub(super) const SAYING: &str =
    "SELECT e.key, e.id, e.hardware FROM hardware_keys h JOIN endpoints e ON e.key = h.endpoint_key
    WHERE h.kind = $1 AND h.value = $2 AND e.id <> $3 ORDER BY h.endpoint_key DESC LIMIT $4";

/// Writes down what a new endpoint says of its hardware.
///
/// # Errors
/// The database's.
pub(crate) async fn note(
    tx: &mut Connection,
    endpoint_id: &str,
    hardware: &BTreeMap<String, String>,
) -> Result<(), sql::Error> {
    for (kind, value) in said(hardware) {
        sql::query(
            "INSERT INTO hardware_keys (kind, value, endpoint_key) SELECT $2, $3, key FROM endpoints WHERE id = $1
             ON CONFLICT (kind, value, endpoint_key) DO NOTHING",
        )
        .bind(endpoint_id)
        .bind(kind)
        .bind(value)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// The newest other endpoint of the same machine, as far as its hardware tells.
///
/// # Errors
/// The database's.
pub(crate) async fn earlier(
    tx: &mut Connection,
    endpoint_id: &str,
    hardware: &BTreeMap<String, String>,
) -> Result<Option<String>, sql::Error> {
    let mut found: BTreeMap<i64, (String, String)> = BTreeMap::new();
    for (kind, value) in said(hardware) {
        let rows: Vec<(i64, String, String)> =
            sql::query_as(SAYING).bind(kind).bind(value).bind(endpoint_id).bind(CANDIDATES).fetch_all(&mut *tx).await?;
        found.extend(rows.into_iter().map(|(key, id, stored)| (key, (id, stored))));
    }
    let is_same = |stored: &str| evidence::is_same_machine(&serde_json::from_str(stored).unwrap_or_default(), hardware);
    Ok(found.into_values().rev().find(|(_, stored)| is_same(stored)).map(|(id, _)| id))
}

/// What is compared of what a machine says.
fn said(hardware: &BTreeMap<String, String>) -> impl Iterator<Item = (&'static str, &str)> {
    HARDWARE.iter().filter_map(|kind| Some((*kind, hardware.get(*kind)?.as_str())))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::app::fixture::Collector;
    use crate::store::StoreError;

    /// Puts `count` endpoints into the table, each with hardware of its own, in one statement.
    async fn crowd(collector: &Collector, count: i64) {
        let write = collector.app.store.write(move |tx| {
            Box::pin(async move {
                for number in 0..count {
                    let (id, hardware) = (format!("crowd-{number}"), format!(r#"{{"serial":"s{number}"}}"#));
                    sql::query(
                        "INSERT INTO endpoints (id, name, os_type, os_name, os_version, os_build_id, users, tags, hardware,
                         agent_version, boot_id, state, worst_severity, enrolled_at_ms, last_seen_ms, paused)
                         VALUES ($1, $1, 'linux', '', '', '', '[]', '{}', $2, '', '', 'silent', 0, 0, 0, 0)",
                    )
                    .bind(&id)
                    .bind(&hardware)
                    .execute(&mut *tx)
                    .await?;
                    note(tx, &id, &machine(&[("serial", &format!("s{number}"))])).await?;
                }
                Ok::<_, StoreError>(())
            })
        });
        write.await.expect("a crowd");
    }

    fn machine(values: &[(&str, &str)]) -> BTreeMap<String, String> {
        values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    async fn earlier_of(collector: &Collector, hardware: BTreeMap<String, String>) -> Option<String> {
        let look = collector
            .app
            .store
            .write(move |tx| Box::pin(async move { Ok::<_, StoreError>(earlier(tx, "new", &hardware).await?) }));
        look.await.expect("an answer")
    }

    #[tokio::test]
    async fn a_machine_among_many_is_found_by_any_of_its_hashes() {
        let collector = Collector::start().await;
        crowd(&collector, 300).await;
        let rows: i64 = sql::query_scalar("SELECT COUNT(*) FROM hardware_keys")
            .fetch_one(collector.app.store.reads())
            .await
            .expect("a count");
        assert_eq!(rows, 300);
        assert_eq!(earlier_of(&collector, machine(&[("serial", "s7")])).await.as_deref(), Some("crowd-7"));
        let more = machine(&[("serial", "s9"), ("board_serial", "b")]);
        assert_eq!(earlier_of(&collector, more).await.as_deref(), Some("crowd-9"));
        assert_eq!(earlier_of(&collector, machine(&[("serial", "unheard of")])).await, None);
        assert_eq!(earlier_of(&collector, machine(&[("machine_id", "s7")])).await, None, "it is copied with the disk");
    }

    /// The look-up reads no table from end to end, as SQLite tells.
    #[tokio::test]
    async fn the_look_up_walks_an_index() {
        let collector = Collector::start().await;
        if crate::store::fixture::is_shared() {
            return;
        }
        let explain = format!("EXPLAIN QUERY PLAN {SAYING}").leak();
        let rows = sql::query(explain)
            .bind("serial")
            .bind("s7")
            .bind("new")
            .bind(CANDIDATES)
            .fetch_all(collector.app.store.reads())
            .await
            .expect("a plan");
        let mut plan = String::new();
        for row in rows {
            let step: String = row.try_get("detail").expect("a step");
            let _ = writeln!(plan, "{step}");
        }
        assert!(plan.contains("SEARCH h USING") && plan.contains("(kind=? AND value=?)"), "{plan}");
        assert!(!plan.contains("SCAN"), "{plan}");
    }
}
