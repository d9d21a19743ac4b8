//! What changed before it began.
//!
//! Changes of states and events that tell of changes (an update) become records of one form ([`record`]): what counts and
//! what it is called, what is noise ([`noise`]), and how much a change of a kind can have to do with a finding ([`relevance`])
//! stand in `catalogue/changes/`. The moment at which a trouble began is the earliest that anything tells of ([`onset`]), never
//! that of the ticket. What changed before it is ordered by
//!
//! ```text
//! relevance * exp(-(onset - effective) / tau) * distance * lift
//! ```
//!
//! and the few best are shown, as what they are: something that happened before, and may be related. What changed after
//! the onset cannot be the cause, and may be a fix that did not help; it is shown apart. With less than a day known of the
//! machine before, nothing is said at all ([`account`]).

mod account;
#[cfg(test)]
mod builtin;
mod compare;
mod difference;
mod noise;
mod onset;
mod pattern;
mod record;
mod relevance;
mod tables;
#[cfg(test)]
mod tests;

pub use account::{Past, account, main_signal};
pub use difference::{State, difference, net};
pub(crate) use pattern::fits;
pub use record::{Normalised, normalise, series_text};
pub(crate) use tables::BYTES as COMPILED;
