use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::super::Context;
use super::KEPT;
use super::position::Kept;
use super::reading::Reader;
use crate::os::proc::log::{Found, panic, system};
use crate::os::{self, native};

/// Name of the file whose time is the last beat.
const BEAT: &str = "beat";
/// A machine that goes down properly says so within this time of the agent's last beat.
const FAREWELL_US: u64 = 10 * 60 * 1_000_000;
/// A sleep, or a press of the power key, this close to the last beat has to do with it.
const NEAR_US: u64 = 3 * 60 * 1_000_000;
/// Places where a system that crashed leaves a folder or a file for each time.
const REMAINS: [(&str, &str); 4] = [
    ("sys/fs/pstore", "firmware"),
    ("var/lib/systemd/pstore", "firmware"),
    ("var/crash", "dump"),
    ("var/log/kdump", "dump"),
];
/// Remains that are remembered as told.
const REMAINS_MAX: usize = 256;
/// An agent that is new tells of crashes of this time before it.
const LOOK_BACK: Duration = Duration::from_hours(7 * 24);
/// Bytes of a crash's log that are looked through for its reason.
const LOG_BYTES_MAX: u64 = 256 * 1024;

/// Notices that the machine stopped without shutting down, and what a crashed system left behind.
///
/// The time of a file of the agent's own is the last beat; it is set every minute, which writes nothing but that time.
#[derive(Default)]
pub(super) struct Stops {
    beat: Option<Beat>,
    looked: bool,
}

/// What is known of the run of the machine that the last beat is of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Beat {
    boot_id: String,
    /// In steps of five percent, so that it changes seldom. Absent without a battery.
    battery_percent: Option<u8>,
    on_battery: Option<bool>,
}

impl Stops {
    /// Tells what is found at the start, and beats.
    pub(super) fn look(&mut self, cx: &Context, kept: &mut Kept, reader: &mut Reader) {
        let Some(memory) = &cx.memory else { return };
        let path = memory.join(BEAT);
        let before: Option<Beat> = self.beat.take().or_else(|| cx.recall(BEAT));
        let boot_id = native::boot_id(&cx.root).unwrap_or_default();
        if !std::mem::replace(&mut self.looked, true) {
            if kept.judged != boot_id
                && let (Some(before), Some(last_us)) = (&before, modified_us(&path))
            {
                reader.extend(unclean_stop(cx, before, last_us));
            }
            kept.judged.clone_from(&boot_id);
            for (at_us, found) in remains(cx, &mut kept.remains) {
                reader.add(at_us, found);
            }
        }
        if before.as_ref().is_some_and(|before| before.boot_id != boot_id) && !is_kept(cx, &boot_id) {
            // The last beat is all that tells how the boot before ended: it stays until what it tells is safe.
            return;
        }
        let (battery_percent, on_battery) = battery(cx);
        let now = Beat { boot_id, battery_percent, on_battery };
        if before.as_ref() == Some(&now) {
            touch(&path);
        } else {
            cx.remember(BEAT, &now);
        }
        self.beat = Some(now);
    }
}

/// Whether it is kept that the start of this boot was looked at.
fn is_kept(cx: &Context, boot_id: &str) -> bool {
    cx.recall_bookmark::<Kept>(KEPT).is_some_and(|kept| kept.judged == boot_id)
}

/// The event, when the boot of the last beat ended without a word.
fn unclean_stop(cx: &Context, before: &Beat, last_us: u64) -> Option<(u64, Found)> {
    let boot_id = native::boot_id(&cx.root).ok()?;
    let another = !before.boot_id.is_empty() && before.boot_id != boot_id;
    if !another || cx.vitals.ended_well() {
        return None;
    }
    let last = |id: &str| native::Journal::last(&cx.root, &format!("MESSAGE_ID={id}"), &before.boot_id);
    let near = |at_us: Option<u64>| at_us.is_some_and(|at_us| at_us.abs_diff(last_us) <= NEAR_US);
    let said = [system::SHUTDOWN, system::JOURNAL_STOPPED].into_iter().filter_map(last);
    if said.max().is_some_and(|at_us| at_us + FAREWELL_US >= last_us) {
        return None;
    }
    let slept = last(system::SLEEP_BEGINS);
    let found = Found::new("endpoint.os.unclean_stop")
        .flag("sleep_in_progress", near(slept) && slept > last(system::SLEEP_ENDS))
        .flag("power_key", near(last(system::POWER_KEY)) || near(last(system::POWER_KEY_LONG)));
    let found = match before.on_battery {
        Some(on_battery) => found.flag("on_battery", on_battery),
        None => found,
    };
    Some((
        last_us,
        match before.battery_percent {
            Some(percent) => found.number("battery_charge", f64::from(percent) / 100.0),
            None => found,
        },
    ))
}

/// Crashes of the system that were not told yet.
fn remains(cx: &Context, told: &mut BTreeSet<String>) -> Vec<(u64, Found)> {
    let now_us = u64::try_from(cx.clock.now().unix_ms()).unwrap_or(0) * 1000;
    let since_us = now_us.saturating_sub(u64::try_from(LOOK_BACK.as_micros()).unwrap_or(0));
    let mut found = Vec::new();
    for (folder, source) in REMAINS {
        for name in os::list(&cx.root, folder).unwrap_or_default() {
            let place = format!("{folder}/{name}");
            let Some(log) = crash_log(cx, &place, source) else { continue };
            let at_us = modified_us(&cx.root.join(&place)).unwrap_or(now_us);
            if told.len() < REMAINS_MAX && told.insert(place) && at_us >= since_us {
                let reason = panic::reason(&log);
                found.push((
                    at_us,
                    Found::new("endpoint.os.crash").of("kind", "panic").text("source", source).text("reason", reason),
                ));
            }
        }
    }
    // Several parts of one crash lie beside each other in the firmware's store.
    found.dedup_by(|(later, _), (earlier, _)| later.abs_diff(*earlier) < NEAR_US);
    found
}

/// The end of the kernel's log of the crash at `place`; empty when it cannot be read, none when it is no crash.
fn crash_log(cx: &Context, place: &str, source: &str) -> Option<String> {
    let name = place.rsplit('/').next()?;
    let logs: Vec<String> = if source == "firmware" && name.starts_with("dmesg-") {
        vec![place.to_owned()]
    } else {
        let inside = os::list(&cx.root, place).ok()?;
        let logs = inside.iter().filter(|name| name.contains("dmesg")).map(|name| format!("{place}/{name}"));
        let logs: Vec<String> = logs.collect();
        let is_crash =
            !logs.is_empty() || inside.iter().any(|name| name.starts_with("vmcore") || name.starts_with("dump."));
        is_crash.then_some(())?;
        logs
    };
    let texts = logs.iter().filter_map(|log| os::tail(&cx.root, log, LOG_BYTES_MAX).ok());
    Some(texts.collect::<Vec<_>>().join("\n"))
}

/// Charge in steps of five percent, and whether the machine runs on it.
fn battery(cx: &Context) -> (Option<u8>, Option<bool>) {
    let Ok(supplies) = os::list(&cx.root, "sys/class/power_supply") else { return (None, None) };
    let read =
        |supply: &str, what: &str| os::read_trimmed(&cx.root, &format!("sys/class/power_supply/{supply}/{what}"));
    let Some(battery) = supplies.iter().find(|supply| supply.starts_with("BAT")) else { return (None, None) };
    let percent = read(battery, "capacity").and_then(|text| text.parse::<u8>().ok());
    (percent.map(|percent| percent.min(100) / 5 * 5), read(battery, "status").map(|status| status == "Discharging"))
}

fn modified_us(path: &std::path::Path) -> Option<u64> {
    let time = path.metadata().ok()?.modified().ok()?;
    u64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_micros()).ok()
}

fn touch(path: &std::path::Path) {
    let file = std::fs::File::options().write(true).open(path);
    if let Err(source) = file.and_then(|file| file.set_modified(SystemTime::now())) {
        tracing::debug!("The beat was not noted: {source}");
    }
}
