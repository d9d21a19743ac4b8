//! The stream to the collector.

mod dial;

pub use dial::{DialError, Link, dial};
