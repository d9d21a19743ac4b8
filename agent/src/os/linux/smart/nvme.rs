use std::path::Path;

use super::passthrough;
use crate::os::smart::nvme::{self, Log};
use crate::probe::ProbeError;

/// "SMART / Health Information".
const HEALTH_PAGE: u8 = 2;

/// The health log by way of the kernel.
pub(super) fn log(root: &Path, device: &str) -> Result<Log, ProbeError> {
    let disk = passthrough::open(root, device)?;
    let mut page = [0; nvme::PAGE_BYTES];
    passthrough::nvme_log_page(disk, HEALTH_PAGE, &mut page)?;
    nvme::parse(&page).ok_or_else(|| ProbeError::Failed(format!("the health log of {device} is empty")))
}
