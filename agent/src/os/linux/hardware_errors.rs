use std::path::Path;

use crate::os::proc::hardware_errors;
use crate::os::{list, read};
use crate::probe::ProbeError;
use crate::probe::hardware_errors::Errors;

const CONTROLLERS: &str = "sys/devices/system/edac/mc";
const DEVICES: &str = "sys/bus/pci/devices";

/// Everything that was counted since boot. These are counts of the kernel: no device is asked.
pub(crate) fn hardware_errors(root: &Path) -> Errors {
    let broken = read(root, "proc/meminfo").ok().and_then(|text| hardware_errors::broken_pages(&text));
    let uncorrected = of_memory(root, "ue_count");
    Errors {
        memory_corrected: of_memory(root, "ce_count").ok_or(ProbeError::NotPresent("memory that counts its errors")),
        // One error may be in both counts.
        memory_uncorrected: broken.max(uncorrected).ok_or(ProbeError::Unsupported("a count of broken memory")),
        processor: read(root, "proc/interrupts").and_then(|text| {
            hardware_errors::machine_checks(&text).ok_or(ProbeError::Unsupported("a count of machine checks"))
        }),
        link: of_links(root).ok_or(ProbeError::Unsupported("a count of errors on PCIe links")),
    }
}

fn of_memory(root: &Path, name: &str) -> Option<u64> {
    let controllers = list(root, CONTROLLERS).ok()?;
    let counts = controllers.iter().filter(|controller| controller.starts_with("mc"));
    let counts = counts.filter_map(|controller| read(root, &format!("{CONTROLLERS}/{controller}/{name}")).ok());
    counts.filter_map(|count| count.trim().parse::<u64>().ok()).reduce(u64::saturating_add)
}

fn of_links(root: &Path) -> Option<u64> {
    let devices = list(root, DEVICES).ok()?;
    let files = ["aer_dev_correctable", "aer_dev_nonfatal", "aer_dev_fatal"];
    let counts = devices.iter().flat_map(|device| files.map(|file| format!("{DEVICES}/{device}/{file}")));
    let counts = counts.filter_map(|path| hardware_errors::link_errors(&read(root, &path).ok()?));
    counts.reduce(u64::saturating_add)
}
