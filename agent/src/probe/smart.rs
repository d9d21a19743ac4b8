//! What disks say about their own health, once a day. A disk that sleeps is left asleep.

use std::time::{Duration, Instant};

use firstline_diagnosis::vocabulary::Attributes;
use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Right, Spec, Tier, disk};
use crate::os::native;
use crate::os::smart::Health;
use crate::os::smart::nvme::Log;

static SPEC: Spec = Spec {
    name: "disk-health",
    section: Section::Storage,
    tier: Tier::Daily,
    deadline: Duration::from_secs(10),
    priority: 2,
    waits: true,
    heavy: true,
    signals: &[
        "endpoint.smart.passed",
        "hw.physical_disk.smart",
        "hw.physical_disk.endurance_utilization",
        "endpoint.nvme.available_spare",
        "endpoint.nvme.spare_threshold",
        "endpoint.nvme.percentage_used",
        "endpoint.nvme.media_errors",
        "endpoint.nvme.unsafe_shutdowns",
        "endpoint.nvme.temperature",
        "endpoint.nvme.warning_temp_time",
        "endpoint.nvme.critical_temp_time",
        "endpoint.nvme.data_written",
    ],
};

static WARNING_SPEC: Spec = Spec {
    name: "nvme-warning",
    section: Section::Storage,
    tier: Tier::QuarterHour,
    deadline: Duration::from_secs(9),
    priority: 1,
    waits: true,
    heavy: false,
    signals: &["endpoint.nvme.critical_warning"],
};

/// All disks together get this long.
const PATIENCE: Duration = Duration::from_secs(8);

/// Asks every disk for its health.
pub(crate) struct DiskHealth;

impl Probe for DiskHealth {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn rights(&self) -> &'static [Right] {
        &[Right::Disks, Right::Administration]
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let start = Instant::now();
        let mut gather = Gather::new(cx);
        for (device, model) in physical(cx)? {
            let id = Attributes::from([("system.device", device.as_str())]);
            let left = PATIENCE.saturating_sub(start.elapsed());
            let health = if left.is_zero() {
                Err(ProbeError::Timeout("an earlier disk".to_owned()))
            } else {
                native::health(&cx.root, &device, &model, left)
            };
            match health {
                Ok(health) => enter(&mut gather, &id, &health),
                Err(why) => gather.unknown("endpoint.smart.passed", id, why),
            }
        }
        Ok(gather.done())
    }
}

fn enter(gather: &mut Gather, id: &Attributes, health: &Health) {
    let passed = health.passed.ok_or(ProbeError::Unsupported("the disk's own verdict"));
    gather.outcome("endpoint.smart.passed", id.clone(), passed);
    for (name, count) in &health.attributes {
        gather.value("hw.physical_disk.smart", id.clone().with("smart_attribute", name.as_str()), *count);
    }
    if let Some(ratio) = health.remaining_ratio {
        gather.value("hw.physical_disk.endurance_utilization", id.clone().with("state", "remaining"), ratio);
    }
    if let Some(log) = &health.log {
        enter_log(gather, id, log);
    }
}

fn enter_log(gather: &mut Gather, id: &Attributes, log: &Log) {
    let mut enter = |signal: &str, value: f64| gather.value(signal, id.clone(), value);
    enter("endpoint.nvme.available_spare", f64::from(log.spare_percent) / 100.0);
    enter("endpoint.nvme.spare_threshold", f64::from(log.spare_threshold_percent) / 100.0);
    enter("endpoint.nvme.percentage_used", f64::from(log.used_percent) / 100.0);
    enter("endpoint.nvme.warning_temp_time", f64::from(log.warm_minutes) * 60.0);
    enter("endpoint.nvme.critical_temp_time", f64::from(log.hot_minutes) * 60.0);
    gather.value("endpoint.nvme.media_errors", id.clone(), log.media_errors);
    gather.value("endpoint.nvme.unsafe_shutdowns", id.clone(), log.unsafe_shutdowns);
    gather.value("endpoint.nvme.data_written", id.clone(), log.written_bytes);
    let celsius = log.celsius.map(f64::from).ok_or(ProbeError::Unsupported("the temperature of this disk"));
    gather.outcome("endpoint.nvme.temperature", id.clone(), celsius);
}

/// Asks every NVMe disk for its warnings: those cannot wait for tomorrow.
pub(crate) struct NvmeWarning;

impl Probe for NvmeWarning {
    fn spec(&self) -> &'static Spec {
        &WARNING_SPEC
    }

    fn rights(&self) -> &'static [Right] {
        &[Right::Administration]
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let mut gather = Gather::new(cx);
        let disks = physical(cx)?.into_iter().filter(|(device, _)| device.starts_with("nvme"));
        let disks: Vec<_> = disks.map(|(device, _)| device).collect();
        if disks.is_empty() {
            return Err(ProbeError::NotPresent("NVMe disk"));
        }
        for device in disks {
            let warning = native::nvme_log(&cx.root, &device).map(|log| u64::from(log.critical_warning));
            gather.outcome("endpoint.nvme.critical_warning", [("system.device", device.as_str())], warning);
        }
        Ok(gather.done())
    }
}

/// Disks that are things of their own, with the names of their models.
fn physical(cx: &Context) -> Result<Vec<(String, String)>, ProbeError> {
    let disks = disk::disks(cx)?.into_iter().map(|disk| disk.device);
    let described = disks.map(|device| (native::traits(&cx.root, &device), device));
    // A hypervisor that emulates NVMe emulates its log too; of other virtual disks nobody keeps any.
    let physical =
        described.filter(|(traits, device)| device.starts_with("nvme") || traits.kind(device) != Some("virtual"));
    let physical: Vec<_> = physical.map(|(traits, device)| (device, traits.model)).collect();
    if physical.is_empty() { Err(ProbeError::NotPresent("disk that is not virtual")) } else { Ok(physical) }
}
