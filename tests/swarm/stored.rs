//! What the collector has in its tables, endpoint by endpoint, and how that differs from what was sent.

use std::collections::HashMap;
use std::path::Path;

use firstline_collector::history::minutes;
use futures_util::TryStreamExt as _;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

use super::machine::Sent;
use super::spool::Account;

/// Samples that are not sealed.
const SAMPLES: &str = "SELECT s.endpoint_key, s.at_ms, s.layout, s.row FROM samples s
    LEFT JOIN history_progress p ON p.endpoint_key = s.endpoint_key WHERE s.id > COALESCE(p.samples_id, 0)";

/// What is stored of each endpoint.
pub(super) async fn read(data: &Path) -> Result<HashMap<String, Account>, sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(data.join("firstline.sqlite")).read_only(true);
    let pool = SqlitePool::connect_with(options).await?;
    let names: Vec<(i64, String)> = sqlx::query_as("SELECT key, id FROM endpoints").fetch_all(&pool).await?;
    let names: HashMap<i64, String> = names.into_iter().collect();
    let mut accounts: HashMap<String, Account> = names.values().map(|id| (id.clone(), Account::default())).collect();
    let mut of = |key: i64, change: &mut dyn FnMut(&mut Account)| {
        // A row of nobody is a difference as well.
        let id = names.get(&key).cloned().unwrap_or_else(|| format!("no endpoint, key {key}"));
        change(accounts.entry(id).or_default());
    };
    let mut samples = sqlx::query_as::<_, (i64, i64, i64, Vec<u8>)>(SAMPLES).fetch(&pool);
    while let Some((key, at_ms, layout, row)) = samples.try_next().await? {
        of(key, &mut |account| account.sample(at_ms, layout.cast_unsigned(), &row));
    }
    let mut sealed = sqlx::query_as::<_, (i64, Vec<u8>)>("SELECT endpoint_key, body FROM sealed_minutes").fetch(&pool);
    while let Some((key, body)) = sealed.try_next().await? {
        let minutes = minutes::open(&body).map_err(|damage| sqlx::Error::Decode(Box::new(damage)))?;
        for minute in minutes {
            of(key, &mut |account| account.sample(minute.at_ms, minute.layout.cast_unsigned(), &minute.row));
        }
    }
    for (table, statement) in [
        ("events", "SELECT endpoint_key, COUNT(*) FROM events GROUP BY endpoint_key"),
        ("marks", "SELECT endpoint_key, COUNT(*) FROM marks GROUP BY endpoint_key"),
        ("states", "SELECT endpoint_key, COUNT(*) FROM inventory GROUP BY endpoint_key"),
    ] {
        let rows: Vec<(i64, i64)> = sqlx::query_as(statement).fetch_all(&pool).await?;
        for (key, count) in rows {
            let count = count.cast_unsigned();
            of(key, &mut |account| match table {
                "events" => account.events = count,
                "marks" => account.marks = count,
                _ => account.states = count,
            });
        }
    }
    drop((samples, sealed));
    pool.close().await;
    Ok(accounts)
}

/// Prints both sides, and gives a line for each endpoint that differs.
pub(super) fn compare(sent: &[Sent], stored: &HashMap<String, Account>) -> Vec<String> {
    let total = |accounts: &mut dyn Iterator<Item = &Account>| {
        accounts.fold(Account::default(), |sum, one| Account {
            samples: sum.samples + one.samples,
            sum: sum.sum.wrapping_add(one.sum),
            events: sum.events + one.events,
            marks: sum.marks + one.marks,
            states: sum.states + one.states,
        })
    };
    let (ours, theirs) = (total(&mut sent.iter().map(|one| &one.account)), total(&mut stored.values()));
    println!(
        "\n| what                 |                 sent |               stored |\n| -------------------- | -------------------: | -------------------: |"
    );
    for (what, ours, theirs) in [
        ("endpoints", sent.len() as u64, stored.len() as u64),
        ("samples", ours.samples, theirs.samples),
        ("sum of the samples", ours.sum, theirs.sum),
        ("events", ours.events, theirs.events),
        ("marks", ours.marks, theirs.marks),
        ("values of state", ours.states, theirs.states),
    ] {
        println!("| {what:<20} | {ours:>20} | {theirs:>20} |");
    }
    let mut differences = Vec::new();
    for one in sent {
        let found = stored.get(&one.endpoint_id).copied().unwrap_or_default();
        if found != one.account || one.waiting > 0 {
            let id = &one.endpoint_id;
            differences
                .push(format!("{id}: sent {:?}, {} not acknowledged, stored {found:?}", one.account, one.waiting));
        }
    }
    if stored.len() != sent.len() {
        differences.push(format!("{} endpoints sent, {} are stored", sent.len(), stored.len()));
    }
    differences
}
