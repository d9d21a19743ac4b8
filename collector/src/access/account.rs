use firstline_diagnosis::vocabulary::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::audit::{self, Entry};
use super::password::random_password;
use super::{Access, AccessError, Actor, Role};
use crate::store::{Connection, sql};

/// Longest name of an account, in characters.
const NAME_CHARACTERS_MAX: usize = 64;
/// No token has this digest.
const NO_SESSION: &str = "";

/// Somebody who may sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Account {
    /// Identity.
    pub id: String,
    /// What they type; lower case.
    pub name: String,
    /// What they are here for.
    pub role: Role,
    /// When the account was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it was disabled; absent while it is not.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub disabled_at: Option<Timestamp>,
}

/// Every account, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountList {
    /// The accounts.
    pub accounts: Vec<Account>,
}

/// The order for an account.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// What they type. Upper case letters become lower case.
    pub name: String,
    /// What they are here for.
    pub role: Role,
    /// At least 12 characters; absent: one is made up and told once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// An account that was just made, with the password that is told once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NewAdministrator {
    /// The account.
    pub account: Account,
    /// Its password when it was made up here; absent when the order named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

type Row = (String, String, String, i64, String, Option<i64>);

impl TryFrom<Row> for Account {
    type Error = AccessError;

    fn try_from((id, name, role, created_at, created_by, disabled_at): Row) -> Result<Self, AccessError> {
        let role = role.parse().map_err(|error| sql::Error::Decode(Box::new(error)))?;
        let disabled_at = disabled_at.map(Timestamp);
        Ok(Self { id, name, role, created_at: Timestamp(created_at), created_by, disabled_at })
    }
}

impl Access {
    /// Makes an administrator named `name` with a made-up password, unless there are accounts already.
    ///
    /// # Errors
    /// When the name is not a name, or the store fails.
    pub async fn create_first_administrator(&self, name: &str) -> Result<Option<NewAdministrator>, AccessError> {
        if !self.accounts().await?.accounts.is_empty() {
            return Ok(None);
        }
        let order = NewAccount { name: name.to_owned(), role: Role::Administrator, password: None };
        self.create_account(order, &Actor::local("init")).await.map(Some)
    }

    /// Makes an account.
    ///
    /// # Errors
    /// When the name is taken or is not a name, or the password is too short.
    pub async fn create_account(&self, order: NewAccount, by: &Actor) -> Result<NewAdministrator, AccessError> {
        let name = account_name(&order.name)?;
        let invented = order.password.is_none().then(random_password);
        let password = order.password.or_else(|| invented.clone()).unwrap_or_default();
        let hash = self.passwords.hash(&password).await?;
        let account = Account {
            id: Uuid::now_v7().to_string(),
            name,
            role: order.role,
            created_at: self.clock.now(),
            created_by: by.name.clone(),
            disabled_at: None,
        };
        let entry = Entry::new(by, "account.create", &account.name).detail(account.role.name());
        let (stored, now) = (account.clone(), account.created_at);
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    insert(tx, &stored, &hash).await?;
                    audit::append(tx, entry, now).await?;
                    Ok::<_, AccessError>(())
                })
            })
            .await?;
        Ok(NewAdministrator { account, password: invented })
    }

    /// Every account, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn accounts(&self) -> Result<AccountList, AccessError> {
        const SQL: &str =
            "SELECT id, name, role, created_at_ms, created_by, disabled_at_ms FROM accounts ORDER BY name";
        let rows: Vec<Row> = sql::query_as(SQL).fetch_all(self.store.reads()).await?;
        let accounts = rows.into_iter().map(Account::try_from).collect::<Result<_, _>>()?;
        Ok(AccountList { accounts })
    }

    /// Makes up a new password for an account, ends its sessions, and lets it sign in again when it was disabled. The password
    /// is told once.
    ///
    /// # Errors
    /// When there is no such account, or the store fails.
    pub async fn reset_password(&self, name: &str, by: &Actor) -> Result<String, AccessError> {
        let name = account_name(name)?;
        let password = random_password();
        let hash = self.passwords.hash(&password).await?;
        let (entry, now) = (Entry::new(by, "account.reset_password", &name), self.clock.now());
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    replace_password(tx, &name, &hash).await?;
                    end_sessions(tx, &name, NO_SESSION, now).await?;
                    audit::append(tx, entry, now).await?;
                    Ok::<_, AccessError>(())
                })
            })
            .await?;
        Ok(password)
    }

    /// Disables an account and ends its sessions. Doing it again changes nothing.
    ///
    /// # Errors
    /// When there is no such account, or it is the last administrator.
    pub async fn disable_account(&self, name: &str, by: &Actor) -> Result<(), AccessError> {
        let name = account_name(name)?;
        let entry = Entry::new(by, "account.disable", &name);
        let now = self.clock.now();
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    refuse_last_administrator(tx, &name).await?;
                    disable(tx, &name, now).await?;
                    audit::append(tx, entry, now).await?;
                    Ok::<_, AccessError>(())
                })
            })
            .await
    }
}

async fn insert(tx: &mut Connection, account: &Account, hash: &str) -> Result<(), AccessError> {
    const SQL: &str = "INSERT INTO accounts (id, name, role, password, created_at_ms, created_by) \
                       VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING";
    let done = sql::query(SQL)
        .bind(&account.id)
        .bind(&account.name)
        .bind(account.role.name())
        .bind(hash)
        .bind(account.created_at.unix_ms())
        .bind(&account.created_by)
        .execute(tx)
        .await?;
    if done.rows_affected() == 0 { Err(AccessError::NameTaken(account.name.clone())) } else { Ok(()) }
}

async fn refuse_last_administrator(tx: &mut Connection, name: &str) -> Result<(), AccessError> {
    const ROLE: &str = "SELECT role FROM accounts WHERE name = $1";
    const OTHERS: &str =
        "SELECT COUNT(*) FROM accounts WHERE role = 'administrator' AND disabled_at_ms IS NULL AND name <> $1";
    let role: Option<String> = sql::query_scalar(ROLE).bind(name).fetch_optional(&mut *tx).await?;
    let role = role.ok_or_else(|| AccessError::NoSuchAccount(name.to_owned()))?;
    let others: i64 = sql::query_scalar(OTHERS).bind(name).fetch_one(tx).await?;
    if role == Role::Administrator.name() && others == 0 {
        return Err(AccessError::LastAdministrator(name.to_owned()));
    }
    Ok(())
}

async fn disable(tx: &mut Connection, name: &str, now: Timestamp) -> Result<(), AccessError> {
    const ACCOUNT: &str = "UPDATE accounts SET disabled_at_ms = $2 WHERE name = $1 AND disabled_at_ms IS NULL";
    sql::query(ACCOUNT).bind(name).bind(now.unix_ms()).execute(&mut *tx).await?;
    end_sessions(tx, name, NO_SESSION, now).await
}

/// Ends the sessions of an account but the one whose token has this digest.
pub(super) async fn end_sessions(
    tx: &mut Connection,
    name: &str,
    but: &str,
    now: Timestamp,
) -> Result<(), AccessError> {
    const SQL: &str = "UPDATE sessions SET revoked_at_ms = $2 WHERE revoked_at_ms IS NULL AND token_sha256 <> $3 \
                       AND account_id IN (SELECT id FROM accounts WHERE name = $1)";
    sql::query(SQL).bind(name).bind(now.unix_ms()).bind(but).execute(tx).await?;
    Ok(())
}

async fn replace_password(tx: &mut Connection, name: &str, hash: &str) -> Result<(), AccessError> {
    const SQL: &str = "UPDATE accounts SET password = $2, disabled_at_ms = NULL WHERE name = $1";
    let done = sql::query(SQL).bind(name).bind(hash).execute(tx).await?;
    if done.rows_affected() == 0 { Err(AccessError::NoSuchAccount(name.to_owned())) } else { Ok(()) }
}

/// The name as it is stored.
pub(super) fn account_name(text: &str) -> Result<String, AccessError> {
    let name = text.trim().to_ascii_lowercase();
    let fits = (1..=NAME_CHARACTERS_MAX).contains(&name.chars().count());
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "._-@".contains(letter);
    if fits && name.chars().all(plain) {
        Ok(name)
    } else {
        Err(AccessError::Name(text.chars().take(NAME_CHARACTERS_MAX).collect()))
    }
}
