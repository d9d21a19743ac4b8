//! Points that are not of a step that others share: readings between steps, events, the last numbers of what ended.

use super::Point;
use crate::order::Arrange as _;

/// Loose points of one series, and of all.
const OF_ONE_MAX: usize = 1024;
const OF_ALL_MAX: usize = 16 * 1024;

/// Points in order of column and time.
#[derive(Debug, Clone, Default)]
pub(super) struct Loose(Vec<(u16, Point)>);

impl Loose {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Bytes beside its own.
    pub(super) fn bytes(&self) -> usize {
        size_of::<(u16, Point)>() * self.0.capacity()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The points of a column, oldest first.
    pub(super) fn of(&self, column: u16) -> &[(u16, Point)] {
        if self.0.is_empty() {
            return &[];
        }
        let from = self.0.partition_point(|(other, _)| *other < column);
        let end = from + self.0[from..].partition_point(|(other, _)| *other == column);
        &self.0[from..end]
    }

    /// Columns that have points, in order.
    pub(super) fn columns(&self) -> Vec<u16> {
        let mut columns: Vec<u16> = self.0.iter().map(|(column, _)| *column).collect();
        columns.dedup();
        columns
    }

    /// Puts a point where it belongs. Of two of the same moment the one that says more stays.
    pub(super) fn insert(&mut self, column: u16, point: Point) {
        match self.0.binary_search_by(|(other, known)| (*other, known.at).cmp(&(column, point.at))) {
            Ok(index) => {
                let known = &mut self.0[index].1;
                if point.says_more_than(known) {
                    *known = point;
                }
            }
            Err(index) if self.0.len() < OF_ALL_MAX => self.add(index, column, point),
            Err(_) => {}
        }
    }

    fn add(&mut self, index: usize, column: u16, point: Point) {
        if self.0.len() == self.0.capacity() {
            self.0.reserve_exact(self.0.len() / 4 + 1);
        }
        self.0.insert(index, (column, point));
        if self.of(column).len() > OF_ONE_MAX {
            self.0.remove(self.0.partition_point(|(other, _)| *other < column));
        }
    }

    /// Forgets the points of a column that are older than `floor`.
    pub(super) fn forget(&mut self, column: u16, floor: i64) {
        self.0.retain(|(other, point)| *other != column || point.at >= floor);
    }

    /// Gives columns their new numbers; points of columns that are gone go.
    pub(super) fn moved(self, place: impl Fn(u16) -> Option<u16>) -> Self {
        let mut points: Vec<(u16, Point)> =
            self.0.into_iter().filter_map(|(column, point)| Some((place(column)?, point))).collect();
        points.arrange_by_key(|(column, point)| (*column, point.at));
        points.shrink_to_fit();
        Self(points)
    }
}
