//! A change of the authority's root, as it goes through the fleet.
//!
//! An endpoint knows the new root when it has opened a stream with a certificate under it. It is asked to renew its
//! certificate when it connects with one under the old root, and when the root changes while it is connected; one of an
//! older version renews when its certificate's time comes. It depends on the old root while it has a certificate under
//! that is still good and has not shown one under the new root. Who has neither must enrol again in any case.

use std::sync::Arc;
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use firstline_proto::v1::collector_frame::Frame;
use firstline_proto::v1::{CollectorFrame, Renewal};
use serde::{Deserialize, Serialize};
use tracing::{error, info};
use utoipa::ToSchema;

use super::locked_out::{LockedOut, REMEDY};
use super::{Fleet, FleetError, ReplicaRoot};
use crate::authority::{Authority, Fingerprint, Root, hexadecimal};
use crate::store::sql;

/// Renewals that are asked for within one second: each is a handshake, a signature and a second stream.
const RENEWALS_PER_SECOND: usize = 20;

/// Endpoints that are named one by one.
const NAMED: i64 = 20;

/// Where a change of roots stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuthorityStatus {
    /// The root that signs.
    pub root: RootStatus,
    /// The root before, while it is trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<RootStatus>,
    /// Where the root's key is to be.
    pub key_file: String,
    /// Whether it is there. While it is not, nothing can be enrolled or renewed.
    pub key_present: bool,
    /// Endpoints that know the root that signs.
    pub know: u64,
    /// Endpoints that only the root before lets in.
    pub depend: u64,
    /// Endpoints that no root lets in any more, since their certificates have expired: they must be enrolled again.
    pub lapsed: u64,
    /// Some of those that depend on the root before.
    pub waiting: Vec<WaitingEndpoint>,
    /// When the last of their certificates ends, milliseconds since 1970: from then on nobody depends on the root before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub depend_until: Option<Timestamp>,
    /// Tokens that can still be used and pin the root before.
    pub tokens_before: u64,
    /// Where each replica stands; empty where one collector is alone.
    #[serde(default)]
    pub replicas: Vec<ReplicaRoot>,
}

/// A root's certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RootStatus {
    /// Its name.
    pub name: String,
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub made_at: Timestamp,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// An endpoint that does not know the root that signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaitingEndpoint {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was last heard.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_seen: Option<Timestamp>,
}

/// Why the trust in a root goes on.
#[derive(Debug, thiserror::Error)]
pub enum RetireError {
    /// Endpoints need it.
    #[error(
        "{0} endpoints still depend on the root before and would have to be enrolled again; wait until they have \
         connected, or retire it by force"
    )]
    StillNeeded(u64),
    /// Replicas would show certificates that nobody trusts any more.
    #[error(
        "the key of the root that signs is not at {0}, whose ports are certified by the root before; put it there (docs/\
         operations.md), or retire the root before by force"
    )]
    WithoutKey(String),
    /// It could not be done.
    #[error(transparent)]
    Fleet(#[from] FleetError),
}

/// Of the endpoints that depend on the root before. `$1` is the root that signs, `$2` the time.
macro_rules! depend {
    ($select:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            $select,
            " FROM endpoints e WHERE e.revoked_at_ms IS NULL AND COALESCE(e.root, '') <> $1 AND EXISTS
             (SELECT 1 FROM certificates c WHERE c.endpoint_key = e.key AND COALESCE(c.root, '') <> $1
              AND c.expires_at_ms > $2) ",
            $rest
        )
    };
}

impl Fleet {
    /// What an endpoint is asked that showed a certificate under `root`: nothing when that is the one that signs.
    pub fn renewal_due(&self, root: &Fingerprint) -> Option<Renewal> {
        let (_, key_present) = self.shared.authority.key();
        (key_present && *root != self.shared.authority.fingerprint()).then(|| self.renewal())
    }

    fn renewal(&self) -> Renewal {
        let spread = Duration::from_secs((self.streams() / RENEWALS_PER_SECOND) as u64);
        Renewal { spread_ms: u32::try_from(spread.as_millis()).unwrap_or(u32::MAX) }
    }

    /// Makes a new root that signs from now on, here and at every replica, and asks who is connected to renew.
    ///
    /// # Errors
    /// The authority's or the database's.
    pub async fn rotate_authority(&self) -> Result<(), FleetError> {
        let (config, now) = (Arc::clone(&self.shared.config), self.shared.clock.now());
        self.change_roots(move |authority| authority.rotate(&config.listen, now)).await?;
        info!("The authority has a new root, {}", self.shared.authority.root().name);
        self.ask_to_renew();
        Ok(())
    }

    /// Asks who is connected here to renew under the root that signs.
    pub(super) fn ask_to_renew(&self) {
        let asked = self.broadcast(&CollectorFrame { frame: Some(Frame::Renewal(self.renewal())) });
        info!(count = asked, "{asked} endpoints are asked to renew");
    }

    /// Ends the trust in the root before.
    ///
    /// # Errors
    /// [`RetireError::StillNeeded`] while endpoints depend on it and [`RetireError::WithoutKey`] while a replica has no key
    /// of the new one, unless `force`; the authority's or the database's.
    pub async fn retire_authority(&self, force: bool) -> Result<(), RetireError> {
        let AuthorityStatus { depend, replicas, .. } = self.authority_status().await?;
        let without: Vec<String> = replicas.into_iter().filter(|one| !one.key_present).map(|one| one.name).collect();
        if depend > 0 && !force {
            return Err(RetireError::StillNeeded(depend));
        }
        if !without.is_empty() && !force {
            return Err(RetireError::WithoutKey(without.join(", ")));
        }
        self.change_roots(Authority::retire).await?;
        info!(count = depend, "The root before is not trusted any more; {depend} endpoints depended on it");
        Ok(())
    }

    /// Says in the log when endpoints are known that no root of this collector lets in: they are turned away in the handshake,
    /// and nobody would see why.
    ///
    /// # Errors
    /// The database's.
    pub(crate) async fn warn_of_locked_out(&self) -> Result<(), FleetError> {
        let authority = &self.shared.authority;
        let roots = [Some(authority.root()), authority.root_before()].into_iter().flatten();
        let trusted: Vec<Fingerprint> = roots.map(|root| root.fingerprint).collect();
        if let Some(out) = LockedOut::count(self.shared.store.reads(), &trusted, self.shared.clock.now()).await? {
            error!(count = out.count, "{out}, and they are turned away. {REMEDY}");
        }
        Ok(())
    }

    /// Where a change of roots stands.
    ///
    /// # Errors
    /// The database's.
    pub async fn authority_status(&self) -> Result<AuthorityStatus, FleetError> {
        let (authority, reads) = (&self.shared.authority, self.shared.store.reads());
        let (root, before) = (authority.root(), authority.root_before());
        let (print, now) = (hexadecimal(&root.fingerprint), self.shared.clock.now().unix_ms());
        let all: i64 =
            sql::query_scalar("SELECT COUNT(*) FROM endpoints WHERE revoked_at_ms IS NULL").fetch_one(reads).await?;
        let lapsed: i64 = sql::query_scalar(
            "SELECT COUNT(*) FROM endpoints e WHERE e.revoked_at_ms IS NULL AND NOT EXISTS
             (SELECT 1 FROM certificates c WHERE c.endpoint_key = e.key AND c.expires_at_ms > $1)",
        )
        .bind(now)
        .fetch_one(reads)
        .await?;
        let mut status = AuthorityStatus {
            before: before.as_ref().map(RootStatus::of),
            key_file: authority.key().0.display().to_string(),
            key_present: authority.key().1,
            know: 0,
            depend: 0,
            lapsed: lapsed.unsigned_abs(),
            waiting: Vec::new(),
            depend_until: None,
            tokens_before: 0,
            replicas: self.replica_roots(),
            root: RootStatus::of(&root),
        };
        if before.is_some() {
            self.count_dependents(&mut status, &print, now).await?;
        }
        status.know = (all - lapsed).unsigned_abs().saturating_sub(status.depend);
        Ok(status)
    }

    async fn count_dependents(&self, status: &mut AuthorityStatus, root: &str, now: i64) -> Result<(), FleetError> {
        let reads = self.shared.store.reads();
        let depend: i64 = sql::query_scalar(depend!("COUNT(*)", "")).bind(root).bind(now).fetch_one(reads).await?;
        let waiting: Vec<(String, String, Option<i64>)> =
            sql::query_as(depend!("e.id, e.name, e.last_seen_ms", "ORDER BY e.last_seen_ms DESC, e.id LIMIT $3"))
                .bind(root)
                .bind(now)
                .bind(NAMED)
                .fetch_all(reads)
                .await?;
        let until: Option<i64> = sql::query_scalar(
            "SELECT MAX(c.expires_at_ms) FROM certificates c JOIN endpoints e ON e.key = c.endpoint_key
             WHERE e.revoked_at_ms IS NULL AND COALESCE(e.root, '') <> $1 AND COALESCE(c.root, '') <> $1
             AND c.expires_at_ms > $2",
        )
        .bind(root)
        .bind(now)
        .fetch_one(reads)
        .await?;
        let tokens: i64 = sql::query_scalar(
            "SELECT COUNT(*) FROM enrollment_tokens WHERE created_at_ms < $1 AND expires_at_ms > $2
             AND uses < uses_allowed AND revoked_at_ms IS NULL",
        )
        .bind(status.root.made_at.unix_ms())
        .bind(now)
        .fetch_one(reads)
        .await?;
        status.depend = depend.unsigned_abs();
        status.waiting = waiting
            .into_iter()
            .map(|(id, name, seen)| WaitingEndpoint { id, name, last_seen: seen.map(Timestamp) })
            .collect();
        status.depend_until = until.map(Timestamp);
        status.tokens_before = tokens.unsigned_abs();
        Ok(())
    }
}

impl RootStatus {
    fn of(root: &Root) -> Self {
        Self {
            name: root.name.clone(),
            sha256: hexadecimal(&root.fingerprint),
            made_at: root.made_at,
            expires_at: root.expires_at,
        }
    }
}
