/// The moments of steps, in order: four bytes each, counted from one of them, as long as 49 days hold them all.
#[derive(Debug, Clone)]
pub(super) enum Times {
    Near(i64, Vec<u32>),
    Far(Vec<i64>),
}

impl Default for Times {
    fn default() -> Self {
        Self::Near(0, Vec::new())
    }
}

impl Times {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Near(_, offsets) => offsets.len(),
            Self::Far(ats) => ats.len(),
        }
    }

    pub(super) fn get(&self, index: usize) -> i64 {
        match self {
            Self::Near(from, offsets) => from + i64::from(offsets[index]),
            Self::Far(ats) => ats[index],
        }
    }

    /// How many are at a moment or before it.
    pub(super) fn until(&self, at: i64) -> usize {
        match self {
            Self::Near(from, offsets) => offsets.partition_point(|offset| from + i64::from(*offset) <= at),
            Self::Far(ats) => ats.partition_point(|known| *known <= at),
        }
    }

    /// Puts a moment into its place.
    pub(super) fn insert(&mut self, index: usize, at: i64) {
        if let Self::Near(from, offsets) = self
            && let Some(offset) = at.checked_sub(*from).and_then(|after| u32::try_from(after).ok())
        {
            reserve(offsets);
            return offsets.insert(index, offset);
        }
        let mut ats: Vec<i64> = (0..self.len()).map(|index| self.get(index)).collect();
        ats.insert(index, at);
        *self = Self::of(ats);
    }

    /// Of moments in order, which there are.
    fn of(ats: Vec<i64>) -> Self {
        let from = ats[0];
        let offset = |at: &i64| u32::try_from(at.checked_sub(from)?).ok();
        match ats.iter().map(offset).collect() {
            Some(offsets) => Self::Near(from, offsets),
            None => Self::Far(ats),
        }
    }

    pub(super) fn drop_oldest(&mut self, gone: usize) {
        match self {
            Self::Near(_, offsets) => drop(offsets.drain(..gone)),
            Self::Far(ats) => drop(ats.drain(..gone)),
        }
    }

    /// Bytes beside its own.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Near(_, offsets) => size_of::<u32>() * offsets.capacity(),
            Self::Far(ats) => size_of::<i64>() * ats.capacity(),
        }
    }
}

fn reserve<T>(list: &mut Vec<T>) {
    if list.len() == list.capacity() {
        list.reserve_exact(list.len() / 8 + 2);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Minutes of one month mostly, or of any time.
    fn moment() -> impl Strategy<Value = i64> {
        prop_oneof![20 => 1_770_000_000_000..1_772_000_000_000_i64, 1 => 0..4_000_000_000_000_i64, 1 => any::<i64>()]
    }

    proptest! {
        #[test]
        fn they_are_what_a_list_of_them_is(deeds in prop::collection::vec((moment(), 0..8_usize), 1..80)) {
            let (mut times, mut list) = (Times::default(), Vec::<i64>::new());
            for (at, gone) in deeds {
                let index = times.until(at);
                prop_assert_eq!(index, list.partition_point(|known| *known <= at));
                times.insert(index, at);
                list.insert(index, at);
                let gone = if gone > 5 { gone.min(list.len()) } else { 0 };
                times.drop_oldest(gone);
                list.drain(..gone);
                prop_assert_eq!(times.len(), list.len());
                prop_assert!((0..list.len()).all(|index| times.get(index) == list[index]));
            }
        }
    }
}
