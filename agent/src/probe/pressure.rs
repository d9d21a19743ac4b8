//! How long work stalls for want of a processor, memory or a disk.

use std::time::Duration;

use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::native;
use crate::os::proc::pressure::{Averages, WINDOWS};

static SPEC: Spec = Spec {
    name: "pressure",
    section: Section::Performance,
    tier: Tier::Fast,
    deadline: Duration::from_secs(2),
    priority: 1,
    waits: false,
    heavy: false,
    signals: &[
        "endpoint.pressure.cpu.some",
        "endpoint.pressure.memory.some",
        "endpoint.pressure.memory.full",
        "endpoint.pressure.io.some",
        "endpoint.pressure.io.full",
    ],
};

/// Reads the kernel's pressure stall information.
pub(crate) struct Pressure;

impl Probe for Pressure {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let mut gather = Gather::new(cx);
        for (resource, signals) in [
            ("cpu", &["endpoint.pressure.cpu.some"][..]),
            ("memory", &["endpoint.pressure.memory.some", "endpoint.pressure.memory.full"]),
            ("io", &["endpoint.pressure.io.some", "endpoint.pressure.io.full"]),
        ] {
            let pressure = native::pressure(&cx.root, resource);
            for signal in signals {
                let averages = pressure.as_ref().map_err(Clone::clone).and_then(|pressure| {
                    let line = if signal.ends_with("some") { pressure.some } else { pressure.full };
                    line.ok_or(ProbeError::Unsupported("this line of proc/pressure"))
                });
                enter(&mut gather, signal, averages);
            }
        }
        Ok(gather.done())
    }
}

fn enter(gather: &mut Gather, signal: &str, averages: Result<Averages, ProbeError>) {
    for (index, window) in WINDOWS.into_iter().enumerate() {
        let outcome = averages.as_ref().map(|averages| averages[index]).map_err(Clone::clone);
        gather.outcome(signal, [("window", window)], outcome);
    }
}
