use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;

use super::{ProbeError, Pseudonyms, Vitals};
use crate::bookmarks;
use crate::os::{Clock, SystemClock};
use crate::settings::Settings;
use crate::state;

/// What a probe may know and touch.
#[derive(Debug, Clone)]
pub struct Context {
    /// `/`, or a directory of fixtures that stands for a machine.
    pub root: PathBuf,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Targets and names to probe.
    pub settings: watch::Receiver<Settings>,
    /// Turns identities into keyed names.
    pub pseudonyms: Pseudonyms,
    /// What the agent's rooms tell about themselves.
    pub vitals: Arc<Vitals>,
    /// The collector's CA as pinned at enrolment; the target named `collector` is verified against it and nothing else.
    pub collector_ca: Option<Arc<[CertificateDer<'static>]>>,
    /// Where probes keep what they must remember over a restart; absent when nothing may be left behind.
    pub memory: Option<PathBuf>,
}

impl Context {
    /// This machine, with the system's clocks.
    pub fn this_machine(settings: watch::Receiver<Settings>, pseudonyms: Pseudonyms) -> Self {
        Self {
            root: PathBuf::from("/"),
            clock: Arc::new(SystemClock),
            settings,
            pseudonyms,
            vitals: Arc::default(),
            collector_ca: None,
            memory: None,
        }
    }

    /// What was remembered under `name`, if anything was and it can be read.
    pub(crate) fn recall<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let bytes = std::fs::read(self.memory.as_ref()?.join(name)).ok()?;
        // A file that was written over in place may end with the rest of a longer one.
        serde_json::Deserializer::from_slice(&bytes).into_iter().next()?.ok()
    }

    /// Where the source `name` goes on (see [`super::Gather::bookmark`]).
    pub(crate) fn recall_bookmark<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_value(bookmarks::recall(self.memory.as_ref()?, name)?).ok()
    }

    /// Remembers `what` under `name`. What cannot be written is read again after a restart, no more.
    pub(crate) fn remember<T: Serialize>(&self, name: &str, what: &T) {
        let Some(memory) = &self.memory else { return };
        let Ok(bytes) = serde_json::to_vec(what) else { return };
        if let Err(source) = state::keep(&memory.join(name), &bytes) {
            tracing::warn!("Keeping {name} in {} failed: {source}", memory.display());
        }
    }

    /// Waits for `work` on the runtime that the schedule runs on, or on a small one of its own where there is none.
    pub(crate) fn wait_for<F: Future>(work: F) -> Result<F::Output, ProbeError> {
        if let Ok(handle) = Handle::try_current() {
            return Ok(handle.block_on(work));
        }
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|source| ProbeError::Failed(format!("starting a runtime: {source}")))?;
        Ok(runtime.block_on(work))
    }
}
