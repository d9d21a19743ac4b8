//! What feeds the machine, and its batteries. Batteries of mice and headsets are none of it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use firstline_diagnosis::vocabulary::Attributes;
use firstline_proto::v1::Section;

use super::found::Found;
use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::native;
use crate::os::proc::power_supply::Supply;

static SPEC: Spec = Spec {
    name: "power",
    section: Section::Hardware,
    tier: Tier::Minute,
    deadline: Duration::from_secs(3),
    priority: 1,
    waits: false,
    heavy: false,
    signals: &[
        "endpoint.power.source",
        "endpoint.adapter.watts",
        "hw.battery.charge",
        "hw.battery.charge.limit",
        "endpoint.battery.state",
        "endpoint.battery.rate",
        "endpoint.battery.full_capacity",
        "endpoint.battery.design_capacity",
        "endpoint.battery.cycle_count",
        "endpoint.battery.condition",
    ],
};

static MODE_SPEC: Spec = Spec {
    name: "power-mode",
    section: Section::Hardware,
    tier: Tier::Change,
    deadline: Duration::from_secs(9),
    priority: 2,
    waits: false,
    heavy: false,
    signals: &["endpoint.power.mode"],
};

/// What feeds the machine.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Power {
    /// Absent when nothing tells.
    pub(crate) on_battery: Option<bool>,
    /// What the adapter in use could give.
    pub(crate) rated_w: Option<f64>,
    /// What was agreed on with it.
    pub(crate) negotiated_w: Option<f64>,
    pub(crate) batteries: Vec<Battery>,
}

/// One battery of the machine.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Battery {
    pub(crate) name: String,
    pub(crate) says: Supply,
}

/// Reads the batteries and adapters.
#[derive(Default)]
pub(crate) struct Supplies {
    /// Where charging is set to stop. Asking takes the firmware longer than everything else together.
    limits: Mutex<Found<BTreeMap<String, f64>>>,
}

impl Probe for Supplies {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let power = native::power(&cx.root)?;
        let mut gather = Gather::new(cx);
        let source = power.on_battery.map(|on_battery| if on_battery { "battery" } else { "ac" });
        gather.outcome("endpoint.power.source", [], source.ok_or(ProbeError::Unsupported("the source of power")));
        for (kind, watts) in [("rated", power.rated_w), ("negotiated", power.negotiated_w)] {
            let watts = watts.ok_or(ProbeError::NotPresent("adapter that says its power"));
            gather.outcome("endpoint.adapter.watts", [("kind", kind)], watts);
        }
        let mut found = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        let limits = found.look(cx.clock.since_boot(), || native::charge_limits(&cx.root))?;
        for battery in &power.batteries {
            enter(&mut gather, battery, limits.get(&battery.name));
        }
        if power.batteries.is_empty() {
            for signal in SPEC.signals.iter().filter(|signal| signal.contains("battery")) {
                gather.unknown(signal, [], ProbeError::NotPresent("battery"));
            }
        }
        Ok(gather.done())
    }
}

fn enter(gather: &mut Gather, battery: &Battery, limit_ratio: Option<&f64>) {
    let id = || Attributes::from([("hw.id", battery.name.as_str())]);
    let says = &battery.says;
    let silent = || ProbeError::Unsupported("this by the battery");
    gather.outcome("hw.battery.charge", id(), says.charge_ratio.ok_or_else(silent));
    gather.outcome("hw.battery.charge.limit", id(), limit_ratio.copied().ok_or_else(silent));
    gather.outcome("endpoint.battery.state", id(), says.state.ok_or_else(silent));
    gather.outcome("endpoint.battery.rate", id(), says.rate_w.ok_or_else(silent));
    gather.outcome("endpoint.battery.full_capacity", id(), says.full_wh.ok_or_else(silent));
    gather.outcome("endpoint.battery.design_capacity", id(), says.design_wh.ok_or_else(silent));
    gather.outcome("endpoint.battery.cycle_count", id(), says.cycles.ok_or_else(silent));
    gather.outcome("endpoint.battery.condition", id(), says.condition.as_deref().ok_or_else(silent));
}

/// Reads how the machine trades speed for power.
pub(crate) struct Mode;

impl Probe for Mode {
    fn spec(&self) -> &'static Spec {
        &MODE_SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let mut gather = Gather::new(cx);
        gather.outcome("endpoint.power.mode", [], native::power_mode(&cx.root));
        Ok(gather.done())
    }
}
