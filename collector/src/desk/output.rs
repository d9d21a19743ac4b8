//! Outputs: where alerts and diagnoses are told to programs, beside the desks that people work in.
//!
//! An output has no tickets; it takes events ([`Event`]), which go out through the outbox like everything else: rows with
//! attempts, in order for each thread, seen in the console, tried again or dropped by people. What became of an event that was
//! sent and not answered cannot be asked, so it is sent again under the same name, by which the other side tells that it had
//! it. Which alerts an output is told of is decided in `crate::alert::outputs`.

mod event;
mod servicenow_events;
#[cfg(test)]
mod standin;
#[cfg(test)]
mod tests;
mod trial;
mod webhook;

use std::fmt::Debug;
use std::path::Path;

use async_trait::async_trait;
use firstline_diagnosis::vocabulary::Timestamp;

pub(crate) use event::{AlertEvent, DiagnosisEvent, Event, EventFinding, EventTicket, What};

use super::trouble::Trouble;
use crate::config::{OutputKind, OutputSettings};
use servicenow_events::ServiceNowEvents;
use webhook::Webhook;

/// Something that takes events.
#[async_trait]
pub(crate) trait Output: Send + Sync + Debug {
    /// Most events that it takes at once.
    fn at_a_time(&self) -> usize;

    /// Whether it can be told of diagnoses, too.
    fn takes_diagnoses(&self) -> bool;

    /// Sends events, in order. When it fails, none of them counts as taken.
    async fn send(&self, events: &[Outgoing], now: Timestamp) -> Result<(), Trouble>;
}

/// An event on its way out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outgoing {
    /// Its name, the same at every attempt.
    pub(crate) id: String,
    /// What happened.
    pub(crate) event: Event,
}

/// An output with what the administrator said about it.
#[derive(Debug)]
pub(crate) struct ConfiguredOutput {
    /// What was said.
    pub(crate) settings: OutputSettings,
    /// The way to it; or why there is none.
    pub(crate) output: Result<Box<dyn Output>, String>,
}

impl ConfiguredOutput {
    /// The output that `settings` name. One whose secret cannot be read is there all the same, and says so when it is used.
    pub(super) fn open(settings: &OutputSettings, folder: &Path) -> Self {
        let output = connect(settings, folder);
        if let Err(why) = &output {
            tracing::error!(output = %settings.name, "Output {} cannot be used: {why}", settings.name);
        }
        Self { settings: settings.clone(), output }
    }
}

/// The list of outputs: one line each.
fn connect(settings: &OutputSettings, folder: &Path) -> Result<Box<dyn Output>, String> {
    Ok(match settings.kind {
        OutputKind::Webhook => Box::new(Webhook::new(settings, folder)?),
        OutputKind::ServiceNowEvents => Box::new(ServiceNowEvents::new(settings, folder)?),
    })
}
