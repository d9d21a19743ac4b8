use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::account::end_sessions;
use super::audit::{self, Entry};
use super::session::digest_of;
use super::{Access, AccessError, Actor};
use crate::store::{Connection, sql};

/// The order for another password of one's own.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    /// The one of now: whoever finds a screen unlocked does not know it.
    pub old: String,
    /// At least 12 characters.
    pub new: String,
}

impl Access {
    /// Gives the account of `by` another password, and ends its sessions but the one of `token`.
    ///
    /// # Errors
    /// [`AccessError::WrongPassword`] when the old one is not right, which counts as a wrong sign-in does;
    /// [`AccessError::Wait`] after too many of them; when the new one is the old one, or too short.
    pub async fn change_password(&self, order: NewPassword, token: &str, by: &Actor) -> Result<(), AccessError> {
        let now = self.clock.now();
        self.throttle.take(&by.name, by.address, now).map_err(AccessError::Wait)?;
        let stored: Option<String> = self.credentials(&by.name).await?.map(|(_, _, hash)| hash);
        let fits = self.passwords.matches(&order.old, stored.as_deref()).await?;
        let Some(before) = stored.filter(|_| fits) else {
            self.audit().record(Entry::new(by, "account.password.refuse", &by.name)).await?;
            return Err(AccessError::WrongPassword);
        };
        self.throttle.forgive(&by.name, by.address);
        if order.new == order.old {
            return Err(AccessError::SamePassword);
        }
        let hash = self.passwords.hash(&order.new).await?;
        let (name, token) = (by.name.clone(), digest_of(token));
        let entry = Entry::new(by, "account.password", &by.name);
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    exchange(tx, &name, &before, &hash).await?;
                    end_sessions(tx, &name, &token, now).await?;
                    audit::append(tx, entry, now).await
                })
            })
            .await
    }
}

/// The new hash in the place of the old one, unless somebody was quicker or has disabled the account meanwhile.
async fn exchange(tx: &mut Connection, name: &str, before: &str, after: &str) -> Result<(), AccessError> {
    const SQL: &str = "UPDATE accounts SET password = $3 WHERE name = $1 AND password = $2 AND disabled_at_ms IS NULL";
    let done = sql::query(SQL).bind(name).bind(before).bind(after).execute(tx).await?;
    if done.rows_affected() == 0 { Err(AccessError::WrongPassword) } else { Ok(()) }
}
