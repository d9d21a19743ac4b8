//! What lines of a log mean: pure functions of one line, from the words that a program is known to write to an event of
//! the registry. Nothing of a line is passed on but what a rule names: a device, a class, a number. A line that no rule
//! knows means nothing.

mod found;
pub(crate) mod kernel;
pub(crate) mod network;
pub(crate) mod panic;
mod record;
pub(crate) mod sign_in;
pub(crate) mod system;
mod terms;
#[cfg(test)]
mod tests;
pub(crate) mod text;

pub(crate) use found::Found;
pub(crate) use record::Record;
pub(crate) use terms::{Lines, Position, TERMS};
