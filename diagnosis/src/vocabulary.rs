//! The words of the product, as types. One thing has one name, from the kernel to the screen.

mod attributes;
mod event;
mod reading;
mod series;
mod severity;
mod timestamp;
mod why;

pub use attributes::Attributes;
pub use event::{Event, Mark};
pub use reading::{Reading, Value};
pub use series::{Layout, ParseSeriesError, Sample, Series};
pub use severity::{Impact, Priority, Severity, Urgency};
pub use timestamp::Timestamp;
pub use why::{Unknown, Why};
