//! Heat and fans.
//!
//! Sensors are found once and read often; a sensor whose device sleeps is left alone. A fan that stands still turns at
//! 0; a sensor that is wired to nothing has no value.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use firstline_diagnosis::vocabulary::Attributes;
use firstline_proto::v1::Section;

use super::found::Found;
use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::native;

static SPEC: Spec = Spec {
    name: "thermal",
    section: Section::Hardware,
    tier: Tier::Minute,
    deadline: Duration::from_secs(5),
    priority: 1,
    waits: false,
    heavy: false,
    signals: &["hw.temperature", "hw.temperature.limit", "hw.fan.speed"],
};

/// What a sensor measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measures {
    /// Degrees.
    Heat,
    /// Turns a minute.
    Fan,
}

/// A sensor, found once and read often.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sensor {
    pub(crate) measures: Measures,
    /// The device that it is part of.
    pub(crate) hardware: String,
    /// Its own name there.
    pub(crate) name: String,
    /// Degrees above which the device slows itself down.
    pub(crate) high_celsius: Option<f64>,
    /// Degrees at which the device switches itself off.
    pub(crate) critical_celsius: Option<f64>,
    /// What is read, below the root.
    pub(crate) path: String,
    /// What tells whether looking would wake the device.
    pub(crate) sleep: Sleep,
}

/// How to tell that a device sleeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sleep {
    /// Looking wakes nothing.
    Never,
    /// The file says `suspended`.
    Suspended(String),
    /// A disk that spins down when nobody uses it, and for which looking counts as use. Looked at only when the counts
    /// in the file differ from those here: then somebody else uses it.
    Idle(String, Option<String>),
}

/// Reads every sensor.
#[derive(Default)]
pub(crate) struct Thermal {
    sensors: Mutex<Found<Vec<Sensor>>>,
}

impl Probe for Thermal {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let mut found = self.sensors.lock().unwrap_or_else(PoisonError::into_inner);
        let sensors = found.look(cx.clock.since_boot(), || native::sensors(&cx.root))?;
        let mut gather = Gather::new(cx);
        let mut lost = false;
        for sensor in sensors.iter_mut() {
            let read = native::read_sensor(&cx.root, sensor);
            lost |= matches!(read, Err(ProbeError::Missing(_)));
            enter(&mut gather, sensor, read);
        }
        absent(&mut gather, sensors);
        if lost {
            found.forget();
        }
        Ok(gather.done())
    }
}

fn enter(gather: &mut Gather, sensor: &Sensor, read: Result<f64, ProbeError>) {
    let attributes = Attributes::from([("hw.id", sensor.hardware.as_str()), ("sensor", sensor.name.as_str())]);
    if sensor.measures == Measures::Fan {
        gather.outcome("hw.fan.speed", attributes, read);
        return;
    }
    let limits = [("high.degraded", sensor.high_celsius), ("high.critical", sensor.critical_celsius)];
    for (kind, limit) in limits.into_iter().filter_map(|(kind, limit)| Some((kind, limit?))) {
        gather.value("hw.temperature.limit", attributes.clone().with("hw.limit_type", kind), limit);
    }
    gather.outcome("hw.temperature", attributes, read);
}

/// That there is no sensor at all is an answer, too.
fn absent(gather: &mut Gather, sensors: &[Sensor]) {
    for (measures, signal, what) in [
        (Measures::Heat, "hw.temperature", "sensor of heat"),
        (Measures::Fan, "hw.fan.speed", "fan that says its speed"),
    ] {
        if !sensors.iter().any(|sensor| sensor.measures == measures) {
            gather.unknown(signal, [], ProbeError::NotPresent(what));
        }
    }
}
