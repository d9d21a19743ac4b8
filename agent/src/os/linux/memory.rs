use std::path::Path;

use crate::os::proc::meminfo::{self, MemInfo};
use crate::os::proc::pressure::{self, Pressure};
use crate::os::proc::vmstat::{self, VmStat};
use crate::os::proc::zram;
use crate::os::{list, read};
use crate::probe::ProbeError;

/// `/proc/meminfo`.
pub(crate) fn meminfo(root: &Path) -> Result<MemInfo, ProbeError> {
    Ok(meminfo::parse(&read(root, "proc/meminfo")?))
}

/// `/proc/vmstat`.
pub(crate) fn vmstat(root: &Path) -> Result<VmStat, ProbeError> {
    Ok(vmstat::parse(&read(root, "proc/vmstat")?))
}

/// `/proc/pressure/<resource>`.
pub(crate) fn pressure(root: &Path, resource: &str) -> Result<Pressure, ProbeError> {
    Ok(pressure::parse(&read(root, &format!("proc/pressure/{resource}"))?))
}

/// Bytes that compressed memory takes; absent where nothing compresses.
pub(crate) fn compressed_bytes(root: &Path, info: &MemInfo) -> Option<u64> {
    let disks = list(root, "sys/block").unwrap_or_default();
    let disks = disks.iter().filter(|name| name.starts_with("zram"));
    let used = disks.filter_map(|name| zram::used_bytes(&read(root, &format!("sys/block/{name}/mm_stat")).ok()?));
    used.chain(info.zswap).reduce(u64::saturating_add)
}
