//! What UDisks2 knows about a disk. It looks at every disk that is awake each ten minutes by itself, so that nothing is
//! asked of the disk here, except when it never had a chance.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use zbus::wire::OwnedObjectPath;
use zbus::{OwnedVariant, Variant};

use crate::os::native::bus::{self, Object, Properties};
use crate::os::smart::Health;
use crate::os::smart::ata::Raw;
use crate::os::smart::drives;
use crate::os::smart::nvme::{self, Log};
use crate::probe::ProbeError;

const SERVICE: &str = "org.freedesktop.UDisks2";
/// A disk that was asleep for longer than this is asked whether it still is.
const OLD: Duration = Duration::from_hours(24);

/// One entry of `SmartGetAttributes`: number, name, flags, grade, worst grade, threshold, count, its unit, more.
type Attribute = (u8, String, u16, i32, i32, i32, i64, i32, HashMap<String, OwnedVariant>);

/// Milliseconds, as UDisks2 numbers units.
const MILLISECONDS: i32 = 2;

/// The health of a SATA disk.
pub(super) fn ata(root: &Path, device: &str, model: &str) -> Result<Health, ProbeError> {
    let path = drive(root, device)?;
    let drive = Object { service: SERVICE, path: &path, interface: "org.freedesktop.UDisks2.Drive.Ata" };
    let mut says = bus::properties(root, drive)?;
    if flag(&says, "SmartSupported") == Some(false) || flag(&says, "SmartEnabled") == Some(false) {
        return Err(ProbeError::Unsupported("the health of this disk"));
    }
    if is_old(&says) {
        refresh(root, drive, device)?;
        says = bus::properties(root, drive)?;
    }
    let listed: Vec<Attribute> = bus::call(root, drive, "SmartGetAttributes", &(options(),))?;
    Ok(health(model, flag(&says, "SmartFailing").map(|failing| !failing), &listed))
}

/// The health log of an NVMe disk.
pub(super) fn nvme(root: &Path, device: &str) -> Result<Log, ProbeError> {
    let path = drive(root, device)?;
    let controller = Object { service: SERVICE, path: &path, interface: "org.freedesktop.UDisks2.NVMe.Controller" };
    let mut says = bus::properties(root, controller)?;
    if is_old(&says) {
        refresh(root, controller, device)?;
        says = bus::properties(root, controller)?;
    }
    let more: Properties = bus::call(root, controller, "SmartGetAttributes", &(options(),))?;
    log(&says, &more).ok_or(ProbeError::Unsupported("the health log of this disk"))
}

/// The object that stands for the drive whose block device this is.
fn drive(root: &Path, device: &str) -> Result<String, ProbeError> {
    let path = format!("/org/freedesktop/UDisks2/block_devices/{device}");
    let block = Object { service: SERVICE, path: &path, interface: "org.freedesktop.UDisks2.Block" };
    let drive: OwnedObjectPath = bus::property(root, block, "Drive")?;
    // The root stands for "none".
    if drive.as_str() == "/" { Err(ProbeError::Unsupported("the health of this disk")) } else { Ok(drive.to_string()) }
}

/// Lets UDisks2 look now, unless that would wake the disk.
fn refresh(root: &Path, drive: Object<'_>, device: &str) -> Result<(), ProbeError> {
    match bus::call(root, drive, "SmartUpdate", &(options(),)) {
        Err(ProbeError::Failed(why)) if why.contains("WouldWakeup") => Err(ProbeError::Asleep(device.to_owned())),
        other => other,
    }
}

/// No question to the user, no waking of the disk.
fn options() -> HashMap<&'static str, Variant<'static>> {
    HashMap::from([("nowakeup", Variant::from(true)), ("auth.no_user_interaction", Variant::from(true))])
}

fn is_old(says: &Properties) -> bool {
    let updated = UNIX_EPOCH + Duration::from_secs(number(says, "SmartUpdated").unwrap_or(0));
    SystemTime::now().duration_since(updated).is_ok_and(|age| age > OLD)
}

fn health(model: &str, passed: Option<bool>, listed: &[Attribute]) -> Health {
    let raw = |attribute: &Attribute| Raw {
        id: attribute.0,
        value: u8::try_from(attribute.3).unwrap_or(0),
        bytes: u64::try_from(attribute.6).unwrap_or(0),
    };
    let table: Vec<Raw> = listed.iter().map(raw).collect();
    let count = |attribute: &Attribute| {
        let name = drives::name_of(&attribute.1)?.to_owned();
        let pretty = u64::try_from(attribute.6).ok()?;
        // Times are decoded by UDisks2's own table; packed counts are not.
        let count = match attribute.7 {
            MILLISECONDS => pretty / 3_600_000,
            _ => drives::counts(model, &[raw(attribute)]).first()?.1,
        };
        Some((name, count))
    };
    Health {
        passed,
        attributes: listed.iter().filter_map(count).collect(),
        remaining_ratio: drives::remaining_ratio(model, &table),
        log: None,
    }
}

fn log(says: &Properties, more: &Properties) -> Option<Log> {
    let warnings = Vec::<String>::try_from(says.get("SmartCriticalWarning")?.clone()).ok()?;
    let small = |name: &str| u8::try_from(number(more, name)?).ok();
    let minutes = |name: &str| number(more, name).and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
    let celsius = number(says, "SmartTemperature").and_then(|kelvin| i32::try_from(kelvin).ok());
    Some(Log {
        critical_warning: nvme::warning_bits(warnings.iter().map(String::as_str)),
        celsius: celsius.filter(|kelvin| *kelvin > 0).map(|kelvin| kelvin - 273),
        spare_percent: small("avail_spare")?,
        spare_threshold_percent: small("spare_thresh")?,
        used_percent: small("percent_used")?,
        // UDisks2 leaves out what was read or written when that is nothing, as on a new disk.
        written_bytes: number(more, "total_data_written").unwrap_or(0),
        unsafe_shutdowns: number(more, "unsafe_shutdowns")?,
        media_errors: number(more, "media_errors")?,
        warm_minutes: minutes("warning_temp_time"),
        hot_minutes: minutes("critical_temp_time"),
    })
}

fn flag(says: &Properties, name: &str) -> Option<bool> {
    bool::try_from(says.get(name)?).ok()
}

/// A whole number of any width; versions of UDisks2 differ.
fn number(says: &Properties, name: &str) -> Option<u64> {
    let value = says.get(name)?;
    let wide = u64::try_from(value).ok().or_else(|| u32::try_from(value).ok().map(u64::from));
    let narrow = || u16::try_from(value).ok().map(u64::from).or_else(|| u8::try_from(value).ok().map(u64::from));
    let signed = || i32::try_from(value).ok().and_then(|number| u64::try_from(number).ok());
    wide.or_else(narrow).or_else(signed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(entries: Vec<(&str, Variant<'static>)>) -> Properties {
        let owned = |value: Variant<'static>| OwnedVariant::try_from(value).expect("no file in it");
        entries.into_iter().map(|(name, value)| (name.to_owned(), owned(value))).collect()
    }

    #[test]
    fn reads_the_log_whatever_the_width_of_its_numbers() {
        let says = properties(vec![
            ("SmartCriticalWarning", Variant::from(vec!["degraded".to_owned()])),
            ("SmartTemperature", Variant::from(311_u16)),
        ]);
        let more = properties(vec![
            ("avail_spare", Variant::from(100_u8)),
            ("spare_thresh", Variant::from(10_u8)),
            ("percent_used", Variant::from(1_u8)),
            ("total_data_written", Variant::from(27_723_431_936_000_u64)),
            ("unsafe_shutdowns", Variant::from(107_u64)),
            ("media_errors", Variant::from(0_u64)),
            ("warning_temp_time", Variant::from(4_i32)),
            ("critical_temp_time", Variant::from(0_u32)),
        ]);
        let log = log(&says, &more).expect("a log");
        assert_eq!((log.critical_warning, log.celsius, log.warm_minutes), (4, Some(38), 4));
        assert_eq!((log.spare_percent, log.unsafe_shutdowns), (100, 107));
    }

    #[test]
    fn a_disk_to_which_nothing_was_written_yet_has_a_log() {
        let says = properties(vec![("SmartCriticalWarning", Variant::from(Vec::<String>::new()))]);
        let small = ["avail_spare", "spare_thresh", "percent_used"].map(|name| (name, Variant::from(0_u8)));
        let large = ["unsafe_shutdowns", "media_errors"].map(|name| (name, Variant::from(0_u64)));
        let log = log(&says, &properties(small.into_iter().chain(large).collect())).expect("a log");
        assert_eq!((log.critical_warning, log.written_bytes), (0, 0));
    }

    #[test]
    fn a_log_that_says_half_is_none() {
        let says = properties(vec![("SmartCriticalWarning", Variant::from(Vec::<String>::new()))]);
        assert_eq!(log(&says, &Properties::new()), None);
        assert_eq!(log(&Properties::new(), &Properties::new()), None);
    }

    #[test]
    fn reads_attributes_with_times_and_packed_counts() {
        let attribute =
            |id, name: &str, grade, count, unit| (id, name.to_owned(), 0, grade, grade, 0, count, unit, HashMap::new());
        let health = health(
            "ST2000DM008-2FR1",
            Some(true),
            &[
                attribute(5, "reallocated-sector-count", 100, 8, 3),
                attribute(9, "power-on-hours", 96, 4316 * 3_600_000, MILLISECONDS),
                attribute(188, "command-timeout", 100, 0x0001_0001_0003, 1),
                attribute(194, "temperature-celsius-2", 69, 304_150, 4),
            ],
        );
        let wanted = [("reallocated_sectors", 8), ("power_on_hours", 4316), ("command_timeouts", 3)];
        assert_eq!(health.attributes, wanted.map(|(name, count)| (name.to_owned(), count)));
    }
}
