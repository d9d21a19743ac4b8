use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;

use super::{ProbeError, Pseudonyms, Vitals};
use crate::os::{Clock, SystemClock};
use crate::settings::Settings;

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
