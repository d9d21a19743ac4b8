//! The machine's sleep as logind announces it, and the lock that makes it wait until everything was said.
//!
//! The lock is the one thing that is asked of a service rather than read from it. It delays, and forbids nothing: logind
//! waits for its holders for five seconds at most, and whoever holds one for longer is not waited for.

use futures_util::StreamExt as _;
use zbus::message::{Message, Type};
use zbus::{Connection, MatchRule, MessageStream, OwnedFd};

use super::bus::{self, Object};
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
    bus: Connection,
    signals: MessageStream,
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
        let bus = bus::connection().await?;
        bus::owner(&bus, LOGIND).await?;
        let failed = |error: zbus::Error| bus::failed(LOGIND, &error);
        let rule = MatchRule::builder().msg_type(Type::Signal).sender(LOGIND.service).path(LOGIND.path);
        let rule = rule.interface(LOGIND.interface).member("PrepareForSleep").build().map_err(failed)?;
        let signals = MessageStream::for_match_rule(rule, &bus, None).await.map_err(failed)?;
        let mut sleeps = Self { bus, signals, lock: None };
        sleeps.hold().await;
        Ok(sleeps)
    }

    /// The next turn; `None` when the bus is gone.
    pub(crate) async fn next(&mut self) -> Option<Turn> {
        loop {
            let signal = self.signals.next().await?.ok()?;
            // Whoever is on the bus may send a signal of any name to the agent alone, past what it asked for.
            let owner = bus::owner(&self.bus, LOGIND).await.unwrap_or_default();
            if signal.header().sender().is_some_and(|sender| sender.as_str() == owner)
                && let Some(turn) = turn(&signal)
            {
                return Some(turn);
            }
        }
    }

    /// Makes the next sleep wait.
    pub(crate) async fn hold(&mut self) {
        let words = ("sleep", "Firstline agent", "Tells its collector that the machine sleeps", "delay");
        let lock: Result<OwnedFd, ProbeError> = bus::ask(LOGIND, "Inhibit", &words).await;
        self.lock = lock.inspect_err(|why| tracing::info!("Sleep will not wait for the agent: {why}")).ok();
    }

    /// Lets the machine go.
    pub(crate) fn let_go(&mut self) {
        self.lock = None;
    }
}

fn turn(signal: &Message) -> Option<Turn> {
    let goes: bool = signal.body().deserialize().ok()?;
    Some(if goes { Turn::Going } else { Turn::Back })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(body: &(impl serde::Serialize + zbus::DynamicType)) -> Message {
        Message::signal(LOGIND.path, LOGIND.interface, "PrepareForSleep").build(body).expect("a message")
    }

    #[test]
    fn tells_going_from_coming_back_and_nothing_from_nonsense() {
        assert_eq!(turn(&signal(&true)), Some(Turn::Going));
        assert_eq!(turn(&signal(&false)), Some(Turn::Back));
        assert_eq!(turn(&signal(&("sleep", 7_u32))), None);
    }
}
