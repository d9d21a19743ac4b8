//! Takes in streams of agents and hands their records to the store.
//!
//! One task a stream. It takes one frame after the other, and a batch of records is committed before the next frame is
//! read, so that an endpoint that sends fast is slowed down by itself and never fills memory. What is acknowledged is
//! stored; only then do the other rooms hear of it ([`Listener`]).
//!
//! Nothing that arrives is trusted: every bound of the wire is checked, a record that cannot be is refused by its
//! number, anything worse ends the stream with a status that says why. An endpoint is who its certificate names.
//! Compressed frames are not accepted: what arrives is as large as it says, and a row of numbers would not shrink.

mod backlog;
mod clock;
mod in_hand;
mod layouts;
mod listener;
mod observation;
mod pace;
mod records;
mod service;
mod session;

pub use layouts::Layouts;
pub use listener::Listener;
pub use observation::Observation;
pub use service::{Drain, Service};

/// The largest frame from an endpoint.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;

/// The largest frame to an endpoint.
pub const COLLECTOR_FRAME_BYTES_MAX: usize = 256 * 1024;

#[cfg(test)]
mod tests;
