//! The ticket systems that people work in, beside the built-in desk.
//!
//! A ticket of such a system has a page here like any other ([`tickets`]): pulls, notes and re-tests know nothing but that.
//! Whatever is written onto such a ticket is put into the [`outbox`] in the same transaction, and from there goes out under the
//! one contract of all desks ([`contract`]). A desk is a folder here and a line in [`kinds`].
//!
//! - New tickets are looked for by asking ([`arrivals`]); whose machine they are about follows from what they say.
//! - Nothing that a desk says is believed to have been done before it was read back.

mod arrivals;
mod contract;
mod document;
mod http;
mod kinds;
pub(crate) mod outbox;
mod plain;
mod request_tracker;
#[cfg(test)]
mod standin;
pub(crate) mod tickets;
mod trial;
mod trouble;
mod zammad;

use std::path::Path;
use std::sync::Arc;

pub use contract::{
    Answer, Arrivals, Change, Desk, FileOutcome, Found, Noted, OutgoingNote, OutgoingTicket, Standing, TicketRef,
};
pub use document::{Delivery, DeliveryList, DeliveryState, DeskList, DeskView, Outside, Trial, TrialOrder, TrialStep};
pub use outbox::Outbox;
pub use trouble::{Trouble, TroubleKind};

use crate::config::{Config, DeskSettings};

/// A desk with what the administrator said about it.
#[derive(Debug)]
pub(crate) struct Configured {
    /// What was said.
    pub(crate) settings: DeskSettings,
    /// The way to it; or why there is none.
    pub(crate) desk: Result<Box<dyn Desk>, String>,
}

/// The desks of the configuration. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Desks {
    all: Arc<Vec<Configured>>,
}

impl Desks {
    /// The desks that `config` names. One whose secret cannot be read is there all the same, and says so when it is used:
    /// the rest of the house does not wait for it.
    pub fn open(config: &Config, folder: &Path) -> Self {
        let one = |settings: &DeskSettings| {
            let desk = kinds::connect(settings, folder);
            if let Err(why) = &desk {
                tracing::error!(desk = %settings.name, "Desk {} cannot be used: {why}", settings.name);
            }
            Configured { settings: settings.clone(), desk }
        };
        Self { all: Arc::new(config.desk.iter().map(one).collect()) }
    }

    /// Desks made by hand.
    #[cfg(test)]
    pub(crate) fn of(all: Vec<Configured>) -> Self {
        Self { all: Arc::new(all) }
    }

    /// All of them, in the order of the file.
    pub(crate) fn all(&self) -> &[Configured] {
        &self.all
    }

    /// The desk of this name.
    ///
    /// # Errors
    /// When the configuration has none, or it cannot be used.
    pub(crate) fn named(&self, name: &str) -> Result<(&DeskSettings, &dyn Desk), Trouble> {
        let found = self.all.iter().find(|one| one.settings.name == name);
        let found = found.ok_or_else(|| Trouble::away(format!("the configuration has no desk called {name:?}")))?;
        match &found.desk {
            Ok(desk) => Ok((&found.settings, desk.as_ref())),
            Err(why) => Err(Trouble::away(why.clone())),
        }
    }
}
