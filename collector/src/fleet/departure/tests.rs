use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::app::fixture::Collector;
use crate::fleet::hardware;
use crate::store::{Body, Location, RecordBatch, Row, Store};

/// Gives an endpoint what its firmware says.
async fn says(collector: &Collector, id: &str, hardware: &str, earlier: Option<&str>) {
    let (id, hardware, earlier) = (id.to_owned(), hardware.to_owned(), earlier.map(str::to_owned));
    let write = collector.app.store.write(move |tx| {
        Box::pin(async move {
            sql::query("UPDATE endpoints SET hardware = $2, same_hardware_as = $3 WHERE id = $1")
                .bind(id)
                .bind(hardware)
                .bind(earlier)
                .execute(tx)
                .await?;
            Ok::<_, StoreError>(())
        })
    });
    write.await.expect("noted");
}

async fn tell(collector: &Collector, id: &str, sequences: std::ops::RangeInclusive<u64>) {
    let endpoint_key = collector.app.fleet.known(id).await.expect("known").key;
    let now = collector.app.clock.now().unix_ms();
    let row = |sequence: u64| Row { sequence, at_ms: now, body: Body::Mark("booted") };
    let batch =
        RecordBatch { endpoint_key, received_ms: now, rows: sequences.map(row).collect(), ahead: false, epoch: None };
    collector.app.store.append(batch).await.expect("stored");
}

async fn marks(collector: &Collector, id: &str) -> i64 {
    sql::query_scalar("SELECT COUNT(*) FROM marks WHERE endpoint_key = (SELECT key FROM endpoints WHERE id = $1)")
        .bind(id)
        .fetch_one(collector.app.store.reads())
        .await
        .expect("a count")
}

async fn listed(collector: &Collector) -> Vec<String> {
    let list = collector.app.fleet.list(super::super::ListQuery::default()).await.expect("a list");
    list.endpoints.into_iter().map(|endpoint| endpoint.id).collect()
}

#[tokio::test]
async fn a_machine_that_was_enrolled_twice_becomes_one_endpoint_with_all_its_history() {
    let collector = Collector::start().await;
    let (old, new) = (collector.machine("desk-1").await.id, collector.machine("desk-1").await.id);
    says(&collector, &old, r#"{"serial":"a"}"#, None).await;
    says(&collector, &new, r#"{"serial":"a"}"#, Some(&old)).await;
    tell(&collector, &old, 1..=40).await;
    tell(&collector, &new, 1..=2).await;
    let offered = collector.app.fleet.duplicates().await.expect("offers");
    assert_eq!(offered.len(), 1);
    assert_eq!((&offered[0].earlier.id, &offered[0].endpoint.id), (&old, &new));
    assert_eq!(offered[0].alike, ["the serial number"]);
    collector.app.fleet.merge(&old, &new, "tests").await.expect("merged");
    assert_eq!((marks(&collector, &old).await, marks(&collector, &new).await), (0, 42));
    assert_eq!(listed(&collector).await, std::slice::from_ref(&new));
    assert_eq!(collector.app.fleet.find(&old).await.expect("the old name leads on").id, new);
    assert_eq!(collector.app.fleet.find("desk-1").await.expect("one has the name").id, new);
    assert!(collector.app.fleet.known(&old).await.expect("it stays known").revoked);
    assert!(collector.app.fleet.duplicates().await.expect("offers").is_empty());
}

#[tokio::test]
async fn machines_whose_firmware_tells_nothing_are_counted_and_not_called_different() {
    let collector = Collector::start().await;
    let (told, silent) = (collector.machine("a").await, collector.machine("b").await);
    let says = |kind: &str| BTreeMap::from([(kind.to_owned(), "a".to_owned())]);
    let (serial, copied) = (says("serial"), says("machine_id_hash"));
    let write = collector.app.store.write(move |tx| {
        Box::pin(async move {
            hardware::note(tx, &told.id, &serial).await?;
            hardware::note(tx, &silent.id, &copied).await?;
            Ok::<_, StoreError>(())
        })
    });
    write.await.expect("noted");
    assert_eq!(collector.app.fleet.incomparable().await.expect("counted"), (1, 2));
}

#[tokio::test]
async fn two_machines_are_not_merged() {
    let collector = Collector::start().await;
    let (one, other) = (collector.machine("a").await, collector.machine("b").await);
    says(&collector, &one.id, r#"{"serial":"a"}"#, None).await;
    says(&collector, &other.id, r#"{"serial":"b"}"#, None).await;
    let why = async |earlier: &str, later: &str| {
        collector.app.fleet.merge(earlier, later, "tests").await.expect_err("refused").to_string()
    };
    assert!(why(&one.id, &other.id).await.ends_with("their firmware says that they are two machines"));
    assert!(why(&one.id, &one.id).await.ends_with("they are one endpoint already"));
    says(&collector, &other.id, "{}", None).await;
    assert!(why(&one.id, &other.id).await.contains("says nothing by which"));
    says(&collector, &other.id, r#"{"serial":"a"}"#, None).await;
    let (_talk, _) = one.connect(&collector).await;
    assert!(why(&one.id, &other.id).await.contains("is connected"));
    assert_eq!(listed(&collector).await.len(), 2);
}

#[tokio::test]
async fn what_left_is_not_listed_and_is_forgotten_when_that_is_asked_for() {
    let collector = Collector::start().await;
    let (kept, forgotten) = (collector.machine("kept").await.id, collector.machine("forgotten").await.id);
    tell(&collector, &kept, 1..=3).await;
    tell(&collector, &forgotten, 1..=3).await;
    collector.app.fleet.decommission("kept", false, "tests").await.expect("left");
    let left = collector.app.fleet.decommission("forgotten", true, "tests").await.expect("left");
    assert_eq!(left.state, EndpointState::Revoked);
    assert!(listed(&collector).await.is_empty());
    let revoked = super::super::ListQuery { state: Some(EndpointState::Revoked), ..Default::default() };
    assert_eq!(collector.app.fleet.list(revoked).await.expect("a list").endpoints.len(), 2);
    assert_eq!((marks(&collector, &kept).await, marks(&collector, &forgotten).await), (3, 0));
}

/// A table that somebody adds must say what becomes of its rows.
#[tokio::test]
async fn every_table_that_speaks_of_endpoints_is_named_here() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&Location::Sqlite(folder.path().join("db"))).await.expect("a store");
    let found = async |column: &'static str| -> BTreeSet<String> {
        let names = "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = $1";
        let rows = sql::query_scalar(names).bind(column).fetch_all(store.reads()).await;
        rows.expect("names").into_iter().collect()
    };
    let named = |tables: &[Table]| -> BTreeSet<String> { tables.iter().map(|table| table.name.to_owned()).collect() };
    assert_eq!(named(&BY_KEY), found("endpoint_key").await);
    assert_eq!(named(&BY_ID), found("endpoint_id").await);
}
