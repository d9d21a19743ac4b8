//! Who may do what: accounts, sessions, roles, and the audit log.
//!
//! - A person signs in with a name and a password (Argon2id) and gets a random 256-bit token: as a `__Host-` cookie in a
//!   browser, as a bearer token in the operator's command. The database holds only its SHA-256. Sessions end by idleness,
//!   by age, by sign-out, when the account is disabled, and but for the one that asked when its password changes.
//! - A wrong password and an unknown name cost the same and read the same; both are counted and slowed down.
//! - Every route declares its [`Roles`]; [`gate`] lets nobody else in.
//! - Every change, and every read of an endpoint, is an entry of the hash-chained [`audit`] log, written before the
//!   answer is given; of a read it may come [`late`] while the database takes nothing in.
//!
//! Not here: directories (LDAP, OpenID Connect), and what a person may see of which endpoints; everybody who is signed
//! in sees all of them.

mod account;
pub mod audit;
pub mod chain;
pub mod gate;
mod late;
mod own;
mod password;
mod role;
mod session;
mod throttle;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

pub use account::{Account, AccountList, NewAccount, NewAdministrator};
pub use own::NewPassword;
pub use password::{PASSWORD_CHARACTERS_MIN, PasswordError};
pub use role::{NoSuchRole, Role, Roles};
pub use session::{Principal, SessionKind, SignedIn};

use crate::app::Clock;
use crate::store::{Store, StoreError, sql};

/// Accounts, sessions and the audit log of this collector. Cheap to clone.
#[derive(Clone)]
pub struct Access {
    store: Store,
    clock: Arc<dyn Clock>,
    passwords: password::Passwords,
    throttle: Arc<throttle::Throttle>,
    walked: Arc<chain::Walked>,
    late: Arc<late::Late>,
}

impl Access {
    /// Access over `store`, by the time of `clock`.
    ///
    /// # Errors
    /// When there is no memory to hash a password with.
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Result<Self, AccessError> {
        let passwords = password::Passwords::new()?;
        let (throttle, walked, late) = (Arc::default(), Arc::default(), Arc::default());
        Ok(Self { store, clock, passwords, throttle, walked, late })
    }

    /// The log of who did what.
    pub fn audit(&self) -> audit::Audit<'_> {
        audit::Audit { store: &self.store, clock: self.clock.as_ref(), walked: &self.walked, late: &self.late }
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").finish_non_exhaustive()
    }
}

/// Somebody who acts: whose name stands in the audit log, and where they came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The account's name, or what the collector calls itself.
    pub name: String,
    /// Where from, when it was over the network.
    pub address: Option<IpAddr>,
}

impl Actor {
    /// The program itself, at the console of its machine.
    pub fn local(name: &str) -> Self {
        Self { name: name.to_owned(), address: None }
    }
}

/// Why somebody was not let in, or an account not changed.
#[derive(Debug, Error)]
pub enum AccessError {
    /// The name or the password is wrong, or the account is disabled; it is never said which.
    #[error("the name or the password is wrong")]
    WrongCredentials,
    /// Who is signed in does not know the password of the account.
    #[error("the old password is wrong")]
    WrongPassword,
    /// It would change nothing.
    #[error("the new password is the old one; choose another")]
    SamePassword,
    /// Too many wrong passwords.
    #[error("too many tries; wait {} s and try again", .0.as_secs().max(1))]
    Wait(Duration),
    /// The name has letters that names may not have.
    #[error("{0:?} cannot be an account's name: use 1 to 64 of a-z, 0-9, '.', '_', '-' and '@'")]
    Name(String),
    /// There is an account of this name.
    #[error("there is an account named {0:?} already; choose another name")]
    NameTaken(String),
    /// There is none.
    #[error("there is no account named {0:?}")]
    NoSuchAccount(String),
    /// The last administrator would be locked out.
    #[error("{0:?} is the last administrator; make another one first")]
    LastAdministrator(String),
    /// The password is not taken.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The store failed.
    #[error("the accounts could not be read or written")]
    Store(#[from] StoreError),
}

impl From<sql::Error> for AccessError {
    fn from(error: sql::Error) -> Self {
        Self::Store(error.into())
    }
}

#[cfg(test)]
mod tests;
