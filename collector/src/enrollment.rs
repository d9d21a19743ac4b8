//! Tokens in, identities out.
//!
//! A token reads `fl1.<CA>.<secret>`: the first part pins the collector's root (base64url of its SHA-256), so that an
//! agent knows whom it talks to before it says anything; the second is 32 random bytes, of which only the digest is
//! kept. A token is good for a number of uses and until a moment. Each enrolment makes a new endpoint.

mod rate;
mod service;
mod token;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use firstline_proto::convert::Machine;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::app::Clock;
use crate::authority::{Authority, AuthorityError, CertificateOf, Issued};
use crate::store::{Store, StoreError, sql};

pub use service::Service;

/// How long a token is good when nobody says.
pub const DEFAULT_LIFETIME: Duration = Duration::from_hours(24);

/// Makes tokens and turns them into identities. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Enrollment {
    store: Store,
    authority: Arc<Authority>,
    clock: Arc<dyn Clock>,
}

/// A wish for a token.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenOrder {
    /// How many machines may enrol with it; at least 1.
    pub uses: u32,
    /// For how long.
    pub expires_in: Duration,
    /// Tags that its endpoints get.
    pub tags: BTreeMap<String, String>,
    /// Who makes it.
    pub created_by: String,
}

impl Default for TokenOrder {
    fn default() -> Self {
        Self { uses: 1, expires_in: DEFAULT_LIFETIME, tags: BTreeMap::new(), created_by: String::new() }
    }
}

/// A token that was just made. Its text is shown once and kept nowhere.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenCreated {
    /// The text for the agent.
    pub token: String,
    /// Its name in lists.
    pub id: String,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for TokenCreated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenCreated").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A token, as lists show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Token {
    /// Its name.
    pub id: String,
    /// How many machines may enrol with it.
    pub uses_allowed: u32,
    /// How many have.
    pub uses: u32,
    /// Tags that its endpoints get.
    pub tags: BTreeMap<String, String>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// Until when it is good.
    pub expires_at: Timestamp,
    /// When somebody took it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

/// Why somebody was not enrolled, or a token not made.
#[derive(Debug, Error)]
pub enum EnrollmentError {
    /// Nobody made this token.
    #[error("this token is not known here")]
    WrongToken,
    /// It has been used as often as it may be.
    #[error("this token has been used up")]
    UsedToken,
    /// Its time is over.
    #[error("this token has expired")]
    ExpiredToken,
    /// Somebody took it back.
    #[error("this token has been revoked")]
    RevokedToken,
    /// The endpoint of the certificate is unknown or revoked.
    #[error("this endpoint is not, or no longer, enrolled")]
    NotEnrolled,
    /// A wish that cannot be granted.
    #[error("{0}")]
    Wish(&'static str),
    /// The certificate request is not acceptable.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The store failed; trying again may help.
    #[error("tokens and certificates could not be stored or read")]
    Store(#[from] StoreError),
}

impl EnrollmentError {
    /// Its label in metrics and logs.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::WrongToken => "wrong_token",
            Self::UsedToken => "used_token",
            Self::ExpiredToken => "expired_token",
            Self::RevokedToken => "revoked_token",
            Self::NotEnrolled => "not_enrolled",
            Self::Wish(_) | Self::Authority(AuthorityError::Request(_)) => "bad_request",
            Self::Authority(AuthorityError::KeyAway(_)) => "key_away",
            Self::Authority(_) | Self::Store(_) => "failed",
        }
    }
}

impl From<sql::Error> for EnrollmentError {
    fn from(error: sql::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Enrollment {
    /// Over `store`, signing with `authority`.
    pub fn new(store: Store, authority: Arc<Authority>, clock: Arc<dyn Clock>) -> Self {
        Self { store, authority, clock }
    }

    /// Makes a token.
    ///
    /// # Errors
    /// When no machine could use it, or the database refuses.
    pub async fn create_token(&self, order: TokenOrder) -> Result<TokenCreated, EnrollmentError> {
        if order.uses == 0 || order.uses > 100_000 {
            return Err(EnrollmentError::Wish("a token needs from 1 to 100,000 uses"));
        }
        if order.expires_in.is_zero() || order.expires_in > Duration::from_hours(366 * 24) {
            return Err(EnrollmentError::Wish("a token must expire within a year"));
        }
        token::create(&self.store, &self.authority.fingerprint(), order, self.clock.now()).await
    }

    /// Every token that is not forgotten, the newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn tokens(&self) -> Result<Vec<Token>, EnrollmentError> {
        token::list(&self.store).await
    }

    /// Takes a token back; whether there was one to take back.
    ///
    /// # Errors
    /// The database's.
    pub async fn revoke_token(&self, id: &str) -> Result<bool, EnrollmentError> {
        token::revoke(&self.store, id, self.clock.now()).await
    }

    /// Uses a token for a machine: makes an endpoint and signs its first certificate.
    ///
    /// # Errors
    /// One variant for each way in which a token can be bad; nothing is stored then.
    pub async fn enroll(
        &self,
        secret: &str,
        request: &[u8],
        machine: Machine,
    ) -> Result<(String, Issued), EnrollmentError> {
        let now = self.clock.now();
        token::check(&self.store, secret, now).await?;
        let id = Uuid::now_v7().to_string();
        let issued = self.authority.issue(request, &id, now)?;
        token::redeem(&self.store, secret, &id, &issued, machine, now).await?;
        Ok((id, issued))
    }

    /// Signs the next certificate of an endpoint that showed its current one.
    ///
    /// # Errors
    /// [`EnrollmentError::NotEnrolled`] when it was revoked meanwhile; a bad request; or the database's.
    pub async fn renew(&self, certificate: &CertificateOf, request: &[u8]) -> Result<Issued, EnrollmentError> {
        let now = self.clock.now();
        // The handshake looked at this, but a connection may be older than what it showed.
        if certificate.expires_at <= now {
            return Err(EnrollmentError::NotEnrolled);
        }
        let issued = self.authority.issue(request, &certificate.endpoint_id, now)?;
        token::note_certificate(&self.store, &certificate.endpoint_id, &issued, now).await?;
        Ok(issued)
    }

    /// The roots that endpoints must trust, DER.
    pub fn authorities(&self) -> Vec<Vec<u8>> {
        self.authority.trusted()
    }

    /// The key with which every endpoint hashes the names that must not leave it.
    pub fn naming_key(&self) -> Vec<u8> {
        self.authority.naming_key().to_vec()
    }
}

#[cfg(test)]
mod tests;
