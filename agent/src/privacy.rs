//! What may leave the machine, and the ledger of what did.
//!
//! Everything that goes upstream passes [`Gate::admit`] first: the signal, its attributes and its type must be declared
//! in the registry, the signal must not be denied by settings or policy, and texts are scrubbed. What does not pass is
//! dropped and counted. Identities become keyed names where they are read (`probe::Pseudonyms`).

mod gate;
mod ledger;

use std::path::Path;

use anyhow::{Context, Result};

pub(crate) use firstline_diagnosis::privacy::is_hidden;
pub use gate::Gate;
pub use ledger::{Entry, Ledger, RecordCounts, Sent};

use crate::probe::Pseudonyms;
use crate::state;

/// Reads the installation's key for pseudonyms, or makes it.
pub fn pseudonyms(path: &Path) -> Result<Pseudonyms> {
    if let Ok(key) = std::fs::read(path)
        && key.len() == 32
    {
        return Ok(Pseudonyms::new(&key));
    }
    let key: [u8; 32] = rand::random();
    state::replace(path, &key).with_context(|| format!("keeping the key of pseudonyms in {}", path.display()))?;
    Ok(Pseudonyms::new(&key))
}
