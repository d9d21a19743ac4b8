//! What is plugged in, what comes and goes, and what lacks a driver.
//!
//! A device is named by a keyed hash of its model and serial number. The kernel numbers devices as they come, so that one
//! which went and came back between two looks shows as well.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use firstline_diagnosis::order;
use firstline_diagnosis::vocabulary::Value;
use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::native;

static SPEC: Spec = Spec {
    name: "devices",
    section: Section::Peripheral,
    tier: Tier::Minute,
    deadline: Duration::from_secs(5),
    priority: 5,
    waits: false,
    heavy: false,
    signals: &[
        "endpoint.device.count",
        "endpoint.device.model",
        "endpoint.device.problem.count",
        "endpoint.device.problem",
        "endpoint.device.arrival",
        "endpoint.device.removal",
        "endpoint.dock.model",
        "endpoint.dock.firmware",
        "endpoint.dock.authorized",
    ],
};

/// Devices of which none came or went are not read again for so long.
const HOLDS: Duration = Duration::from_mins(15);
/// At most this many devices are named.
const MOST_DEVICES: usize = 64;
/// At most this many comings and goings of one device count in one look.
const MOST_TURNS: u32 = 8;

/// A device on a bus that can be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Device {
    /// What it is for.
    pub(crate) class: &'static str,
    /// What tells it from others; told as a keyed hash only.
    pub(crate) identity: String,
    /// Numbers of its maker and model.
    pub(crate) model: String,
    /// The hub it hangs on, `root` for the machine itself.
    pub(crate) parent: String,
    /// The number that it got when it came.
    pub(crate) turn: Option<u32>,
    /// What is wrong with it.
    pub(crate) problem: Option<&'static str>,
    /// Whether somebody can pull it out.
    pub(crate) is_plugged: bool,
}

/// A dock, or another device of Thunderbolt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dock {
    /// What tells it from others; told as a keyed hash only.
    pub(crate) identity: String,
    /// Maker and model.
    pub(crate) model: String,
    /// Version of its firmware.
    pub(crate) firmware: Option<String>,
    /// Whether the machine lets it in.
    pub(crate) is_authorized: Option<bool>,
}

/// Lists the devices, and remembers them to see what comes and goes.
#[derive(Default)]
pub(crate) struct Devices {
    known: Mutex<Option<BTreeMap<String, Known>>>,
    listed: Mutex<Option<Listed>>,
}

/// The devices as they were last read.
struct Listed {
    stamp: u64,
    at: Duration,
    devices: Vec<Device>,
}

#[derive(Debug, Clone)]
struct Known {
    class: &'static str,
    parent: String,
    turn: Option<u32>,
}

impl Probe for Devices {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let devices = self.listed(cx)?;
        let docks = native::docks(&cx.root).unwrap_or_default();
        let mut gather = Gather::new(cx);
        tell_devices(cx, &mut gather, &devices, native::has_sockets(&cx.root));
        tell_docks(cx, &mut gather, &docks);
        let plugged = devices.iter().filter(|device| device.is_plugged);
        let mut now = order::map(plugged.map(|device| {
            let known = Known { class: device.class, parent: device.parent.clone(), turn: device.turn };
            (name(cx, &device.identity), known)
        }));
        let dock =
            |dock: &Dock| (name(cx, &dock.identity), Known { class: "dock", parent: "root".to_owned(), turn: None });
        now.extend(docks.iter().map(dock));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = known.replace(now.clone()) {
            tell_turns(cx, &mut gather, &before, &now);
        }
        Ok(gather.done())
    }
}

impl Devices {
    /// The devices; read again when one came or went, and now and then for drivers that came or went.
    fn listed(&self, cx: &Context) -> Result<Vec<Device>, ProbeError> {
        let (stamp, now) = (native::device_stamp(&cx.root), cx.clock.since_boot());
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        let is_current = |one: &&Listed| one.stamp == stamp && now.saturating_sub(one.at) < HOLDS;
        if let Some(listed) = listed.as_ref().filter(is_current) {
            return Ok(listed.devices.clone());
        }
        let devices = native::devices(&cx.root)?;
        *listed = Some(Listed { stamp, at: now, devices: devices.clone() });
        Ok(devices)
    }
}

fn name(cx: &Context, identity: &str) -> String {
    cx.pseudonyms.name("device", identity)
}

fn tell_devices(cx: &Context, gather: &mut Gather, devices: &[Device], has_sockets: bool) {
    let plugged: Vec<_> = devices.iter().filter(|device| device.is_plugged).collect();
    let count = has_sockets.then_some(plugged.len() as u64);
    gather.outcome("endpoint.device.count", [], count.ok_or(ProbeError::NotPresent("USB to plug anything into")));
    for device in plugged.iter().take(MOST_DEVICES) {
        let name = name(cx, &device.identity);
        let attributes = [("device", name.as_str()), ("device.class", device.class)];
        gather.value("endpoint.device.model", attributes, device.model.as_str());
    }
    let faulty: Vec<_> = devices.iter().filter_map(|device| Some((device, device.problem?))).collect();
    gather.single("endpoint.device.problem.count", faulty.len() as u64);
    for (device, problem) in faulty.iter().take(MOST_DEVICES) {
        let name = name(cx, &device.identity);
        gather.value("endpoint.device.problem", [("device", name.as_str()), ("device.class", device.class)], *problem);
    }
}

fn tell_docks(cx: &Context, gather: &mut Gather, docks: &[Dock]) {
    for dock in docks {
        let name = name(cx, &dock.identity);
        let attributes = || [("device", name.as_str())];
        gather.value("endpoint.dock.model", attributes(), dock.model.as_str());
        let unsaid = |what| ProbeError::Unsupported(what);
        let firmware = dock.firmware.clone().ok_or(unsaid("the firmware of this dock"));
        gather.outcome("endpoint.dock.firmware", attributes(), firmware);
        let authorized = dock.is_authorized.ok_or(unsaid("whether this dock is let in"));
        gather.outcome("endpoint.dock.authorized", attributes(), authorized);
    }
}

/// Tells what went and what came since the look before.
fn tell_turns(cx: &Context, gather: &mut Gather, before: &BTreeMap<String, Known>, now: &BTreeMap<String, Known>) {
    let mut tell = |signal: &str, name: &str, known: &Known| {
        let attributes = [("device", name), ("device.class", known.class)];
        gather.event(signal, attributes, cx.clock.now(), [("parent", Value::from(known.parent.as_str()))]);
    };
    for (name, old) in before {
        // Numbers go up by one for each device that comes; one that came back alone several times shows all of them.
        let turns = match now.get(name) {
            None => 1,
            Some(new) if new.turn == old.turn => 0,
            Some(new) => match (old.turn, new.turn) {
                (Some(old), Some(new)) if before.len() == now.len() => {
                    new.checked_sub(old).map_or(1, |turns| turns.min(MOST_TURNS))
                }
                _ => 1,
            },
        };
        for _ in 0..turns {
            tell("endpoint.device.removal", name, old);
            if now.contains_key(name) {
                tell("endpoint.device.arrival", name, old);
            }
        }
    }
    for (name, new) in now.iter().filter(|(name, _)| !before.contains_key(*name)) {
        tell("endpoint.device.arrival", name, new);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::*;
    use crate::probe::Pseudonyms;
    use crate::settings::Settings;

    fn known(devices: &[(&str, u32)]) -> BTreeMap<String, Known> {
        let known = |turn| Known { class: "input", parent: "1-1".to_owned(), turn: Some(turn) };
        devices.iter().map(|(name, turn)| ((*name).to_owned(), known(*turn))).collect()
    }

    fn turns(before: &[(&str, u32)], now: &[(&str, u32)]) -> Vec<String> {
        let (_, settings) = watch::channel(Settings::default());
        let cx = Context::this_machine(settings, Pseudonyms::new(b"test"));
        let mut gather = Gather::new(&cx);
        tell_turns(&cx, &mut gather, &known(before), &known(now));
        let word = |signal: &str| signal.rsplit('.').next().expect("a name").to_owned();
        gather.done().events.iter().map(|event| word(&event.series.signal)).collect()
    }

    #[test]
    fn what_comes_and_goes_is_told() {
        assert_eq!(turns(&[("a", 1)], &[("a", 1)]), [""; 0]);
        assert_eq!(turns(&[("a", 1)], &[("a", 1), ("b", 2)]), ["arrival"]);
        assert_eq!(turns(&[("a", 1), ("b", 2)], &[("a", 1)]), ["removal"]);
    }

    #[test]
    fn what_came_back_between_two_looks_is_told_as_often_as_it_did() {
        assert_eq!(turns(&[("a", 4)], &[("a", 5)]), ["removal", "arrival"]);
        assert_eq!(turns(&[("a", 4)], &[("a", 7)]).len(), 6);
        assert_eq!(turns(&[("a", 120)], &[("a", 3)]), ["removal", "arrival"], "the numbers begin again");
    }
}
