use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use super::instances::Name;

/// So many names at least before those that nobody uses are looked for.
const NAMES_MIN: usize = 1024;

/// Names of instances, shared among all endpoints: most have a `/` and a `bash`.
#[derive(Debug, Default)]
pub(crate) struct Names(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    names: HashSet<Name>,
    /// How many there may be before those that nobody uses any more are taken out.
    limit: usize,
}

impl Names {
    /// The shared one of equal names.
    pub(super) fn share(&self, values: Vec<String>) -> Name {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = known.names.get(values.as_slice()) {
            return Name::clone(name);
        }
        if known.names.len() >= known.limit {
            known.names.retain(|name| Name::strong_count(name) > 1);
            known.limit = (2 * known.names.len()).max(NAMES_MIN);
        }
        let name = Name::from(values);
        known.names.insert(Name::clone(&name));
        name
    }
}
