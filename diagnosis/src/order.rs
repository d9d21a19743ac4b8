//! Order with little code.
//!
//! The standard library makes its sort anew for each type of item and each comparison, four kilobytes of program each, for
//! lists of millions. The agent sorts some dozens of kinds of lists, which have a few lines each, and its program is what
//! most of its memory is. Here one sort serves all: of places, by a comparison that is called and not built in. Equals
//! keep their order. Collecting a map or a set of the standard library sorts, too; [`map`] and [`set`] enter one by one.
//!
//! Not for long lists: each comparison is a call, and what moves moves last.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// Puts a list in order.
pub trait Arrange<T> {
    /// The least first.
    fn arrange(&mut self)
    where
        T: Ord;

    /// As `compare` says.
    fn arrange_by(&mut self, compare: impl FnMut(&T, &T) -> Ordering);

    /// The least key first.
    fn arrange_by_key<K: Ord>(&mut self, key: impl FnMut(&T) -> K);
}

impl<T> Arrange<T> for [T] {
    fn arrange(&mut self)
    where
        T: Ord,
    {
        self.arrange_by(T::cmp);
    }

    fn arrange_by(&mut self, mut compare: impl FnMut(&T, &T) -> Ordering) {
        let places = places(self.len(), &mut |one, other| compare(&self[one], &self[other]));
        move_to(self, places);
    }

    fn arrange_by_key<K: Ord>(&mut self, mut key: impl FnMut(&T) -> K) {
        self.arrange_by(|one, other| key(one).cmp(&key(other)));
    }
}

/// Where the first, the second and so on stand now; nothing where they are in order.
fn places(count: usize, compare: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<usize> {
    if (1..count).all(|at| compare(at - 1, at).is_le()) {
        return Vec::new();
    }
    let mut places: Vec<usize> = (0..count).collect();
    places.sort_by(|one, other| compare(*one, *other));
    places
}

/// Moves each item to its place, round by round of those that take each other's.
fn move_to<T>(items: &mut [T], mut places: Vec<usize>) {
    for first in 0..places.len() {
        let mut to = first;
        loop {
            let from = std::mem::replace(&mut places[to], to);
            if from == first {
                break;
            }
            items.swap(to, from);
            to = from;
        }
    }
}

/// A map of entries; of those with one key the last.
pub fn map<K: Ord, V>(entries: impl IntoIterator<Item = (K, V)>) -> BTreeMap<K, V> {
    let mut map = BTreeMap::new();
    for (key, value) in entries {
        map.insert(key, value);
    }
    map
}

/// A set of items; of equals the first.
pub fn set<T: Ord>(items: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    let mut set = BTreeSet::new();
    for item in items {
        set.insert(item);
    }
    set
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn arranges_as_the_standard_library_sorts(list: Vec<(u8, u16)>) {
            let (mut ours, mut theirs) = (list.clone(), list.clone());
            ours.arrange_by_key(|(key, _)| *key);
            theirs.sort_by_key(|(key, _)| *key);
            prop_assert_eq!(&ours, &theirs);
            ours.arrange();
            theirs.sort_unstable();
            prop_assert_eq!(&ours, &theirs);
            let theirs: BTreeMap<_, _> = list.iter().copied().collect();
            prop_assert_eq!(map(list.iter().copied()), theirs);
        }
    }
}
