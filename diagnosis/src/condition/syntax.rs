use crate::document::Comparison;

use super::unit::Unit;

/// A condition as it is written, before its names and units are checked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) form: Form,
    /// Where it begins and ends in the text.
    pub(super) offset: usize,
    pub(super) end: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Form {
    Number(f64, Option<Unit>),
    Text(String),
    Flag(bool),
    Name(String),
    Call(String, Vec<Node>),
    Negative(Box<Node>),
    Arithmetic(Arithmetic, Box<Node>, Box<Node>),
    Compare(Comparison, Box<Node>, Box<Node>),
    Not(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    OnOf(Box<Node>, usize, usize),
}

/// The four ways to put two numbers together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
}

impl Arithmetic {
    /// Whether `self` needs brackets inside `outer`.
    pub(super) fn binds_looser(self, outer: Self) -> bool {
        matches!(self, Self::Add | Self::Subtract) && matches!(outer, Self::Multiply | Self::Divide)
    }

    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
        }
    }
}
