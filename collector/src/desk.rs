//! The ticket systems that people work in, beside the built-in desk.
//!
//! A ticket of such a system has a page here like any other ([`tickets`]): pulls, notes and re-tests know nothing but that.
//! Whatever is written onto such a ticket is put into the [`outbox`] in the same transaction, and from there goes out under the
//! one contract of all desks ([`contract`]). A desk is a folder here and a line in [`kinds`].
//!
//! - New tickets are looked for by asking ([`arrivals`]); whose machine they are about follows from what they say. What becomes
//!   of them there is read back ([`follow`]). A desk may call, so that both happen at once ([`hooks`]).
//! - Nothing that a desk says is believed to have been done before it was read back.

mod arrivals;
mod attached;
mod bmc_helix;
#[cfg(test)]
mod conformance;
mod contract;
mod document;
mod fence;
mod files;
mod follow;
mod freshworks;
mod glpi;
mod groups;
pub(crate) mod hooks;
pub(crate) mod http;
mod jira;
mod kinds;
mod maps;
mod merged;
pub(crate) mod outbox;
pub(crate) mod output;
mod pages;
mod plain;
mod request_tracker;
mod servicenow;
pub(crate) mod session;
mod since;
#[cfg(test)]
pub(crate) mod standin;
pub(crate) mod tickets;
mod trial;
mod trouble;
mod values;
mod zammad;
mod zendesk;

use std::path::Path;
use std::sync::Arc;

pub(crate) use arrivals::keep_mark;
pub use contract::{
    Arrivals, Change, Desk, FileOutcome, Found, Noted, Notes, OutgoingNote, OutgoingTicket, Refused, Standing,
    TicketRef,
};
pub use document::{
    Delivery, DeliveryList, DeliveryState, DeskList, DeskView, DeskWords, MapView, MapWord, MappedWord, OutputList,
    OutputView, Outside, Traffic, Trial, TrialOrder, TrialStep,
};
#[cfg(test)]
pub(crate) use follow::next_read;
pub use maps::{Known, WordMap};
pub use outbox::Outbox;
pub(crate) use outbox::OutboxParts;
pub(crate) use output::DiagnosisEvent;
pub(crate) use trial::Steps;
pub use trouble::{Trouble, TroubleKind};

use crate::config::{Config, DeskSettings};
use output::{ConfiguredOutput, Output};

/// A desk with what the administrator said about it.
#[derive(Debug)]
pub(crate) struct Configured {
    /// What was said.
    pub(crate) settings: DeskSettings,
    /// The way to it; or why there is none.
    pub(crate) desk: Result<Box<dyn Desk>, String>,
}

/// The desks and outputs of the configuration. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Desks {
    all: Arc<Vec<Configured>>,
    outputs: Arc<Vec<ConfiguredOutput>>,
}

impl Desks {
    /// The desks and outputs that `config` names. One whose secret cannot be read is there all the same, and says so when it is used:
    /// the rest of the house does not wait for it.
    pub fn open(config: &Config, folder: &Path) -> Self {
        let one = |settings: &DeskSettings| {
            let desk = kinds::connect(settings, folder);
            if let Err(why) = &desk {
                tracing::error!(desk = %settings.name, "Desk {} cannot be used: {why}", settings.name);
            }
            Configured { settings: settings.clone(), desk }
        };
        let outputs = config.output.iter().map(|settings| ConfiguredOutput::open(settings, folder));
        Self { all: Arc::new(config.desk.iter().map(one).collect()), outputs: Arc::new(outputs.collect()) }
    }

    /// Desks made by hand.
    #[cfg(test)]
    pub(crate) fn of(all: Vec<Configured>) -> Self {
        Self { all: Arc::new(all), outputs: Arc::default() }
    }

    /// All outputs, in the order of the file.
    pub(crate) fn outputs(&self) -> &[ConfiguredOutput] {
        &self.outputs
    }

    /// The output of this name.
    ///
    /// # Errors
    /// When the configuration has none, or it cannot be used.
    pub(crate) fn output(&self, name: &str) -> Result<&dyn Output, Trouble> {
        let found = self.outputs.iter().find(|one| one.settings.name == name);
        let found = found.ok_or_else(|| Trouble::away(format!("the configuration has no output called {name:?}")))?;
        found.output.as_deref().map_err(|why| Trouble::away(why.clone()))
    }

    /// All desks, in the order of the file.
    pub(crate) fn all(&self) -> &[Configured] {
        &self.all
    }

    /// Ends what is open at any of them.
    pub(crate) async fn close(&self) {
        let usable = self.all.iter().filter_map(|one| one.desk.as_ref().ok());
        futures_util::future::join_all(usable.map(|desk| desk.close())).await;
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
