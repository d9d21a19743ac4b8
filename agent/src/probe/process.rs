//! Which programs use the processor and the memory, by program and not by process.
//!
//! A group is all processes of one program. Its processor time only grows: what ended processes used stays in it.
//! Groups that were once among the largest stay told for twelve hours, so that their series have no holes. Of these
//! groups alone more is read, and only now and then: files, threads, disks, shared memory.

mod clients;
mod detail;
mod groups;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use firstline_diagnosis::vocabulary::Attributes;
use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Right, Spec, Tier};
use crate::os::native;
pub(crate) use clients::Clients;
pub(crate) use detail::Details;
use groups::Groups;

static SPEC: Spec = Spec {
    name: "processes",
    section: Section::Software,
    tier: Tier::Fast,
    deadline: Duration::from_secs(5),
    priority: 3,
    waits: false,
    heavy: false,
    signals: &[
        "process.cpu.time",
        "process.memory.usage",
        "process.group.size",
        "system.process.count",
        "endpoint.process.hanging.count",
        "endpoint.process.hanging",
        "endpoint.process.zombie.count",
        "endpoint.process.hung_tasks",
    ],
};

/// At most this many programs that hang are named.
const MOST_HANGING: usize = 8;

/// The programs, as the probe that looks often and the one that looks closely share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Programs {
    groups: Arc<Mutex<Groups>>,
}

impl Programs {
    /// The processes of the programs that are wanted, and when each started, ticks after boot.
    pub(super) fn starts(&self, wanted: impl Fn(&str) -> bool) -> Vec<(u32, u64)> {
        let groups = self.lock();
        groups.processes().filter(|(.., program)| wanted(program)).map(|(pid, start, _)| (pid, start)).collect()
    }

    /// Which of these programs ran when processes were last looked at; nobody did yet when the agent has just started.
    pub(super) fn running<'a>(
        &self,
        cx: &Context,
        wanted: impl Iterator<Item = &'a str>,
    ) -> Result<BTreeSet<&'a str>, ProbeError> {
        let mut groups = self.lock();
        if groups.is_fresh() {
            look(cx, &mut groups)?;
        }
        Ok(wanted.filter(|program| groups.runs(program)).collect())
    }

    fn lock(&self) -> MutexGuard<'_, Groups> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks at all processes.
fn look(cx: &Context, groups: &mut Groups) -> Result<(), ProbeError> {
    groups.start_pass(cx.clock.since_boot());
    native::each_process(&cx.root, |pid, stat| {
        groups.enter(pid, &stat, || native::executable(&cx.root, pid));
    })?;
    groups.end_pass();
    Ok(())
}

/// Walks over all processes and sums them up.
pub(crate) struct Processes {
    programs: Programs,
}

impl Processes {
    /// With what it shares.
    pub(crate) fn new(programs: Programs) -> Self {
        Self { programs }
    }
}

impl Probe for Processes {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn rights(&self) -> &'static [Right] {
        &[Right::Processes]
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let mut groups = self.programs.lock();
        look(cx, &mut groups)?;
        let mut gather = Gather::new(cx);
        gather.single("system.process.count", groups.process_count() as u64);
        gather.single("endpoint.process.zombie.count", groups.zombie_count() as u64);
        gather.outcome("endpoint.process.hung_tasks", Attributes::none(), native::hung_tasks(&cx.root));
        gather.single("endpoint.process.hanging.count", groups.hanging().map(|(_, count)| count).sum::<u64>());
        for (name, count) in groups.hanging().take(MOST_HANGING) {
            gather.value("endpoint.process.hanging", [("process.executable.name", name)], count);
        }
        for (name, group) in groups.told() {
            let attributes = || [("process.executable.name", name)];
            gather.value("process.cpu.time", attributes(), group.cpu_ticks as f64 / native::TICKS_PER_SECOND);
            gather.value("process.memory.usage", attributes(), group.resident_pages * native::page_bytes());
            gather.value("process.group.size", attributes(), group.processes as u64);
        }
        Ok(gather.done())
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
