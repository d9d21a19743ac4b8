//! What the kernel says about this machine, read without any of the code under test.

use std::fs;
use std::process::Command;

/// A number of `/proc/meminfo`, in bytes.
pub fn memory_bytes(field: &str) -> f64 {
    let text = fs::read_to_string("/proc/meminfo").expect("Linux has /proc/meminfo");
    let line = text.lines().find(|line| line.starts_with(field)).expect("the field exists");
    let kibibytes: f64 = line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a number");
    kibibytes * 1024.0
}

/// Logical processors.
pub fn processors() -> f64 {
    let text = fs::read_to_string("/proc/cpuinfo").expect("Linux has /proc/cpuinfo");
    text.lines().filter(|line| line.starts_with("processor")).count() as f64
}

/// Size and available space of the file system at `mountpoint`, in bytes, from `df`.
pub fn filesystem_bytes(mountpoint: &str) -> (f64, f64) {
    let output = Command::new("df").args(["-B1", "--output=size,avail", mountpoint]).output().expect("df runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut numbers = text.lines().nth(1).expect("df prints a line").split_whitespace().map(str::parse);
    let mut next = || numbers.next().and_then(Result::ok).expect("df prints numbers");
    (next(), next())
}

/// Seconds since boot.
pub fn uptime_seconds() -> f64 {
    let text = fs::read_to_string("/proc/uptime").expect("Linux has /proc/uptime");
    text.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number")
}

/// The host's name.
pub fn name() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").expect("Linux has a host name").trim().to_owned()
}

/// The kernel's name for this boot.
pub fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("Linux has a boot id").trim().to_owned()
}
