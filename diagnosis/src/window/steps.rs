/// How long each step is: one number where all are alike, as they are on every stream.
#[derive(Debug, Clone)]
pub(super) enum Steps {
    /// So many of the same length.
    Same(i32, usize),
    Each(Vec<i32>),
}

impl Default for Steps {
    fn default() -> Self {
        Self::Same(0, 0)
    }
}

impl Steps {
    pub(super) fn get(&self, index: usize) -> i32 {
        match self {
            Self::Same(step_ms, _) => *step_ms,
            Self::Each(steps) => steps[index],
        }
    }

    pub(super) fn insert(&mut self, index: usize, step_ms: i32) {
        match self {
            Self::Same(same, count) if *count == 0 || *same == step_ms => *self = Self::Same(step_ms, *count + 1),
            Self::Same(same, count) => {
                let mut steps = vec![*same; *count];
                steps.insert(index, step_ms);
                *self = Self::Each(steps);
            }
            Self::Each(steps) => steps.insert(index, step_ms),
        }
    }

    /// Takes the oldest out; what is alike again is one number again.
    pub(super) fn drop_oldest(&mut self, gone: usize) {
        match self {
            Self::Same(_, count) => *count -= gone,
            Self::Each(steps) => {
                steps.drain(..gone);
                let first = steps.first().copied().unwrap_or(0);
                if gone > 0 && steps.iter().all(|step_ms| *step_ms == first) {
                    *self = Self::Same(first, steps.len());
                }
            }
        }
    }

    /// Bytes beside its own.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Same(..) => 0,
            Self::Each(steps) => size_of::<i32>() * steps.capacity(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_are_what_a_list_of_them_is(deeds in prop::collection::vec((0..20_usize, 0..6_usize, any::<bool>()), 1..80)) {
            let (mut steps, mut list) = (Steps::default(), Vec::new());
            for (index, gone, is_odd) in deeds {
                let index = index.min(list.len());
                let step_ms = if is_odd { 15_000 } else { 60_000 };
                steps.insert(index, step_ms);
                list.insert(index, step_ms);
                let gone = if gone > 3 { gone.min(list.len()) } else { 0 };
                steps.drop_oldest(gone);
                list.drain(..gone);
                prop_assert!((0..list.len()).all(|index| steps.get(index) == list[index]));
            }
        }
    }

    #[test]
    fn the_steps_of_a_stream_take_no_room() {
        let mut steps = Steps::default();
        (0..100).for_each(|index| steps.insert(index, 60_000));
        assert_eq!(steps.bytes(), 0);
    }
}
