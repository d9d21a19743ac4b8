//! Recordings: what endpoints told, line by line, and what detection makes of it on a virtual clock.
//!
//! # Form
//! JSON Lines. A line for each endpoint comes before what it tells; then, in order of time:
//! ```text
//! {"kind":"endpoint","endpoint":"e1","os":"linux","name":"ada-laptop","attrs":{"site":"berlin"}}
//! {"kind":"sample","endpoint":"e1","t":"2026-03-02T09:00:00Z","signal":"system.cpu.utilization","attrs":{"cpu.mode":"idle"},"value":0.9,"step_seconds":60}
//! {"kind":"sample","endpoint":"e1","t":"2026-03-02T09:00:00Z","signal":"hw.temperature","value":null,"quality":"unknown","why":"no_permission"}
//! {"kind":"inventory","endpoint":"e1","t":"2026-03-02T09:00:00Z","signal":"os.version","value":"12.11"}
//! {"kind":"event","endpoint":"e1","t":"2026-03-02T09:00:07Z","signal":"endpoint.app.crash","fields":{},"count":1}
//! {"kind":"beat","endpoint":"e1","t":"2026-03-02T09:00:09Z","mark":"pausing"}
//! ```
//! - `step_seconds`: the length of the step that a number stands for. With it, the number of a counter is its increase
//!   within the step; without it, it is the counter's raw total.
//! - `since`, of an endpoint: since when it is watched. A window over what happened is known from there on.
//! - `mark`: `booted`, `pausing`, `resumed`, `network_changed`. A `boot_id` or `ctx` other than that of the line before
//!   says the first or the last of them as well.
//! - `t_mono`: seconds since boot. Where it is given, a clock that was set back moves nothing: the line is placed by it.
//! - Fields that are not known are passed over. A signal that the registry does not declare is passed over and named in
//!   the notes, as a collector counts it and goes on.
//!
//! # Replay
//! One code path with live detection: the same detector, judged when something is told and at the same [`Pace`] when
//! nothing is. A line that is older than the one before it is a late arrival: it is put where it belongs, and the clock
//! does not go back. The same bytes and the same catalogue give the same bytes. Lines are read one at a time; what
//! is held is what live detection would hold of these endpoints; beside that, when somebody looks at many of them together,
//! what they may have in common ([`Track`]).
//!
//! [`Pace`]: crate::detector::Pace

mod line;
mod placed;
mod player;
mod replay;
mod track;

#[cfg(test)]
mod tests;

pub use line::{Line, Told};
pub use player::{Moved, Player};
pub use replay::{Fault, Replay, Replayed};
pub use track::{CLOSE, Step, Track};
