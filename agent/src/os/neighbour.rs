//! What the kernel knows about a machine on the same link, and what that proves.

use std::time::Duration;

/// The kernel's entry about a neighbour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) state: State,
    /// Its hardware address, while it is known.
    pub(crate) hardware: Option<String>,
    /// How long ago the kernel had proof that it is there; absent when it cannot say.
    pub(crate) heard_ago: Option<Duration>,
}

/// How sure the kernel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It has an address, for now.
    Known,
    /// It asks, having no address.
    Asking,
    /// It asked in vain.
    Failed,
    /// Somebody wrote the entry by hand, so that it proves nothing.
    Fixed,
}

/// What an entry proves about a neighbour that was written to some time ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// It is there.
    Heard,
    /// It is not.
    Gone,
    /// Neither yet.
    Nothing,
}

/// By then a neighbour that is there has answered the kernel.
const ANSWERS_WITHIN: Duration = Duration::from_secs(3);

impl Entry {
    /// What it proves, when the neighbour was first written to in vain `since` ago.
    pub(crate) fn evidence(&self, since: Duration) -> Evidence {
        match self.state {
            State::Known if self.heard_ago.is_some_and(|ago| ago < since) => Evidence::Heard,
            State::Failed => Evidence::Gone,
            State::Asking if since >= ANSWERS_WITHIN => Evidence::Gone,
            _ => Evidence::Nothing,
        }
    }
}
