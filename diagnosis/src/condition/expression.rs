use std::sync::Arc;

use crate::document::Comparison;
use crate::window::Only;

use super::syntax::Arithmetic;
use super::table::Table;
use super::unit::Unit;

/// What an expression gives.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Number(Unit),
    Flag,
    Text,
}

/// An expression whose names, types and units are checked. Inputs are indices into the check's inputs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expression {
    Number(f64),
    Flag(bool),
    Text(String),
    /// The newest value, or in a row the value as it stood then.
    Input(usize),
    /// The newest value, as old as so many milliseconds.
    LastWithin(usize, i64),
    /// Seconds since the newest value.
    Age(usize),
    Negative(Box<Expression>),
    Absolute(Box<Expression>),
    /// The nearest whole number.
    Rounded(Box<Expression>),
    /// An attribute of the series of an input.
    Attribute(usize, String),
    /// Whether a text contains another one.
    Contains(Box<Expression>, String),
    Given(Box<Given>),
    Lookup(Box<Lookup>),
    /// Awake time within the last so many milliseconds of the clock.
    Awake(i64),
    /// Times a constant: conversion of units.
    Scaled(Box<Expression>, f64),
    Arithmetic(Arithmetic, Box<Expression>, Box<Expression>),
    Coalesce(Vec<Expression>),
    /// Whether the system has the input at all.
    Offered(usize),
    /// Whether the endpoint runs this system.
    System(String),
    /// Whether a bit of a number is set.
    Bit(Box<Expression>, u8),
    /// So many points where the condition holds, else none.
    Points(Box<Expression>, f64),
    /// A field of the newest event, as text or as a number.
    Field(Box<Field>),
    Compare(Box<Compare>),
    Not(Box<Expression>),
    And(Box<Expression>, Box<Expression>),
    Among(Box<Among>),
    Or(Box<Expression>, Box<Expression>),
    Window(Box<Window>),
    OnOf(Box<OnOf>),
    Across(Box<Across>),
    Rank(Box<Rank>),
}

impl Expression {
    /// The number, when it is nothing else.
    pub(crate) fn constant(&self) -> Option<f64> {
        match self {
            Self::Number(value) => Some(*value),
            _ => None,
        }
    }
}

/// A field of the newest event of an input.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    pub(crate) input: usize,
    pub(crate) name: String,
    /// As a number; else as text.
    pub(crate) is_amount: bool,
}

/// A value that means something only while a condition holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Given {
    pub(crate) condition: Expression,
    pub(crate) value: Expression,
    /// The input that the condition rests on.
    pub(crate) input: usize,
}

/// A cell of a table: a text, or the seconds until the date that it names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lookup {
    pub(crate) table: Arc<Table>,
    pub(crate) column: usize,
    pub(crate) keys: Vec<Expression>,
    pub(crate) is_date: bool,
}

/// `left and right`, of which `left` can hold for some instances only. Of the others `right` is not asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Among {
    pub(crate) left: Expression,
    pub(crate) right: Expression,
    pub(crate) only: Only,
}

/// A comparison, with what its evidence says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Compare {
    pub(crate) how: Comparison,
    pub(crate) left: Expression,
    pub(crate) right: Expression,
    pub(crate) subject: Subject,
}

/// How the left side of a comparison is named in evidence and in sentences.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Subject {
    /// The signal, or the expression over signals.
    pub(crate) signal: String,
    /// In plain words.
    pub(crate) label: String,
    /// As the check writes it; empty for the newest value.
    pub(crate) window: String,
    /// The one input that is compared, when it is only one.
    pub(crate) input: Option<usize>,
    /// All inputs on the left side.
    pub(crate) inputs: Vec<usize>,
    /// Unit of both numbers.
    pub(crate) unit: Unit,
    /// How texts and flags read: the word that is wanted.
    pub(crate) wanted: Option<String>,
}

/// How the rows of a window become one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fold {
    Mean,
    Min,
    Max,
    Sum,
    Percentile(u8),
    Increase,
    Rate,
    Events,
    /// Events that no sleep explains.
    Calm,
    /// Days with events.
    Days,
    /// Of events that say the same in a field, the most.
    Alike,
    /// How many different things events say in a field.
    Kinds,
    Changes,
    Share,
}

/// A fold over awake time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Window {
    pub(crate) fold: Fold,
    pub(crate) body: Expression,
    pub(crate) span_ms: i64,
    /// Inputs that have rows, in order of appearance.
    pub(crate) rows_of: Vec<usize>,
    /// Whether the quiet times after boot, wake and change of network are skipped.
    pub(crate) settles: bool,
    /// Whether its rows are states, each of which stands until the next one.
    pub(crate) stands: bool,
    /// Whether it is time of the calendar, and not awake time.
    pub(crate) by_calendar: bool,
}

/// In how many of the last rows a condition held.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OnOf {
    pub(crate) body: Expression,
    pub(crate) held: usize,
    pub(crate) of: usize,
    /// The time that so many readings stand for.
    pub(crate) span_ms: i64,
    pub(crate) rows_of: Vec<usize>,
    pub(crate) settles: bool,
}

/// How several series become one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Join {
    Any,
    All,
    Count,
    Sum,
    Max,
    Min,
    Mean,
}

/// A value over all series that match.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Across {
    pub(crate) join: Join,
    pub(crate) body: Expression,
    /// The input whose series are walked; the others are joined to it.
    pub(crate) over: usize,
}

/// The series with the largest values, as text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rank {
    pub(crate) body: Expression,
    pub(crate) over: usize,
    pub(crate) attribute: String,
    pub(crate) count: usize,
    /// The unit of the values, when they are shown.
    pub(crate) unit: Option<Unit>,
}
