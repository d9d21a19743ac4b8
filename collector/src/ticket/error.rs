use thiserror::Error;

use crate::store::{StoreError, sql};

/// Why the built-in desk did not do what was asked.
#[derive(Debug, Error)]
pub enum DeskError {
    /// There is no such thing.
    #[error("there is no {0}")]
    NotFound(String),
    /// The order cannot be followed; the text says what to change.
    #[error("{0}")]
    Refused(String),
    /// The store failed; trying again may help.
    #[error("the ticket could not be stored or read")]
    Store(#[from] StoreError),
}

impl From<sql::Error> for DeskError {
    fn from(error: sql::Error) -> Self {
        Self::Store(error.into())
    }
}
