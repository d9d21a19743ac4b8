use std::fs;
use std::path::Path;

use firstline_diagnosis::vocabulary::Timestamp;
use jiff::tz::TimeZone;
use zbus::OwnedVariant;

use super::bus::{self, Object};
use crate::os::{exists, list, modified_seconds, read_trimmed};
use crate::probe::ProbeError;
use crate::probe::clock::{Discipline, Source};

/// What systemd's time service tells about the last answer of its server.
const TIMESYNC: Object<'_> = Object {
    service: "org.freedesktop.timesync1",
    path: "/org/freedesktop/timesync1",
    interface: "org.freedesktop.timesync1.Manager",
};
/// Places of the fields in `NTPMessage`, as org.freedesktop.timesync1(5) lists them.
const STRATUM: usize = 3;
const DESTINATION: usize = 11;

/// Time services by the file that each keeps while it runs.
const SERVICES: [(&str, &str); 5] = [
    ("run/systemd/timesync", "systemd-timesyncd"),
    ("run/chrony/chronyd.pid", "chrony"),
    ("run/chronyd.pid", "chrony"),
    ("run/ntpd.pid", "ntpd"),
    ("run/openntpd.pid", "openntpd"),
];

/// Files that a time service writes at most hourly while it has an answer to go by.
const DRIFTS: [&str; 4] =
    ["var/lib/chrony/chrony.drift", "var/lib/chrony/drift", "var/lib/ntpsec/ntp.drift", "var/lib/ntp/ntp.drift"];

/// How the kernel's clock is kept, as the kernel sees it: adjtimex(2), which changes nothing when it is given nothing.
pub(crate) fn clock_discipline(root: &Path) -> Result<Discipline, ProbeError> {
    if root != Path::new("/") {
        return Err(ProbeError::NotPresent("clock in a directory"));
    }
    // SAFETY: all zeros is a valid `timex`, and one that changes nothing: https://man7.org/linux/man-pages/man2/adjtimex.2.html
    let mut timex: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a `timex` of this thread, which the call fills and does not keep.
    let state = unsafe { libc::adjtimex(&raw mut timex) };
    if state < 0 {
        return Err(ProbeError::io("adjtimex", &std::io::Error::last_os_error()));
    }
    let max_error_seconds = timex.maxerror as f64 / 1e6;
    Ok(Discipline { is_synced: timex.status & libc::STA_UNSYNC == 0, max_error_seconds })
}

/// Who keeps the clock.
pub(crate) fn time_source(root: &Path) -> Result<Source, ProbeError> {
    let service = SERVICES.iter().find(|(file, _)| exists(root, file) && is_alive(root, file)).map(|(_, name)| *name);
    if service.is_none() && list(root, "run").is_err() {
        return Err(ProbeError::Missing("/run".to_owned()));
    }
    let message = (service == Some("systemd-timesyncd")).then(|| message(root));
    let (stratum, at) = message.transpose().ok().flatten().unwrap_or_default();
    let drift = DRIFTS.iter().filter_map(|drift| modified_seconds(root, drift).ok()).max();
    let first = modified_seconds(root, "run/systemd/timesync/synchronized").ok();
    let last_success_seconds = match service {
        Some("systemd-timesyncd") => at.or(first),
        Some(_) => drift,
        None => None,
    };
    Ok(Source { service: service.unwrap_or("none"), stratum, last_success_seconds })
}

/// Whether the process that a file names lives; a folder stands for itself.
fn is_alive(root: &Path, file: &str) -> bool {
    !file.ends_with("pid") || read_trimmed(root, file).is_some_and(|pid| exists(root, &format!("proc/{pid}")))
}

/// Stratum and time of arrival of the last answer.
fn message(root: &Path) -> Result<(Option<u64>, Option<i64>), ProbeError> {
    let message: OwnedVariant = bus::property(root, TIMESYNC, "NTPMessage")?;
    let fields = message.downcast_ref::<zbus::wire::Structure<'_>>();
    let fields = fields.map_err(|_| ProbeError::Failed("the answer of the time service is odd".to_owned()))?;
    let fields = fields.fields();
    let stratum = fields.get(STRATUM).and_then(|field| field.downcast_ref::<u32>().ok());
    let at = fields.get(DESTINATION).and_then(|field| field.downcast_ref::<u64>().ok()).filter(|&at| at > 0);
    Ok((stratum.filter(|&stratum| stratum > 0).map(u64::from), at.and_then(|at| i64::try_from(at / 1_000_000).ok())))
}

/// The name of the time zone, such as `Europe/Berlin`.
pub(crate) fn time_zone_name(root: &Path) -> Result<String, ProbeError> {
    let link = fs::read_link(root.join("etc/localtime")).ok();
    let link = link
        .as_deref()
        .and_then(Path::to_str)
        .and_then(|path| path.split_once("zoneinfo/"))
        .map(|(_, zone)| zone.to_owned());
    let name = link.or_else(|| read_trimmed(root, "etc/timezone"));
    name.ok_or_else(|| ProbeError::Missing("the name of the time zone".to_owned()))
}

/// How far the clock on the wall is ahead of UTC at a moment.
pub(crate) fn utc_offset_seconds(root: &Path, now: Timestamp) -> Result<i32, ProbeError> {
    let zone = fs::read(root.join("etc/localtime")).ok().and_then(|bytes| TimeZone::tzif("local", &bytes).ok());
    let zone = zone.ok_or_else(|| ProbeError::Missing("the zone of the clock on the wall".to_owned()))?;
    let now = jiff::Timestamp::from_millisecond(now.0).map_err(|_| ProbeError::Unsupported("a year like this"))?;
    Ok(zone.to_offset(now).seconds())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_says_how_its_clock_is_kept() {
        let discipline = clock_discipline(Path::new("/")).expect("any process may ask");
        assert!((0.0..=20.0).contains(&discipline.max_error_seconds), "{discipline:?}");
    }

    #[test]
    fn a_service_that_died_keeps_no_clock() {
        let root = tempfile::tempdir().expect("temporary directory");
        fs::create_dir_all(root.path().join("run/chrony")).expect("made");
        fs::write(root.path().join("run/chrony/chronyd.pid"), "77\n").expect("written");
        assert_eq!(time_source(root.path()).expect("known").service, "none");
        fs::create_dir_all(root.path().join("proc/77")).expect("made");
        assert_eq!(time_source(root.path()).expect("known").service, "chrony");
    }

    #[test]
    fn the_clock_on_the_wall_is_ahead_as_its_zone_says() {
        let root = tempfile::tempdir().expect("temporary directory");
        let now = Timestamp(1_790_000_000_000);
        assert!(utc_offset_seconds(root.path(), now).is_err());
        fs::create_dir_all(root.path().join("etc")).expect("made");
        // The shortest such file: no change ever, one kind of time, two hours ahead.
        let head = [b"TZif".as_slice(), &[0; 16], &[0; 12], &[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 4]].concat();
        let kind = [7200_i32.to_be_bytes().as_slice(), &[0, 0], b"TWO\0"].concat();
        fs::write(root.path().join("etc/localtime"), [head, kind].concat()).expect("written");
        assert_eq!(utc_offset_seconds(root.path(), now), Ok(7200));
    }

    #[test]
    fn the_zone_is_that_of_the_link() {
        let root = tempfile::tempdir().expect("temporary directory");
        assert!(time_zone_name(root.path()).is_err());
        fs::create_dir_all(root.path().join("etc")).expect("made");
        std::os::unix::fs::symlink("/usr/share/zoneinfo/Europe/Berlin", root.path().join("etc/localtime"))
            .expect("linked");
        assert_eq!(time_zone_name(root.path()).as_deref(), Ok("Europe/Berlin"));
    }
}
