//! Memory that needs no look every few seconds: what the kernel keeps, what is compressed, how full swap is.

use std::time::Duration;

use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::native;
use crate::os::proc::meminfo::MemInfo;

static SPEC: Spec = Spec {
    name: "memory-detail",
    section: Section::Performance,
    tier: Tier::Minute,
    deadline: Duration::from_secs(2),
    priority: 2,
    waits: false,
    heavy: false,
    signals: &["system.paging.utilization", "endpoint.memory.compressed", "endpoint.memory.kernel_pool"],
};

/// Reads what the kernel accounts.
pub(crate) struct MemoryDetail;

impl Probe for MemoryDetail {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let info = native::meminfo(&cx.root)?;
        let mut gather = Gather::new(cx);
        gather.outcome("system.paging.utilization", [], swap_ratio(&info));
        let compressed = native::compressed_bytes(&cx.root, &info);
        let compressed = compressed.ok_or(ProbeError::NotPresent("compressed memory"));
        gather.outcome("endpoint.memory.compressed", [], compressed);
        let kernel = info.unreclaimable.ok_or(ProbeError::Unsupported("this line of proc/meminfo"));
        gather.outcome("endpoint.memory.kernel_pool", [], kernel);
        Ok(gather.done())
    }
}

/// How full swap is. A machine without swap is not a machine with empty swap.
fn swap_ratio(info: &MemInfo) -> Result<f64, ProbeError> {
    let (total, free) =
        info.swap_total.zip(info.swap_free).ok_or(ProbeError::Unsupported("this line of proc/meminfo"))?;
    if total == 0 {
        return Err(ProbeError::NotPresent("swap space"));
    }
    Ok(total.saturating_sub(free) as f64 / total as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_swap_is_not_empty_swap() {
        let swap = |total, free| swap_ratio(&MemInfo { swap_total: total, swap_free: free, ..MemInfo::default() });
        assert_eq!(swap(Some(100), Some(25)), Ok(0.75));
        assert_eq!(swap(Some(0), Some(0)), Err(ProbeError::NotPresent("swap space")));
        assert!(matches!(swap(None, Some(0)), Err(ProbeError::Unsupported(_))));
    }
}
