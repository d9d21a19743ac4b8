//! Forecasts, regressions and rates: what a condition over a window cannot say.
//!
//! A *method* is a function from an endpoint's [`Past`] to a few numbers (time until the disk is full, how steadily it falls,
//! ...). A check of the catalogue names its method, the series it reads, and its parameters; the numbers are then inputs
//! of the check's conditions and texts like readings of a signal, so that holding, clearing, guards, evidence, unknown and
//! stale are the detector's as everywhere. No threshold stands here.
//!
//! | part | is |
//! | --- | --- |
//! | [`Past`] | what is known of an endpoint, from wherever: a collector's history, an agent's recorder, a recording |
//! | `Method`, `METHODS` | name, version, roles of series, parameters, numbers, and the function |
//! | `Ask` | one instance at one moment: the past as far as its check wants it |
//! | [`Outlook`] | what a check's method said of all instances at a moment |
//!
//! Promises: pure and deterministic; the same past gives the same outlook, whatever order it came in. Too little to go by
//! is said with what is needed and what is there. A method reads no more than its roles name, in the steps that its
//! parameters name, so that who stores the past can answer from roll-ups.

mod ask;
mod battery_runtime;
mod battery_wear;
mod blocks;
mod context_shift;
mod disk_fill;
mod disk_watch;
mod duration_rise;
mod endurance;
mod event_rate;
mod leak;
mod method;
mod outlook;
mod past;
mod thermal_drift;
mod words;

pub(crate) use blocks::joined;
pub use method::{Form, Read, Use};
pub(crate) use method::{METHODS, Method, Output, OutputUnit};
pub use outlook::{Found, Missing, Outlook, outlook};
pub use past::{Past, PastFinding, PastPoint, PastSeries, PastStates};

use ask::{Ask, Doubt};
use method::{Assessment, Role};
