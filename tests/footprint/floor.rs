//! The least that reading a machine can cost.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use firstline_tests::Process;

/// The files that are read every time, beside the `stat` of every process.
const FILES: [&str; 12] = [
    "/proc/stat",
    "/proc/meminfo",
    "/proc/vmstat",
    "/proc/loadavg",
    "/proc/diskstats",
    "/proc/net/dev",
    "/proc/net/route",
    "/proc/net/snmp",
    "/proc/mounts",
    "/proc/pressure/cpu",
    "/proc/pressure/memory",
    "/proc/pressure/io",
];

/// Reads everything every fifteen seconds, and throws it away.
pub(super) fn run() -> ! {
    let mut text = String::new();
    let mut read = |path: &str| {
        text.clear();
        let _ = File::open(path).and_then(|mut file| file.read_to_string(&mut text));
    };
    loop {
        for path in FILES {
            read(path);
        }
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let name = entry.file_name();
            if let Some(name) = name.to_str().filter(|name| name.bytes().all(|letter| letter.is_ascii_digit())) {
                read(&format!("/proc/{name}/stat"));
            }
        }
        // The pace of everybody who is measured: nothing is waited for.
        std::thread::sleep(Duration::from_secs(15));
    }
}

/// Starts this program again as the reader.
pub(super) fn start(log: &Path) -> Process {
    let program = std::env::current_exe().expect("a running program has a path");
    let mut command = Command::new(program);
    command.arg("floor");
    Process::start("floor", command, log)
}
