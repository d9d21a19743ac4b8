use std::path::Path;

use crate::os::proc::meminfo::{self, MemInfo};
use crate::os::proc::pressure::{self, Pressure};
use crate::os::proc::vmstat::{self, VmStat};
use crate::os::read;
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
