//! Which series an endpoint has, each with its column.

use std::sync::Arc;

use super::known::Known;
use crate::order::Arrange as _;

/// The columns of an endpoint: in order of how long they are kept, then of name.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    columns: Vec<Arc<Known>>,
    /// Sources that have members: 64 in a word, with how many are in the words before.
    filled: Box<[(u64, u16)]>,
    /// Of each of these where its members begin, and where those of the last one end.
    starts: Box<[u16]>,
    /// Columns of all sources, one source after the other. In order of name, so that the order of arrival is never
    /// seen in an answer.
    members: Box<[u16]>,
    /// Sources with many members, each with one attribute, the same for all.
    told_apart: Box<[u16]>,
}

/// Fewer members than these are looked through one by one.
const MANY: usize = 5;
/// Members of all sources together.
const MEMBERS_MAX: usize = u16::MAX as usize;

impl Plan {
    /// The plan of `columns`, which need no order, for so many sources.
    pub(super) fn new(mut columns: Vec<Arc<Known>>, sources: usize) -> Self {
        columns.arrange_by(|one, two| order(one).cmp(&order(two)));
        columns.dedup_by(|one, two| one.series == two.series);
        let mut by_name: Vec<u16> = (0..).take(columns.len()).collect();
        by_name.arrange_by(|one, two| columns[usize::from(*one)].series.cmp(&columns[usize::from(*two)].series));
        let mut members: Vec<(u32, u16)> = Vec::new();
        for column in by_name {
            members.extend(columns[usize::from(column)].sources.iter().map(|source| (*source, column)));
        }
        // Stable: the order of names stays within each source.
        members.arrange_by_key(|(source, _)| *source);
        members.truncate(MEMBERS_MAX);
        let mut plan = Self { columns, ..Self::default() };
        plan.file(&members, sources);
        plan.told_apart =
            (0..sources).filter(|source| plan.is_told_apart(*source)).map(|source| source as u16).collect();
        plan
    }

    /// Files members, which are in order of source.
    fn file(&mut self, members: &[(u32, u16)], sources: usize) {
        let (mut filled, mut starts) = (vec![(0_u64, 0_u16); sources.div_ceil(64)], Vec::new());
        let mut start = 0_u16;
        for of_one in members.chunk_by(|one, two| one.0 == two.0) {
            let source = of_one[0].0 as usize;
            filled[source / 64].0 |= 1 << (source % 64);
            starts.push(start);
            start += of_one.len() as u16;
        }
        starts.push(start);
        let mut before = 0;
        for (word, count) in &mut filled {
            *count = before;
            before += word.count_ones() as u16;
        }
        self.filled = filled.into();
        self.starts = starts.into();
        self.members = members.iter().map(|(_, column)| *column).collect();
    }

    fn is_told_apart(&self, source: usize) -> bool {
        let members = self.members(source);
        let names = |column: &u16| self.known(*column).series.attributes.iter().map(|(name, _)| name.to_owned());
        let first: Vec<String> = members.first().into_iter().flat_map(names).collect();
        members.len() >= MANY
            && first.len() == 1
            && members.iter().all(|column| names(column).eq(first.iter().cloned()))
    }

    pub(super) fn len(&self) -> usize {
        self.columns.len()
    }

    pub(super) fn columns(&self) -> &[Arc<Known>] {
        &self.columns
    }

    pub(super) fn known(&self, column: u16) -> &Known {
        &self.columns[usize::from(column)]
    }

    /// The column of a series.
    pub(super) fn column(&self, known: &Known) -> Option<u16> {
        let found = self.columns.binary_search_by(|other| order(other).cmp(&order(known))).ok()?;
        u16::try_from(found).ok()
    }

    /// Columns of the series of a source, in order of name.
    pub(super) fn members(&self, source: usize) -> &[u16] {
        let Some((word, before)) = self.filled.get(source / 64) else { return &[] };
        if word >> (source % 64) & 1 == 0 {
            return &[];
        }
        let lower = word & ((1 << (source % 64)) - 1);
        let place = usize::from(*before) + lower.count_ones() as usize;
        &self.members[usize::from(self.starts[place])..usize::from(self.starts[place + 1])]
    }

    /// Of these, the one that a binding names, where exactly one attribute tells the members apart. Else all.
    pub(super) fn members_like(&self, source: usize, binding: &[(&str, &str)]) -> &[u16] {
        let members = self.members(source);
        let [(name, value)] = binding else { return members };
        if members.len() < MANY || !self.told_apart.iter().any(|apart| usize::from(*apart) == source) {
            return members;
        }
        let attribute = |column: &u16| self.known(*column).series.attributes.iter().next();
        if members.first().and_then(attribute).is_none_or(|(own, _)| own != *name) {
            return members;
        }
        // In order of name is in order of the one value.
        let place = members.binary_search_by(|column| attribute(column).map(|(_, own)| own).cmp(&Some(*value)));
        place.map_or(&[], |index| &members[index..=index])
    }

    /// Runs of columns that are kept equally long: how long, the first, how many.
    pub(super) fn bands(&self) -> impl Iterator<Item = (i64, u16, u16)> {
        let runs = self.columns.chunk_by(|one, two| one.grid_ms == two.grid_ms);
        runs.scan(0_u16, |first, run| {
            let band = (run[0].grid_ms, *first, run.len() as u16);
            *first += band.2;
            Some(band)
        })
    }
}

fn order(known: &Known) -> (i64, &crate::vocabulary::Series) {
    (known.grid_ms, &known.series)
}
