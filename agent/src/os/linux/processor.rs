use std::path::Path;

use crate::os::proc::load;
use crate::os::proc::stat::{self, Stat};
use crate::os::read;
use crate::probe::ProbeError;

/// `/proc/stat`.
pub(crate) fn stat(root: &Path) -> Result<Stat, ProbeError> {
    let text = read(root, "proc/stat")?;
    stat::parse(&text).ok_or_else(|| ProbeError::Failed("proc/stat has no line of all processors".to_owned()))
}

/// The load average over one minute.
pub(crate) fn load(root: &Path) -> Result<f64, ProbeError> {
    let text = read(root, "proc/loadavg")?;
    load::one_minute(&text).ok_or_else(|| ProbeError::Failed("proc/loadavg starts with no number".to_owned()))
}
