use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash::phc::PasswordHash};
use rand::RngExt;
use thiserror::Error;
use tokio::sync::Semaphore;

/// Shortest password that is taken, in characters.
pub const PASSWORD_CHARACTERS_MIN: usize = 12;
/// Longest password that is hashed, in bytes; more is refused before any work is done.
pub(super) const PASSWORD_BYTES_MAX: usize = 256;
/// How many hashes are computed at a time; each takes 19 MiB and tens of milliseconds.
const PARALLEL_HASHES: usize = 2;

/// Why a password is not taken.
#[derive(Debug, Error)]
pub enum PasswordError {
    /// Too short or too long.
    #[error("a password has at least {PASSWORD_CHARACTERS_MIN} characters and at most {PASSWORD_BYTES_MAX} bytes")]
    Length,
    /// The hash function failed; memory ran out.
    #[error("the password could not be hashed")]
    Hash(#[source] argon2::password_hash::Error),
    /// The hashing task was ended.
    #[error("the hashing task was ended")]
    Ended(#[from] tokio::task::JoinError),
}

/// Hashes and checks passwords with Argon2id (19,456 KiB, 2 passes, 1 lane), a few at a time.
///
/// A name that does not exist costs the same as a wrong password: it is checked against a hash that nothing matches.
#[derive(Clone)]
pub(super) struct Passwords {
    slots: Arc<Semaphore>,
    nobody: Arc<str>,
}

impl Passwords {
    /// Prepares the hash that unknown names are checked against.
    ///
    /// # Errors
    /// When there is no memory for a hash.
    pub(super) fn new() -> Result<Self, PasswordError> {
        let nobody = hash(random_password().as_bytes())?;
        Ok(Self { slots: Arc::new(Semaphore::new(PARALLEL_HASHES)), nobody: nobody.into() })
    }

    /// The hash to store for `password`, in PHC form.
    ///
    /// # Errors
    /// When the password is too short or too long, or cannot be hashed.
    pub(super) async fn hash(&self, password: &str) -> Result<String, PasswordError> {
        if password.chars().count() < PASSWORD_CHARACTERS_MIN || password.len() > PASSWORD_BYTES_MAX {
            return Err(PasswordError::Length);
        }
        let password = password.to_owned();
        self.in_turn(move || hash(password.as_bytes())).await?
    }

    /// Whether `password` fits `stored`. Without a stored hash the answer is no, at the same price.
    ///
    /// # Errors
    /// When the hashing task was ended.
    pub(super) async fn matches(&self, password: &str, stored: Option<&str>) -> Result<bool, PasswordError> {
        if password.len() > PASSWORD_BYTES_MAX {
            return Ok(false);
        }
        let known = stored.is_some();
        let stored = stored.map_or_else(|| Arc::clone(&self.nobody), Arc::from);
        let password = password.to_owned();
        let fits = self.in_turn(move || verify(password.as_bytes(), &stored)).await?;
        Ok(fits && known)
    }

    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, PasswordError> {
        let turn = Arc::clone(&self.slots).acquire_owned().await.expect("the semaphore is never closed");
        Ok(tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        })
        .await?)
    }
}

/// A password that a person can read out: five groups of five letters and digits, 124 bits.
pub(super) fn random_password() -> String {
    const LETTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut random = rand::rng();
    let letters: Vec<String> =
        (0..5).map(|_| (0..5).map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())])).collect()).collect();
    letters.join("-")
}

fn argon() -> Argon2<'static> {
    let params = Params::new(19_456, 2, 1, None).expect("the parameters are within Argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(password: &[u8]) -> Result<String, PasswordError> {
    argon().hash_password(password).map(|hash: PasswordHash| hash.to_string()).map_err(PasswordError::Hash)
}

fn verify(password: &[u8], stored: &str) -> bool {
    PasswordHash::new(stored).is_ok_and(|hash| argon().verify_password(password, &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn takes_the_right_password_only() {
        let passwords = Passwords::new().expect("memory");
        let stored = passwords.hash("correct horse battery").await.expect("long enough");
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(passwords.matches("correct horse battery", Some(&stored)).await.expect("runs"));
        assert!(!passwords.matches("correct horse batterx", Some(&stored)).await.expect("runs"));
        assert!(!passwords.matches("correct horse battery", None).await.expect("runs"));
    }

    #[tokio::test]
    async fn refuses_short_and_endless_passwords() {
        let passwords = Passwords::new().expect("memory");
        assert!(matches!(passwords.hash("short").await, Err(PasswordError::Length)));
        assert!(matches!(passwords.hash(&"x".repeat(300)).await, Err(PasswordError::Length)));
    }

    #[test]
    fn random_passwords_differ_and_are_long_enough() {
        let one = random_password();
        assert_ne!(one, random_password());
        assert_eq!(one.len(), 29);
    }
}
