use std::fs;

use rustix::process::{Resource, getrlimit};

use super::Process;

/// Ticks of a second in `/proc`, whatever the kernel's own are.
const TICKS: u64 = 100;

/// What the kernel says of this process.
pub(super) fn process() -> Option<Process> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let files = fs::read_dir("/proc/self/fd").ok()?.count() as u64;
    let files_max = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    Some(Process { resident_bytes: resident(&status)?, cpu_seconds: ticks(&stat)? / TICKS, files, files_max })
}

/// Of `/proc/PID/status`.
fn resident(status: &str) -> Option<u64> {
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix(" kB")?;
    Some(kibibytes.parse::<u64>().ok()? * 1024)
}

/// Of `/proc/PID/stat`, in user and in kernel mode. The name of the process may hold anything, so what follows it is read.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_writes() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194560 900 0 0 0 250 50 0 0 20 0 4 0 100 1000 500 0";
        assert_eq!(ticks(stat), Some(300));
        assert_eq!(resident("Name:\tx\nVmRSS:\t    2048 kB\n"), Some(2 * 1024 * 1024));
        let own = process().expect("this process");
        assert!(own.resident_bytes > 1 << 20 && own.files > 2 && own.files_max >= own.files, "{own:?}");
    }
}
