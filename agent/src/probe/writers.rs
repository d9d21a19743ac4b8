//! Which programs write to the disks right now. Two looks a second apart, for a ticket only.

use std::time::{Duration, Instant};

use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Right, Spec, Tier};
use crate::os::native;

static SPEC: Spec = Spec {
    name: "top-writers",
    section: Section::Storage,
    tier: Tier::Demand,
    deadline: Duration::from_secs(5),
    priority: 3,
    // It mostly waits, and must not hold up the probes of the same section.
    waits: true,
    heavy: true,
    signals: &["endpoint.disk.top_writers"],
};

/// Between two looks.
const SPAN: Duration = Duration::from_secs(1);
/// Who writes less is not what the disk is busy with.
const MOST_WRITERS: usize = 5;

/// Looks twice at what every process has written.
pub(crate) struct TopWriters;

impl Probe for TopWriters {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn rights(&self) -> &'static [Right] {
        &[Right::Processes]
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let before = native::written(&cx.root)?;
        let start = Instant::now();
        std::thread::sleep(SPAN);
        let writers = native::written(&cx.root)?.since(&cx.root, &before, MOST_WRITERS)?;
        let seconds = start.elapsed().as_secs_f64();
        if writers.is_empty() {
            return Err(ProbeError::NotPresent("program that writes"));
        }
        let mut gather = Gather::new(cx);
        for (name, bytes) in writers {
            gather.value(
                "endpoint.disk.top_writers",
                [("process.executable.name", name.as_str())],
                bytes as f64 / seconds,
            );
        }
        Ok(gather.done())
    }
}
