use std::time::Duration;

/// What was found in the machine by looking through directories. Looked for again every quarter of an hour, or when a
/// part of it went away, so that a run only reads what it needs.
#[derive(Debug)]
pub(crate) struct Found<T> {
    what: Option<(Duration, T)>,
}

/// How long something found counts.
const FRESH: Duration = Duration::from_mins(15);

impl<T> Default for Found<T> {
    fn default() -> Self {
        Self { what: None }
    }
}

impl<T> Found<T> {
    /// What is there at `now` (time since boot), looked for by `find` when that is due.
    pub(crate) fn look<E>(&mut self, now: Duration, find: impl FnOnce() -> Result<T, E>) -> Result<&mut T, E> {
        let what = match self.what.take() {
            Some((at, what)) if now.saturating_sub(at) < FRESH => (at, what),
            _ => (now, find()?),
        };
        Ok(&mut self.what.insert(what).1)
    }

    /// Looks anew the next time.
    pub(crate) fn forget(&mut self) {
        self.what = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_looked_for_every_quarter_of_an_hour_and_after_a_loss() {
        let mut found = Found::default();
        let mut look = |minutes: u64, forget: bool| {
            if forget {
                found.forget();
            }
            *found.look(Duration::from_mins(minutes), || Ok::<_, ()>(minutes)).expect("found")
        };
        assert_eq!(look(1, false), 1);
        assert_eq!(look(15, false), 1);
        assert_eq!(look(16, false), 16);
        assert_eq!(look(17, true), 17);
    }

    #[test]
    fn what_is_not_found_is_looked_for_again_at_once() {
        let mut found = Found::default();
        assert_eq!(found.look(Duration::ZERO, || Err::<u8, _>("no")), Err("no"));
        assert_eq!(found.look(Duration::ZERO, || Ok::<_, &str>(1)), Ok(&mut 1));
    }
}
