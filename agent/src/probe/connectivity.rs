//! What the system's own network service holds of the way out.

use std::time::Duration;

use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::native;

static SPEC: Spec = Spec {
    name: "connectivity",
    section: Section::Network,
    tier: Tier::Minute,
    deadline: Duration::from_secs(9),
    priority: 3,
    waits: false,
    heavy: false,
    signals: &["endpoint.network.connectivity", "endpoint.network.metered"],
};

/// The system's verdict, and whether the way out costs by the byte.
pub(crate) struct Connectivity;

impl Probe for Connectivity {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let mut gather = Gather::new(cx);
        gather.outcome("endpoint.network.connectivity", [], native::connectivity(&cx.root));
        let metered = native::metered(&cx.root).ok_or(ProbeError::NotPresent("word about what the network costs"));
        gather.outcome("endpoint.network.metered", [], metered);
        Ok(gather.done())
    }
}
