use std::path::Path;
use std::sync::Arc;

use firstline_diagnosis::vocabulary::Timestamp;

use super::*;
use crate::authority::Place;
use crate::config::{Listen, Nats};
use crate::store::fixture::{Enrolled, enrol};
use crate::store::{Body, Claim, RecordBatch, Row, fixture, sql};

const NOW: Timestamp = Timestamp(1_790_000_000_000);

/// Two members on one database, each with a writer of its own.
pub(crate) struct Pair {
    one: (Store, Arc<Shared>, Replicas),
    two: (Store, Arc<Shared>, Replicas),
}

impl Pair {
    /// The database of each, and what each knows of the other.
    pub(crate) fn members(&self) -> [(Store, Replicas); 2] {
        [&self.one, &self.two].map(|(store, _, replicas)| (store.clone(), replicas.clone()))
    }

    /// The second gives up the first, of which it hears nothing, and keeps house.
    pub(crate) async fn second_takes_over(&self) {
        for _ in 0..LOOKS + 2 {
            self.two.2.beat().await.expect("beaten");
        }
        assert!(self.two.2.is_keeper(), "{:?}", self.two.2.members());
    }
}

async fn member(folder: &Path, name: &str) -> (Store, Arc<Shared>, Replicas) {
    let store = fixture::open(folder).await;
    let nats = Nats { servers: Vec::new(), user: None, credentials: None, roots: None };
    let seal = Seal::of(&authority(folder));
    let shared = Shared {
        store: store.clone(),
        name: name.to_owned(),
        standing: Mutex::new(("root".to_owned(), true)),
        members: ArcSwap::default(),
        looks: Mutex::default(),
        wire: Wire::new(nats, name, "0123456789abcdef", seal),
    };
    let shared = Arc::new(shared);
    let replicas = Replicas { shared: Some(Arc::clone(&shared)) };
    replicas.enter().await.expect("a member");
    (store, shared, replicas)
}

/// The authority in a folder, made when there is none.
fn authority(folder: &Path) -> Authority {
    let _ = std::fs::create_dir(folder);
    let _ = Authority::create(&Place::within(folder), NOW);
    Authority::open(Place::within(folder), &Listen::default(), NOW).expect("opened")
}

/// Only PostgreSQL is shared: on SQLite there is nothing to test.
pub(crate) async fn pair(folder: &Path) -> Option<Pair> {
    if !fixture::is_shared() {
        return None;
    }
    Some(Pair { one: member(folder, "one").await, two: member(folder, "two").await })
}

async fn endpoint(store: &Store) {
    enrol(store, Enrolled { key: Some(1), id: "e", ..Enrolled::default() }).await;
}

fn record(sequence: u64, epoch: i64) -> RecordBatch {
    let rows = vec![Row { sequence, at_ms: 1, body: Body::Mark("booted") }];
    RecordBatch { endpoint_key: 1, received_ms: 1, rows, ahead: false, epoch: Some(epoch) }
}

fn claim(run: &str) -> Claim {
    Claim { endpoint_key: 1, holder: Some(run.to_owned()), only_under: None, changes_hands: true }
}

#[tokio::test]
async fn records_are_stored_only_under_the_number_of_their_stream() {
    let folder = tempfile::tempdir().expect("folder");
    let Some(pair) = pair(folder.path()).await else { return };
    endpoint(&pair.one.0).await;
    let first = pair.one.0.claim(claim("one")).await.expect("claimed");
    pair.one.0.append(record(1, first)).await.expect("stored");
    let second = pair.two.0.claim(claim("two")).await.expect("claimed");
    assert_eq!(second, first + 1);
    assert!(matches!(pair.one.0.append(record(2, first)).await, Err(StoreError::Moved)));
    assert_eq!(pair.two.0.append(record(2, second)).await.expect("stored").stored_sequence, 2);
    let given_up = Claim { holder: None, only_under: Some(first), changes_hands: false, ..claim("one") };
    assert!(matches!(pair.one.0.claim(given_up).await, Err(StoreError::Moved)));
    let marks: i64 =
        sql::query_scalar("SELECT COUNT(*) FROM marks").fetch_one(pair.one.0.reads()).await.expect("counted");
    assert_eq!(marks, 2);
}

#[tokio::test]
async fn a_member_that_stops_is_given_up_and_writes_nothing_until_it_begins_anew() {
    let folder = tempfile::tempdir().expect("folder");
    let Some(pair) = pair(folder.path()).await else { return };
    let (one, two) = (&pair.one.2, &pair.two.2);
    assert!(one.is_keeper() && !two.is_keeper());
    // The first look only says where it stands.
    for _ in 0..LOOKS {
        assert_eq!(two.beat().await.expect("beaten"), Beat::Member);
    }
    assert!(!two.is_keeper(), "not yet");
    assert_eq!(one.beat().await.expect("beaten"), Beat::Member);
    for _ in 0..=LOOKS {
        two.beat().await.expect("beaten");
    }
    two.beat().await.expect("beaten");
    assert!(two.is_keeper(), "{:?}", two.members());
    assert_eq!(one.beat().await.expect("an answer"), Beat::Expelled);
    let write = async || pair.one.0.write(|_| Box::pin(async move { Ok::<_, StoreError>(()) })).await;
    assert!(matches!(write().await, Err(StoreError::Expelled)));
    one.enter().await.expect("a member again");
    write().await.expect("written");
    assert!(!one.is_keeper(), "the oldest keeps house");
    two.leave().await.expect("gone");
    one.beat().await.expect("beaten");
    assert!(one.is_keeper());
}

#[tokio::test]
async fn a_replica_with_another_authority_is_refused() {
    let folder = tempfile::tempdir().expect("folder");
    let store = fixture::open(folder.path()).await;
    let first = authority(&folder.path().join("first"));
    refuse_stranger(&store, &first).await.expect("the first may be any");
    refuse_stranger(&store, &first).await.expect("the same");
    let error = refuse_stranger(&store, &authority(&folder.path().join("second"))).await.expect_err("another");
    assert!(error.to_string().contains("is not the one of the database"), "{error:#}");
    let copy = folder.path().join("copy");
    Authority::copy(&folder.path().join("first"), &Place::within(&copy)).expect("copied");
    let copied = Authority::open(Place::within(&copy), &Listen::default(), NOW).expect("opened");
    refuse_stranger(&store, &copied).await.expect("a copy is the same");
    assert_eq!(copied.fingerprint(), first.fingerprint());
    assert!(Authority::copy(&folder.path().join("second"), &Place::within(&copy)).is_err(), "never replaced");
}
