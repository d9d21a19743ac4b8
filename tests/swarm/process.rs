//! What a process takes, by what the kernel says.

use std::fs;
use std::iter::Sum;
use std::time::{Duration, Instant};

use firstline_tests::wait;

/// Processor time and memory of a process.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usage {
    /// User and system time since it started, seconds.
    pub(super) cpu_seconds: f64,
    /// Memory that is in, bytes.
    pub(super) resident: u64,
    /// Memory that is in, shared pages by share, bytes.
    pub(super) proportional: u64,
}

/// A process rests when it used no more of a processor than this in so long; it is given so long to come to it.
const STILL_SECONDS: f64 = 0.02;
const REST: Duration = Duration::from_secs(2);
const RESTLESS: Duration = Duration::from_mins(1);

impl Usage {
    /// Of the process with this id; zeros when it is gone.
    pub(super) fn of(id: u32) -> Self {
        let rollup = fs::read_to_string(format!("/proc/{id}/smaps_rollup")).unwrap_or_default();
        let bytes = |key: &str| {
            let line = rollup.lines().find_map(|line| line.strip_prefix(key));
            line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
        };
        Self { cpu_seconds: cpu_seconds(id), resident: bytes("Rss:"), proportional: bytes("Pss:") }
    }

    /// Of the processes with these ids when they have come to rest, or after a minute.
    pub(super) async fn at_rest(ids: &[u32]) -> Self {
        let all = || ids.iter().map(|id| cpu_seconds(*id)).sum::<f64>();
        let mut still = (all(), Instant::now());
        let rests = async || {
            let now = all();
            if now - still.0 > STILL_SECONDS {
                still = (now, Instant::now());
            }
            (still.1.elapsed() >= REST).then_some(())
        };
        wait::found(Duration::from_millis(100), RESTLESS, rests).await;
        ids.iter().copied().map(Self::of).sum()
    }

    /// Of this process.
    pub(super) fn of_this() -> Self {
        Self::of(std::process::id())
    }
}

impl Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            cpu_seconds: sum.cpu_seconds + one.cpu_seconds,
            resident: sum.resident + one.resident,
            proportional: sum.proportional + one.proportional,
        })
    }
}

/// The most that processes took while they were watched.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Peak {
    /// Memory that was in at a time, bytes.
    pub(super) resident: u64,
    /// Processors that were busy over a second.
    pub(super) cores: f64,
}

/// How often processes are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Over how long busy processors are counted.
const SPAN: Duration = Duration::from_secs(1);

/// Watches processes while something else is done.
pub(super) async fn watched<T>(ids: &[u32], work: impl Future<Output = T>) -> (T, Peak) {
    let (mut work, mut peak) = (std::pin::pin!(work), Peak::default());
    let all = || (Instant::now(), ids.iter().map(|id| cpu_seconds(*id)).sum::<f64>());
    let (mut from, mut looks) = (all(), wait::turns(LOOK_EVERY));
    loop {
        tokio::select! {
            done = work.as_mut() => return (done, peak),
            _ = looks.tick() => {}
        }
        peak.resident = peak.resident.max(ids.iter().map(|id| resident(*id)).sum());
        let now = all();
        let span = now.0 - from.0;
        if span >= SPAN {
            peak.cores = peak.cores.max((now.1 - from.1) / span.as_secs_f64());
            from = now;
        }
    }
}

/// Memory that is in: cheaper to ask for than in [`Usage`], which walks through all pages.
fn resident(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

fn cpu_seconds(id: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // The name in brackets may hold anything, so the fields are counted from its end.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks: u64 = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
}

/// Raises the number of files that this process and its children may open to what is allowed at all.
pub(super) fn raise_open_files() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).ok();
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
