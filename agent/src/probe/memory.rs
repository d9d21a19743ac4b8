//! Memory that can be had, memory that was promised, and what it costs to run short.

use std::path::Path;
use std::time::Duration;

use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::native;

static SPEC: Spec = Spec {
    name: "memory",
    section: Section::Performance,
    tier: Tier::Fast,
    deadline: Duration::from_secs(2),
    priority: 0,
    waits: false,
    heavy: false,
    signals: &[
        "endpoint.memory.available",
        "endpoint.memory.commit",
        "endpoint.memory.commit_limit",
        "system.paging.usage",
        "system.paging.operations",
        "endpoint.memory.hard_faults",
        "endpoint.oom_kills",
    ],
};

/// Reads what the kernel accounts.
pub(crate) struct Memory;

impl Probe for Memory {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let mut gather = Gather::new(cx);
        amounts(&cx.root, &mut gather)?;
        counters(&cx.root, &mut gather);
        Ok(gather.done())
    }
}

/// Bytes there are.
fn amounts(root: &Path, gather: &mut Gather) -> Result<(), ProbeError> {
    let info = native::meminfo(root)?;
    let told = |field: Option<u64>| field.ok_or(ProbeError::Unsupported("this line of proc/meminfo"));
    gather.outcome("endpoint.memory.available", [], told(info.available));
    gather.outcome("endpoint.memory.commit", [], told(info.committed));
    gather.outcome("endpoint.memory.commit_limit", [], told(info.commit_limit));
    let used = info.swap_total.zip(info.swap_free).map(|(total, free)| total.saturating_sub(free));
    for (state, bytes) in [("used", used), ("free", info.swap_free)] {
        let outcome = if info.swap_total == Some(0) { Err(ProbeError::NotPresent("swap")) } else { told(bytes) };
        gather.outcome("system.paging.usage", [("state", state)], outcome);
    }
    Ok(())
}

/// What happened since boot.
fn counters(root: &Path, gather: &mut Gather) {
    let stat = native::vmstat(root);
    let told = |field: fn(&crate::os::proc::vmstat::VmStat) -> Option<u64>| {
        let stat = stat.as_ref().map_err(Clone::clone)?;
        field(stat).ok_or(ProbeError::Unsupported("this line of proc/vmstat"))
    };
    gather.outcome("system.paging.operations", [("direction", "in")], told(|stat| stat.swapped_in));
    gather.outcome("system.paging.operations", [("direction", "out")], told(|stat| stat.swapped_out));
    gather.outcome("endpoint.memory.hard_faults", [], told(|stat| stat.major_faults));
    gather.outcome("endpoint.oom_kills", [], told(|stat| stat.oom_kills));
}
