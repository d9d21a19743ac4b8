//! What an endpoint's series looked like lately: rings of readings, states, events, and when the machine was awake.
//!
//! A ring keeps what the longest window over its series needs and no more; a series that no check names is not kept.
//! Readings may arrive late and in any order: they are put where they belong in time.

mod awake;
mod store;
mod track;

pub(crate) use awake::Awake;
pub(crate) use store::{Source, Store};
pub(crate) use track::{Point, Track};
