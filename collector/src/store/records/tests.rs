use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tokio::runtime::Runtime;

use super::*;
use crate::store::{Store, fixture};

const INSERT_ENDPOINTS: &str = "INSERT INTO endpoints (key, id, name, os_type, os_name, os_version, os_build_id, users,
    tags, hardware, agent_version, boot_id, state, worst_severity, enrolled_at_ms, paused)
    VALUES ($1, $2, '', '', '', '', '', '[]', '{}', '{}', '', '', 'online', 0, 0, 0)";

/// A store that can be lost without a word, as in a crash, and found again.
struct Crashing {
    path: PathBuf,
    runtime: Runtime,
    store: Store,
}

impl Crashing {
    fn open(path: &Path) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("runtime");
        let store = runtime.block_on(fixture::open(path));
        Self { path: path.to_owned(), runtime, store }
    }

    fn with_endpoints(self, keys: &'static [i64]) -> Self {
        let made = self.runtime.block_on(self.store.write(move |tx| {
            Box::pin(async move {
                for key in keys {
                    sql::query(INSERT_ENDPOINTS).bind(*key).bind(key.to_string()).execute(&mut *tx).await?;
                }
                Ok::<_, StoreError>(())
            })
        }));
        made.expect("endpoints");
        self
    }

    /// Drops everything where it stands, in whatever the writer is doing.
    fn crash(self) -> Self {
        let Self { path, runtime, store } = self;
        drop(store);
        runtime.shutdown_background();
        Self::open(&path)
    }

    fn rows(&self, key: i64) -> Vec<i64> {
        let query = sql::query_scalar("SELECT at_ms FROM samples WHERE endpoint_key = $1 ORDER BY id").bind(key);
        self.runtime.block_on(query.fetch_all(self.store.reads())).expect("rows")
    }
}

fn batch(endpoint_key: i64, sequences: impl IntoIterator<Item = u64>) -> RecordBatch {
    let row = |sequence: u64| {
        let body = Body::Sample { layout: u64::MAX, step_seconds: 60, row: vec![0; 160], absences: None };
        Row { sequence, at_ms: sequence as i64, body }
    };
    RecordBatch {
        endpoint_key,
        received_ms: 1,
        rows: sequences.into_iter().map(row).collect(),
        ahead: false,
        epoch: None,
    }
}

/// What an endpoint and its network may do to a store.
#[derive(Debug, Clone)]
enum Deed {
    /// Send `count` records from `from` on; what was sent before comes again.
    Send { key: i64, from: u64, count: u64 },
    /// Send two batches without waiting, in this order.
    Twice { key: i64, from: u64, count: u64 },
    /// Send a batch, and lose the store before it answers.
    SendAndCrash { key: i64, from: u64, count: u64 },
}

fn deed() -> impl Strategy<Value = Deed> {
    let part = (1..3i64, 1..40u64, 1..30u64);
    prop_oneof![
        4 => part.clone().prop_map(|(key, from, count)| Deed::Send { key, from, count }),
        2 => part.clone().prop_map(|(key, from, count)| Deed::Twice { key, from, count }),
        1 => part.prop_map(|(key, from, count)| Deed::SendAndCrash { key, from, count }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn stores_each_record_once_whatever_comes_twice_or_crashes(deeds in prop::collection::vec(deed(), 1..12)) {
        let folder = tempfile::tempdir().expect("folder");
        let mut store = Crashing::open(folder.path()).with_endpoints(&[1, 2]);
        let mut acknowledged = [0u64; 3];
        for deed in deeds {
            match deed {
                Deed::Send { key, from, count } => {
                    let sent = store.store.append(batch(key, from..from + count));
                    let appended = store.runtime.block_on(sent).expect("stored");
                    prop_assert!(appended.stored_sequence >= acknowledged[key as usize], "never goes back");
                    acknowledged[key as usize] = appended.stored_sequence;
                }
                Deed::Twice { key, from, count } => {
                    let one = store.store.append(batch(key, from..from + count));
                    let two = store.store.append(batch(key, from..from + count));
                    let (one, two) = store.runtime.block_on(async { tokio::join!(one, two) });
                    let (one, two) = (one.expect("stored"), two.expect("stored"));
                    acknowledged[key as usize] = one.stored_sequence.max(two.stored_sequence);
                }
                Deed::SendAndCrash { key, from, count } => {
                    let handle = store.store.clone();
                    store.runtime.spawn(async move { handle.append(batch(key, from..from + count)).await });
                    store = store.crash();
                }
            }
            for key in [1, 2] {
                let rows = store.rows(key);
                let distinct: BTreeSet<i64> = rows.iter().copied().collect();
                prop_assert_eq!(distinct.len(), rows.len(), "stored twice");
                prop_assert!(rows.is_sorted(), "in order");
                let highest = rows.last().copied().unwrap_or(0) as u64;
                prop_assert!(highest >= acknowledged[key as usize], "an acknowledged record is lost");
            }
        }
    }
}

#[test]
fn skips_what_is_stored_and_counts_what_is_left_out() {
    let appended = |stored_sequence, new_from, left_out| Appended {
        stored_sequence,
        new_from,
        left_out,
        skipped: BTreeSet::new(),
        states_over: 0,
        moved: false,
    };
    assert_eq!(judge(&standing(5, []), &batch(1, [3, 5, 6, 9, 10])), appended(10, 2, 2));
    assert_eq!(judge(&standing(5, []), &batch(1, [1, 2])), appended(5, 2, 0));
}

fn standing<const N: usize>(stored: u64, ahead: [u64; N]) -> Standing {
    Standing { stored, ahead: ahead.into(), epoch: 0 }
}

fn ahead(sequences: impl IntoIterator<Item = u64>) -> RecordBatch {
    RecordBatch { ahead: true, ..batch(1, sequences) }
}

#[test]
fn what_came_ahead_is_skipped_in_its_turn_and_moves_nothing_before() {
    let early = judge(&standing(5, [90]), &ahead([4, 90, 91, 95]));
    assert_eq!((early.stored_sequence, early.left_out), (5, 0), "nothing is acknowledged, nothing is missed");
    let new: Vec<bool> = [4, 90, 91, 95].iter().enumerate().map(|(index, one)| early.is_new(index, *one)).collect();
    assert_eq!(new, [false, false, true, true]);
    let turn = judge(&standing(89, [90, 91]), &batch(1, [90, 91, 92]));
    assert_eq!((turn.stored_sequence, turn.left_out, turn.skipped), (92, 0, BTreeSet::from([90, 91])));
}

#[test]
fn so_many_numbers_are_noted_and_the_rest_waits_for_its_turn() {
    let first = 1000;
    let judged = judge(&standing(0, [900, 901]), &ahead(first..first + AHEAD_MAX as u64));
    assert_eq!(judged.skipped.into_iter().collect::<Vec<_>>(), [first + 1022, first + 1023]);
}

#[test]
fn what_came_ahead_is_stored_once_across_crashes() {
    let folder = tempfile::tempdir().expect("folder");
    let mut store = Crashing::open(folder.path()).with_endpoints(&[1]);
    let append = |store: &Crashing, one: RecordBatch| store.runtime.block_on(store.store.append(one)).expect("stored");
    assert_eq!(append(&store, ahead([100, 101])).stored_sequence, 0);
    store = store.crash();
    assert_eq!(append(&store, ahead([100, 101, 102])).stored_sequence, 0);
    assert_eq!(append(&store, batch(1, 1..=60)).stored_sequence, 60);
    store = store.crash();
    assert_eq!(append(&store, batch(1, 61..=103)).stored_sequence, 103);
    assert_eq!(append(&store, ahead([102, 103, 104])).stored_sequence, 103);
    assert_eq!(append(&store, batch(1, 104..=105)).stored_sequence, 105);
    let mut rows = store.rows(1);
    assert_eq!(rows[..3], [100, 101, 102], "the newest were there first");
    rows.sort_unstable();
    assert_eq!(rows, (1..=105).collect::<Vec<_>>());
    let noted = sql::query_scalar("SELECT COUNT(*) FROM records_ahead").fetch_one(store.store.reads());
    let noted: i64 = store.runtime.block_on(noted).expect("counted");
    assert_eq!(noted, 0, "nothing is noted for longer than needed");
}

#[test]
fn what_was_declared_as_dropped_is_not_left_out() {
    let mut declared = batch(1, [4, 9]);
    let body = Body::Dropped { first: 5, last: 8, samples: 4, others: 0 };
    declared.rows.push(Row { sequence: 10, at_ms: 10, body });
    assert_eq!(judge(&standing(3, []), &declared).left_out, 0);
}

#[tokio::test]
async fn a_job_that_fails_is_undone_alone() {
    let folder = tempfile::tempdir().expect("folder");
    let store = fixture::open(folder.path()).await;
    let write = |key: i64, fail: bool| {
        let store = store.clone();
        async move {
            store
                .write(move |tx| {
                    Box::pin(async move {
                        sql::query(INSERT_ENDPOINTS).bind(key).bind(key.to_string()).execute(tx).await?;
                        if fail { Err(StoreError::Closed) } else { Ok(key) }
                    })
                })
                .await
        }
    };
    let (one, two, three) = tokio::join!(write(1, false), write(2, true), write(3, false));
    assert!(one.is_ok() && two.is_err() && three.is_ok());
    let keys: Vec<i64> =
        sql::query_scalar("SELECT key FROM endpoints ORDER BY key").fetch_all(store.reads()).await.expect("keys");
    assert_eq!(keys, [1, 3]);
}

#[tokio::test]
async fn a_closed_store_says_so_and_readers_cannot_write() {
    let folder = tempfile::tempdir().expect("folder");
    let store = fixture::open(folder.path()).await;
    assert!(sql::query("DELETE FROM endpoints").execute(store.reads()).await.is_err());
    store.close().await;
    assert!(matches!(store.append(batch(1, [1])).await, Err(StoreError::Closed)));
}

/// Prints how fast the writer is; the only demand is that it loses nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_endpoints_share_commits() {
    const ENDPOINTS: u64 = 200;
    const BATCHES: u64 = 10;
    let folder = tempfile::tempdir().expect("folder");
    let store = fixture::open(folder.path()).await;
    let keys = (1..=ENDPOINTS as i64).map(|key| {
        store.write(move |tx| {
            Box::pin(async move {
                sql::query(INSERT_ENDPOINTS).bind(key).bind(key.to_string()).execute(tx).await?;
                Ok::<_, StoreError>(())
            })
        })
    });
    futures_util::future::try_join_all(keys).await.expect("endpoints");
    let started = std::time::Instant::now();
    let endpoints = (1..=ENDPOINTS as i64).map(|key| {
        let store = store.clone();
        tokio::spawn(async move {
            for number in 0..BATCHES {
                store.append(batch(key, number * 20 + 1..=number * 20 + 20)).await.expect("stored");
            }
        })
    });
    futures_util::future::join_all(endpoints).await;
    let rows: i64 = sql::query_scalar("SELECT COUNT(*) FROM samples").fetch_one(store.reads()).await.expect("count");
    assert_eq!(rows as u64, ENDPOINTS * BATCHES * 20);
    println!("{:.0} samples a second", rows as f64 / started.elapsed().as_secs_f64());
}

/// So many values of state, of series from this number on.
fn states(sequence: u64, first: usize, count: usize) -> RecordBatch {
    let value = |number: usize| StateValue {
        series: format!("endpoint.software{{package.name=\"p{number}\"}}"),
        outcome: format!("{{\"value\":\"{sequence}\"}}"),
        at_ms: sequence as i64,
    };
    let body = Body::Inventory((first..first + count).map(value).collect());
    RecordBatch {
        endpoint_key: 1,
        received_ms: 1,
        rows: vec![Row { sequence, at_ms: 1, body }],
        ahead: false,
        epoch: None,
    }
}

#[test]
fn an_endpoint_has_so_many_series_of_state_and_those_that_are_there_move_on() {
    let folder = tempfile::tempdir().expect("folder");
    let crashing = Crashing::open(folder.path()).with_endpoints(&[1]);
    let most = state::SERIES_MAX;
    let store = &crashing.store;
    let append = |batch| crashing.runtime.block_on(store.append(batch)).expect("stored");
    assert_eq!(append(states(1, 0, most - 1)).states_over, 0);
    assert_eq!(append(states(2, most - 1, 3)).states_over, 2);
    let again = append(states(3, 0, 5));
    assert_eq!((again.states_over, again.stored_sequence), (0, 3));
    let count =
        |text| crashing.runtime.block_on(sql::query_scalar::<i64>(text).fetch_one(store.reads())).expect("count");
    assert_eq!(count("SELECT COUNT(*) FROM inventory"), most as i64);
    assert_eq!(count("SELECT COUNT(*) FROM inventory_changes"), 5, "what is there moved on");
}

#[test]
fn what_was_committed_without_a_word_is_new_when_it_is_entered_again() {
    let rows = batch(1, 3..6).rows;
    let first = Appended { stored_sequence: 5, ..Appended::nothing(3, 1) };
    let known = Appended::nothing(5, 3);
    assert_eq!(known.clone().after(&first, &rows), first, "two of three are new");
    assert_eq!(known.clone().after(&known, &rows), known, "nothing was new at first");
    assert_eq!(first.clone().after(&known, &rows), first, "it was lost, and is entered now");
    let moved = Appended { moved: true, ..known };
    assert_eq!(moved.clone().after(&first, &rows), moved, "another collector has the stream");
}
