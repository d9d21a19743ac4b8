//! Room: on the disk, and for open files.

use std::path::Path;

use super::running::Running;
use super::{Patient, Report};

#[cfg_attr(unix, path = "room/unix.rs")]
#[cfg_attr(not(unix), path = "room/other.rs")]
mod system;

pub(crate) use system::free_bytes;

/// Less than this is no room.
const FREE_BYTES_MIN: u64 = 1 << 30;

/// Files beside the streams: the database, people, connections that have yet to say who they are.
const OTHER_FILES: u64 = 1000;

/// Looks at what is free beside a database of `bytes` that may grow by `growth`.
pub(super) fn disk(data: &Path, bytes: u64, growth: Option<u64>, report: &mut Report) {
    let Some(free) = system::free_bytes(data) else { return };
    report.fact("free", format!("{} MB", free >> 20));
    let why = "On a full disk nothing is stored: agents keep their records for 14 days. People still see everything, \
        as it was last stored; what they change (tickets, pulls, sign-ins) is refused, and whoever looks at an endpoint is entered \
        in the audit log later.";
    let remedy =
        "Make room, move the folder to a larger disk (backup and restore), or keep less: history.minutes_hours.";
    if free < FREE_BYTES_MIN || free < bytes / 20 {
        report.fault("disk", format!("{} MB are free", free >> 20), &data.display(), why, remedy);
    } else if let Some(growth) = growth.filter(|growth| *growth > free) {
        let what = format!("{} MB are free, and the database will grow by about {} MB", free >> 20, growth >> 20);
        report.advice("disk", what, &data.display(), why, remedy);
    } else if free < bytes {
        let what = format!("{} MB are free, less than the database of {} MB", free >> 20, bytes >> 20);
        report.advice(
            "disk_backup",
            what,
            &data.display(),
            "A backup on the same disk has no room.",
            "Take backups elsewhere.",
        );
    }
}

/// How many files must be openable for `streams`.
fn needed(streams: u64) -> u64 {
    streams.saturating_add(OTHER_FILES)
}

/// How many streams go with a limit of files, when that is less than `streams`.
pub(crate) fn short_of_files(allowed: u64, streams: u64) -> Option<u64> {
    (allowed < needed(streams)).then(|| allowed.saturating_sub(OTHER_FILES).max(1))
}

/// Looks at how many files may be open: of the process that runs, else of one that were started as this was.
pub(super) fn files(patient: &Patient<'_>, running: Running, endpoints: u64, report: &mut Report) {
    let of_process = running.process.and_then(super::running::files_allowed);
    let Some(allowed) = of_process.or_else(system::files_allowed) else { return };
    report.fact("open files", allowed.to_string());
    let remedy = "Raise LimitNOFILE of the service (or `ulimit -Hn`), or lower limits.streams.";
    if let Some(fit) = short_of_files(allowed, endpoints) {
        let what = format!("Only {allowed} files may be open, and there are {endpoints} endpoints");
        let why =
            format!("Each stream is a file: {fit} endpoints can be connected at the same time, and the others wait.");
        report.fault("open_files", what, &"the limit of open files", &why, remedy);
    } else if let Some(fit) = short_of_files(allowed, patient.config.limits.streams as u64) {
        let what = format!("{allowed} files may be open, and limits.streams is {}", patient.config.limits.streams);
        let why = format!("Enough for the {endpoints} endpoints of today; beyond {fit} they would wait.");
        report.advice("open_files", what, &"the limit of open files", &why, remedy);
    }
}
