use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use tokio::sync::oneshot;

use super::*;

mod damage;
mod upgrades;

const ENDPOINT: &str = "INSERT INTO endpoints (key, id, name, os_type, os_name, os_version, os_build_id, users,
    tags, hardware, agent_version, boot_id, state, worst_severity, enrolled_at_ms, paused)
    VALUES (1, '1', '', '', '', '', '', '[]', '{}', '{}', '', '', 'online', 0, 0, 0)";

/// Runs a statement that nobody else needs.
async fn run(store: &Store, statement: &'static str) {
    let ran = store.write(move |tx| {
        Box::pin(async move { sql::query(statement).execute(tx).await.map(drop).map_err(StoreError::from) })
    });
    ran.await.expect(statement);
}

fn samples(first: u64, count: u64) -> RecordBatch {
    let row = |sequence: u64| {
        let body = Body::Sample { layout: 7, step_seconds: 60, row: vec![1; 4096], absences: None };
        Row { sequence, at_ms: 1, body }
    };
    RecordBatch {
        endpoint_key: 1,
        received_ms: 1,
        rows: (first..first + count).map(row).collect(),
        ahead: false,
        epoch: None,
    }
}

async fn count(store: &Store) -> i64 {
    sql::query_scalar("SELECT COUNT(*) FROM samples").fetch_one(store.reads()).await.expect("count")
}

#[tokio::test]
async fn a_full_disk_loses_nothing_that_was_acknowledged_and_is_over_when_there_is_room() {
    let folder = tempfile::tempdir().expect("folder");
    let store = Store::open(&Location::Sqlite(folder.path().join("db"))).await.expect("open");
    run(&store, ENDPOINT).await;
    run(&store, "PRAGMA max_page_count = 200").await;
    assert_eq!(store.append(samples(1, 10)).await.expect("there is room").stored_sequence, 10);
    let full = store.append(samples(11, 400)).await.expect_err("there is none");
    assert!(full.to_string().contains("full"), "{full}");
    assert_eq!(count(&store).await, 10);
    assert!(store.writer.is_failing());
    run(&store, "PRAGMA max_page_count = 1000000").await;
    store.check().await.expect("there is room again");
    assert_eq!(store.append(samples(5, 406)).await.expect("stored").stored_sequence, 410);
    assert_eq!(count(&store).await, 410);
    store.close().await;
    assert!(store.check().await.is_err());
}

async fn endpoint(store: &Store, key: i64) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO endpoints (key, id, name, os_type, os_name, os_version, os_build_id, users,
        tags, hardware, agent_version, boot_id, state, worst_severity, enrolled_at_ms, paused)
        VALUES ($1, $2, '', '', '', '', '', '[]', '{}', '{}', '', '', 'online', 0, 0, 0)";
    let insert = store.write(move |tx| {
        Box::pin(async move {
            sql::query(SQL).bind(key).bind(key.to_string()).execute(tx).await?;
            Ok(())
        })
    });
    insert.await
}

fn marks(endpoint_key: i64, sequences: impl IntoIterator<Item = u64>) -> RecordBatch {
    let row = |sequence: u64| Row { sequence, at_ms: sequence as i64, body: Body::Mark("booted") };
    RecordBatch {
        endpoint_key,
        received_ms: 1,
        rows: sequences.into_iter().map(row).collect(),
        ahead: false,
        epoch: None,
    }
}

/// Records of an endpoint that does not exist break a constraint, and stand for whatever cannot be stored.
#[tokio::test]
async fn records_that_cannot_be_stored_harm_neither_the_others_nor_jobs() {
    let folder = tempfile::tempdir().expect("folder");
    let store = fixture::open(folder.path()).await;
    endpoint(&store, 1).await.expect("one");
    endpoint(&store, 2).await.expect("two");
    let (one, nobody, two, job) = tokio::join!(
        store.append(marks(1, [1, 2])),
        store.append(marks(99, [1])),
        store.append(marks(2, [1, 2, 3])),
        endpoint(&store, 3),
    );
    assert_eq!(one.expect("stored").stored_sequence, 2);
    assert!(matches!(nobody, Err(StoreError::Database(_))));
    assert_eq!(two.expect("stored").stored_sequence, 3);
    job.expect("a job of the same batch");
    assert!(!store.writer.is_failing(), "the database is well");
    store.check().await.expect("and says so");
    assert_eq!(store.append(marks(1, [3])).await.expect("stored").stored_sequence, 3);
}

/// SQLite takes one collector, PostgreSQL any number; neither takes a record twice.
#[tokio::test]
async fn two_collectors_never_store_a_record_twice() {
    const ENDPOINTS: i64 = 5;
    const RECORDS: u64 = 300;
    let folder = tempfile::tempdir().expect("folder");
    let store = fixture::open(folder.path()).await;
    let location = fixture::location(folder.path()).await;
    if let Location::Sqlite(_) = location {
        tokio::time::pause();
        assert!(matches!(Store::open(&location).await, Err(StoreError::InUse(_))));
        return;
    }
    let other = Store::open(&location).await.expect("a second collector");
    for key in 1..=ENDPOINTS {
        endpoint(&store, key).await.expect("endpoint");
    }
    // The same records through both, in batches of other sizes, so that each finds some stored by the other.
    let send = async |store: &Store, size: u64| {
        for key in 1..=ENDPOINTS {
            for first in (1..=RECORDS).step_by(size as usize) {
                let last = (first + size - 1).min(RECORDS);
                let stored = store.append(marks(key, first..=last)).await.expect("stored").stored_sequence;
                assert!(stored >= last, "{stored} of {last} are acknowledged");
            }
        }
    };
    tokio::join!(send(&store, 7), send(&other, 11), send(&store, 13), send(&other, 5));
    let rows: Vec<(i64, i64)> =
        sql::query_as("SELECT COUNT(*), COUNT(DISTINCT at_ms) FROM marks GROUP BY endpoint_key")
            .fetch_all(store.reads())
            .await
            .expect("rows");
    assert_eq!(rows, vec![(RECORDS as i64, RECORDS as i64); ENDPOINTS as usize]);
}

/// What a job reads stays true until it is committed.
#[tokio::test]
async fn jobs_of_two_collectors_take_turns() {
    let folder = tempfile::tempdir().expect("folder");
    let store = fixture::open(folder.path()).await;
    let location = fixture::location(folder.path()).await;
    let other = match location {
        Location::Sqlite(_) => store.clone(),
        Location::Postgres(_) => Store::open(&location).await.expect("a second collector"),
    };
    let next = async |store: &Store| {
        let job = store.write(|tx| {
            Box::pin(async move {
                let highest = "SELECT COALESCE(MAX(fingerprint), 0) FROM layouts";
                let highest: i64 = sql::query_scalar(highest).fetch_one(&mut *tx).await?;
                let insert = "INSERT INTO layouts (fingerprint, series, used_ms) VALUES ($1, '[]', 0)";
                sql::query(insert).bind(highest + 1).execute(tx).await?;
                Ok::<_, StoreError>(highest + 1)
            })
        });
        job.await
    };
    let mut numbers = Vec::new();
    for _ in 0..20 {
        let (one, two) = tokio::join!(next(&store), next(&other));
        numbers.extend([one.expect("a number"), two.expect("a number")]);
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=40).collect::<Vec<i64>>());
}

#[tokio::test]
async fn state_moves_forward_only_and_remembers_what_it_was() {
    let folder = tempfile::tempdir().expect("folder");
    let store = fixture::open(folder.path()).await;
    endpoint(&store, 1).await.expect("endpoint");
    let value =
        |series: &str, outcome: &str, at_ms| StateValue { series: series.into(), outcome: outcome.into(), at_ms };
    let told = |sequence, values| RecordBatch {
        rows: vec![Row { sequence, at_ms: 1, body: Body::Inventory(values) }],
        ..marks(1, [])
    };
    let first = told(1, vec![value("a", "1", 10), value("b", "x\0y", 10), value("a", "2", 20)]);
    store.append(first).await.expect("stored");
    let second = told(2, vec![value("a", "1", 15), value("b", "x\0y", 30), value("c", "9", 5), value("a", "3", 30)]);
    store.append(second).await.expect("stored");
    let held: Vec<(String, String, i64)> =
        sql::query_as("SELECT series, outcome, at_ms FROM inventory ORDER BY series")
            .fetch_all(store.reads())
            .await
            .expect("held");
    assert_eq!((held[0].1.as_str(), held[0].2, held[2].2), ("3", 30, 5));
    assert!(["x\0y", "x\u{fffd}y"].contains(&held[1].1.as_str()), "{held:?}");
    let changes: Vec<(String, String, String)> = sql::query_as(
        "SELECT series, outcome_before, outcome_after FROM inventory_changes WHERE series <> 'b' ORDER BY id",
    )
    .fetch_all(store.reads())
    .await
    .expect("changes");
    let change = |before: &str, after: &str| ("a".to_owned(), before.to_owned(), after.to_owned());
    assert_eq!(changes, [change("1", "2"), change("2", "3")]);
}

/// SQLite's order of texts is that of their bytes; so is PostgreSQL's, whatever its language.
#[tokio::test]
async fn texts_are_in_the_order_of_their_bytes() {
    let folder = tempfile::tempdir().expect("folder");
    let store = fixture::open(folder.path()).await;
    endpoint(&store, 1).await.expect("endpoint");
    let names = ["Zoe", "_x", "ada", "b-1", "b1", "Äpfel"];
    let outcome = || "1".to_owned();
    let values = names.iter().rev().map(|name| StateValue { series: (*name).to_owned(), outcome: outcome(), at_ms: 1 });
    let body = Body::Inventory(values.collect());
    store
        .append(RecordBatch { rows: vec![Row { sequence: 1, at_ms: 1, body }], ..marks(1, []) })
        .await
        .expect("stored");
    let found: Vec<String> = sql::query_scalar("SELECT series FROM inventory ORDER BY series")
        .fetch_all(store.reads())
        .await
        .expect("names");
    assert_eq!(found, names);
}

/// Who looks at a screen is answered while the records of a fleet still wait in line.
#[tokio::test]
async fn what_people_wait_for_does_not_stand_in_line_with_records() {
    const BATCHES: u64 = 900;
    const EACH: u64 = 20;
    let folder = tempfile::tempdir().expect("folder");
    let store = fixture::open(folder.path()).await;
    endpoint(&store, 1).await.expect("an endpoint");
    let told = async |first: u64| store.append(marks(1, first..first + EACH)).await.expect("stored").stored_sequence;
    let mut records: FuturesOrdered<_> = (0..BATCHES).map(|batch| told(1 + batch * EACH)).collect();
    // All are in line before the task that writes has run once: this runtime has one thread.
    assert!(tokio::task::unconstrained(async { futures_util::poll!(records.next()) }).await.is_pending());
    let mut half = Box::pin((&mut records).take(BATCHES as usize / 2).collect::<Vec<_>>());
    let people = store.for_people();
    let waits = endpoint(&people, 2);
    tokio::select! {
        told = waits => told.expect("a job of somebody who waits"),
        _ = &mut half => panic!("half of the records went first"),
    }
    half.await;
    assert_eq!(records.collect::<Vec<_>>().await.last(), Some(&(BATCHES * EACH)));
}

/// Whoever reads gets the last commit, however long somebody takes to write.
#[tokio::test]
async fn reads_see_the_last_commit_and_wait_for_nobody() {
    let folder = tempfile::tempdir().expect("folder");
    let store = fixture::open(folder.path()).await;
    let (began, begun) = oneshot::channel();
    let (end, ended) = oneshot::channel::<()>();
    let writes = store.write(move |tx| {
        Box::pin(async move {
            sql::query("INSERT INTO layouts (fingerprint, series, used_ms) VALUES (7, '[]', 0)").execute(tx).await?;
            began.send(()).expect("somebody reads");
            ended.await.expect("somebody has read");
            Ok::<_, StoreError>(())
        })
    });
    let count = async || -> i64 {
        sql::query_scalar("SELECT COUNT(*) FROM layouts").fetch_one(store.reads()).await.expect("a count")
    };
    let reads = async {
        begun.await.expect("somebody writes");
        let before = count().await;
        end.send(()).expect("the writer waits");
        before
    };
    let (written, before) = tokio::join!(writes, reads);
    written.expect("committed");
    assert_eq!((before, count().await), (0, 1));
}
