use super::*;

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
    RecordBatch { endpoint_key: 1, received_ms: 1, rows: (first..first + count).map(row).collect(), ahead: false }
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
