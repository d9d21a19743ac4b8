//! Programs, which no table lists: the nearest snapshot does, and events tell what was installed and removed since.

use std::collections::BTreeMap;

use firstline_diagnosis::document::{Change, SnapshotReading};
use firstline_diagnosis::registry::Registry;
use firstline_diagnosis::vocabulary::{Attributes, Series, Timestamp, Value};
use serde::{Deserialize, Serialize};

use super::{Item, lasting};
use crate::store::{Store, StoreError, sql};

/// A program with its version.
const PROGRAM: &str = "endpoint.software";
/// What is told when one comes, goes or changes.
const CHANGED: &str = "endpoint.software.change";
/// What an event says where there is no version.
const NO_VERSION: &str = "none";

/// Snapshots that are looked into for a list, on either side of a moment. A pull may leave it out.
const SNAPSHOTS: i64 = 3;
/// Events that are looked at, at most; an agent tells 200 of one look.
const EVENTS_MAX: i64 = 10_000;

macro_rules! snapshots {
    ($side:literal) => {
        concat!(
            "SELECT s.taken_at_ms, b.bytes FROM snapshots s JOIN blobs b ON b.sha256 = s.document_sha256
             WHERE s.endpoint_id = $1 AND s.taken_at_ms ",
            $side,
            " LIMIT $3"
        )
    };
}

const UNTIL: &str = snapshots!("<= $2 ORDER BY s.taken_at_ms DESC");
const AFTER: &str = snapshots!("> $2 ORDER BY s.taken_at_ms");
const EVENTS: &str = "SELECT series, at_ms, fields FROM events
    WHERE endpoint_key = (SELECT key FROM endpoints WHERE id = $1) AND at_ms > $2 AND at_ms <= $3
    AND series LIKE 'endpoint.software.change{%' ORDER BY at_ms, id LIMIT $4";

/// Where a list of programs comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramList {
    /// When the endpoint listed its programs; what was installed and removed between then and the moment is in the list.
    pub read_at: Option<Timestamp>,
    /// Why there is no list.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// What is read of a snapshot.
#[derive(Deserialize)]
struct Readings {
    readings: Vec<SnapshotReading>,
}

/// Programs by what tells them apart.
type Listed = BTreeMap<Attributes, (Value, Option<Timestamp>)>;

/// An installation, a removal, or another version.
struct Deed {
    program: Attributes,
    at: Timestamp,
    from: Option<String>,
    to: Option<String>,
}

/// The programs of a moment, and where the list comes from.
pub(super) async fn at(
    store: &Store,
    endpoint_id: &str,
    moment: Timestamp,
) -> Result<(ProgramList, Vec<Item>), StoreError> {
    let mut list = newest(store, UNTIL, endpoint_id, moment).await?;
    if list.is_none() {
        list = newest(store, AFTER, endpoint_id, moment).await?;
    }
    let Some((read_at, mut programs)) = list else {
        let why = "programs are listed in snapshots only, and none has been pulled with them".to_owned();
        return Ok((ProgramList { read_at: None, why }, Vec::new()));
    };
    if read_at <= moment {
        for deed in deeds(store, endpoint_id, read_at, moment).await? {
            deed.done(&mut programs);
        }
    } else {
        for deed in deeds(store, endpoint_id, moment, read_at).await?.into_iter().rev() {
            deed.undone(&mut programs);
        }
    }
    Ok((ProgramList { read_at: Some(read_at), why: String::new() }, items(programs)))
}

/// What was installed, removed or updated after `from` and until `to`.
pub(super) async fn changes(
    store: &Store,
    endpoint_id: &str,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Change>, StoreError> {
    let deeds = deeds(store, endpoint_id, from, to).await?;
    let change = |Deed { program, at, from, to }| {
        let reference = Series::new(PROGRAM, program).to_string();
        Change { reference, kind: PROGRAM.to_owned(), at, from, to, score: None }
    };
    Ok(deeds.into_iter().map(change).collect())
}

impl Deed {
    /// A package that is not in the list and was there before is one that lists leave out: a library.
    fn done(self, programs: &mut Listed) {
        match self.to {
            None => drop(programs.remove(&self.program)),
            Some(to) if self.from.is_none() || programs.contains_key(&self.program) => {
                programs.insert(self.program, (Value::Text(to), Some(self.at)));
            }
            Some(_) => {}
        }
    }

    fn undone(self, programs: &mut Listed) {
        match self.from {
            None => drop(programs.remove(&self.program)),
            Some(from) if self.to.is_none() || programs.contains_key(&self.program) => {
                programs.insert(self.program, (Value::Text(from), None));
            }
            Some(_) => {}
        }
    }
}

/// The list of the snapshot that is nearest on one side and has one.
async fn newest(
    store: &Store,
    side: &'static str,
    endpoint_id: &str,
    moment: Timestamp,
) -> Result<Option<(Timestamp, Listed)>, StoreError> {
    let rows: Vec<(i64, Vec<u8>)> =
        sql::query_as(side).bind(endpoint_id).bind(moment.unix_ms()).bind(SNAPSHOTS).fetch_all(store.reads()).await?;
    let list = |(taken_at_ms, document): (i64, Vec<u8>)| {
        let snapshot: Readings = serde_json::from_slice(&document).ok()?;
        let program = |reading: SnapshotReading| {
            (reading.signal == PROGRAM).then_some(())?;
            Some((reading.attrs, (reading.value?, None)))
        };
        let listed: Listed = snapshot.readings.into_iter().filter_map(program).collect();
        (!listed.is_empty()).then_some((Timestamp(taken_at_ms), listed))
    };
    Ok(rows.into_iter().find_map(list))
}

async fn deeds(store: &Store, endpoint_id: &str, from: Timestamp, to: Timestamp) -> Result<Vec<Deed>, StoreError> {
    let rows: Vec<(String, i64, String)> = sql::query_as(EVENTS)
        .bind(endpoint_id)
        .bind(from.unix_ms())
        .bind(to.unix_ms())
        .bind(EVENTS_MAX)
        .fetch_all(store.reads())
        .await?;
    Ok(rows.into_iter().filter_map(deed).collect())
}

fn deed((series, at_ms, fields): (String, i64, String)) -> Option<Deed> {
    let series: Series = series.parse().ok()?;
    (*series.signal == *CHANGED).then_some(())?;
    let fields: BTreeMap<String, Value> = serde_json::from_str(&fields).ok()?;
    let version = |name: &str| match fields.get(name) {
        Some(Value::Text(text)) if text != NO_VERSION => Some(text.clone()),
        _ => None,
    };
    Some(Deed { program: series.attributes, at: Timestamp(at_ms), from: version("from"), to: version("to") })
}

fn items(programs: Listed) -> Vec<Item> {
    let Some(spec) = Registry::builtin().get(PROGRAM) else { return Vec::new() };
    let Some(group) = lasting::group(PROGRAM) else { return Vec::new() };
    let item = |(attrs, (value, since)): (Attributes, (Value, Option<Timestamp>))| Item {
        group,
        label: spec.label.clone(),
        reference: Series::new(PROGRAM, attrs.clone()).to_string(),
        signal: PROGRAM.to_owned(),
        attrs,
        value: Some(value),
        unit: spec.unit.clone(),
        why: None,
        since,
    };
    programs.into_iter().map(item).collect()
}
