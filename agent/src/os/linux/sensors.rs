use std::path::Path;

use firstline_diagnosis::order::Arrange as _;

use crate::os::proc::hwmon;
use crate::os::{exists, list, read, read_trimmed};
use crate::probe::ProbeError;
use crate::probe::thermal::{Measures, Sensor, Sleep};

const CHIPS: &str = "sys/class/hwmon";
const ZONES: &str = "sys/class/thermal";
/// At most this many; a machine with more is no workstation.
const MOST_SENSORS: usize = 24;

/// A chip that has sensors.
struct Chip {
    dir: String,
    id: String,
    sleep: Sleep,
}

/// The sensors of all chips, and the zones that are no chip.
///
/// # Errors
/// This kernel offers neither.
pub(crate) fn sensors(root: &Path) -> Result<Vec<Sensor>, ProbeError> {
    let (chips, zones) = (list(root, CHIPS), list(root, ZONES));
    if let (Err(why), Err(_)) = (&chips, &zones) {
        return Err(why.clone());
    }
    let mut sensors = Vec::new();
    let mut ids = Vec::new();
    for chip in in_order(root, chips.unwrap_or_default()) {
        let chip = Chip::new(root, chip, &mut ids);
        sensors.extend(chip.sensors(root, Measures::Heat, "temp"));
        sensors.extend(chip.sensors(root, Measures::Fan, "fan"));
    }
    let has_package = sensors.iter().any(|sensor| sensor.hardware.starts_with("coretemp"));
    let zones = zones.unwrap_or_default();
    sensors.extend(zones.iter().filter_map(|name| zone(root, name, has_package, &mut ids)));
    sensors.truncate(MOST_SENSORS);
    Ok(sensors)
}

/// What `sensor` says now.
///
/// # Errors
/// Its device sleeps or is gone, or it says what cannot be.
pub(crate) fn read_sensor(root: &Path, sensor: &mut Sensor) -> Result<f64, ProbeError> {
    if sleeps(root, &mut sensor.sleep) {
        return Err(ProbeError::Asleep(sensor.hardware.clone()));
    }
    let text = read(root, &sensor.path)?;
    let value = match sensor.measures {
        Measures::Heat => hwmon::celsius(&text),
        Measures::Fan => hwmon::rpm(&text),
    };
    value.ok_or(ProbeError::NotPresent("anything that this sensor measures"))
}

/// Whether looking would wake the device, or keep it from falling asleep.
fn sleeps(root: &Path, sleep: &mut Sleep) -> bool {
    match sleep {
        Sleep::Never => false,
        Sleep::Suspended(path) => read_trimmed(root, path).is_some_and(|status| status.starts_with("suspend")),
        Sleep::Idle(path, before) => {
            let now = read_trimmed(root, path);
            let used = before.is_some() && now != *before;
            *before = now;
            !used
        }
    }
}

/// Numbers of chips differ from boot to boot, their places do not.
fn in_order(root: &Path, mut chips: Vec<String>) -> Vec<String> {
    let place = |chip: &String| root.join(CHIPS).join(chip).join("device").canonicalize().ok();
    chips.arrange_by_key(|chip| (place(chip), chip.len(), chip.clone()));
    chips
}

impl Chip {
    fn new(root: &Path, name: String, ids: &mut Vec<String>) -> Self {
        let dir = format!("{CHIPS}/{name}");
        let kind = read_trimmed(root, &format!("{dir}/name")).unwrap_or(name);
        let disk = list(root, &format!("{dir}/device/block")).ok().and_then(|disks| disks.into_iter().next());
        let drive = || {
            let about = read(root, &format!("{dir}/device/uevent")).ok()?;
            about.lines().find_map(|line| Some(line.strip_prefix("DEVNAME=nvme")?.to_owned()))
        };
        let (id, sleep) = match (kind.as_str(), disk) {
            ("drivetemp", Some(disk)) => (disk.clone(), Sleep::Idle(format!("sys/block/{disk}/stat"), None)),
            ("nvme", _) => (drive().map_or(kind, |number| format!("nvme{number}")), suspends(root, &dir)),
            _ => (kind, suspends(root, &dir)),
        };
        Self { dir, id: unique(id, ids), sleep }
    }

    /// The sensors of one kind, without those that say nothing of their own.
    fn sensors(&self, root: &Path, measures: Measures, kind: &str) -> Vec<Sensor> {
        let names = list(root, &self.dir).unwrap_or_default();
        let mut numbers: Vec<u16> = names.iter().filter_map(|name| hwmon::number_of(name, kind)).collect();
        numbers.arrange();
        let file = |number: &u16, what: &str| format!("{}/{kind}{number}_{what}", self.dir);
        let label =
            |number: &u16| read_trimmed(root, &file(number, "label")).unwrap_or_else(|| format!("{kind}{number}"));
        let labels: Vec<String> = numbers.iter().map(label).collect();
        let limit = |path: String| hwmon::limit_celsius(&read(root, &path).ok()?);
        let own = numbers.iter().zip(&labels).filter(|(number, label)| {
            !hwmon::is_part_of(label, &labels) && read_trimmed(root, &file(number, "fault")).as_deref() != Some("1")
        });
        own.map(|(number, label)| Sensor {
            measures,
            hardware: self.id.clone(),
            name: label.clone(),
            high_celsius: limit(file(number, "max")),
            critical_celsius: limit(file(number, "crit")),
            path: file(number, "input"),
            sleep: self.sleep.clone(),
        })
        .collect()
    }
}

/// A device that may be suspended while the machine runs, such as a second graphics card, is not woken to be measured.
fn suspends(root: &Path, dir: &str) -> Sleep {
    let power = format!("{dir}/device/power");
    let automatic = read_trimmed(root, &format!("{power}/control")).as_deref() == Some("auto");
    if automatic { Sleep::Suspended(format!("{power}/runtime_status")) } else { Sleep::Never }
}

/// A zone of the firmware or of a system on a chip, unless it is a chip as well.
fn zone(root: &Path, name: &str, has_package: bool, ids: &mut Vec<String>) -> Option<Sensor> {
    let dir = format!("{ZONES}/{name}");
    name.strip_prefix("thermal_zone")?;
    let parts = list(root, &dir).ok()?;
    let is_chip = parts.iter().any(|part| part.starts_with("hwmon"));
    let kind = read_trimmed(root, &format!("{dir}/type"))?;
    // The first is a policy without a sensor, the second is the processor's package once more.
    let says_nothing = kind.starts_with("INT3400") || (kind == "x86_pkg_temp" && has_package);
    if is_chip || says_nothing || read_trimmed(root, &format!("{dir}/mode")).as_deref() == Some("disabled") {
        return None;
    }
    let limit = |wanted: &str| {
        let kinds = parts.iter().filter_map(|part| part.strip_suffix("_type"));
        let mut trips =
            kinds.filter(|trip| read_trimmed(root, &format!("{dir}/{trip}_type")).as_deref() == Some(wanted));
        trips.find_map(|trip| hwmon::limit_celsius(&read(root, &format!("{dir}/{trip}_temp")).ok()?))
    };
    let (high_celsius, critical_celsius) = (limit("hot"), limit("critical"));
    let path = format!("{dir}/temp");
    exists(root, &path).then(|| Sensor {
        measures: Measures::Heat,
        hardware: unique(kind, ids),
        name: "zone".to_owned(),
        high_celsius,
        critical_celsius,
        path,
        sleep: Sleep::Never,
    })
}

/// A second chip of the same name is `name#2`.
fn unique(id: String, ids: &mut Vec<String>) -> String {
    let same = ids.iter().filter(|other| **other == id).count();
    ids.push(id.clone());
    if same == 0 { id } else { format!("{id}#{}", same + 1) }
}
