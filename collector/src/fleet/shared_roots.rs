//! The authority's roots, where several collectors work with them.
//!
//! - Certificates travel through the database (`authority_roots`), keys never do. Whoever replaces the root writes its
//!   certificates there in the transaction in which it replaces its own files; the others look there when they are told,
//!   twice a minute, and when they start.
//! - A collector takes a root over only when the root that it trusts has certified it: who can write to the database cannot
//!   plant one.
//! - With the root before, its key ends everywhere. A collector that has no key of the new root yet carries streams,
//!   revokes and lets both roots in; enrolment and renewal wait there until the key file is in its place.

use std::sync::Arc;

use firstline_diagnosis::vocabulary::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::{info, warn};
use utoipa::ToSchema;

use super::{Fleet, FleetError};
use crate::authority::{Adopted, Authority, AuthorityError, SharedRoots, hexadecimal};
use crate::config::Config;
use crate::replica::Message;
use crate::store::{Connection, Store, sql};

/// Where a replica stands with the roots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplicaRoot {
    /// What it is called.
    pub name: String,
    /// Whether it knows the root that signs.
    pub knows: bool,
    /// Whether it has that root's key. While it has not, nothing can be enrolled or renewed there.
    pub key_present: bool,
}

const ROW: &str = "SELECT root, crossed, root_before FROM authority_roots WHERE key = 1";

type Row = (Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>);

/// Brings the authority's files and the database in step; whether the files changed. Of a collector that is alone, the files
/// are the truth, as after a backup was put back.
///
/// # Errors
/// When the database holds a root that this authority has no reason to trust; the database's; or a file cannot be written.
pub(crate) async fn settle(
    store: &Store,
    authority: &Arc<Authority>,
    config: &Config,
    now: Timestamp,
) -> Result<bool, FleetError> {
    let row: Option<Row> = sql::query_as(ROW).fetch_optional(store.reads()).await?;
    let adopted = match row.map(shared) {
        Some(shared) if !config.replicas.nats_url.is_empty() => authority.adopt(&shared, &config.listen, now)?,
        Some(SharedRoots { root, before, .. }) => {
            let ours = authority.shared()?;
            if (ours.root, ours.before) == (root, before) { Adopted::Same } else { Adopted::Ahead }
        }
        None => Adopted::Ahead,
    };
    if adopted == Adopted::Ahead {
        let authority = Arc::clone(authority);
        store
            .write_as_stranger(move |tx| {
                Box::pin(async move { Ok::<_, FleetError>(publish(tx, &authority.shared()?, now).await?) })
            })
            .await?;
    }
    Ok(adopted == Adopted::Taken)
}

fn shared((root, crossed, before): Row) -> SharedRoots {
    SharedRoots { root, crossed, before }
}

async fn publish(tx: &mut Connection, roots: &SharedRoots, now: Timestamp) -> Result<(), sql::Error> {
    sql::query(
        "INSERT INTO authority_roots (key, root, crossed, root_before, changed_at_ms) VALUES (1, $1, $2, $3, $4)
         ON CONFLICT (key) DO UPDATE SET root = excluded.root, root_before = excluded.root_before,
         crossed = COALESCE(excluded.crossed,
             CASE WHEN authority_roots.root = excluded.root THEN authority_roots.crossed END), changed_at_ms = excluded.changed_at_ms",
    )
    .bind(&roots.root)
    .bind(roots.crossed.as_deref())
    .bind(roots.before.as_deref())
    .bind(now.unix_ms())
    .execute(tx)
    .await?;
    Ok(())
}

impl Fleet {
    /// Changes the authority's files and tells the other collectors what came of it, both or neither. Refuses when another
    /// one has changed the roots and this one does not know it yet.
    pub(super) async fn change_roots(
        &self,
        change: impl FnOnce(&Authority) -> Result<(), AuthorityError> + Send + 'static,
    ) -> Result<(), FleetError> {
        let (authority, now) = (Arc::clone(&self.shared.authority), self.shared.clock.now());
        let write = self.shared.store.write(move |tx| {
            Box::pin(async move {
                let row: Option<Row> = sql::query_as(ROW).fetch_optional(&mut *tx).await?;
                let theirs = row.map(|row| (row.0, row.2));
                let ours = authority.shared()?;
                if theirs.is_some_and(|theirs| theirs != (ours.root, ours.before)) {
                    return Err(FleetError::from(AuthorityError::Behind));
                }
                change(&authority)?;
                Ok(publish(tx, &authority.shared()?, now).await?)
            })
        });
        write.await?;
        self.shared.replicas.tell(Message::Roots);
        self.refresh_authority().await?;
        self.note_roots().await
    }

    /// Takes over what another collector made of the roots, and a key that was put in its place. Cheap when nothing is new.
    ///
    /// # Errors
    /// As [`settle`].
    pub async fn adopt_roots(&self) -> Result<(), FleetError> {
        let (authority, now) = (&self.shared.authority, self.shared.clock.now());
        let had_key = authority.key().1;
        let taken = settle(&self.shared.store, authority, &self.shared.config, now).await?;
        if taken || !had_key {
            self.refresh_authority().await?;
        }
        let (path, has_key) = authority.key();
        if taken {
            let root = authority.root().name;
            info!("Another replica has changed the authority's roots; {root} signs now");
            if !has_key {
                let path = path.display();
                warn!(
                    "The key of {root} is not here: put it into {path}; until then nothing can be enrolled or renewed here"
                );
            }
        }
        if has_key && (taken || !had_key) && authority.root_before().is_some() {
            self.ask_to_renew();
        }
        self.note_roots().await
    }

    /// Shows the others where this collector stands.
    async fn note_roots(&self) -> Result<(), FleetError> {
        let authority = &self.shared.authority;
        let root = hexadecimal(&authority.fingerprint());
        Ok(self.shared.replicas.note_roots(&root, authority.key().1).await?)
    }

    /// Where each replica stands with the root that signs here; none where this collector is alone.
    pub(super) fn replica_roots(&self) -> Vec<ReplicaRoot> {
        let root = hexadecimal(&self.shared.authority.fingerprint());
        let members = self.shared.replicas.members();
        let (own_run, own_key) = (self.shared.replicas.run_id(), self.shared.authority.key().1);
        let standing = |member: &crate::replica::Member| {
            // What members show was looked up a moment ago; of this one, more is known.
            let is_own = own_run.as_ref().is_some_and(|run_id| **run_id == member.run_id);
            let (knows, key) = if is_own { (true, own_key) } else { (member.root_sha256 == root, member.key_present) };
            ReplicaRoot { name: member.name.clone(), knows, key_present: knows && key }
        };
        members.iter().map(standing).collect()
    }
}
