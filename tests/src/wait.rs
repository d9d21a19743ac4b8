//! Waiting for a condition, never for a time: each wait has a deadline and says what it waited for. All that looks again and
//! again looks through here.

use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::{Interval, MissedTickBehavior, interval_at};

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The pace of whoever sends or measures: turns so far apart, the first at once. One that comes late puts off those after it.
pub fn turns(every: Duration) -> Interval {
    turns_from(tokio::time::Instant::now(), every)
}

fn turns_from(first: tokio::time::Instant, every: Duration) -> Interval {
    let mut turns = interval_at(first, every);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    turns
}

/// The moments at which a condition is looked at again.
struct Looks {
    every: Interval,
    deadline: Instant,
}

impl Looks {
    fn new(every: Duration, within: Duration) -> Self {
        Self { every: turns_from(tokio::time::Instant::now() + every, every), deadline: Instant::now() + within }
    }

    /// Waits for the next one. False when the time is over.
    async fn again(&mut self) -> bool {
        if Instant::now() >= self.deadline {
            return false;
        }
        self.every.tick().await;
        true
    }
}

/// Looks until `look` gives a value and returns it.
///
/// # Panics
/// When `within` has passed; the message names `what`.
pub async fn until<T, F>(what: &str, within: Duration, look: F) -> T
where
    F: AsyncFnMut() -> Option<T>,
{
    found(LOOK_EVERY, within, look).await.unwrap_or_else(|| panic!("waited {} s in vain for {what}", within.as_secs()))
}

/// Looks so often until `look` gives a value; nothing when it gave none within the time.
pub async fn found<T, F>(every: Duration, within: Duration, mut look: F) -> Option<T>
where
    F: AsyncFnMut() -> Option<T>,
{
    let mut looks = Looks::new(every, within);
    loop {
        let value = look().await;
        if value.is_some() || !looks.again().await {
            return value;
        }
    }
}

/// Dials until somebody listens on this port of the loopback. A future that may move between threads.
///
/// # Panics
/// When `within` has passed.
pub async fn for_listener(port: u16, within: Duration) {
    let mut looks = Looks::new(LOOK_EVERY, within);
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        assert!(looks.again().await, "waited {} s in vain for a listener on port {port}", within.as_secs());
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
