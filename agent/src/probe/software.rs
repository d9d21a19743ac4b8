//! What is installed, which drivers are in use, and what starts by itself.
//!
//! The list of packages is read when a package manager changed its record, and what differs is told as events. The whole
//! list is told for a ticket only, and only what somebody chose: not every library, and games as a count.

mod changes;

use std::time::Duration;

use firstline_proto::v1::Section;

pub(super) use changes::Changes;

use firstline_diagnosis::order::Arrange as _;

use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier, service};
use crate::os::native;

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

/// At most this many packages are listed.
const MOST_LISTED: usize = 600;
/// At most this many programs that start by themselves are named.
const MOST_AUTOSTART: usize = 128;

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
            packages.arrange();
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
                started.arrange();
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
