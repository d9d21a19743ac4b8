use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use super::board::{Name, NameList};

/// So many lists at least before those that nobody uses are looked for.
const KNOWN_MIN: usize = 1024;

/// Names of instances, and lists of them, shared among all endpoints: most have a `/` and a `bash`.
#[derive(Debug, Default)]
pub(crate) struct Names {
    names: Shared<String>,
    lists: Shared<Name>,
}

impl Names {
    /// The shared one of equal names.
    pub(super) fn share(&self, values: Vec<String>) -> Name {
        self.names.one(values)
    }

    /// The shared one of equal lists.
    pub(super) fn share_list(&self, names: Vec<Name>) -> NameList {
        self.lists.one(names)
    }
}

/// Lists that somebody has, or had a while ago.
#[derive(Debug)]
struct Shared<T>(Mutex<Known<T>>);

#[derive(Debug)]
struct Known<T> {
    known: HashSet<Arc<[T]>>,
    /// How many there may be before those that nobody uses any more are taken out.
    limit: usize,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(Mutex::new(Known { known: HashSet::new(), limit: 0 }))
    }
}

impl<T: Eq + Hash> Shared<T> {
    fn one(&self, list: Vec<T>) -> Arc<[T]> {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(one) = shared.known.get(list.as_slice()) {
            return Arc::clone(one);
        }
        if shared.known.len() >= shared.limit {
            shared.known.retain(|one| Arc::strong_count(one) > 1);
            shared.limit = (2 * shared.known.len()).max(KNOWN_MIN);
        }
        let one: Arc<[T]> = Arc::from(list);
        shared.known.insert(Arc::clone(&one));
        one
    }
}
