//! Heat, power, firmware and the health of disks, where their sources are not read yet.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::os::proc::mdstat::Array;
use crate::os::proc::meminfo::MemInfo;
use crate::os::proc::mounts::Mount;
use crate::os::smart::Health;
use crate::os::smart::nvme::Log;
use crate::probe::ProbeError;
use crate::probe::hardware_errors::Errors;
use crate::probe::power::Power;
use crate::probe::thermal::Sensor;
use crate::probe::throttle::{Held, Places};

pub(crate) fn compressed_bytes(_: &Path, _: &MemInfo) -> Option<u64> {
    None
}

pub(crate) fn firmware_date(_: &Path) -> Result<String, ProbeError> {
    Err(ProbeError::Unsupported("the date of the firmware"))
}

pub(crate) fn serial_number(_: &Path) -> Result<String, ProbeError> {
    Err(ProbeError::Unsupported("the serial number"))
}

pub(crate) fn secure_boot(_: &Path) -> Result<bool, ProbeError> {
    Err(ProbeError::Unsupported("secure boot"))
}

pub(crate) fn knows_keys_of_2023(_: &Path) -> Result<bool, ProbeError> {
    Err(ProbeError::Unsupported("the keys of the firmware"))
}

pub(crate) fn tpm(_: &Path) -> Result<String, ProbeError> {
    Err(ProbeError::Unsupported("the security chip"))
}

pub(crate) fn sensors(_: &Path) -> Result<Vec<Sensor>, ProbeError> {
    Err(ProbeError::Unsupported("sensors"))
}

pub(crate) fn read_sensor(_: &Path, _: &mut Sensor) -> Result<f64, ProbeError> {
    Err(ProbeError::Unsupported("sensors"))
}

pub(crate) fn throttle_places(_: &Path) -> Result<Places, ProbeError> {
    Err(ProbeError::Unsupported("the limits of the processor"))
}

pub(crate) fn throttle(_: &Path, _: &Places) -> Held {
    Held::default()
}

pub(crate) fn power(_: &Path) -> Result<Power, ProbeError> {
    Err(ProbeError::Unsupported("the source of power"))
}

pub(crate) fn charge_limits(_: &Path) -> Result<BTreeMap<String, f64>, ProbeError> {
    Err(ProbeError::Unsupported("limits of charging"))
}

pub(crate) fn power_mode(_: &Path) -> Result<String, ProbeError> {
    Err(ProbeError::Unsupported("the power mode"))
}

pub(crate) fn battery_low(_: &Path) -> bool {
    false
}

pub(crate) fn hardware_errors(_: &Path) -> Errors {
    let why = ProbeError::Unsupported("counts of hardware errors");
    let none = || Err(why.clone());
    Errors { memory_corrected: none(), memory_uncorrected: none(), processor: none(), link: none() }
}

pub(crate) fn health(_: &Path, _: &str, _: &str, _: Duration) -> Result<Health, ProbeError> {
    Err(ProbeError::Unsupported("the health of disks"))
}

pub(crate) fn nvme_log(_: &Path, _: &str) -> Result<Log, ProbeError> {
    Err(ProbeError::Unsupported("the health log of disks"))
}

pub(crate) fn filesystem_errors(_: &Path, _: &Mount) -> Result<u64, ProbeError> {
    Err(ProbeError::Unsupported("a count of errors by file systems"))
}

pub(crate) fn is_encrypted(_: &Path, _: &Mount) -> Result<bool, ProbeError> {
    Err(ProbeError::Unsupported("the encryption of volumes"))
}

pub(crate) fn arrays(_: &Path) -> Result<Vec<Array>, ProbeError> {
    Err(ProbeError::Unsupported("arrays of disks"))
}

/// What processes wrote is not read here yet.
#[derive(Debug)]
pub(crate) struct Written;

pub(crate) fn written(_: &Path) -> Result<Written, ProbeError> {
    Err(ProbeError::Unsupported("what processes write"))
}

impl Written {
    pub(crate) fn since(&self, _: &Path, _: &Self, _: usize) -> Result<Vec<(String, u64)>, ProbeError> {
        Err(ProbeError::Unsupported("what processes write"))
    }
}
