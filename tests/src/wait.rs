//! Waiting for a condition, never for a time: each wait has a deadline and says what it waited for.

use std::time::{Duration, Instant};

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Looks until `look` gives a value and returns it.
///
/// # Panics
/// When `within` has passed; the message names `what`.
pub async fn until<T, F>(what: &str, within: Duration, mut look: F) -> T
where
    F: AsyncFnMut() -> Option<T>,
{
    let deadline = Instant::now() + within;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {} s in vain for {what}", within.as_secs());
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Looks until `look` holds.
///
/// # Panics
/// When `within` has passed; the message names `what`.
pub async fn for_condition<F>(what: &str, within: Duration, mut look: F)
where
    F: AsyncFnMut() -> bool,
{
    until(what, within, async || look().await.then_some(())).await;
}
