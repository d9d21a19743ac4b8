//! A process that is measured, with its children. What they share counts for each of them, as in most tables of processes.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a process took, a minute at a time.
pub(super) struct Subject {
    name: &'static str,
    id: u32,
    /// By process and thread.
    threads: HashMap<(u32, u32), Thread>,
    total: Thread,
    /// Bytes sent so far, where somebody counts them.
    sent: Option<Arc<AtomicU64>>,
    /// Totals at the end of each minute; the first is the beginning.
    minutes: Vec<Reading>,
}

/// Counts of one thread, or of all.
#[derive(Debug, Clone, Copy, Default)]
struct Thread {
    cpu_ns: u64,
    switches: u64,
}

#[derive(Debug, Clone, Copy)]
struct Reading {
    total: Thread,
    written: u64,
    sent: u64,
    private: u64,
    clean: u64,
    resident: u64,
}

/// What a process takes: medians of the minutes.
#[derive(Debug, Clone)]
pub(super) struct Account {
    /// Who.
    pub(super) name: &'static str,
    /// Processor time in a minute, milliseconds.
    pub(super) cpu_ms: f64,
    /// Wake-ups in a second.
    pub(super) wakeups: f64,
    /// Memory that it wrote itself, bytes: nobody else has it, and it cannot be dropped.
    pub(super) private: f64,
    /// Unaltered pages of files (its program, libraries), bytes: the kernel drops and reads them as it likes.
    pub(super) clean: f64,
    /// Both, and what it shares, bytes.
    pub(super) resident: f64,
    /// Bytes given to the disk in an hour: the mean, since they come in bursts.
    pub(super) written_hour: f64,
    /// Bytes sent in an hour: the mean. Absent where nothing counts them.
    pub(super) sent_hour: Option<f64>,
}

impl Subject {
    /// The process of this id.
    pub(super) fn new(name: &'static str, id: u32, sent: Option<Arc<AtomicU64>>) -> Self {
        let (threads, total) = (HashMap::new(), Thread::default());
        Self { name, id, threads, total, sent, minutes: Vec::new() }
    }

    /// Adds what its threads did since the last look.
    pub(super) fn look(&mut self) {
        for (process, thread) in tree(self.id) {
            let Some(now) = read_thread(process, thread) else { continue };
            let before = self.threads.insert((process, thread), now).unwrap_or_default();
            self.total.cpu_ns += now.cpu_ns.saturating_sub(before.cpu_ns);
            self.total.switches += now.switches.saturating_sub(before.switches);
        }
    }

    /// The measured time begins.
    pub(super) fn begin(&mut self) {
        self.minutes = vec![self.reading()];
    }

    /// A minute is over.
    pub(super) fn close_minute(&mut self) {
        let now = self.reading();
        self.minutes.push(now);
    }

    fn reading(&self) -> Reading {
        let sent = self.sent.as_ref().map_or(0, |sent| sent.load(Ordering::Relaxed));
        let mut all = Reading { total: self.total, written: 0, sent, private: 0, clean: 0, resident: 0 };
        let mut processes: Vec<u32> = tree(self.id).into_iter().map(|(process, _)| process).collect();
        processes.dedup();
        for id in processes {
            let rollup = fs::read_to_string(format!("/proc/{id}/smaps_rollup")).unwrap_or_default();
            let kib = |key: &str| number(&rollup, key).unwrap_or(0) * 1024;
            let io = fs::read_to_string(format!("/proc/{id}/io")).unwrap_or_default();
            all.private += kib("Private_Dirty:");
            all.clean += kib("Private_Clean:") + kib("Shared_Clean:");
            all.resident += kib("Rss:");
            all.written += number(&io, "write_bytes:").unwrap_or(0);
        }
        all
    }

    /// Everything together.
    pub(super) fn account(&self) -> Account {
        let deltas = |value: fn(&Reading) -> u64| -> Vec<f64> {
            self.minutes.windows(2).map(|pair| value(&pair[1]).saturating_sub(value(&pair[0])) as f64).collect()
        };
        let values = |value: fn(&Reading) -> u64| self.minutes.iter().map(|one| value(one) as f64).collect();
        let hourly = |deltas: Vec<f64>| deltas.iter().sum::<f64>() / deltas.len().max(1) as f64 * 60.0;
        Account {
            name: self.name,
            cpu_ms: median(deltas(|one| one.total.cpu_ns)) / 1e6,
            wakeups: median(deltas(|one| one.total.switches)) / 60.0,
            private: median(values(|one| one.private)),
            clean: median(values(|one| one.clean)),
            resident: median(values(|one| one.resident)),
            written_hour: hourly(deltas(|one| one.written)),
            sent_hour: self.sent.is_some().then(|| hourly(deltas(|one| one.sent))),
        }
    }
}

/// The threads of a process and of all its descendants, process by process.
fn tree(id: u32) -> Vec<(u32, u32)> {
    let entries = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    let threads: Vec<u32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    let children = threads.iter().flat_map(|thread| children(id, *thread));
    let below: Vec<(u32, u32)> = children.flat_map(tree).collect();
    threads.into_iter().map(|thread| (id, thread)).chain(below).collect()
}

/// Processes that this thread started.
fn children(id: u32, thread: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{id}/task/{thread}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

fn read_thread(id: u32, thread: u32) -> Option<Thread> {
    let read = |file: &str| fs::read_to_string(format!("/proc/{id}/task/{thread}/{file}")).ok();
    let cpu_ns = read("schedstat")?.split_whitespace().next()?.parse().ok()?;
    // Those that it was made to take are not its own doing.
    let switches = number(&read("status")?, "voluntary_ctxt_switches:")?;
    Some(Thread { cpu_ns, switches })
}

/// The number behind `key` at the start of a line.
fn number(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
