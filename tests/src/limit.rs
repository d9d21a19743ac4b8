//! A limit on a process that runs, kept by the kernel as a service manager's would be.

use std::fs;
use std::path::{Path, PathBuf};

/// A cgroup with a limit; the processes that are in it leave it when it is dropped.
#[derive(Debug)]
pub struct Limit {
    folder: PathBuf,
    /// The folder above, which takes the processes back.
    above: PathBuf,
}

/// Processor time is given out anew so often, in microseconds.
const PERIOD_US: u32 = 100_000;

impl Limit {
    /// No more than so many bytes of memory.
    pub fn of_memory(bytes: u64) -> Self {
        Self::of("memory", ["memory.limit_in_bytes", "memory.max"], &bytes.to_string(), &bytes.to_string())
    }

    /// No more than so many hundredths of a core.
    pub fn of_processor(percent: u32) -> Self {
        let quota = PERIOD_US / 100 * percent;
        Self::of("cpu", ["cpu.cfs_quota_us", "cpu.max"], &quota.to_string(), &format!("{quota} {PERIOD_US}"))
    }

    /// A limit of one controller: the names of its file, and what goes into it, in the two versions of cgroups.
    fn of(controller: &str, [first_file, second_file]: [&str; 2], first: &str, second: &str) -> Self {
        let (above, is_first) = hierarchy(controller);
        let folder = above.join(format!("firstline-limit-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("root makes cgroups");
        let (file, limit) = if is_first { (first_file, first) } else { (second_file, second) };
        fs::write(folder.join(file), limit).expect("the kernel keeps limits");
        Self { folder, above }
    }

    /// From now on it holds for this process.
    pub fn hold(&self, process: u32) {
        fs::write(self.folder.join("cgroup.procs"), process.to_string()).expect("the process runs");
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        let held = fs::read_to_string(self.folder.join("cgroup.procs")).unwrap_or_default();
        for process in held.lines() {
            fs::write(self.above.join("cgroup.procs"), process).ok();
        }
        fs::remove_dir(&self.folder).ok();
    }
}

/// Where groups with such limits can be made, and whether that is the first version of cgroups.
fn hierarchy(controller: &str) -> (PathBuf, bool) {
    let mounts = fs::read_to_string("/proc/self/mounts").expect("Linux has a list of mounts");
    let mut fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let is_first =
        |fields: &Vec<&str>| fields.get(2) == Some(&"cgroup") && fields[3].split(',').any(|word| word == controller);
    if let Some(mount) = fields.clone().find(is_first) {
        return (PathBuf::from(mount[1]), true);
    }
    let second = fields.find(|fields| fields.get(2) == Some(&"cgroup2")).expect("cgroups are mounted");
    let root = Path::new(second[1]).to_owned();
    fs::write(root.join("cgroup.subtree_control"), format!("+{controller}")).expect("root lets groups have limits");
    (root, false)
}
