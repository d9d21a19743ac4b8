//! For how long one charge lasts at the load that this machine has: what a battery holds by the middle of what was drawn
//! from it while it ran on it.

use crate::estimate;
use crate::vocabulary::Value;

use super::{Ask, Assessment, Doubt, Method, Output, OutputUnit, Role, words};

pub(super) const METHOD: Method = Method {
    name: "battery-runtime",
    version: 1,
    roles: &[
        Role { name: "full", needed: true, span: "window", step: "" },
        Role { name: "rate", needed: true, span: "window", step: "step" },
    ],
    parameters: &[("window", "s"), ("step", "s"), ("on_battery", "s")],
    outputs: &[
        Output { name: "runtime", label: "Time that one charge lasts", unit: OutputUnit::Unit("s") },
        Output { name: "load", label: "Power drawn from the battery", unit: OutputUnit::Unit("W") },
    ],
    assess,
};

fn assess(ask: &Ask) -> Result<Assessment, Doubt> {
    let full = ask.states("full").last().and_then(|(_, value)| Value::number(value)).filter(|held| *held > 0.0);
    let Some(full) = full else { return Err(Doubt::needs("the battery's capacity", "none")) };
    let rates = ask.points("rate");
    let used: Vec<_> = rates.iter().filter(|point| point.mean < 0.0).collect();
    let seconds = used.iter().map(|point| point.step_ms as f64 / 1000.0).sum::<f64>();
    let needed = ask.parameter("on_battery");
    let loads: Vec<f64> = used.iter().map(|point| f64::from(-point.mean)).collect();
    let Some(load) = estimate::median(&loads).filter(|_| seconds >= needed) else {
        let wanted = words::counted(needed / 3600.0, "hour") + " on battery";
        return Err(Doubt::needs(wanted, format!("{:.0}", seconds / 3600.0)));
    };
    let runtime = full * 3600.0 / load;
    Ok(Assessment::of(used.len())
        .estimating("s", runtime, None)
        .with("runtime", runtime)
        .with("load", load)
        .weighing(3600.0 / runtime))
}
