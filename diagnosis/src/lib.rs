//! What Firstline knows about workstations, and nothing else.
//!
//! Pure by construction: no I/O, no clock of its own, no network. The collector uses it on live data, the agent
//! uses it when there is no network, and a replay uses it on a recording: one code path, `now` is always passed in.
//!
//! | room | what it holds |
//! | --- | --- |
//! | [`vocabulary`] | the words: signal, reading, sample, event, mark |
//! | [`document`] | the documents people and scripts receive: endpoint, snapshot, diagnosis |
//! | [`privacy`] | what must not be told of a person, whatever the text it hides in |
//! | [`registry`] | every signal that an agent may send, and what it means |
//! | [`condition`] | the language of conditions: three values, units, windows of awake time, evidence |
//! | [`change`] | what changed before a finding began, and how likely that has to do with it |
//! | [`catalogue`] | checks, symptoms, and which finding explains which |
//! | [`detector`] | the windows and states of one endpoint |
//! | [`estimate`] | estimators that a few wild numbers cannot spoil |
//! | [`fleet`] | one cause seen on many endpoints |
//! | [`trend`] | forecasts, regressions and rates over an endpoint's past |
//! | [`stated`] | when it happened, as a ticket or a person says it |
//! | [`order`] | sorting and collecting with little code |
//! | [`recording`] | what endpoints told, line by line, and its replay on a virtual clock |
//! | [`diagnose`] | a snapshot goes in, a diagnosis comes out |

pub mod catalogue;
pub mod change;
mod compact;
pub mod condition;
pub mod detector;
pub mod document;
pub mod estimate;
pub mod fleet;
pub mod order;
pub mod privacy;
pub mod recording;
pub mod registry;
mod replay;
pub mod spelling;
pub mod stated;
pub mod texts;
pub mod trend;
pub mod vocabulary;
mod window;

pub use replay::{Foresight, Question, diagnose, diagnose_with};
pub use texts::human;
