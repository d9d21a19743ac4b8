//! Which collectors a database is of: those that have the same key of pseudonyms, which their authority's folder holds.

use anyhow::{Context as _, bail};
use sha2::{Digest, Sha256};

use crate::authority::{Authority, hexadecimal};
use crate::store::{Store, StoreError, sql};

/// What the database knows of the key, which is random, so that nobody learns the key from it.
pub(super) fn digest(authority: &Authority) -> String {
    let digest = Sha256::new().chain_update(b"firstline installation\n").chain_update(authority.naming_key());
    hexadecimal(&digest.finalize())
}

/// Refuses a replica whose authority is not the database's. A collector that is alone may change it.
pub(super) async fn check(store: &Store, authority: &Authority, is_replica: bool) -> anyhow::Result<()> {
    let ours = digest(authority);
    let stored: Option<String> = sql::query_scalar("SELECT naming_sha256 FROM installation WHERE key = 1")
        .fetch_optional(store.reads())
        .await
        .context("reading whose database it is")?;
    match stored {
        Some(stored) if stored == ours => Ok(()),
        Some(_) if is_replica => bail!(
            "the authority of this collector is not the one of the database; a replica must have the folder `authority` of \
             the others (init --join makes one with it)"
        ),
        _ => enter(store, ours).await.context("noting whose database it is"),
    }
}

async fn enter(store: &Store, digest: String) -> Result<(), StoreError> {
    store
        .write_as_stranger(move |tx| {
            Box::pin(async move {
                sql::query(
                    "INSERT INTO installation (key, naming_sha256) VALUES (1, $1)
                     ON CONFLICT (key) DO UPDATE SET naming_sha256 = excluded.naming_sha256",
                )
                .bind(digest)
                .execute(tx)
                .await?;
                Ok(())
            })
        })
        .await
}
