//! The machine's sleep as logind announces it, and the lock that makes it wait until everything was said.
//!
//! The lock is the one thing that is asked of a service rather than read from it. It delays, and forbids nothing: logind
//! waits for its holders for five seconds at most, and whoever holds one for longer is not waited for.

use std::path::Path;

use zbus::OwnedFd;

use super::bus::{self, Message, Object, Signals};
use crate::probe::ProbeError;

const LOGIND: Object<'_> = Object {
    service: "org.freedesktop.login1",
    path: "/org/freedesktop/login1",
    interface: "org.freedesktop.login1.Manager",
};

/// What is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The machine goes to sleep as soon as nobody delays it any more.
    Going,
    /// It is back.
    Back,
}

/// Hears of sleep before it comes.
pub(crate) struct Sleeps {
    signals: Signals,
    /// Closing it lets the machine go.
    lock: Option<OwnedFd>,
}

impl Sleeps {
    /// Listens, and holds the lock where that is allowed. Without it the announcement is heard all the same, and what is to
    /// be said runs a race with the machine.
    ///
    /// # Errors
    /// There is no bus, or no logind on it.
    pub(crate) async fn listen() -> Result<Self, ProbeError> {
        owner().await?;
        let signals = Signals::of(LOGIND, "PrepareForSleep").await?;
        let mut sleeps = Self { signals, lock: None };
        sleeps.hold().await;
        Ok(sleeps)
    }

    /// The next turn; `None` when the bus is gone.
    pub(crate) async fn next(&mut self) -> Option<Turn> {
        loop {
            let signal = self.signals.next().await?;
            let owner = owner().await.unwrap_or_default();
            if signal.sender() == Some(&owner)
                && let Some(turn) = turn(&signal)
            {
                return Some(turn);
            }
        }
    }

    /// Makes the next sleep wait.
    pub(crate) async fn hold(&mut self) {
        let words = ("sleep", "Firstline agent", "Tells its collector that the machine sleeps", "delay");
        let lock = bus::aside(move || bus::call(Path::new("/"), LOGIND, "Inhibit", &words)).await;
        let lock: Result<OwnedFd, ProbeError> = lock.and_then(|lock| lock);
        self.lock = lock.inspect_err(|why| tracing::info!("Sleep will not wait for the agent: {why}")).ok();
    }

    /// Lets the machine go.
    pub(crate) fn let_go(&mut self) {
        self.lock = None;
    }
}

/// The bus's own name of logind.
async fn owner() -> Result<String, ProbeError> {
    bus::aside(|| bus::owner(LOGIND)).await?
}

fn turn(signal: &Message) -> Option<Turn> {
    let goes: bool = signal.body().ok()?;
    Some(if goes { Turn::Going } else { Turn::Back })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::native::bus::tests::signal;

    #[test]
    fn tells_going_from_coming_back_and_nothing_from_nonsense() {
        assert_eq!(turn(&signal(":1.4", "PrepareForSleep", &true)), Some(Turn::Going));
        assert_eq!(turn(&signal(":1.4", "PrepareForSleep", &false)), Some(Turn::Back));
        assert_eq!(turn(&signal(":1.4", "PrepareForSleep", &("sleep", 7_u32))), None);
    }
}
