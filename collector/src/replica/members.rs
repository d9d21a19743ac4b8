//! Rows of `replicas`.

use anyhow::{Context as _, bail};
use tokio::time::sleep;
use tracing::info;

use super::WATCH;
use crate::store::{Connection, Store, StoreError, sql};

/// A collector that works on the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Name of its run.
    pub run_id: String,
    /// What it is called.
    pub name: String,
    /// Its release.
    pub version: String,
    /// SHA-256 of its authority's certificate.
    pub root_sha256: String,
    /// Whether it has that certificate's key.
    pub key_present: bool,
    pub(super) beat: i64,
}

type Row = (String, String, String, String, i64, i64);

const MEMBERS: &str = "SELECT run_id, name, version, root_sha256, key_present, beat FROM replicas ORDER BY number";

async fn all<'c>(on: impl sql::Executor<'c>) -> Result<Vec<Member>, StoreError> {
    let rows: Vec<Row> = sql::query_as(MEMBERS).fetch_all(on).await?;
    let member = |(run_id, name, version, root_sha256, key, beat)| {
        let key_present = key != 0;
        Member { run_id, name, version, root_sha256, key_present, beat }
    };
    Ok(rows.into_iter().map(member).collect())
}

/// Shows that `run_id` is alive; the members, or nothing when it is none.
pub(super) async fn beat(store: &Store, run_id: &str) -> Result<Option<Vec<Member>>, StoreError> {
    let run_id = run_id.to_owned();
    store
        .write_as_stranger(move |tx| {
            Box::pin(async move {
                let grown = sql::query("UPDATE replicas SET beat = beat + 1 WHERE run_id = $1").bind(run_id);
                if grown.execute(&mut *tx).await?.rows_affected() == 0 {
                    return Ok(None);
                }
                all(tx).await.map(Some)
            })
        })
        .await
}

/// Takes away the row of a member that has not moved since it was seen; says whether it did.
pub(super) async fn expel(store: &Store, member: &Member) -> Result<bool, StoreError> {
    let (run_id, beat) = (member.run_id.clone(), member.beat);
    store.write(move |tx| Box::pin(remove(tx, run_id, Some(beat)))).await
}

/// Takes away the row of this run.
pub(super) async fn leave(store: &Store, run_id: &str) -> Result<(), StoreError> {
    let run_id = run_id.to_owned();
    store.write_as_stranger(move |tx| Box::pin(remove(tx, run_id, None))).await.map(drop)
}

async fn remove(tx: &mut Connection, run_id: String, only_at: Option<i64>) -> Result<bool, StoreError> {
    let gone = sql::query("DELETE FROM replicas WHERE run_id = $1 AND ($2 < 0 OR beat = $2)")
        .bind(run_id)
        .bind(only_at.unwrap_or(-1))
        .execute(tx)
        .await?;
    Ok(gone.rows_affected() > 0)
}

/// Adds a member; all of them with it.
pub(super) async fn enter(
    store: &Store,
    run_id: &str,
    name: &str,
    (root_sha256, key_present): (String, bool),
) -> Result<Vec<Member>, StoreError> {
    let (run_id, name) = (run_id.to_owned(), name.to_owned());
    store
        .write_as_stranger(move |tx| {
            Box::pin(async move {
                sql::query(
                    "INSERT INTO replicas (run_id, name, version, root_sha256, key_present, beat)
                     VALUES ($1, $2, $3, $4, $5, 0)",
                )
                .bind(run_id)
                .bind(name)
                .bind(env!("CARGO_PKG_VERSION"))
                .bind(root_sha256)
                .bind(i64::from(key_present))
                .execute(&mut *tx)
                .await?;
                all(tx).await
            })
        })
        .await
}

/// Shows which root a run has, and whether it has its key.
pub(super) async fn note_roots(store: &Store, run_id: &str, standing: &(String, bool)) -> Result<(), StoreError> {
    let (run_id, (root_sha256, key_present)) = (run_id.to_owned(), standing.clone());
    store
        .write_as_stranger(move |tx| {
            Box::pin(async move {
                sql::query("UPDATE replicas SET root_sha256 = $2, key_present = $3 WHERE run_id = $1")
                    .bind(run_id)
                    .bind(root_sha256)
                    .bind(i64::from(key_present))
                    .execute(tx)
                    .await?;
                Ok(())
            })
        })
        .await
}

/// Refuses to be alone on a database on which others work.
pub(super) async fn refuse_company(store: &Store) -> anyhow::Result<()> {
    if let Some(other) = alive(store, |_| true).await? {
        bail!(
            "replica {} works on this database, and this collector is to be alone: replicas.nats_url must say how they \
             reach each other",
            other.name
        );
    }
    // Rows of those who are no more, as after a restored backup.
    if !all(store.reads()).await?.is_empty() {
        forget(store, "").await?;
    }
    Ok(())
}

/// Takes the place of an earlier run of the same name. Refuses when that is alive.
pub(super) async fn make_way(store: &Store, name: &str) -> anyhow::Result<()> {
    if alive(store, |member| member.name == name).await?.is_some() {
        bail!("a collector called {name} works on this database already; give this one another name in replicas.name");
    }
    forget(store, name).await.context("taking the place of an earlier run")
}

/// Takes away the rows of this name, or all.
async fn forget(store: &Store, name: &str) -> Result<(), StoreError> {
    let name = name.to_owned();
    store
        .write_as_stranger(move |tx| {
            Box::pin(async move {
                sql::query("DELETE FROM replicas WHERE $1 = '' OR name = $1").bind(name).execute(tx).await?;
                Ok(())
            })
        })
        .await
}

/// A member that `which` names and that shows that it is alive. Waits only where there is a row.
async fn alive(store: &Store, which: impl Fn(&Member) -> bool) -> anyhow::Result<Option<Member>> {
    let look = async || all(store.reads()).await.context("looking for other collectors");
    let before: Vec<Member> = look().await?.into_iter().filter(|member| which(member)).collect();
    let Some(first) = before.first() else { return Ok(None) };
    info!(replica = %first.name, "Looking for {} s whether replica {} is alive", WATCH.as_secs(), first.name);
    sleep(WATCH).await;
    let grown = |now: &Member| before.iter().any(|one| one.run_id == now.run_id && one.beat != now.beat);
    Ok(look().await?.into_iter().find(grown))
}
