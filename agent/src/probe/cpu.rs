//! What the processors did since the last look.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::native;
use crate::os::proc::stat::{CpuTicks, Stat};

static SPEC: Spec = Spec {
    name: "cpu",
    section: Section::Performance,
    tier: Tier::Fast,
    deadline: Duration::from_secs(2),
    priority: 0,
    waits: false,
    heavy: false,
    signals: &["system.cpu.utilization", "endpoint.cpu.run_queue_per_core", "endpoint.cpu.interrupt_time"],
};

/// Below this many ticks a share is mostly rounding: the shares of the look before are given again.
const FEWEST_TICKS: u64 = 50;
/// How long the very first look lasts.
const FIRST_LOOK: Duration = Duration::from_millis(250);

/// Shares of time per mode, the queue, and the core that is busiest with interrupts.
#[derive(Default)]
pub(crate) struct Cpu {
    memory: Mutex<Option<Memory>>,
}

/// The look before.
struct Memory {
    stat: Stat,
    shares: Option<Shares>,
}

/// Shares of time between two looks, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Shares {
    modes: [(&'static str, f64); 7],
    interrupts_max: f64,
}

impl Probe for Cpu {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        self.look_first(&cx.root)?;
        let stat = native::stat(&cx.root)?;
        let cores = stat.cores.len().max(1);
        let mut gather = Gather::new(cx);
        if let Some(shares) = self.shares(stat) {
            for (mode, share) in shares.modes {
                gather.value("system.cpu.utilization", [("cpu.mode", mode)], share);
            }
            gather.single("endpoint.cpu.interrupt_time", shares.interrupts_max);
        } else {
            let why = || ProbeError::Failed("the clock of proc/stat stands still".to_owned());
            gather.unknown("system.cpu.utilization", [], why());
            gather.unknown("endpoint.cpu.interrupt_time", [], why());
        }
        let queue = native::load(&cx.root).map(|load| load / cores as f64);
        gather.outcome("endpoint.cpu.run_queue_per_core", [], queue);
        Ok(gather.done())
    }
}

impl Cpu {
    /// Makes sure that there is something to compare with: without it, a command that looks only once would tell the
    /// average since boot.
    fn look_first(&self, root: &Path) -> Result<(), ProbeError> {
        if self.memory().is_some() {
            return Ok(());
        }
        let stat = native::stat(root)?;
        *self.memory() = Some(Memory { stat, shares: None });
        std::thread::sleep(FIRST_LOOK);
        Ok(())
    }

    fn memory(&self) -> MutexGuard<'_, Option<Memory>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The shares since the last look, when enough time passed since; else those of the look before.
    fn shares(&self, stat: Stat) -> Option<Shares> {
        let mut memory = self.memory();
        let nothing = Stat::default();
        let before = memory.as_ref().map_or(&nothing, |memory| &memory.stat);
        let told = memory.as_ref().and_then(|memory| memory.shares);
        if told.is_some() && stat.total.since(&before.total).total() < FEWEST_TICKS {
            return told;
        }
        let shares = between(before, &stat);
        *memory = Some(Memory { stat, shares });
        shares
    }
}

/// Shares between two looks; `None` when no time passed.
fn between(before: &Stat, now: &Stat) -> Option<Shares> {
    let spent = now.total.since(&before.total);
    let share = |ticks: u64| ticks as f64 / spent.total() as f64;
    if spent.total() == 0 {
        return None;
    }
    let same_cores = before.cores.len() == now.cores.len();
    let zero = CpuTicks::default();
    let interrupts_max = now
        .cores
        .iter()
        .enumerate()
        .map(|(index, core)| interrupt_share(&core.since(if same_cores { &before.cores[index] } else { &zero })))
        .fold(0.0, f64::max);
    Some(Shares {
        modes: [
            ("user", share(spent.user)),
            ("nice", share(spent.nice)),
            ("system", share(spent.system)),
            ("idle", share(spent.idle)),
            ("iowait", share(spent.iowait)),
            ("interrupt", share(spent.irq + spent.softirq)),
            ("steal", share(spent.steal)),
        ],
        interrupts_max,
    })
}

/// Share of a core's time that went into interrupts.
fn interrupt_share(spent: &CpuTicks) -> f64 {
    if spent.total() == 0 { 0.0 } else { (spent.irq + spent.softirq) as f64 / spent.total() as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(user: u64, idle: u64, softirq: u64) -> Stat {
        let ticks = CpuTicks { user, idle, softirq, ..CpuTicks::default() };
        Stat {
            total: ticks,
            cores: vec![ticks, CpuTicks { idle: idle + 5, ..CpuTicks::default() }],
            boot_seconds: None,
        }
    }

    #[test]
    fn shares_add_up_to_one() {
        let shares = between(&stat(0, 0, 0), &stat(30, 60, 10)).expect("time passed");
        assert!((shares.modes.iter().map(|(_, share)| share).sum::<f64>() - 1.0).abs() < 1e-9);
        assert!((shares.interrupts_max - 0.1).abs() < 1e-9);
    }

    #[test]
    fn a_look_right_after_another_gives_the_shares_of_the_first() {
        let cpu = Cpu::default();
        let first = cpu.shares(stat(100, 100, 0));
        assert_eq!(cpu.shares(stat(110, 100, 0)), first);
        let later = cpu.shares(stat(200, 100, 0)).expect("time passed");
        assert_eq!(later.modes[0], ("user", 1.0));
    }

    #[test]
    fn a_core_that_went_offline_does_not_mix_up_the_others() {
        let mut now = stat(10, 10, 0);
        now.cores.pop();
        assert!(between(&stat(0, 0, 0), &now).is_some());
    }
}
