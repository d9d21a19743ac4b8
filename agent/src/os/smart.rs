//! What disks say about their health, decoded. Pure: how a disk is asked is the business of each system.
//!
//! An attribute of a SATA disk is a number between 1 and 255 whose meaning is the maker's. It is told only under a name
//! that is known for the model ([`drives`]); everything else is left out rather than guessed.

pub(crate) mod ata;
pub(crate) mod drives;
pub(crate) mod nvme;
pub(crate) mod smartctl;

/// What a disk says about its health. Absent is what it does not say.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Health {
    /// Its own verdict.
    pub(crate) passed: Option<bool>,
    /// Counts by our names.
    pub(crate) attributes: Vec<(String, u64)>,
    /// Rated life that is left, 0 to 1.
    pub(crate) remaining_ratio: Option<f64>,
    /// The health log of an NVMe disk.
    pub(crate) log: Option<nvme::Log>,
}

impl Health {
    /// The health that an NVMe disk's log amounts to: every warning is a failed self-assessment.
    pub(crate) fn of_nvme(log: nvme::Log) -> Self {
        let used = f64::from(log.used_percent.min(100)) / 100.0;
        Self {
            passed: Some(log.critical_warning == 0),
            attributes: Vec::new(),
            remaining_ratio: Some(1.0 - used),
            log: Some(log),
        }
    }
}
