use std::net::IpAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firstline_diagnosis::vocabulary::Timestamp;
use rand::Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tracing::debug;
use utoipa::ToSchema;

use super::account::account_name;
use super::audit::{self, Entry};
use super::{Access, AccessError, Actor, Role};
use crate::store::sql;

/// How often the last use of a session is written down.
const SEEN_EVERY: Duration = Duration::from_mins(1);
/// Longest token that is looked up, in bytes.
const TOKEN_BYTES_MAX: usize = 128;

/// Where a session lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionKind {
    /// In a cookie: ends after 8 hours without use, and after 24 hours.
    Browser,
    /// In the operator's command: ends after 7 days without use, and after 30 days.
    Command,
}

impl SessionKind {
    fn name(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Command => "command",
        }
    }

    fn from_name(name: &str) -> Self {
        if name == "command" { Self::Command } else { Self::Browser }
    }

    /// How long it lives without use.
    pub fn idle(self) -> Duration {
        match self {
            Self::Browser => Duration::from_hours(8),
            Self::Command => Duration::from_hours(7 * 24),
        }
    }

    /// How long it lives at most.
    pub fn lifetime(self) -> Duration {
        match self {
            Self::Browser => Duration::from_hours(24),
            Self::Command => Duration::from_hours(30 * 24),
        }
    }
}

/// A person who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Principal {
    /// The account's name.
    pub name: String,
    /// What they are here for.
    pub role: Role,
    /// How they came.
    pub session: SessionKind,
    /// When they must sign in again, whatever they do.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// A sign-in that worked.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SignedIn {
    /// The secret that proves it: 256 random bits. Told once.
    pub token: String,
    /// Who.
    #[serde(flatten)]
    pub principal: Principal,
}

impl Access {
    /// Signs somebody in.
    ///
    /// # Errors
    /// [`AccessError::WrongCredentials`], whatever was wrong; [`AccessError::Wait`] after too many tries.
    pub async fn sign_in(
        &self,
        name: &str,
        password: &str,
        kind: SessionKind,
        address: Option<IpAddr>,
    ) -> Result<SignedIn, AccessError> {
        let now = self.clock.now();
        let tried: String = name.trim().to_lowercase().chars().take(64).collect();
        self.throttle.take(&tried, address, now).map_err(AccessError::Wait)?;
        let actor = Actor { name: tried.clone(), address };
        let account = self.credentials(&tried).await?;
        let stored = account.as_ref().map(|(_, _, hash)| hash.as_str());
        if !self.passwords.matches(password, stored).await? {
            self.audit().record(Entry::new(&actor, "sign_in.refuse", &tried)).await?;
            return Err(AccessError::WrongCredentials);
        }
        let (id, role, _) = account.ok_or(AccessError::WrongCredentials)?;
        self.throttle.forgive(&tried, address);
        let token = random_token();
        let expires_at = now + kind.lifetime();
        self.open_session(&token, id, kind, now, expires_at, Entry::new(&actor, "sign_in", &tried).detail(kind.name()))
            .await?;
        Ok(SignedIn { token, principal: Principal { name: tried, role, session: kind, expires_at } })
    }

    /// Who holds this token, if the session is alive. Using it keeps it alive.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn principal(&self, token: &str) -> Result<Option<Principal>, AccessError> {
        const SQL: &str = "SELECT a.name, a.role, s.kind, s.seen_at_ms, s.expires_at_ms FROM sessions s \
                           JOIN accounts a ON a.id = s.account_id \
                           WHERE s.token_sha256 = $1 AND s.revoked_at_ms IS NULL AND a.disabled_at_ms IS NULL";
        if token.len() > TOKEN_BYTES_MAX {
            return Ok(None);
        }
        let digest = digest_of(token);
        let row: Option<(String, String, String, i64, i64)> =
            sql::query_as(SQL).bind(&digest).fetch_optional(self.store.reads()).await?;
        let Some((name, role, kind, seen_at, expires_at)) = row else { return Ok(None) };
        let (now, kind) = (self.clock.now(), SessionKind::from_name(&kind));
        let (seen_at, expires_at) = (Timestamp(seen_at), Timestamp(expires_at));
        if now >= expires_at || now.since(seen_at) >= kind.idle() {
            return Ok(None);
        }
        // Only a note, without which the session ends sooner: a full disk keeps nobody from looking.
        if now.since(seen_at) >= SEEN_EVERY
            && !self.store.is_failing()
            && let Err(cause) = self.seen(digest, now).await
        {
            debug!(error = %cause, "That a session is in use could not be noted: {cause}");
        }
        let role = role.parse().map_err(|error| sql::Error::Decode(Box::new(error)))?;
        Ok(Some(Principal { name, role, session: kind, expires_at }))
    }

    /// Ends the session of this token. Ending it again changes nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sign_out(&self, token: &str, by: &Actor) -> Result<(), AccessError> {
        const SQL: &str = "UPDATE sessions SET revoked_at_ms = $2 WHERE token_sha256 = $1 AND revoked_at_ms IS NULL";
        let (digest, now, entry) = (digest_of(token), self.clock.now(), Entry::new(by, "sign_out", &by.name));
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    sql::query(SQL).bind(digest).bind(now.unix_ms()).execute(&mut *tx).await?;
                    audit::append(tx, entry, now).await
                })
            })
            .await
    }

    /// Identity, role and password hash of the account that may sign in under this name.
    pub(super) async fn credentials(&self, name: &str) -> Result<Option<(String, Role, String)>, AccessError> {
        const SQL: &str = "SELECT id, role, password FROM accounts WHERE name = $1 AND disabled_at_ms IS NULL";
        let Ok(name) = account_name(name) else { return Ok(None) };
        let row: Option<(String, String, String)> =
            sql::query_as(SQL).bind(name).fetch_optional(self.store.reads()).await?;
        let Some((id, role, hash)) = row else { return Ok(None) };
        let role = role.parse().map_err(|error| sql::Error::Decode(Box::new(error)))?;
        Ok(Some((id, role, hash)))
    }

    async fn open_session(
        &self,
        token: &str,
        account: String,
        kind: SessionKind,
        now: Timestamp,
        expires_at: Timestamp,
        entry: Entry,
    ) -> Result<(), AccessError> {
        const FORGET: &str = "DELETE FROM sessions WHERE expires_at_ms < $1";
        const OPEN: &str = "INSERT INTO sessions (token_sha256, account_id, kind, created_at_ms, seen_at_ms, expires_at_ms) \
                            VALUES ($1, $2, $3, $4, $5, $6)";
        let digest = digest_of(token);
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    sql::query(FORGET).bind(now.unix_ms()).execute(&mut *tx).await?;
                    sql::query(OPEN)
                        .bind(digest)
                        .bind(account)
                        .bind(kind.name())
                        .bind(now.unix_ms())
                        .bind(now.unix_ms())
                        .bind(expires_at.unix_ms())
                        .execute(&mut *tx)
                        .await?;
                    audit::append(tx, entry, now).await
                })
            })
            .await
    }

    async fn seen(&self, digest: String, now: Timestamp) -> Result<(), AccessError> {
        const SQL: &str = "UPDATE sessions SET seen_at_ms = $2 WHERE token_sha256 = $1 AND seen_at_ms < $2";
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    sql::query(SQL).bind(digest).bind(now.unix_ms()).execute(tx).await?;
                    Ok::<_, AccessError>(())
                })
            })
            .await
    }
}

/// 256 random bits, in letters that cookies and headers carry as they are.
fn random_token() -> String {
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn digest_of(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes()))
}
