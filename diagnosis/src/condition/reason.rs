use crate::texts;
use crate::vocabulary::{Timestamp, Unknown, Why};

use super::compile::InputSpec;

/// Why something cannot be told. Cheap to make; words are put together only when somebody reads them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reason {
    /// No series matches.
    NoData(usize),
    /// The probe said why.
    Absent(usize, Unknown),
    /// The newest value is too old.
    Old(usize, i64),
    /// In the quiet time after a turn.
    Settling(Option<Timestamp>),
    /// Too little of a window was measured.
    Coverage {
        share: f64,
        span_ms: i64,
        so_far: Option<f64>,
        /// Whether the rest can only add to what is there so far.
        at_least: bool,
    },
    /// Too few rows.
    Rows { found: usize, wanted: usize },
    /// Nothing at all was heard lately.
    Silent(i64),
    /// Divided by zero.
    Division,
    /// Nothing tells it on this system, and why.
    NotOffered(usize, String),
    /// What it rests on does not hold.
    NotGiven(usize),
    /// The table has no such row: its name and the keys.
    NoRow(String, String),
    /// The endpoint is not known for so long.
    NotKnownFor(i64),
    /// The check has no inputs on this system.
    OtherSystem,
    /// The newest event did not say.
    NotTold(usize),
}

impl Reason {
    /// The reason in plain words.
    pub(crate) fn words(&self, inputs: &[&InputSpec]) -> String {
        let is_worked_out = |input: &usize| inputs.get(*input).is_some_and(|input| input.is_worked_out());
        let label = |input: &usize| inputs.get(*input).map_or("it", |input| input.signal.label.as_str());
        match self {
            // What is worked out of the past has a name that nobody outside knows; its reason stands alone.
            Self::NoData(input) if is_worked_out(input) => "nothing was worked out of its past yet".to_owned(),
            Self::Absent(input, unknown) if is_worked_out(input) => unknown.words(),
            Self::NoData(input) => format!("nothing has arrived yet about \"{}\"", label(input)),
            Self::Absent(input, unknown) => {
                let verb = if unknown.why == Why::NotPresent { "does not apply" } else { "could not be read" };
                format!("\"{}\" {verb}: {}", label(input), unknown.words())
            }
            Self::Old(input, age_ms) => {
                format!("the last reading of \"{}\" is {} old", label(input), texts::duration(*age_ms as f64 / 1000.0))
            }
            Self::Settling(_) => {
                "the machine has just started, woken up or changed network; its numbers have not settled yet".to_owned()
            }
            Self::Coverage { share, span_ms, .. } => {
                let span = texts::duration(*span_ms as f64 / 1000.0);
                if *share == 0.0 {
                    format!("nothing was measured in the last {span}")
                } else {
                    format!("only {} of the last {span} was measured yet", texts::percent(*share))
                }
            }
            Self::NotTold(input) => format!("\"{}\" did not say", label(input)),
            Self::Rows { found, wanted } => format!("only {found} of the last {wanted} readings are there"),
            Self::Silent(age_ms) => {
                format!("nothing was heard from this machine for {}", texts::duration(*age_ms as f64 / 1000.0))
            }
            Self::NotOffered(input, why) => format!("nothing tells \"{}\" on this system: {why}", label(input)),
            Self::NotGiven(input) => format!("it can be told only while this holds: \"{}\"", label(input)),
            Self::NoRow(table, keys) => format!("the table {table} says nothing about {keys}"),
            Self::NotKnownFor(span_ms) => {
                format!("this machine has not been known for {}", texts::duration(*span_ms as f64 / 1000.0))
            }
            Self::Division => "there was nothing to divide by".to_owned(),
            Self::OtherSystem => "this version cannot check it on this operating system".to_owned(),
        }
    }

    /// Whether it says that the thing itself is not in this machine.
    pub(crate) fn is_not_present(&self) -> bool {
        matches!(self, Self::Absent(_, Unknown { why: Why::NotPresent, .. }))
    }
}
