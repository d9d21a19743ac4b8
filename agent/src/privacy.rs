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
pub use ledger::{Entry, HOUR, Ledger, RecordCounts, Sent};

use crate::probe::Pseudonyms;
use crate::state;

/// Where the installation's own key of pseudonyms is, in the state directory.
pub const PSEUDONYM_KEY: &str = "pseudonym.key";

/// With the collector's key, so that the same name is the same pseudonym on all its endpoints. Without one (not enrolled
/// yet, or at an older collector) with the installation's own, which is read from `path` or made.
pub fn pseudonyms(collectors: Option<[u8; 32]>, path: &Path) -> Result<Pseudonyms> {
    if let Some(key) = collectors.or_else(|| own_key(path)) {
        return Ok(Pseudonyms::new(&key));
    }
    let key: [u8; 32] = rand::random();
    state::replace(path, &key).with_context(|| format!("keeping the key of pseudonyms in {}", path.display()))?;
    Ok(Pseudonyms::new(&key))
}

/// The same for those who only look: where there is no key, names stand for nothing beyond this look.
pub fn known_pseudonyms(collectors: Option<[u8; 32]>, path: &Path) -> Pseudonyms {
    Pseudonyms::new(&collectors.or_else(|| own_key(path)).unwrap_or_else(rand::random))
}

fn own_key(path: &Path) -> Option<[u8; 32]> {
    std::fs::read(path).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_printer_is_the_same_hash_on_every_endpoint_of_a_collector() {
        let (one, two) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
        let name = |key, dir: &tempfile::TempDir| {
            pseudonyms(key, &dir.path().join("pseudonym.key")).expect("a key").name("printer", "hall-2")
        };
        assert_eq!(name(Some([7; 32]), &one), name(Some([7; 32]), &two));
        assert_ne!(name(None, &one), name(None, &two), "before it was enrolled, each has its own");
        assert_eq!(name(None, &one), name(None, &one));
    }

    #[test]
    fn who_only_looks_takes_the_key_that_is_there_and_makes_none() {
        let dir = tempfile::tempdir().expect("folder");
        let path = dir.path().join(PSEUDONYM_KEY);
        let look = || known_pseudonyms(None, &path).name("printer", "hall-2");
        assert_ne!(look(), look());
        assert!(!path.exists());
        let kept = pseudonyms(None, &path).expect("a key").name("printer", "hall-2");
        assert_eq!((look(), look()), (kept.clone(), kept));
    }
}
