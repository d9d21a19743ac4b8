//! What is installed, which drivers are in use, and what starts by itself.
//!
//! The list of packages is read when a package manager changed its record, and what differs is told as events. The whole
//! list is told for a ticket only, and only what somebody chose: not every library, and games as a count.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use firstline_diagnosis::vocabulary::{Timestamp, Value};
use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier, service};
use crate::os::native;
use crate::os::package::inventory::{Change, Inventory};

static CHANGES: Spec = Spec {
    name: "software",
    section: Section::Software,
    tier: Tier::QuarterHour,
    deadline: Duration::from_secs(15),
    priority: 4,
    waits: false,
    heavy: true,
    signals: &[
        "endpoint.software.count",
        "endpoint.software.personal.count",
        "endpoint.software.fingerprint",
        "endpoint.software.change",
    ],
};

static CHOSEN: Spec = Spec {
    name: "software-list",
    section: Section::Software,
    tier: Tier::Demand,
    deadline: Duration::from_secs(10),
    priority: 7,
    waits: false,
    heavy: true,
    signals: &["endpoint.software"],
};

static DRIVERS: Spec = Spec {
    name: "drivers",
    section: Section::Software,
    tier: Tier::Change,
    deadline: Duration::from_secs(5),
    priority: 4,
    waits: false,
    heavy: false,
    signals: &["endpoint.driver", "endpoint.autostart"],
};

/// At most this many changes of one look are told; an upgrade of the whole system is one change, told by its version.
const MOST_CHANGES: usize = 200;
/// At most this many packages are listed.
const MOST_LISTED: usize = 600;
/// At most this many programs that start by themselves are named.
const MOST_AUTOSTART: usize = 128;

/// Tells what was installed, updated and removed.
#[derive(Default)]
pub(crate) struct Changes {
    known: Mutex<BTreeMap<&'static str, Known>>,
}

/// What a package manager had at the last look.
struct Known {
    stamp: i64,
    inventory: Result<Inventory, ProbeError>,
}

impl Probe for Changes {
    fn spec(&self) -> &'static Spec {
        &CHANGES
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let managers = native::package_managers(&cx.root);
        if managers.is_empty() {
            return Err(ProbeError::Unsupported("the record of a package manager"));
        }
        let mut gather = Gather::new(cx);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for (manager, stamp) in managers {
            look(cx, &mut gather, &mut known, manager, stamp);
            let attributes = || [("package.manager", manager)];
            let inventory = known[manager].inventory.as_ref().map_err(Clone::clone);
            gather.outcome("endpoint.software.count", attributes(), inventory.clone().map(|all| all.count));
            gather.outcome("endpoint.software.personal.count", attributes(), inventory.clone().map(|all| all.personal));
            gather.outcome("endpoint.software.fingerprint", attributes(), inventory.map(Inventory::fingerprint));
        }
        Ok(gather.done())
    }
}

/// Reads a record again when it changed, and tells what differs.
fn look(
    cx: &Context,
    gather: &mut Gather,
    known: &mut BTreeMap<&'static str, Known>,
    manager: &'static str,
    stamp: i64,
) {
    if known.get(manager).is_some_and(|known| known.stamp == stamp) {
        return;
    }
    let inventory = native::packages(&cx.root, manager).map(Inventory::of);
    let before = known.remove(manager).and_then(|known| known.inventory.ok());
    if let (Some(before), Ok(now)) = (&before, &inventory) {
        for change in now.changes_since(before).into_iter().take(MOST_CHANGES) {
            tell(gather, manager, change, cx.clock.now());
        }
    }
    // What cannot be read now is no reason to forget what there was: the next look compares with it.
    let inventory = match (before, inventory) {
        (Some(before), Err(_)) => Ok(before),
        (_, inventory) => inventory,
    };
    known.insert(manager, Known { stamp, inventory });
}

fn tell(gather: &mut Gather, manager: &str, change: Change<'_>, at: Timestamp) {
    let attributes = [("package.manager", manager), ("package.name", change.name)];
    let text = |version: Option<&str>| Value::from(version.unwrap_or("none"));
    let fields = [("from", text(change.from)), ("to", text(change.to))];
    gather.event("endpoint.software.change", attributes, at, fields);
}

/// Lists what somebody chose.
pub(crate) struct Chosen;

impl Probe for Chosen {
    fn spec(&self) -> &'static Spec {
        &CHOSEN
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let managers = native::package_managers(&cx.root);
        if managers.is_empty() {
            return Err(ProbeError::Unsupported("the record of a package manager"));
        }
        let mut gather = Gather::new(cx);
        let mut room = MOST_LISTED;
        for (manager, _) in managers {
            let Ok(mut packages) = native::packages(&cx.root, manager) else { continue };
            packages.retain(|package| !package.is_personal && (package.is_chosen || manager == "rpm"));
            packages.sort_unstable();
            for package in packages.iter().take(room) {
                let attributes = [("package.manager", manager), ("package.name", package.name.as_str())];
                gather.value("endpoint.software", attributes, package.version.as_str());
            }
            room = room.saturating_sub(packages.len());
        }
        Ok(gather.done())
    }
}

/// Names drivers and what starts by itself.
pub(crate) struct Drivers;

impl Probe for Drivers {
    fn spec(&self) -> &'static Spec {
        &DRIVERS
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let mut gather = Gather::new(cx);
        match native::drivers(&cx.root) {
            Ok(drivers) => {
                for (class, driver, version) in &drivers {
                    gather.value("endpoint.driver", [("device.class", *class), ("driver", driver)], version.as_str());
                }
            }
            Err(why) => gather.unknown("endpoint.driver", [], why),
        }
        match native::autostart(&cx.root) {
            Ok(started) => {
                // A unit that is started for somebody has that somebody in its name.
                let name =
                    |scope, name: String| if scope == "machine" { service::plain_name(&name) } else { Some(name) };
                let mut started: Vec<_> =
                    started.into_iter().filter_map(|(scope, unit)| Some((scope, name(scope, unit)?))).collect();
                started.sort_unstable();
                started.dedup();
                for (scope, name) in started.iter().take(MOST_AUTOSTART) {
                    gather.value("endpoint.autostart", [("autostart", name.as_str()), ("scope", scope)], true);
                }
            }
            Err(why) => gather.unknown("endpoint.autostart", [], why),
        }
        Ok(gather.done())
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::fs;

    use tokio::sync::watch;

    use super::*;
    use crate::probe::Pseudonyms;
    use crate::settings::Settings;

    fn status(packages: &[(&str, &str, &str)]) -> String {
        let stanza = |(name, version, section): &(&str, &str, &str)| {
            format!(
                "Package: {name}\nStatus: install ok installed\nSection: {section}\nArchitecture: amd64\nVersion: {version}\n\n"
            )
        };
        packages.iter().map(stanza).collect()
    }

    #[test]
    fn what_differs_is_told_once_and_games_never() {
        let root = tempfile::tempdir().expect("temporary directory");
        let path = root.path().join("var/lib/dpkg/status");
        fs::create_dir_all(path.parent().expect("below the root")).expect("made");
        let (_, settings) = watch::channel(Settings::default());
        let cx = Context { root: root.path().to_owned(), ..Context::this_machine(settings, Pseudonyms::new(b"test")) };
        let probe = Changes::default();
        let mut write = {
            let mut stamp = 1_000_000_u64;
            move |packages: &[(&str, &str, &str)]| {
                fs::write(&path, status(packages)).expect("written");
                stamp += 1;
                let time = std::time::UNIX_EPOCH + Duration::from_secs(stamp);
                fs::File::options().write(true).open(&path).expect("there").set_modified(time).expect("set");
            }
        };
        write(&[("cups", "2.4.2-3", "net"), ("old", "1", "net")]);
        assert_eq!(probe.collect(&cx).expect("read").events, []);
        write(&[("cups", "2.4.2-4", "net"), ("0ad", "1", "games")]);
        let events = probe.collect(&cx).expect("read").events;
        let said: Vec<_> =
            events.iter().map(|event| (event.series.attributes.get("package.name"), &event.fields["to"])).collect();
        assert_eq!(said, [(Some("cups"), &Value::from("2.4.2-4")), (Some("old"), &Value::from("none"))]);
        assert_eq!(probe.collect(&cx).expect("read").events, [], "told once");
    }
}
