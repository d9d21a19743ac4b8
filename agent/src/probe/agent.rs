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

/// Shortest time over which its processor time says something: just after the start it is all the start's.
const SPAN: Duration = Duration::from_secs(45);

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
            let share = self.share(used, cx.clock.awake());
            let share = share.ok_or(ProbeError::NotPresent("long enough time yet to measure this over"));
            gather.outcome("endpoint.agent.cpu.utilization", [], share);
        } else {
            let why = ProbeError::Unsupported("processor time of the agent");
            gather.unknown("endpoint.agent.cpu.utilization", [], why);
        }
        gather.outcome("endpoint.agent.memory", [], native::own_memory_bytes());
        gather.single("endpoint.agent.version", env!("CARGO_PKG_VERSION"));
        // A command that looks beside the running agent knows nothing of it.
        let running = cx.vitals.probes() > 0;
        let told = |number: Option<f64>| number.ok_or(ProbeError::Unsupported("a look beside the running agent"));
        gather.outcome("endpoint.agent.probe.failures", [], told(running.then(|| cx.vitals.failing_probes() as f64)));
        gather.outcome("endpoint.agent.probe.count", [], told(running.then(|| cx.vitals.probes() as f64)));
        let spool = cx.vitals.spool();
        gather.outcome("endpoint.agent.spool.records", [], told(spool.map(|spool| spool.records as f64)));
        gather.outcome("endpoint.agent.spool.fill", [], told(spool.map(|spool| spool.fill_ratio)));
        Ok(gather.done())
    }
}

impl Agent {
    /// Share of one core since the look before. The first look has nothing to compare with; one that comes too soon after it
    /// waits for the next.
    fn share(&self, used: Duration, awake: Duration) -> Option<f64> {
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        let (used_before, awake_before) = *before.get_or_insert((used, awake));
        let passed = awake.checked_sub(awake_before).filter(|passed| *passed >= SPAN)?;
        *before = Some((used, awake));
        Some(used.saturating_sub(used_before).as_secs_f64() / passed.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_of_awake_time_between_two_looks() {
        let agent = Agent::default();
        assert_eq!(agent.share(Duration::from_millis(10), Duration::from_secs(100)), None);
        assert_eq!(agent.share(Duration::from_millis(900), Duration::from_secs(103)), None, "it has only just begun");
        assert_eq!(agent.share(Duration::from_millis(1010), Duration::from_mins(3)), Some(0.0125));
        assert_eq!(agent.share(Duration::from_millis(1050), Duration::from_secs(260)), Some(0.0005));
    }
}
