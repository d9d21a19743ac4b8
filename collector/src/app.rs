//! Turns a configuration into running tasks, and owns their end.
//!
//! [`App`] is what every room stands on: each adds its own field, made in [`App::open`] from the fields before it.

mod clock;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;

pub use clock::{Clock, ManualClock, SystemClock};

use crate::access::Access;
use crate::config::Config;
use crate::feed::Feed;
use crate::store::Store;
use crate::ticket::BuiltinDesk;

/// Name of the database within the data folder.
const DATABASE: &str = "firstline.sqlite";

/// A collector, ready to run.
#[derive(Debug)]
pub struct App {
    /// Where configuration, keys and database live.
    pub folder: PathBuf,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What the administrator decided.
    pub config: Arc<Config>,
    /// The database.
    pub store: Store,
    /// Who may do what.
    pub access: Access,
    /// What just happened.
    pub feed: Feed,
    /// The built-in desk.
    pub desk: BuiltinDesk,
}

impl App {
    /// Opens the collector that lives in `folder`.
    ///
    /// # Errors
    /// When the database or the keys cannot be opened; the text says what was attempted on which file.
    pub async fn open(folder: &Path, config: Config, clock: Arc<dyn Clock>) -> anyhow::Result<Arc<Self>> {
        let database = folder.join(DATABASE);
        let store =
            Store::open(&database).await.with_context(|| format!("opening the database {}", database.display()))?;
        let access = Access::new(store.clone(), Arc::clone(&clock))?;
        let feed = Feed::new(clock.now());
        let desk = BuiltinDesk::new(store.clone(), Arc::clone(&clock), feed.clone());
        Ok(Arc::new(Self { folder: folder.to_owned(), clock, config: Arc::new(config), store, access, feed, desk }))
    }
}
