//! What only a few columns have.

use crate::order::Arrange as _;

/// Entries in order of column.
#[derive(Debug, Clone)]
pub(super) struct Aside<T>(Vec<(u16, T)>);

impl<T> Default for Aside<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Aside<T> {
    pub(super) fn of(&self, column: u16) -> Option<&T> {
        if self.0.is_empty() {
            return None;
        }
        self.place(column).ok().map(|index| &self.0[index].1)
    }

    /// Puts an entry, over the one that was there.
    pub(super) fn set(&mut self, column: u16, entry: T) {
        match self.place(column) {
            Ok(index) => self.0[index].1 = entry,
            Err(index) => {
                if self.0.len() == self.0.capacity() {
                    self.0.reserve_exact(self.0.len() / 4 + 1);
                }
                self.0.insert(index, (column, entry));
            }
        }
    }

    pub(super) fn remove(&mut self, column: u16) {
        if let Ok(index) = self.place(column) {
            self.0.remove(index);
        }
    }

    /// Gives columns their new numbers; entries of columns that are gone go.
    pub(super) fn moved(self, place: impl Fn(u16) -> Option<u16>) -> Self {
        let mut entries: Vec<(u16, T)> =
            self.0.into_iter().filter_map(|(column, entry)| Some((place(column)?, entry))).collect();
        entries.arrange_by_key(|(column, _)| *column);
        entries.shrink_to_fit();
        Self(entries)
    }

    fn place(&self, column: u16) -> Result<usize, usize> {
        self.0.binary_search_by_key(&column, |(other, _)| *other)
    }
}
