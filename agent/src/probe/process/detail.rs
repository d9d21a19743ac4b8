//! A closer look at the programs that are told: open files against their limit, threads, what went to disks, and what
//! their memory is when shared parts are divided.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use firstline_diagnosis::order::Arrange as _;
use firstline_diagnosis::vocabulary::{Attributes, Unknown, Why};
use firstline_proto::v1::Section;

use super::{Programs, look};
use crate::os::native;
use crate::os::proc::usage::{Io, Usage};
use crate::probe::{Collected, Context, Gather, Probe, ProbeError, Right, Spec, Tier};

static SPEC: Spec = Spec {
    name: "process-details",
    section: Section::Software,
    tier: Tier::QuarterHour,
    deadline: Duration::from_secs(10),
    priority: 6,
    waits: false,
    heavy: true,
    signals: &[
        "process.thread.count",
        "process.unix.file_descriptor.count",
        "endpoint.process.file_descriptor.utilization",
        "process.disk.io",
        "endpoint.process.memory.proportional",
        "endpoint.file_table.utilization",
    ],
};

/// At most this many processes are looked at, those of the largest programs first.
const MOST_PROCESSES: usize = 1000;
/// Processor time that one look may spend on shared memory, which the kernel has to walk page tables for.
const MEMORY_WALK_MAX: Duration = Duration::from_millis(20);

/// Looks at the processes of the programs that are told.
pub(crate) struct Details {
    programs: Programs,
    io: Mutex<IoTotals>,
}

/// A program as this look sees it.
#[derive(Debug, Default)]
struct Program {
    threads: u64,
    resident_pages: u64,
    processes: Vec<(u32, u64)>,
}

/// What was moved to and from disks, by program; what ended processes moved stays in it.
#[derive(Debug, Default)]
struct IoTotals {
    processes: HashMap<(u32, u64), Io>,
    programs: BTreeMap<String, Io>,
}

impl Details {
    /// With what it shares.
    pub(crate) fn new(programs: Programs) -> Self {
        Self { programs, io: Mutex::default() }
    }

    /// The programs that are told, the largest first.
    fn told(&self, cx: &Context) -> Result<Vec<(String, Program)>, ProbeError> {
        let mut groups = self.programs.lock();
        if groups.is_fresh() {
            look(cx, &mut groups)?;
        }
        let mut programs: HashMap<&str, Program> = HashMap::new();
        for (name, group) in groups.told().into_iter().filter(|(_, group)| group.processes > 0) {
            let (threads, resident_pages) = (group.threads, group.resident_pages);
            programs.insert(name, Program { threads, resident_pages, processes: Vec::new() });
        }
        for (pid, start, name) in groups.processes() {
            if let Some(program) = programs.get_mut(name) {
                program.processes.push((pid, start));
            }
        }
        let mut told: Vec<_> = programs.into_iter().map(|(name, program)| (name.to_owned(), program)).collect();
        told.arrange_by_key(|(_, program)| std::cmp::Reverse(program.resident_pages));
        Ok(told)
    }
}

impl Probe for Details {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn rights(&self) -> &'static [Right] {
        &[Right::Processes]
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let told = self.told(cx)?;
        let mut gather = Gather::new(cx);
        let mut io = self.io.lock().unwrap_or_else(PoisonError::into_inner);
        let mut room = MOST_PROCESSES;
        for (name, program) in &told {
            let attributes = || Attributes::from([("process.executable.name", name.as_str())]);
            gather.value("process.thread.count", attributes(), program.threads);
            // Threads of the kernel open no files, and are too many to ask.
            if name.starts_with('[') {
                continue;
            }
            if program.processes.len() > room {
                let why = Unknown::new(Why::AgentLimit, "it has too many processes");
                gather.unknown("process.unix.file_descriptor.count", attributes(), why);
                continue;
            }
            room -= program.processes.len();
            let usages: Vec<_> = program.processes.iter().map(|key| (*key, native::usage(&cx.root, key.0))).collect();
            tell_files(&mut gather, &attributes(), &usages);
            io.tell(&mut gather, name, &usages);
        }
        io.forget(&told);
        tell_shared(cx, &mut gather, &told);
        gather.outcome("endpoint.file_table.utilization", Attributes::none(), native::file_table(&cx.root));
        Ok(gather.done())
    }
}

/// The open files of a program, and how near the nearest of its processes is to its limit. Processes that ended
/// meanwhile are left out.
fn tell_files(gather: &mut Gather, attributes: &Attributes, usages: &[((u32, u64), Usage)]) {
    let known = usages.iter().map(|(_, usage)| usage).filter(|usage| !ended(&usage.descriptors));
    let counts: Result<Vec<u64>, ProbeError> = known.clone().map(|usage| usage.descriptors.clone()).collect();
    let shares = known.filter(|usage| !ended(&usage.descriptor_limit)).map(|usage| {
        let (count, limit) = (usage.descriptors.clone()?, usage.descriptor_limit.clone()?);
        Ok(count as f64 / limit.max(1) as f64)
    });
    let nearest = shares.collect::<Result<Vec<f64>, ProbeError>>();
    if counts.as_ref().is_ok_and(Vec::is_empty) {
        return;
    }
    let count = counts.map(|counts| counts.iter().sum::<u64>());
    gather.outcome("process.unix.file_descriptor.count", attributes.clone(), count);
    let nearest = nearest.map(|shares| shares.into_iter().fold(0.0, f64::max));
    gather.outcome("endpoint.process.file_descriptor.utilization", attributes.clone(), nearest);
}

fn ended<T>(outcome: &Result<T, ProbeError>) -> bool {
    matches!(outcome, Err(ProbeError::Missing(_)))
}

/// The memory of programs with several processes, largest first, as far as the time goes.
fn tell_shared(cx: &Context, gather: &mut Gather, told: &[(String, Program)]) {
    const SIGNAL: &str = "endpoint.process.memory.proportional";
    let spent = || native::thread_cpu().unwrap_or_default();
    let start = spent();
    for (name, program) in told.iter().filter(|(name, program)| program.processes.len() > 1 && !name.starts_with('[')) {
        let attributes = [("process.executable.name", name.as_str())];
        let mut total = Ok(0);
        for (pid, _) in &program.processes {
            if spent().saturating_sub(start) > MEMORY_WALK_MAX {
                let why = Unknown::new(Why::AgentLimit, "it would take the agent too long");
                return gather.unknown(SIGNAL, attributes, why);
            }
            let bytes = native::proportional_bytes(&cx.root, *pid);
            if !ended(&bytes) {
                total = total.and_then(|total: u64| Ok(total + bytes?));
            }
        }
        gather.outcome(SIGNAL, attributes, total);
    }
}

impl IoTotals {
    /// Adds what the processes of a program moved since the last look. What a process moved before it was first seen
    /// is its program's too: a program that copies and ends must not be missed.
    fn tell(&mut self, gather: &mut Gather, name: &str, usages: &[((u32, u64), Usage)]) {
        let attributes =
            |direction: &'static str| [("process.executable.name", name), ("disk.io.direction", direction)];
        for (key, usage) in usages.iter().filter(|(_, usage)| !ended(&usage.io)) {
            match &usage.io {
                Ok(now) => self.enter(name, *key, *now),
                Err(why) => {
                    for direction in ["read", "write"] {
                        gather.unknown("process.disk.io", attributes(direction), why.clone());
                    }
                    return;
                }
            }
        }
        if let Some(total) = self.programs.get(name) {
            gather.value("process.disk.io", attributes("read"), total.read_bytes);
            gather.value("process.disk.io", attributes("write"), total.written_bytes);
        }
    }

    fn enter(&mut self, name: &str, key: (u32, u64), now: Io) {
        let before = self.processes.insert(key, now).unwrap_or_default();
        let total = self.programs.entry(name.to_owned()).or_default();
        total.read_bytes += now.read_bytes.saturating_sub(before.read_bytes);
        total.written_bytes += now.written_bytes.saturating_sub(before.written_bytes);
    }

    /// Forgets processes and programs that are no longer told.
    fn forget(&mut self, told: &[(String, Program)]) {
        let live: HashSet<_> = told.iter().flat_map(|(_, program)| &program.processes).collect();
        self.processes.retain(|key, _| live.contains(key));
        self.programs.retain(|name, _| told.iter().any(|(told, _)| told == name));
    }
}
