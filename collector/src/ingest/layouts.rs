use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use firstline_diagnosis::vocabulary::{Layout, Series, Timestamp};

use crate::store::{Reads, Store, StoreError, sql};

/// The layouts that endpoints have announced. Streams hold what they use; here is only who else holds it, so that
/// endpoints with the same layout share one, and none is kept for nobody. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Layouts {
    store: Store,
    held: Arc<Mutex<HashMap<u64, Weak<Layout>>>>,
}

impl Layouts {
    /// Over `store`.
    pub fn new(store: Store) -> Self {
        Self { store, held: Arc::default() }
    }

    /// The layout named `fingerprint`, when any endpoint has announced it.
    ///
    /// # Errors
    /// The database's.
    pub async fn find(&self, fingerprint: u64) -> Result<Option<Arc<Layout>>, StoreError> {
        if let Some(layout) = self.held(fingerprint) {
            return Ok(Some(layout));
        }
        let layout = read(self.store.reads(), fingerprint).await?;
        Ok(layout.map(|layout| self.hold(Arc::new(layout))))
    }

    /// Remembers a layout, or that it is still in use at `now`.
    ///
    /// # Errors
    /// The database's.
    pub async fn announce(&self, layout: Layout, now: Timestamp) -> Result<Arc<Layout>, StoreError> {
        let layout = self.hold(Arc::new(layout));
        let (fingerprint, series) = (layout.fingerprint().cast_signed(), print(&layout));
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    sql::query(
                        "INSERT INTO layouts (fingerprint, series, used_ms) VALUES ($1, $2, $3)
                         ON CONFLICT (fingerprint) DO UPDATE SET used_ms = excluded.used_ms",
                    )
                    .bind(fingerprint)
                    .bind(series)
                    .bind(now.unix_ms())
                    .execute(tx)
                    .await?;
                    Ok::<_, StoreError>(())
                })
            })
            .await?;
        Ok(layout)
    }

    fn held(&self, fingerprint: u64) -> Option<Arc<Layout>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(&fingerprint).and_then(Weak::upgrade)
    }

    /// The shared one of equal layouts.
    fn hold(&self, layout: Arc<Layout>) -> Arc<Layout> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = held.get(&layout.fingerprint()).and_then(Weak::upgrade) {
            return shared;
        }
        if held.len() == held.capacity() {
            held.retain(|_, layout| layout.strong_count() > 0);
        }
        held.insert(layout.fingerprint(), Arc::downgrade(&layout));
        layout
    }
}

/// Reads a layout from the table.
pub(crate) async fn read(reads: &Reads, fingerprint: u64) -> Result<Option<Layout>, StoreError> {
    let series: Option<String> = sql::query_scalar("SELECT series FROM layouts WHERE fingerprint = $1")
        .bind(fingerprint.cast_signed())
        .fetch_optional(reads)
        .await?;
    Ok(series.and_then(|text| serde_json::from_str::<Vec<Series>>(&text).ok()).map(Layout::new))
}

fn print(layout: &Layout) -> String {
    serde_json::to_string(layout.series()).expect("series are texts")
}
