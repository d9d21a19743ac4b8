use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, setpriority_process};
use rustix::time::{ClockId, clock_gettime};

use crate::os::proc::meminfo;
use crate::os::read;
use crate::probe::ProbeError;

/// Processor time that the agent has used.
#[expect(clippy::unnecessary_wraps, reason = "other systems cannot say")]
pub(crate) fn own_cpu() -> Option<Duration> {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Some(Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0)))
}

/// Memory that is the agent's alone, bytes.
pub(crate) fn own_memory_bytes() -> Result<u64, ProbeError> {
    let root = Path::new("/");
    let rollup = read(root, "proc/self/smaps_rollup").ok().and_then(|text| meminfo::private_bytes(&text));
    if let Some(bytes) = rollup {
        return Ok(bytes);
    }
    let status = read(root, "proc/self/status")?;
    meminfo::resident_bytes(&status).ok_or(ProbeError::Unsupported("the agent's memory"))
}

/// Gives a process that the agent started the lowest priority.
pub(crate) fn make_humble(process: u32) {
    // Where it fails, the process is already gone.
    let _ = setpriority_process(pid(process), 19);
}

/// Kills a process group that the agent started.
pub(crate) fn kill_group(leader: u32) {
    if let Some(leader) = pid(leader) {
        let _ = kill_process_group(leader, Signal::KILL);
    }
}

fn pid(process: u32) -> Option<Pid> {
    i32::try_from(process).ok().and_then(Pid::from_raw)
}
