//! What goes wrong again and again is said at once, and then once a minute with how often: a database that is away for an hour
//! must not fill the disk that the log is on, and a line of something else must still be found.

use std::error::Error;
use std::time::Duration;

use tokio::time::Instant;
use tracing::{debug, warn};

use crate::store::StoreError;

/// How often the same trouble is said.
const EVERY: Duration = Duration::from_mins(1);

/// Something that is tried again and again, and whether it goes wrong at present.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    failures: u64,
    unsaid: u64,
    said_at: Option<Instant>,
}

impl Outage {
    /// It went wrong. How often since that was last said, when it is to be said now.
    pub(crate) fn failed(&mut self, now: Instant) -> Option<u64> {
        self.failures += 1;
        self.unsaid += 1;
        if self.said_at.is_some_and(|said| now.duration_since(said) < EVERY) {
            return None;
        }
        self.said_at = Some(now);
        Some(std::mem::take(&mut self.unsaid))
    }

    /// It went right. How often it had gone wrong in a row, when it had.
    pub(crate) fn is_over(&mut self) -> Option<u64> {
        let failures = std::mem::take(self).failures;
        (failures > 0).then_some(failures)
    }
}

/// An error with its causes, each told once.
pub(crate) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut told = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !told.contains(&words) {
            told = format!("{told}: {words}");
        }
        next = cause.source();
    }
    told
}

/// Whether an error, or one of its causes, is that the database takes or tells nothing at the moment. The store says so
/// itself, once for everybody whom it fails.
pub(crate) fn is_passing(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(cause) = next {
        if cause.downcast_ref::<StoreError>().is_some_and(StoreError::is_passing) {
            return true;
        }
        next = cause.source();
    }
    false
}

/// Says what could not be done for an endpoint; in a whisper when it is the database's, as it then is for thousands.
pub(crate) fn say_of(endpoint_id: &str, what: &str, error: &(dyn Error + 'static)) {
    let cause = causes(error);
    if is_passing(error) {
        debug!(host.id = %endpoint_id, error = %cause, "Endpoint {endpoint_id}: {what}: {cause}");
    } else {
        warn!(host.id = %endpoint_id, error = %cause, "Endpoint {endpoint_id}: {what}: {cause}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pull::PullError;

    #[test]
    fn what_the_store_will_do_later_is_told_from_what_it_never_will() {
        assert!(is_passing(&PullError::Store(StoreError::Closed)));
        assert!(is_passing(&PullError::Endpoint(StoreError::Closed.into())), "however it came here");
        assert!(!is_passing(&PullError::Refused("no".to_owned())));
        assert!(!is_passing(&StoreError::Moved));
    }

    #[test]
    fn a_trouble_is_said_at_once_and_then_once_a_minute_with_its_count() {
        let (mut outage, began) = (Outage::default(), Instant::now());
        let said: Vec<u64> = (0..150).filter_map(|second| outage.failed(began + Duration::from_secs(second))).collect();
        assert_eq!(said, [1, 60, 60]);
        assert_eq!(outage.is_over(), Some(150));
        assert_eq!(outage.is_over(), None, "it is over once");
        assert_eq!(outage.failed(began + Duration::from_secs(151)), Some(1), "another one is said at once");
    }

    #[test]
    fn causes_are_told_once_each() {
        let disk = std::io::Error::other("the disk is full");
        let wrapped = anyhow::Error::new(disk).context("the alert could not be stored");
        assert_eq!(causes(&*wrapped.into_boxed_dyn_error()), "the alert could not be stored: the disk is full");
    }
}
