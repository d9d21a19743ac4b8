//! The tables of tokens and certificates.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firstline_diagnosis::vocabulary::Timestamp;
use firstline_proto::convert::Machine;
use rand::Rng as _;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use super::{EnrollmentError, Token, TokenCreated, TokenOrder};
use crate::authority::{Issued, hexadecimal};
use crate::fleet::{hardware, json, tags, told};
use crate::store::{Connection, Store, sql};

/// First part of every token's text.
const PREFIX: &str = "fl1";

/// What decides whether a token may be used.
#[derive(sqlx::FromRow)]
struct Terms {
    id: String,
    secret_sha256: String,
    uses_allowed: i64,
    uses: i64,
    tags: String,
    expires_at_ms: i64,
    revoked_at_ms: Option<i64>,
}

const TERMS: &str = "SELECT id, secret_sha256, uses_allowed, uses, tags, expires_at_ms, revoked_at_ms
    FROM enrollment_tokens WHERE secret_sha256 = $1";

impl Terms {
    /// Looks a secret up by its digest. The digest decides, not the secret, so the time of the look-up says nothing
    /// about a secret that is near; the comparison is of constant time all the same.
    fn judge(found: Option<Self>, digest: &str, now: Timestamp) -> Result<Self, EnrollmentError> {
        let terms = found
            .filter(|terms| bool::from(terms.secret_sha256.as_bytes().ct_eq(digest.as_bytes())))
            .ok_or(EnrollmentError::WrongToken)?;
        if terms.revoked_at_ms.is_some() {
            return Err(EnrollmentError::RevokedToken);
        }
        if terms.expires_at_ms <= now.unix_ms() {
            return Err(EnrollmentError::ExpiredToken);
        }
        if terms.uses >= terms.uses_allowed {
            return Err(EnrollmentError::UsedToken);
        }
        Ok(terms)
    }
}

/// What the database keeps of a secret. The whole text of a token does as well as its secret part.
fn digest(secret: &str) -> String {
    let secret = secret.trim();
    let secret = secret.rsplit_once('.').map_or(secret, |(_, secret)| secret);
    URL_SAFE_NO_PAD.encode(Sha256::digest(secret.as_bytes()))
}

pub(super) async fn create(
    store: &Store,
    fingerprint: &[u8; 32],
    order: TokenOrder,
    now: Timestamp,
) -> Result<TokenCreated, EnrollmentError> {
    let mut secret = [0; 32];
    rand::rng().fill_bytes(&mut secret);
    let secret = URL_SAFE_NO_PAD.encode(secret);
    let token = format!("{PREFIX}.{}.{secret}", URL_SAFE_NO_PAD.encode(fingerprint));
    let created = TokenCreated { token, id: Uuid::now_v7().to_string(), expires_at: now + order.expires_in };
    let (id, digest, expires_at) = (created.id.clone(), digest(&secret), created.expires_at);
    store
        .write(move |tx| {
            Box::pin(async move {
                sql::query(
                    "INSERT INTO enrollment_tokens
                     (id, secret_sha256, uses_allowed, uses, tags, created_by, created_at_ms, expires_at_ms)
                     VALUES ($1, $2, $3, 0, $4, $5, $6, $7)",
                )
                .bind(id)
                .bind(digest)
                .bind(i64::from(order.uses))
                .bind(json(&order.tags))
                .bind(order.created_by)
                .bind(now.unix_ms())
                .bind(expires_at.unix_ms())
                .execute(tx)
                .await?;
                Ok::<_, EnrollmentError>(())
            })
        })
        .await?;
    Ok(created)
}

/// Whether a token could be used now. Cheap, so that a bad one costs no signature.
pub(super) async fn check(store: &Store, secret: &str, now: Timestamp) -> Result<(), EnrollmentError> {
    let digest = digest(secret);
    let found = sql::query_as(TERMS).bind(&digest).fetch_optional(store.reads()).await?;
    Terms::judge(found, &digest, now).map(drop)
}

/// Uses a token once and makes the endpoint, both or neither.
pub(super) async fn redeem(
    store: &Store,
    secret: &str,
    endpoint_id: &str,
    issued: &Issued,
    machine: Machine,
    now: Timestamp,
) -> Result<(), EnrollmentError> {
    let (digest, endpoint_id, issued) = (digest(secret), endpoint_id.to_owned(), issued.clone());
    store
        .write(move |tx| {
            Box::pin(async move {
                let found = sql::query_as(TERMS).bind(&digest).fetch_optional(&mut *tx).await?;
                let terms = Terms::judge(found, &digest, now)?;
                sql::query("UPDATE enrollment_tokens SET uses = uses + 1 WHERE id = $1")
                    .bind(&terms.id)
                    .execute(&mut *tx)
                    .await?;
                let machine_says = machine.hardware.clone();
                insert_endpoint(&mut *tx, &endpoint_id, machine, terms, now).await?;
                link_to_earlier(&mut *tx, &endpoint_id, &machine_says).await?;
                insert_certificate(tx, &endpoint_id, &issued, now).await
            })
        })
        .await
}

async fn insert_endpoint(
    tx: &mut Connection,
    id: &str,
    machine: Machine,
    terms: Terms,
    now: Timestamp,
) -> Result<(), EnrollmentError> {
    let insert = sql::query(
        "INSERT INTO endpoints (id, name, os_type, os_name, os_version, os_build_id, users, tags, hardware,
         agent_version, boot_id, state, worst_severity, enrolled_at_ms, last_seen_ms, paused, token_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, '', '', 'silent', 0, $10, $10, 0, $11)",
    );
    told(insert.bind(id), &machine)
        .bind(&terms.tags)
        .bind(json(&machine.hardware))
        .bind(now.unix_ms())
        .bind(&terms.id)
        .execute(&mut *tx)
        .await?;
    Ok(tags::note_token(tx, id, &terms.tags, &terms.id, now).await?)
}

/// Notes as which endpoint the same machine was enrolled before, as far as its hardware tells.
async fn link_to_earlier(
    tx: &mut Connection,
    id: &str,
    machine_says: &BTreeMap<String, String>,
) -> Result<(), EnrollmentError> {
    hardware::note(&mut *tx, id, machine_says).await?;
    if let Some(earlier) = hardware::earlier(&mut *tx, id, machine_says).await? {
        sql::query("UPDATE endpoints SET same_hardware_as = $2 WHERE id = $1")
            .bind(id)
            .bind(earlier)
            .execute(tx)
            .await?;
    }
    Ok(())
}

/// Remembers a certificate of an endpoint that is not revoked.
async fn insert_certificate(
    tx: &mut Connection,
    endpoint_id: &str,
    issued: &Issued,
    now: Timestamp,
) -> Result<(), EnrollmentError> {
    let inserted = sql::query(
        "INSERT INTO certificates (serial, endpoint_key, issued_at_ms, expires_at_ms, root)
         SELECT $1, key, $3, $4, $5 FROM endpoints WHERE id = $2 AND revoked_at_ms IS NULL",
    )
    .bind(&issued.serial)
    .bind(endpoint_id)
    .bind(now.unix_ms())
    .bind(issued.expires_at.unix_ms())
    .bind(hexadecimal(&issued.root))
    .execute(tx)
    .await?;
    if inserted.rows_affected() == 1 { Ok(()) } else { Err(EnrollmentError::NotEnrolled) }
}

pub(super) async fn note_certificate(
    store: &Store,
    endpoint_id: &str,
    issued: &Issued,
    now: Timestamp,
) -> Result<(), EnrollmentError> {
    let (endpoint_id, issued) = (endpoint_id.to_owned(), issued.clone());
    store.write(move |tx| Box::pin(async move { insert_certificate(tx, &endpoint_id, &issued, now).await })).await
}

pub(super) async fn list(store: &Store) -> Result<Vec<Token>, EnrollmentError> {
    #[derive(sqlx::FromRow)]
    struct Row {
        id: String,
        uses_allowed: i64,
        uses: i64,
        tags: String,
        created_by: String,
        created_at_ms: i64,
        expires_at_ms: i64,
        revoked_at_ms: Option<i64>,
    }
    let rows: Vec<Row> = sql::query_as(
        "SELECT id, uses_allowed, uses, tags, created_by, created_at_ms, expires_at_ms, revoked_at_ms
         FROM enrollment_tokens ORDER BY created_at_ms DESC, id DESC LIMIT 500",
    )
    .fetch_all(store.reads())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Token {
            id: row.id,
            uses_allowed: u32::try_from(row.uses_allowed).unwrap_or(u32::MAX),
            uses: u32::try_from(row.uses).unwrap_or(u32::MAX),
            tags: serde_json::from_str(&row.tags).unwrap_or_default(),
            created_by: row.created_by,
            created_at: Timestamp(row.created_at_ms),
            expires_at: Timestamp(row.expires_at_ms),
            revoked_at: row.revoked_at_ms.map(Timestamp),
        })
        .collect())
}

pub(super) async fn revoke(store: &Store, id: &str, now: Timestamp) -> Result<bool, EnrollmentError> {
    let id = id.to_owned();
    store
        .write(move |tx| {
            Box::pin(async move {
                let done = sql::query(
                    "UPDATE enrollment_tokens SET revoked_at_ms = $2 WHERE id = $1 AND revoked_at_ms IS NULL",
                )
                .bind(id)
                .bind(now.unix_ms())
                .execute(tx)
                .await?;
                Ok::<_, EnrollmentError>(done.rows_affected() == 1)
            })
        })
        .await
}
