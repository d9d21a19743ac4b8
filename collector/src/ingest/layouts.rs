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

    /// Remembers a layout, or that it is still in use at `now`; nothing when another one has its fingerprint, which is 64 bits
    /// of a hash: whoever comes later cannot be told from it.
    ///
    /// # Errors
    /// The database's.
    pub async fn announce(&self, layout: Layout, now: Timestamp) -> Result<Option<Arc<Layout>>, StoreError> {
        let fingerprint = layout.fingerprint();
        let stored = read(self.store.reads(), fingerprint).await?;
        if stored.is_some_and(|stored| !same(&stored, &layout)) {
            return Ok(None);
        }
        let held = self.hold(Arc::new(layout.clone()));
        if !same(&held, &layout) {
            return Ok(None);
        }
        self.note(fingerprint, print(&layout), now).await?;
        Ok(Some(held))
    }

    /// Stores a layout, or that it is in use.
    async fn note(&self, fingerprint: u64, series: String, now: Timestamp) -> Result<(), StoreError> {
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    sql::query(
                        "INSERT INTO layouts (fingerprint, series, used_ms) VALUES ($1, $2, $3)
                         ON CONFLICT (fingerprint) DO UPDATE SET used_ms = excluded.used_ms",
                    )
                    .bind(fingerprint.cast_signed())
                    .bind(series)
                    .bind(now.unix_ms())
                    .execute(tx)
                    .await?;
                    Ok::<_, StoreError>(())
                })
            })
            .await
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

fn same(one: &Layout, other: &Layout) -> bool {
    one.series() == other.series()
}

fn print(layout: &Layout) -> String {
    serde_json::to_string(layout.series()).expect("series are texts")
}

#[cfg(test)]
mod tests {
    use firstline_diagnosis::vocabulary::Attributes;

    use super::*;
    use crate::store::fixture;

    fn layout(signal: &str) -> Layout {
        Layout::new(vec![Series::new(signal, Attributes::none())])
    }

    #[tokio::test]
    async fn a_layout_whose_fingerprint_another_one_has_is_not_taken_for_it() {
        let folder = tempfile::tempdir().expect("folder");
        let store = fixture::open(folder.path()).await;
        let layouts = Layouts::new(store.clone());
        let (one, other) = (layout("endpoint.memory.available"), layout("system.memory.limit"));
        let first = layouts.announce(one.clone(), Timestamp(1)).await.expect("stored").expect("the first");
        assert!(layouts.announce(one.clone(), Timestamp(2)).await.expect("stored").is_some(), "again");
        // As if both had one: nobody finds two such layouts, but many layouts may meet by chance.
        layouts.note(other.fingerprint(), print(&one), Timestamp(3)).await.expect("stored");
        assert!(layouts.announce(other.clone(), Timestamp(4)).await.expect("asked").is_none());
        drop(first);
        assert!(
            Layouts::new(store).announce(other, Timestamp(5)).await.expect("asked").is_none(),
            "at another replica"
        );
    }
}
