//! Systems whose own sources are not read yet: what is portable, and `unsupported` for the rest.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use sysinfo::System;

use crate::identity::Told;
use crate::os::ipp::queue::Queue;
use crate::os::package::inventory::Package;
use crate::os::proc::diskstats::DiskStat;
use crate::os::proc::log::{Lines, Position};
use crate::os::proc::meminfo::MemInfo;
use crate::os::proc::mounts::{Mount, Remote};
use crate::os::proc::netdev::Traffic;
use crate::os::proc::pid::PidStat;
use crate::os::proc::pressure::Pressure;
use crate::os::proc::resolv::Resolv;
use crate::os::proc::route::DefaultRoute;
use crate::os::proc::stat::Stat;
use crate::os::proc::usage::Usage;
use crate::os::proc::vmstat::VmStat;
use crate::probe::ProbeError;
use crate::probe::clock::{Discipline, Source};
use crate::probe::device::{Device, Dock};
use crate::probe::disk::Traits;
use crate::probe::domain::{Certificate, Membership};
use crate::probe::filesystem::Space;
use crate::probe::identity::Identity;
use crate::probe::interface::Kind;
use crate::probe::session::Session;
use crate::probe::update::{Diary, Packaged, Restart};

#[path = "elsewhere/hardware.rs"]
mod hardware;
#[path = "elsewhere/network.rs"]
mod network;
#[path = "elsewhere/sleep.rs"]
mod sleep;

pub(crate) use hardware::*;
pub(crate) use network::*;
pub(crate) use sleep::*;

/// Only Linux counts in these.
pub(crate) const TICKS_PER_SECOND: f64 = 100.0;

/// Time since boot, in whole seconds.
pub(crate) fn since_boot() -> Duration {
    Duration::from_secs(System::uptime().unwrap_or(0))
}

/// The same as [`since_boot`]: sleep cannot be told apart here.
pub(crate) fn awake() -> Duration {
    since_boot()
}

/// Waits for this long.
pub(crate) async fn wait(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Memory is the system's own matter here.
pub(crate) fn keep_memory_small() {}

/// See [`keep_memory_small`].
pub(crate) fn give_memory_back() {}

/// Processor time of a thread cannot be told here.
pub(crate) fn thread_cpu() -> Option<Duration> {
    None
}

/// Directories in memory are not known here.
pub(crate) fn memory_dirs() -> Vec<PathBuf> {
    Vec::new()
}

pub(crate) fn is_memory(_: &Path) -> bool {
    false
}

pub(crate) fn own_cpu() -> Option<Duration> {
    None
}

pub(crate) fn own_memory_bytes() -> Result<u64, ProbeError> {
    Err(ProbeError::Unsupported("the agent's memory"))
}

/// No evidence of which machine this is is read here yet.
pub(crate) fn hardware(_: &Path) -> Told {
    Told::default()
}

/// Names and versions, as far as they are the same to ask for everywhere.
pub(crate) fn identity(_: &Path) -> Identity {
    Identity {
        host_name: System::host_name().ok(),
        os_name: System::name().ok(),
        os_version: System::os_version().ok(),
        os_build_id: System::kernel_version().ok(),
        cpu_count: std::thread::available_parallelism().ok().map(|count| count.get() as u64),
        ..Identity::default()
    }
}

pub(crate) fn boot_id(_: &Path) -> Result<String, ProbeError> {
    Err(ProbeError::Unsupported("a name for the boot"))
}

pub(crate) fn boot_seconds(_: &Path) -> Result<u64, ProbeError> {
    System::boot_time().map_err(|_| ProbeError::Unsupported("the boot time"))
}

pub(crate) fn uptime_seconds(_: &Path) -> Result<f64, ProbeError> {
    System::uptime().map(|seconds| seconds as f64).map_err(|_| ProbeError::Unsupported("the time since boot"))
}

pub(crate) fn is_roots(_: &Path, _: &str) -> bool {
    false
}

pub(crate) fn people(_: &Path) -> Result<BTreeSet<String>, ProbeError> {
    Err(ProbeError::Unsupported("the list of sessions"))
}

pub(crate) fn meminfo(_: &Path) -> Result<MemInfo, ProbeError> {
    Err(ProbeError::Unsupported("memory accounting"))
}

pub(crate) fn vmstat(_: &Path) -> Result<VmStat, ProbeError> {
    Err(ProbeError::Unsupported("paging counters"))
}

pub(crate) fn pressure(_: &Path, _: &str) -> Result<Pressure, ProbeError> {
    Err(ProbeError::Unsupported("pressure stall information"))
}

pub(crate) fn stat(_: &Path) -> Result<Stat, ProbeError> {
    Err(ProbeError::Unsupported("processor time"))
}

pub(crate) fn load(_: &Path) -> Result<f64, ProbeError> {
    Err(ProbeError::Unsupported("the load average"))
}

pub(crate) fn each_process(_: &Path, _: impl FnMut(u32, PidStat<'_>)) -> Result<(), ProbeError> {
    Err(ProbeError::Unsupported("the list of processes"))
}

pub(crate) fn executable(_: &Path, _: u32) -> Option<String> {
    None
}

pub(crate) fn page_bytes() -> u64 {
    4096
}

pub(crate) fn remote_mounts(_: &Path) -> Result<Vec<Remote>, ProbeError> {
    Err(ProbeError::Unsupported("the list of network drives"))
}

pub(crate) fn mounts(_: &Path) -> Result<Vec<Mount>, ProbeError> {
    Err(ProbeError::Unsupported("the list of volumes"))
}

pub(crate) fn wanted_writable(_: &Path) -> Vec<String> {
    Vec::new()
}

pub(crate) fn space(_: &Path, _: &str) -> Result<Space, ProbeError> {
    Err(ProbeError::Unsupported("room on volumes"))
}

pub(crate) fn disks(_: &Path) -> Result<Vec<DiskStat>, ProbeError> {
    Err(ProbeError::Unsupported("totals of disks"))
}

pub(crate) fn traits(_: &Path, _: &str) -> Traits {
    Traits::default()
}

pub(crate) fn interfaces(_: &Path) -> Result<Vec<(String, Kind)>, ProbeError> {
    Err(ProbeError::Unsupported("the list of network adapters"))
}

pub(crate) fn is_up(_: &Path, _: &str) -> bool {
    false
}

pub(crate) fn speed(_: &Path, _: &str) -> Option<f64> {
    None
}

pub(crate) fn duplex(_: &Path, _: &str) -> Option<String> {
    None
}

pub(crate) fn traffic(_: &Path) -> Result<Vec<Traffic>, ProbeError> {
    Err(ProbeError::Unsupported("totals of network adapters"))
}

pub(crate) fn default_route(_: &Path) -> Result<Option<DefaultRoute>, ProbeError> {
    Err(ProbeError::Unsupported("the default route"))
}

pub(crate) fn interface_index(_: &Path, _: &str) -> Option<u32> {
    None
}

pub(crate) fn resolv(_: &Path) -> Result<Resolv, ProbeError> {
    Err(ProbeError::Unsupported("the list of name servers"))
}

/// The logs here are not read yet.
#[derive(Debug, Default)]
pub(crate) struct Journal;

impl Journal {
    pub(crate) fn read(&mut self, _: &Path, _: &[Position], _: u64) -> Result<Lines, ProbeError> {
        Err(ProbeError::Unsupported("the system's log"))
    }

    pub(crate) fn positions(&self) -> Vec<Position> {
        Vec::new()
    }

    pub(crate) fn last(_: &Path, _: &str, _: &str) -> Option<u64> {
        None
    }
}

/// The kernels here keep no messages that can be read.
#[derive(Debug, Default)]
pub(crate) struct KernelLog;

impl KernelLog {
    pub(crate) fn read(&mut self, _: &Path, _: u64, _: u64, _: usize) -> Result<(Lines, u64), ProbeError> {
        Err(ProbeError::Unsupported("the kernel's messages"))
    }
}

pub(crate) fn place_of_disk(_: &Path, _: &str) -> &'static str {
    "unknown"
}

pub(crate) fn failed_units(_: &Path) -> Result<Vec<String>, ProbeError> {
    Err(ProbeError::Unsupported("the list of failed services"))
}

pub(crate) fn units_named(_: &Path, _: &[String]) -> Result<Vec<crate::probe::watch::Unit>, ProbeError> {
    Err(ProbeError::Unsupported("the list of failed services"))
}

pub(crate) fn unit_origin(_: &Path, _: &str) -> Result<crate::probe::watch::Origin, ProbeError> {
    Err(ProbeError::Unsupported("the list of failed services"))
}

pub(crate) fn unit_restarts(_: &Path, _: &str) -> Result<u32, ProbeError> {
    Err(ProbeError::Unsupported("the list of failed services"))
}

pub(crate) fn make_humble(_: u32) {}

pub(crate) fn kill_group(_: u32) {}

pub(crate) fn restart_due(_: &Path) -> Result<Restart, ProbeError> {
    Err(ProbeError::Unsupported("what waits for a restart"))
}

pub(crate) fn update_diary(_: &Path) -> Result<Diary, ProbeError> {
    Err(ProbeError::Unsupported("the history of updates"))
}

pub(crate) fn updates_by_themselves(_: &Path) -> Result<bool, ProbeError> {
    Err(ProbeError::Unsupported("the policy of updates"))
}

pub(crate) fn packaged(_: &Path) -> Result<Packaged, ProbeError> {
    Err(ProbeError::Unsupported("the list of updates"))
}

pub(crate) fn packaged_stamp(_: &Path) -> i64 {
    0
}

pub(crate) fn lists_seconds(_: &Path) -> Result<i64, ProbeError> {
    Err(ProbeError::Unsupported("the list of updates"))
}

pub(crate) fn usage(_: &Path, _: u32) -> Usage {
    let why = || ProbeError::Unsupported("what a process holds");
    Usage { descriptors: Err(why()), descriptor_limit: Err(why()), io: Err(why()) }
}

pub(crate) fn proportional_bytes(_: &Path, _: u32) -> Result<u64, ProbeError> {
    Err(ProbeError::Unsupported("shared memory by process"))
}

pub(crate) fn hung_tasks(_: &Path) -> Result<u64, ProbeError> {
    Err(ProbeError::Unsupported("the count of hanging tasks"))
}

pub(crate) fn file_table(_: &Path) -> Result<f64, ProbeError> {
    Err(ProbeError::Unsupported("the table of open files"))
}

pub(crate) fn clock_discipline(_: &Path) -> Result<Discipline, ProbeError> {
    Err(ProbeError::Unsupported("how the clock is kept"))
}

pub(crate) fn time_source(_: &Path) -> Result<Source, ProbeError> {
    Err(ProbeError::Unsupported("the time service"))
}

pub(crate) fn time_zone_name(_: &Path) -> Result<String, ProbeError> {
    Err(ProbeError::Unsupported("the name of the time zone"))
}

pub(crate) fn utc_offset_seconds(_: &Path, _: Timestamp) -> Result<i32, ProbeError> {
    Err(ProbeError::Unsupported("the clock on the wall"))
}

pub(crate) fn package_managers(_: &Path) -> Vec<(&'static str, i64)> {
    Vec::new()
}

pub(crate) fn package_diary(_: &Path, _: &str) -> crate::os::package::dpkg_log::Deeds {
    crate::os::package::dpkg_log::Deeds::new()
}

pub(crate) fn text_lines(
    _: &Path,
    _: &mut Vec<crate::os::proc::log::text::TextPosition>,
    _: u64,
    _: u64,
) -> Result<Lines, ProbeError> {
    Err(ProbeError::Unsupported("the logs of a syslog daemon"))
}

pub(crate) fn packages(_: &Path, _: &str) -> Result<Vec<Package>, ProbeError> {
    Err(ProbeError::Unsupported("the list of packages"))
}

pub(crate) fn drivers(_: &Path) -> Result<Vec<(&'static str, String, String)>, ProbeError> {
    Err(ProbeError::Unsupported("the list of drivers"))
}

pub(crate) fn autostart(_: &Path) -> Result<Vec<(&'static str, String)>, ProbeError> {
    Err(ProbeError::Unsupported("what starts by itself"))
}

pub(crate) fn print_queues(_: &Path) -> Result<Vec<Queue>, ProbeError> {
    Err(ProbeError::Unsupported("the list of printers"))
}

pub(crate) fn print_stamp(_: &Path) -> i64 {
    0
}

pub(crate) fn devices(_: &Path) -> Result<Vec<Device>, ProbeError> {
    Err(ProbeError::Unsupported("the list of devices"))
}

pub(crate) fn docks(_: &Path) -> Result<Vec<Dock>, ProbeError> {
    Err(ProbeError::Unsupported("the list of docks"))
}

pub(crate) fn displays(_: &Path) -> Result<Vec<(String, Option<String>)>, ProbeError> {
    Err(ProbeError::Unsupported("the list of displays"))
}

pub(crate) fn sound_runs(_: &Path, _: char) -> bool {
    false
}

pub(crate) fn cameras(_: &Path) -> Result<u64, ProbeError> {
    Err(ProbeError::Unsupported("the list of cameras"))
}

pub(crate) fn camera_in_use(_: &Path) -> Result<bool, ProbeError> {
    Err(ProbeError::Unsupported("the use of cameras"))
}

pub(crate) fn device_stamp(_: &Path) -> u64 {
    0
}

pub(crate) fn has_sockets(_: &Path) -> bool {
    false
}

pub(crate) fn sessions(_: &Path) -> Result<Vec<Session>, ProbeError> {
    Err(ProbeError::Unsupported("the list of sessions"))
}

pub(crate) fn boot_phases(_: &Path) -> Result<Vec<(&'static str, f64)>, ProbeError> {
    Err(ProbeError::Unsupported("the phases of a boot"))
}

pub(crate) fn process_user(_: &Path, _: u32) -> Option<u32> {
    None
}

pub(crate) fn local_home(_: &Path, _: &str) -> Result<String, ProbeError> {
    Err(ProbeError::Unsupported("the home of a person"))
}

pub(crate) fn home_missing(_: &Path, _: &str) -> Result<bool, ProbeError> {
    Err(ProbeError::Unsupported("the home of a person"))
}

pub(crate) fn password_expires(_: &Path, _: &str) -> Result<Option<i64>, ProbeError> {
    Err(ProbeError::Unsupported("the age of passwords"))
}

pub(crate) fn is_locked_out(_: &Path, _: &str, _: u64) -> Result<bool, ProbeError> {
    Err(ProbeError::Unsupported("locked accounts"))
}

pub(crate) fn mail_caches(
    _: &Path,
    _: &[(&'static str, &[&str])],
) -> Result<std::collections::BTreeMap<&'static str, u64>, ProbeError> {
    Err(ProbeError::Unsupported("the caches of mail programs"))
}

pub(crate) fn tickets(
    _: &Path,
) -> Result<std::collections::BTreeMap<String, Result<crate::os::proc::ccache::Ticket, ProbeError>>, ProbeError> {
    Err(ProbeError::Unsupported("the tickets of people"))
}

pub(crate) fn membership(_: &Path) -> Result<Membership, ProbeError> {
    Err(ProbeError::Unsupported("the domain"))
}

pub(crate) fn secure_channel(_: &Path) -> Result<bool, ProbeError> {
    Err(ProbeError::Unsupported("the domain"))
}

pub(crate) fn certificates(_: &Path) -> Result<Vec<Result<Certificate, ProbeError>>, ProbeError> {
    Err(ProbeError::Unsupported("the list of certificates"))
}
