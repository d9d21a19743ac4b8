//! What an endpoint's series looked like lately: numbers, states, events, and when the machine was awake.
//!
//! # What is kept
//! A series that no check names is not kept. Of the others, the span of the longest window that some check has over
//! them, and of every series the three newest numbers, whatever their age. Readings may arrive late and in any order:
//! they are put where they belong in time. Spans are counted in time that was heard and that counts: what lies before
//! a sleep or a boot stays until enough came after it. Five minutes more are kept, so that a turn which is told so
//! late still finds the numbers that it moves the windows to; of quiet times, windows reach back over half an hour.
//!
//! # How
//! Twenty thousand endpoints live in one collector. What is the same for all of them is stored once: what a series is
//! and which checks read it (`known`). Numbers of a step stand side by side in a grid: one list of times for the
//! endpoint, and for each length of window (a band) rows of numbers (`grid`) of two bytes each (`cells`). What does not fit in there, a
//! reading between two steps, an event, the last number of a series that ended, lies in a list beside it (`loose`). A
//! track is a view on both, which behaves like one list of points.
//!
//! # Bounds
//! 4096 series, 8192 steps and half a million cells of the grid, 1024 loose points of one series and 16,384 of all:
//! beyond that, what is oldest goes, or what is new is not taken.

mod aside;
mod awake;
mod cells;
mod coverage;
mod grid;
mod intake;
mod known;
mod loose;
mod plan;
mod steps;
mod store;
mod times;
mod track;

#[cfg(test)]
mod tests;

pub(crate) use awake::Awake;
pub(crate) use known::{Only, Reach, Source, Sources};
pub(crate) use store::Store;
pub(crate) use track::{Point, Track};
