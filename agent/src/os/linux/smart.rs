//! How a disk is asked for its health, without waking it.
//!
//! NVMe: UDisks2 keeps the log (since its version 2.10), or else the kernel passes the question on.
//! SATA: UDisks2 keeps the attributes; or else smartctl, whose table of models is larger than ours and which knows what
//! USB bridges pass on; or else the kernel passes the question on, after the disk said that it is awake.

mod ata;
mod nvme;
mod passthrough;
mod udisks;

use std::path::Path;
use std::time::Duration;

use crate::os::child::Child;
use crate::os::read_trimmed;
use crate::os::smart::{Health, smartctl};
use crate::probe::ProbeError;

/// smartctl prints about twenty kilobytes.
const PRINTED_BYTES_MAX: u64 = 512 * 1024;

/// What the disk `device` of the model `model` says about its health, within `patience`.
///
/// # Errors
/// It sleeps, says nothing, or the agent may not ask.
pub(crate) fn health(root: &Path, device: &str, model: &str, patience: Duration) -> Result<Health, ProbeError> {
    if device.starts_with("nvme") {
        return nvme_log(root, device).map(Health::of_nvme);
    }
    if is_suspended(root, device) {
        return Err(ProbeError::Asleep(device.to_owned()));
    }
    let mut why = match udisks::ata(root, device, model) {
        Err(why) => why,
        health => return health,
    };
    let is_answer = |why: &ProbeError| matches!(why, ProbeError::Asleep(_));
    for way in [by_smartctl, by_kernel] {
        if is_answer(&why) {
            break;
        }
        why = match way(root, device, model, patience) {
            Ok(health) => return Ok(health),
            Err(other) => more_telling(why, other),
        };
    }
    Err(why)
}

/// The health log of an NVMe disk. Asking takes it out of its sleep for milliseconds at most, as any sign of life of
/// the system does.
pub(crate) fn nvme_log(root: &Path, device: &str) -> Result<crate::os::smart::nvme::Log, ProbeError> {
    if is_suspended(root, device) {
        return Err(ProbeError::Asleep(device.to_owned()));
    }
    udisks::nvme(root, device).or_else(|first| nvme::log(root, device).map_err(|other| more_telling(first, other)))
}

/// A process, since no interface knows the tables of models and the dialects of bridges that smartctl knows.
fn by_smartctl(root: &Path, device: &str, _: &str, patience: Duration) -> Result<Health, ProbeError> {
    if root != Path::new("/") {
        return Err(ProbeError::NotPresent("smartctl"));
    }
    let node = format!("/dev/{device}");
    let output = Child::new("smartctl")
        .args(["--json=c", "--info", "--health", "--attributes", "-n", "standby", &node])
        .limit(patience)
        .bytes_max(PRINTED_BYTES_MAX)
        .run()?;
    smartctl::parse(&output.bytes)
}

fn by_kernel(root: &Path, device: &str, model: &str, _: Duration) -> Result<Health, ProbeError> {
    ata::health(root, device, model)
}

/// Whether the kernel has switched the device off; any question would switch it on.
fn is_suspended(root: &Path, device: &str) -> bool {
    let status = read_trimmed(root, &format!("sys/block/{device}/device/power/runtime_status"));
    status.is_some_and(|status| status.starts_with("suspend"))
}

/// Of two reasons the one that says more: that something is not installed says nothing about the disk.
fn more_telling(one: ProbeError, other: ProbeError) -> ProbeError {
    let weight = |error: &ProbeError| match error {
        ProbeError::Asleep(_) => 5,
        ProbeError::NoPermission(_) => 4,
        ProbeError::Timeout(_) => 3,
        ProbeError::Failed(_) => 2,
        ProbeError::Unsupported(_) => 1,
        _ => 0,
    };
    if weight(&other) >= weight(&one) { other } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_telling_reason_is_told() {
        let (missing, denied) = (ProbeError::NotPresent("smartctl"), ProbeError::NoPermission("sda".to_owned()));
        assert_eq!(more_telling(missing.clone(), denied.clone()), denied);
        assert_eq!(more_telling(denied.clone(), missing), denied);
    }

    #[test]
    fn a_disk_that_the_kernel_switched_off_is_not_asked() {
        let root = tempfile::tempdir().expect("temporary directory");
        let power = root.path().join("sys/block/sda/device/power");
        std::fs::create_dir_all(&power).expect("made");
        std::fs::write(power.join("runtime_status"), "suspended\n").expect("written");
        let asked = health(root.path(), "sda", "ST2000DM008-2FR1", Duration::from_secs(1));
        assert_eq!(asked, Err(ProbeError::Asleep("sda".to_owned())));
    }

    #[test]
    fn a_disk_without_a_node_says_nothing() {
        let asked = health(Path::new("/nonexistent"), "nvme0n1", "", Duration::from_secs(1));
        assert!(matches!(asked, Err(ProbeError::Missing(_))), "{asked:?}");
    }
}
