//! What the collector has in its tables, endpoint by endpoint, and how that differs from what was sent.

use std::collections::HashMap;

use firstline_collector::history::minutes;
use firstline_collector::store::{Inspection, Location, Reads, sql};

use super::machine::Sent;
use super::spool::Account;

/// Samples of an endpoint that are not sealed.
const SAMPLES: &str = "SELECT s.at_ms, s.layout, s.row FROM samples s LEFT JOIN history_progress p
    ON p.endpoint_key = s.endpoint_key WHERE s.endpoint_key = $1 AND s.id > COALESCE(p.samples_id, 0)";

const SEALED: &str = "SELECT body FROM sealed_minutes WHERE endpoint_key = $1";
const EVENTS: &str = "SELECT COUNT(*) FROM events WHERE endpoint_key = $1";
const MARKS: &str = "SELECT COUNT(*) FROM marks WHERE endpoint_key = $1";
const STATES: &str = "SELECT COUNT(*) FROM inventory WHERE endpoint_key = $1";

/// Rows of endpoints that are not there: a difference as well.
const NOBODYS: &str =
    "SELECT COUNT(*) FROM samples s WHERE NOT EXISTS (SELECT 1 FROM endpoints e WHERE e.key = s.endpoint_key)";

/// What is stored of each endpoint.
pub(super) async fn read(location: &Location) -> anyhow::Result<HashMap<String, Account>> {
    let inspection = Inspection::open(location).await?;
    let reads = inspection.reads();
    let names: Vec<(i64, String)> = sql::query_as("SELECT key, id FROM endpoints").fetch_all(reads).await?;
    let mut accounts = HashMap::new();
    for (key, id) in names {
        accounts.insert(id, account(reads, key).await?);
    }
    let nobodys: i64 = sql::query_scalar(NOBODYS).fetch_one(reads).await?;
    if nobodys > 0 {
        let account = Account { samples: nobodys.cast_unsigned(), ..Account::default() };
        accounts.insert("nobody".to_owned(), account);
    }
    inspection.close().await;
    Ok(accounts)
}

/// What is stored of one endpoint.
async fn account(reads: &Reads, key: i64) -> anyhow::Result<Account> {
    let mut account = Account::default();
    let samples: Vec<(i64, i64, Vec<u8>)> = sql::query_as(SAMPLES).bind(key).fetch_all(reads).await?;
    for (at_ms, layout, row) in samples {
        account.sample(at_ms, layout.cast_unsigned(), &row);
    }
    let sealed: Vec<Vec<u8>> = sql::query_scalar(SEALED).bind(key).fetch_all(reads).await?;
    for body in sealed {
        for minute in minutes::open(&body)? {
            account.sample(minute.at_ms, minute.layout.cast_unsigned(), &minute.row);
        }
    }
    let count = async |statement: &'static str| -> Result<u64, sql::Error> {
        sql::query_scalar::<i64>(statement).bind(key).fetch_one(reads).await.map(i64::cast_unsigned)
    };
    (account.events, account.marks, account.states) = (count(EVENTS).await?, count(MARKS).await?, count(STATES).await?);
    Ok(account)
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
