//! What the agent itself costs.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::native;

static SPEC: Spec = Spec {
    name: "agent",
    section: Section::Identity,
    tier: Tier::Minute,
    deadline: Duration::from_secs(2),
    priority: 0,
    waits: false,
    heavy: false,
    signals: &[
        "endpoint.agent.cpu.utilization",
        "endpoint.agent.memory",
        "endpoint.agent.spool.records",
        "endpoint.agent.spool.fill",
        "endpoint.agent.probe.failures",
        "endpoint.agent.probe.count",
        "endpoint.agent.version",
    ],
};

/// Reads the agent's own process.
#[derive(Default)]
pub(crate) struct Agent {
    before: Mutex<Option<(Duration, Duration)>>,
}

impl Probe for Agent {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let mut gather = Gather::new(cx);
        if let Some(used) = native::own_cpu() {
            if let Some(share) = self.share(used, cx.clock.awake()) {
                gather.single("endpoint.agent.cpu.utilization", share);
            }
        } else {
            let why = ProbeError::Unsupported("processor time of the agent");
            gather.unknown("endpoint.agent.cpu.utilization", [], why);
        }
        gather.outcome("endpoint.agent.memory", [], native::own_memory_bytes());
        gather.single("endpoint.agent.probe.failures", cx.vitals.failing_probes());
        gather.single("endpoint.agent.probe.count", cx.vitals.probes());
        gather.single("endpoint.agent.version", env!("CARGO_PKG_VERSION"));
        if let Some(spool) = cx.vitals.spool() {
            gather.single("endpoint.agent.spool.records", spool.records);
            gather.single("endpoint.agent.spool.fill", spool.fill_ratio);
        }
        Ok(gather.done())
    }
}

impl Agent {
    /// Share of one core since the look before. The first look has nothing to compare with.
    fn share(&self, used: Duration, awake: Duration) -> Option<f64> {
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        let (used_before, awake_before) = before.replace((used, awake))?;
        let passed = awake.saturating_sub(awake_before).as_secs_f64();
        (passed > 0.0).then(|| used.saturating_sub(used_before).as_secs_f64() / passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_of_awake_time_between_two_looks() {
        let agent = Agent::default();
        assert_eq!(agent.share(Duration::from_millis(10), Duration::from_secs(100)), None);
        assert_eq!(agent.share(Duration::from_millis(40), Duration::from_secs(160)), Some(0.0005));
    }
}
