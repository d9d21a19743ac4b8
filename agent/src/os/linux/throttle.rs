use std::collections::BTreeMap;
use std::path::Path;

use crate::os::proc::throttle;
use crate::os::{list, read, read_trimmed};
use crate::probe::ProbeError;
use crate::probe::throttle::{Held, Places};

const PROCESSORS: &str = "sys/devices/system/cpu";

/// Where to look for signs that the processor is held back. One processor speaks for its package, one policy for all
/// that share a clock.
///
/// # Errors
/// This kernel does not list processors.
pub(crate) fn throttle_places(root: &Path) -> Result<Places, ProbeError> {
    let names = list(root, PROCESSORS)?;
    let mut packages = BTreeMap::new();
    for name in names.iter().filter(|name| is_processor(name)) {
        let dir = format!("{PROCESSORS}/{name}");
        let package = read_trimmed(root, &format!("{dir}/topology/physical_package_id")).unwrap_or_default();
        if list(root, &format!("{dir}/thermal_throttle")).is_ok() {
            packages.entry(package).or_insert_with(|| format!("{dir}/thermal_throttle"));
        }
    }
    let policies = list(root, &format!("{PROCESSORS}/cpufreq")).unwrap_or_default();
    let policies = policies.iter().filter(|name| name.starts_with("policy"));
    let policies = policies.map(|name| format!("{PROCESSORS}/cpufreq/{name}"));
    let with_top = policies.filter_map(|dir| {
        let top = read_trimmed(root, &format!("{dir}/cpuinfo_max_freq"))?;
        Some((format!("{dir}/scaling_max_freq"), top))
    });
    Ok(Places { policies: with_top.collect(), packages: packages.into_values().collect() })
}

/// What is read there now.
pub(crate) fn throttle(root: &Path, places: &Places) -> Held {
    let texts = |name: &str| {
        let texts = places.packages.iter().filter_map(|dir| read(root, &format!("{dir}/{name}")).ok());
        texts.collect::<Vec<_>>()
    };
    let total = |name: &str| throttle::sum(texts(name).iter().map(String::as_str));
    let ratios = places.policies.iter().filter_map(|(path, top)| throttle::allowed_ratio(&read(root, path).ok()?, top));
    Held {
        allowed_ratio: ratios.min_by(f64::total_cmp),
        // Processors without a sensor for the package have one for each core.
        events: total("package_throttle_count").or_else(|| total("core_throttle_count")),
        time_ms: total("package_throttle_total_time_ms").or_else(|| total("core_throttle_total_time_ms")),
    }
}

fn is_processor(name: &str) -> bool {
    name.strip_prefix("cpu").is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}
