//! Systems whose own sources are not read yet: what is portable, and `unsupported` for the rest.

use std::path::Path;
use std::time::Duration;

use crate::os::proc::meminfo::MemInfo;
use crate::os::proc::stat::Stat;
use crate::os::proc::vmstat::VmStat;
use crate::probe::ProbeError;

/// Time since boot, in whole seconds.
pub(crate) fn since_boot() -> Duration {
    Duration::from_secs(sysinfo::System::uptime().unwrap_or(0))
}

/// The same as [`since_boot`]: sleep cannot be told apart here.
pub(crate) fn awake() -> Duration {
    since_boot()
}

/// Processor time of a thread cannot be told here.
pub(crate) fn thread_cpu() -> Option<Duration> {
    None
}

pub(crate) fn meminfo(_: &Path) -> Result<MemInfo, ProbeError> {
    Err(ProbeError::Unsupported("memory accounting"))
}

pub(crate) fn vmstat(_: &Path) -> Result<VmStat, ProbeError> {
    Err(ProbeError::Unsupported("paging counters"))
}

pub(crate) fn stat(_: &Path) -> Result<Stat, ProbeError> {
    Err(ProbeError::Unsupported("processor time"))
}

pub(crate) fn load(_: &Path) -> Result<f64, ProbeError> {
    Err(ProbeError::Unsupported("the load average"))
}
