//! A collector serves the database that `init` made. A server's empty one in its place (another name, another server, one that was
//! made anew) would turn every agent away for good, and nobody could sign in to see why. The same is told of a file by the store.

use std::path::Path;

use anyhow::bail;

use crate::config::Config;
use crate::store::{Inspection, Location};

/// Refuses a server's database in which no collector ever was. What else may be wrong is found when it is opened.
pub(super) async fn refuse_empty(folder: &Path, config: &Config) -> anyhow::Result<()> {
    let location = config.database.location(folder).map_err(anyhow::Error::msg)?;
    if matches!(location, Location::Postgres(_)) && is_empty(&location).await {
        bail!(
            "the database {location} has no tables of a collector, and new ones would know no endpoint, no ticket and no \
             account. If the data is elsewhere, correct [database]; if it is lost, put a backup back; a new collector is made \
             by `firstline-collector init` in an empty folder"
        );
    }
    Ok(())
}

async fn is_empty(location: &Location) -> bool {
    let Ok(inspection) = Inspection::open(location).await else { return false };
    let seen = inspection.migrations().await;
    inspection.close().await;
    seen.map_or_else(|cause| cause.is_of_missing_table(), |migrations| migrations.is_empty())
}
