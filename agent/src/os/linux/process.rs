//! One pass over all processes with as few system calls as it takes: the directory is read in large pieces, every
//! `stat` is opened relative to it and read once into the same buffer.

use std::ffi::CStr;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags, RawDir, open, openat};
use rustix::io::{Errno, read};

use crate::os;
use crate::os::proc::pid::{self, PidStat};
use crate::os::proc::usage::{self, Usage};
use crate::probe::ProbeError;

/// Ticks of `/proc` in a second: a constant of the kernel's interface.
pub(crate) const TICKS_PER_SECOND: f64 = 100.0;

/// Bytes of a `stat` line that are read; the fields in use end long before.
const LINE: usize = 512;

/// More open files of one process are not counted.
const DESCRIPTORS_MAX: u64 = 100_000;

/// Calls `each` with every process. A process that ends meanwhile is left out.
pub(crate) fn each_process(root: &Path, mut each: impl FnMut(u32, PidStat<'_>)) -> Result<(), ProbeError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = open(root.join("proc"), flags, Mode::empty()).map_err(failed)?;
    let mut entries = Vec::with_capacity(32 * 1024);
    let mut line = [0_u8; LINE];
    let mut list = RawDir::new(&directory, entries.spare_capacity_mut());
    while let Some(entry) = list.next() {
        let entry = entry.map_err(failed)?;
        let Some(pid) = process_id(entry.file_name()) else { continue };
        let Some(length) = read_stat(&directory, entry.file_name(), &mut line) else { continue };
        if let Some(stat) = pid::parse(&line[..length]) {
            each(pid, stat);
        }
    }
    Ok(())
}

/// The name of the program that process `pid` runs, without its path; `None` when the agent may not know.
pub(crate) fn executable(root: &Path, pid: u32) -> Option<String> {
    let target = std::fs::read_link(root.join(format!("proc/{pid}/exe"))).ok()?;
    let name = target.file_name()?.to_string_lossy();
    Some(name.strip_suffix(" (deleted)").unwrap_or(&name).to_owned())
}

/// What one process holds: each part may be kept from the agent on its own.
pub(crate) fn usage(root: &Path, pid: u32) -> Usage {
    let limits = read_text(root, &format!("proc/{pid}/limits"));
    let io = read_text(root, &format!("proc/{pid}/io"));
    Usage {
        descriptors: descriptors(root, pid),
        descriptor_limit: limits.and_then(|text| usage::descriptor_limit(&text).ok_or_else(|| odd("limits"))),
        io: io.and_then(|text| usage::io(&text).ok_or_else(|| odd("io"))),
    }
}

/// The memory of one process, what it shares divided among those that share it. The kernel walks its page tables for
/// this: milliseconds for a large one.
pub(crate) fn proportional_bytes(root: &Path, pid: u32) -> Result<u64, ProbeError> {
    let text = read_text(root, &format!("proc/{pid}/smaps_rollup"))?;
    usage::proportional_bytes(&text).ok_or_else(|| odd("smaps_rollup"))
}

/// Open files of a process, counted to [`DESCRIPTORS_MAX`].
fn descriptors(root: &Path, pid: u32) -> Result<u64, ProbeError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = open(root.join(format!("proc/{pid}/fd")), flags, Mode::empty());
    let directory = directory.map_err(|errno| ProbeError::io("the open files of a process", &errno.into()))?;
    let mut entries = Vec::with_capacity(8 * 1024);
    let mut list = RawDir::new(&directory, entries.spare_capacity_mut());
    let mut count = 0;
    while let Some(entry) = list.next() {
        let is_number = entry.map_err(failed)?.file_name().to_bytes().first().is_some_and(u8::is_ascii_digit);
        count += u64::from(is_number);
        if count >= DESCRIPTORS_MAX {
            break;
        }
    }
    Ok(count)
}

fn read_text(root: &Path, path: &str) -> Result<String, ProbeError> {
    os::read(root, path).map_err(|error| match error {
        ProbeError::NoPermission(_) => ProbeError::NoPermission("what another person's process holds".to_owned()),
        // The kernel says so for a process that ended between two looks.
        ProbeError::Failed(_) => ProbeError::Missing("the process".to_owned()),
        other => other,
    })
}

fn odd(file: &str) -> ProbeError {
    ProbeError::Failed(format!("{file} of a process cannot be understood"))
}

/// How many blocked tasks the kernel has complained of since boot.
pub(crate) fn hung_tasks(root: &Path) -> Result<u64, ProbeError> {
    let text = os::read(root, "proc/sys/kernel/hung_task_detect_count")?;
    text.trim().parse().map_err(|_| ProbeError::Failed("hung_task_detect_count is not a number".to_owned()))
}

/// How much of the kernel's table of open files is in use.
pub(crate) fn file_table(root: &Path) -> Result<f64, ProbeError> {
    let text = os::read(root, "proc/sys/fs/file-nr")?;
    usage::file_table(&text).ok_or_else(|| ProbeError::Failed("file-nr cannot be understood".to_owned()))
}

/// Bytes of a page.
pub(crate) fn page_bytes() -> u64 {
    rustix::param::page_size() as u64
}

fn failed(errno: Errno) -> ProbeError {
    ProbeError::file("proc", &errno.into())
}

/// The number that the name of a process' directory is.
fn process_id(name: &CStr) -> Option<u32> {
    let bytes = name.to_bytes();
    if !bytes.first()?.is_ascii_digit() {
        return None;
    }
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

fn read_stat(directory: &OwnedFd, name: &CStr, line: &mut [u8; LINE]) -> Option<usize> {
    let mut path = [0_u8; 32];
    let name = name.to_bytes();
    let tail = b"/stat\0";
    path.get_mut(..name.len())?.copy_from_slice(name);
    path.get_mut(name.len()..name.len() + tail.len())?.copy_from_slice(tail);
    let path = CStr::from_bytes_until_nul(&path).ok()?;
    let file = openat(directory, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    read(&file, &mut line[..]).ok()
}
