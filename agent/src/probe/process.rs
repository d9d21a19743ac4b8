//! Which programs use the processor and the memory, by program and not by process.
//!
//! A group is all processes of one program. Its processor time only grows: what ended processes used stays in it.
//! Groups that were once among the largest stay told for twelve hours, so that their series have no holes.

mod groups;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::native;
use groups::Groups;

static SPEC: Spec = Spec {
    name: "processes",
    section: Section::Software,
    tier: Tier::Fast,
    deadline: Duration::from_secs(5),
    priority: 3,
    waits: false,
    heavy: false,
    signals: &["process.cpu.time", "process.memory.usage", "process.group.size", "system.process.count"],
};

/// Walks over all processes and sums them up.
#[derive(Default)]
pub(crate) struct Processes {
    groups: Mutex<Groups>,
}

impl Probe for Processes {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.start_pass();
        native::each_process(&cx.root, |pid, stat| {
            groups.enter(pid, &stat, || native::executable(&cx.root, pid));
        })?;
        groups.end_pass(cx.clock.since_boot());
        let mut gather = Gather::new(cx);
        gather.single("system.process.count", groups.process_count() as u64);
        for (name, group) in groups.told() {
            let attributes = || [("process.executable.name", name)];
            gather.value("process.cpu.time", attributes(), group.cpu_ticks as f64 / native::TICKS_PER_SECOND);
            gather.value("process.memory.usage", attributes(), group.resident_pages * native::page_bytes());
            gather.value("process.group.size", attributes(), group.processes as u64);
        }
        Ok(gather.done())
    }
}
