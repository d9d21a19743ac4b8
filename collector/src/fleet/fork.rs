//! A machine that shared another's identity becomes an endpoint of its own.
//!
//! It keeps the tags of the endpoint that it is a copy of, and is linked to it. A machine that was put back to the time
//! before it became its own endpoint, and is told apart by its hardware, becomes the same endpoint again: a backup that is
//! restored every week does not make an endpoint a week.

use std::collections::BTreeMap;

use firstline_diagnosis::vocabulary::Timestamp;
use firstline_proto::convert::Machine;
use thiserror::Error;
use uuid::Uuid;

use super::evidence::{Verdict, compare, says_all};
use super::{Fleet, hardware, json, permits, state, tags};
use crate::access::audit::{self, Entry};
use crate::access::{AccessError, Actor};
use crate::authority::{AuthorityError, CertificateOf, Issued, hexadecimal};
use crate::store::{Connection, StoreError, sql};

/// Why a machine did not become an endpoint of its own.
#[derive(Debug, Error)]
pub enum ForkError {
    /// Nobody was given this permit, or it was used, or its time is over.
    #[error("this permit is not good, or no longer")]
    Permit,
    /// The endpoint of the certificate is unknown or revoked.
    #[error("this endpoint is not, or no longer, enrolled")]
    NotEnrolled,
    /// The certificate request is not acceptable.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// It could not be written to the log of what was changed.
    #[error(transparent)]
    Audit(#[from] AccessError),
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sql::Error> for ForkError {
    fn from(error: sql::Error) -> Self {
        Self::Store(error.into())
    }
}

/// What becomes of a permit.
struct Plan {
    of: String,
    id: String,
    is_new: bool,
    machine: Machine,
    issued: Issued,
    at: Timestamp,
}

impl Fleet {
    /// Uses a permit: signs a certificate over the key of `request` for an endpoint of the machine's own.
    ///
    /// # Errors
    /// When the permit or the request is not good, the endpoint was revoked, or the database's; nothing is stored then.
    pub async fn fork(
        &self,
        certificate: &CertificateOf,
        permit: &str,
        request: &[u8],
        machine: Machine,
    ) -> Result<(String, Issued), ForkError> {
        let at = self.shared.clock.now();
        let of = certificate.endpoint_id.clone();
        if certificate.expires_at <= at {
            return Err(ForkError::NotEnrolled);
        }
        let permit = permits::redeem(&self.shared.store, permit, &of, at).await?.ok_or(ForkError::Permit)?;
        let earlier = self.earlier_fork(&of, &permit, &machine.hardware).await?;
        let is_new = earlier.is_none();
        let id = earlier.unwrap_or_else(|| Uuid::now_v7().to_string());
        let issued = self.shared.authority.issue(request, &id, at)?;
        let plan = Plan { of: of.clone(), id: id.clone(), is_new, machine, issued: issued.clone(), at };
        self.shared.store.write(move |tx| Box::pin(async move { carry_out(tx, plan).await })).await?;
        tracing::warn!(host.id = %id, "Endpoint {id} is a copy of endpoint {of}, and its own from now on");
        Ok((id, issued))
    }

    /// The endpoint that this very machine became earlier, when its hardware tells.
    async fn earlier_fork(
        &self,
        of: &str,
        rival: &BTreeMap<String, String>,
        machine_says: &BTreeMap<String, String>,
    ) -> Result<Option<String>, ForkError> {
        if compare(rival, machine_says) != Verdict::Different {
            return Ok(None);
        }
        let rows: Vec<(String, String, String)> = sql::query_as(
            "SELECT id, hardware, state FROM endpoints WHERE forked_from = $1 AND revoked_at_ms IS NULL ORDER BY key DESC",
        )
        .bind(of)
        .fetch_all(self.shared.store.reads())
        .await?;
        let is_it = |(id, stored, state): &(String, String, String)| {
            let is_there = self.is_connected(id) || self.shared.may_be_elsewhere(state::named(state));
            let stored: BTreeMap<String, String> = serde_json::from_str(stored).unwrap_or_default();
            compare(&stored, machine_says) == Verdict::Same && says_all(&stored, machine_says) && !is_there
        };
        Ok(rows.into_iter().find(is_it).map(|(id, ..)| id))
    }
}

async fn carry_out(tx: &mut Connection, plan: Plan) -> Result<(), ForkError> {
    if plan.is_new {
        let made = insert(&mut *tx, &plan).await?;
        if made != 1 {
            return Err(ForkError::NotEnrolled);
        }
    }
    sql::query(
        "INSERT INTO certificates (serial, endpoint_key, issued_at_ms, expires_at_ms, root)
         SELECT $1, key, $3, $4, $5 FROM endpoints WHERE id = $2",
    )
    .bind(&plan.issued.serial)
    .bind(&plan.id)
    .bind(plan.at.unix_ms())
    .bind(plan.issued.expires_at.unix_ms())
    .bind(hexadecimal(&plan.issued.root))
    .execute(&mut *tx)
    .await?;
    let words = format!("a copy of {} ({})", plan.of, plan.machine.host_name);
    let entry = Entry::new(&Actor::local("collector"), "endpoint.fork", &plan.id).detail(words);
    Ok(audit::append(tx, entry, plan.at).await?)
}

/// Makes the endpoint, with the tags of the one that it is a copy of, unless that was revoked.
async fn insert(tx: &mut Connection, plan: &Plan) -> Result<u64, sql::Error> {
    let Plan { machine, .. } = plan;
    let done = sql::query(
        "INSERT INTO endpoints (id, name, os_type, os_name, os_version, os_build_id, users, tags, hardware,
         agent_version, boot_id, state, worst_severity, enrolled_at_ms, last_seen_ms, paused, token_id, forked_from)
         SELECT $1, $3, $4, $5, $6, $7, $8, tags, $9, '', '', 'silent', 0, $10, $10, 0, token_id, $2
         FROM endpoints WHERE id = $2 AND revoked_at_ms IS NULL",
    )
    .bind(&plan.id)
    .bind(&plan.of)
    .bind(&machine.host_name)
    .bind(&machine.os.os_type)
    .bind(&machine.os.name)
    .bind(&machine.os.version)
    .bind(&machine.os.build_id)
    .bind(json(&machine.users))
    .bind(json(&machine.hardware))
    .bind(plan.at.unix_ms())
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() == 1 {
        hardware::note(&mut *tx, &plan.id, &machine.hardware).await?;
        tags::copy(tx, &plan.of, &plan.id).await?;
    }
    Ok(done.rows_affected())
}
