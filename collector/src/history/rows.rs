use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use firstline_diagnosis::vocabulary::{Layout, Sample, Timestamp, Why};

use crate::ingest::Layouts;
use crate::store::{Store, StoreError, sql};

type Row = (i64, i64, i64, Vec<u8>, Option<Vec<u8>>);

const BETWEEN: &str = "SELECT at_ms, step_seconds, layout, row, absences FROM samples
    WHERE endpoint_key = (SELECT key FROM endpoints WHERE id = $1) AND at_ms > $2 AND at_ms <= $3 ORDER BY at_ms";

const LAST: &str = "SELECT at_ms, step_seconds, layout, row, absences FROM samples
    WHERE endpoint_key = (SELECT key FROM endpoints WHERE id = $1) ORDER BY at_ms DESC LIMIT 1";

/// Samples of an endpoint with their layouts, in order of time. A sample whose layout is gone is left out.
pub(super) async fn samples(
    store: &Store,
    endpoint_id: &str,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<(Arc<Layout>, Sample)>, StoreError> {
    let query = sql::query_as(BETWEEN).bind(endpoint_id).bind(from.unix_ms()).bind(to.unix_ms());
    let rows: Vec<Row> = query.fetch_all(store.reads()).await?;
    with_layouts(store, rows).await
}

/// The newest sample of an endpoint.
pub(super) async fn last(store: &Store, endpoint_id: &str) -> Result<Option<(Arc<Layout>, Sample)>, StoreError> {
    let row: Option<Row> = sql::query_as(LAST).bind(endpoint_id).fetch_optional(store.reads()).await?;
    Ok(with_layouts(store, row.into_iter().collect()).await?.pop())
}

async fn with_layouts(store: &Store, rows: Vec<Row>) -> Result<Vec<(Arc<Layout>, Sample)>, StoreError> {
    let layouts = Layouts::new(store.clone());
    let mut held: HashMap<i64, Option<Arc<Layout>>> = HashMap::new();
    for fingerprint in rows.iter().map(|row| row.2).collect::<BTreeSet<_>>() {
        held.insert(fingerprint, layouts.find(fingerprint.cast_unsigned()).await?);
    }
    let with_layout = |row: Row| Some((held.get(&row.2)?.clone()?, decode(row)));
    Ok(rows.into_iter().filter_map(with_layout).collect())
}

fn decode((at_ms, step_seconds, layout, row, absences): Row) -> Sample {
    let number = |bytes: &[u8]| <[u8; 4]>::try_from(bytes).map_or(f32::NAN, f32::from_le_bytes);
    Sample {
        at: Timestamp(at_ms),
        step_seconds: u32::try_from(step_seconds).unwrap_or(60).max(1),
        layout: layout.cast_unsigned(),
        values: row.chunks_exact(4).map(number).collect(),
        absences: absences.unwrap_or_default().chunks_exact(5).filter_map(absence).collect(),
    }
}

fn absence(bytes: &[u8]) -> Option<(u32, Why)> {
    let (index, code) = bytes.split_at_checked(4)?;
    let why = Why::ALL.get(usize::from(*code.first()?).checked_sub(1)?)?;
    Some((u32::from_le_bytes(index.try_into().ok()?), *why))
}
