use std::collections::HashMap;

use firstline_diagnosis::vocabulary::{Layout, Series};
use firstline_proto::{Message, v1};

use super::frame::{self, Kind};

/// A segment names no more columns. A machine has a few hundred.
const NAMES_MAX: usize = 16 * 1024;

/// What the columns of a segment stand for: it only grows, so a column keeps its place for as long as the segment lasts.
#[derive(Debug, Clone, Default)]
pub(super) struct Names(Vec<Option<Series>>);

impl Names {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The series of each column; of one whose name was altered on disk it is not known.
    pub(super) fn iter(&self) -> impl Iterator<Item = Option<&Series>> {
        self.0.iter().map(Option::as_ref)
    }

    /// Whether every column has its name.
    pub(super) fn are_whole(&self) -> bool {
        self.0.iter().all(Option::is_some)
    }

    /// The columns of `series`, in their order; those that are new get one. Nothing when there is no room for them.
    pub(super) fn place<'a>(&mut self, series: impl ExactSizeIterator<Item = &'a Series>) -> Option<Vec<usize>> {
        if self.0.len() + series.len() > NAMES_MAX {
            return None;
        }
        let known = self.0.iter().enumerate();
        let mut known: HashMap<Series, usize> =
            known.filter_map(|(column, series)| Some((series.clone()?, column))).collect();
        let place = |series: &Series| {
            *known.entry(series.clone()).or_insert_with(|| {
                self.0.push(Some(series.clone()));
                self.0.len() - 1
            })
        };
        Some(series.map(place).collect())
    }

    /// Adds a frame of the names from column `first` on, when there are any.
    pub(super) fn write(&self, out: &mut Vec<u8>, first: usize) {
        let news: Vec<Series> = self.0.iter().skip(first).flatten().cloned().collect();
        if news.is_empty() {
            return;
        }
        frame::write(out, Kind::Names, |out| {
            out.extend_from_slice(&u32::try_from(first).unwrap_or(u32::MAX).to_le_bytes());
            let encoded = v1::Layout { fingerprint: 0, series: news.into_iter().map(v1::Series::from).collect() };
            out.extend(encoded.encode_to_vec());
        });
    }

    /// Enters the names of a frame.
    pub(super) fn read(&mut self, payload: &[u8]) -> Option<()> {
        let (first, encoded) = payload.split_at_checked(4)?;
        let first = u32::from_le_bytes(first.try_into().ok()?) as usize;
        let series = v1::Layout::decode(encoded).ok()?.series;
        if first.checked_add(series.len())? > NAMES_MAX {
            return None;
        }
        self.0.resize(self.0.len().max(first + series.len()), None);
        for (place, series) in self.0[first..].iter_mut().zip(series) {
            *place = Series::try_from(series).ok();
        }
        Some(())
    }
}

/// Where the columns of the layout that came last are, so that a row of the same layout costs no search.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) fingerprint: u64,
    pub(super) columns: Vec<usize>,
}

impl Places {
    /// The places of `layout` in `names`; nothing when there is no room.
    pub(super) fn of(layout: &Layout, names: &mut Names) -> Option<Self> {
        Some(Self { fingerprint: layout.fingerprint(), columns: names.place(layout.series().iter())? })
    }

    /// `values` of the layout as a row of `width` columns.
    pub(super) fn row(&self, values: &[f32], width: usize) -> Vec<f32> {
        let mut row = vec![f32::NAN; width];
        for (column, value) in self.columns.iter().zip(values) {
            row[*column] = *value;
        }
        row
    }
}

#[cfg(test)]
mod tests {
    use firstline_diagnosis::vocabulary::Attributes;
    use proptest::prelude::*;

    use super::*;

    fn series(names: std::ops::Range<usize>) -> Vec<Series> {
        names.map(|number| Series::new("a.b", [("c", number.to_string().as_str())])).collect()
    }

    #[test]
    fn a_column_keeps_its_place_and_a_new_one_comes_behind() {
        let mut names = Names::default();
        assert_eq!(names.place(series(0..3).iter()), Some(vec![0, 1, 2]));
        assert_eq!(names.place(series(2..5).iter().rev()), Some(vec![3, 4, 2]));
        assert_eq!(names.len(), 5);
    }

    #[test]
    fn an_altered_frame_of_names_costs_those_names() {
        let (mut names, mut first, mut second) = (Names::default(), Vec::new(), Vec::new());
        names.place(series(0..3).iter());
        names.write(&mut first, 0);
        names.place(series(3..5).iter());
        names.write(&mut second, 3);
        let mut read = Names::default();
        assert!(frame::frames(&second, 0).all(|frame| read.read(frame.payload).is_some()));
        assert_eq!(read.iter().map(|name| name.is_some()).collect::<Vec<_>>(), [false, false, false, true, true]);
        assert!(frame::frames(&first, 0).all(|frame| read.read(frame.payload).is_some()));
        assert!(read.are_whole() && read.iter().eq(names.iter()));
    }

    #[test]
    fn there_is_an_end_to_names() {
        let mut names = Names::default();
        assert!(names.place(series(0..NAMES_MAX).iter()).is_some());
        assert_eq!(names.place([Series::new("one.more", Attributes::none())].iter()), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut names = Names::default();
            names.read(&bytes);
            prop_assert!(names.len() <= NAMES_MAX);
        }
    }
}
