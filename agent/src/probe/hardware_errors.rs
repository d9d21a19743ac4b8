//! Errors that the hardware reported: memory, processor, PCIe links.

use std::time::Duration;

use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::native;

static SPEC: Spec = Spec {
    name: "hardware-errors",
    section: Section::Hardware,
    tier: Tier::QuarterHour,
    deadline: Duration::from_secs(3),
    priority: 1,
    waits: false,
    heavy: false,
    signals: &["endpoint.hw_errors"],
};

/// Counts since boot, or why there are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Errors {
    /// Errors that the memory mended itself.
    pub(crate) memory_corrected: Result<u64, ProbeError>,
    /// Errors that lost data.
    pub(crate) memory_uncorrected: Result<u64, ProbeError>,
    /// Machine checks.
    pub(crate) processor: Result<u64, ProbeError>,
    /// Errors on links to cards, the corrected ones included.
    pub(crate) link: Result<u64, ProbeError>,
}

/// Reads the counts.
pub(crate) struct HardwareErrors;

impl Probe for HardwareErrors {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let errors = native::hardware_errors(&cx.root);
        let mut gather = Gather::new(cx);
        gather.outcome("endpoint.hw_errors", [("kind", "memory_ce")], errors.memory_corrected);
        gather.outcome("endpoint.hw_errors", [("kind", "memory_ue")], errors.memory_uncorrected);
        gather.outcome("endpoint.hw_errors", [("kind", "cpu")], errors.processor);
        gather.outcome("endpoint.hw_errors", [("kind", "pcie")], errors.link);
        Ok(gather.done())
    }
}
