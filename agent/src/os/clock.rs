use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;

use super::native;

/// Time as the machine knows it; passed in, so that a test can be its own clock.
pub trait Clock: Send + Sync + fmt::Debug {
    /// UTC, as far as the machine's clock is right.
    fn now(&self) -> Timestamp;
    /// Time since boot, sleep included.
    fn since_boot(&self) -> Duration;
    /// Time since boot, sleep excluded. The difference to [`Clock::since_boot`] grows when the machine sleeps.
    fn awake(&self) -> Duration;
    /// Waits for this long. Time asleep does not count.
    fn wait(&self, time: Duration) -> Wait {
        Box::pin(tokio::time::sleep(time))
    }
}

/// Waiting that goes on while others are waited for, too.
pub type Wait = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The machine's own clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        jiff::Timestamp::now().into()
    }
    fn since_boot(&self) -> Duration {
        native::since_boot()
    }
    fn awake(&self) -> Duration {
        native::awake()
    }
    fn wait(&self, time: Duration) -> Wait {
        Box::pin(native::wait(time))
    }
}
