//! Evaluation: three values, and evidence for every comparison.

mod across;
mod fold;
mod input;
mod known;

use std::cell::RefCell;

use crate::document::{Comparison, Evidence};
use crate::vocabulary::{Attributes, Timestamp};
use crate::window::Store;

use super::compile::InputSpec;
use super::expression::{Among, Compare, Expression};
use super::reason::Reason;
use super::syntax::Arithmetic;

/// Comparisons that one verdict may leave.
const EVIDENCE_MAX: usize = 24;

/// An input of a check, and where its series are kept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Input {
    pub(crate) spec: InputSpec,
    pub(crate) source: usize,
}

/// A value, or why there is none.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Number(f64),
    Flag(bool),
    Text(String),
    Unknown(Reason),
}

impl Cell {
    /// A finite number, or the reason why there is none.
    fn number(value: f64) -> Self {
        if value.is_finite() { Self::Number(value) } else { Self::Unknown(Reason::Division) }
    }

    /// Flags are 1 and 0.
    fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(value) => Some(*value),
            Self::Flag(flag) => Some(f64::from(u8::from(*flag))),
            Self::Text(_) | Self::Unknown(_) => None,
        }
    }

    fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }
}

/// A value and when the newest number behind it was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    pub(crate) cell: Cell,
    pub(crate) at: Option<i64>,
}

impl Found {
    fn constant(cell: Cell) -> Self {
        Self { cell, at: None }
    }

    fn unknown(reason: Reason) -> Self {
        Self::constant(Cell::Unknown(reason))
    }

    fn map(self, change: impl FnOnce(f64) -> f64) -> Self {
        match self.cell.as_number() {
            Some(value) => Self { cell: Cell::number(change(value)), ..self },
            None => self,
        }
    }

    /// The same, of which nothing is said about what is not measured yet.
    fn exact(mut self) -> Self {
        if let Cell::Unknown(Reason::Coverage { at_least, .. }) = &mut self.cell {
            *at_least = false;
        }
        self
    }

    /// Times a number above zero.
    fn scaled(mut self, factor: f64) -> Self {
        if let Cell::Unknown(Reason::Coverage { so_far: Some(value), .. }) = &mut self.cell {
            *value *= factor;
        }
        self.map(|value| value * factor)
    }

    /// What it is at least, whatever is not measured yet: counts only grow.
    fn at_least(&self) -> Option<f64> {
        match &self.cell {
            Cell::Unknown(Reason::Coverage { so_far, at_least: true, .. }) => *so_far,
            cell => cell.as_number(),
        }
    }
}

/// A comparison that was made: its evidence, and what a sentence about it needs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Compared {
    pub(crate) evidence: Evidence,
    /// The word that a text or a flag was held against.
    pub(crate) wanted: Option<String>,
}

/// For what, and on what, an expression is evaluated.
#[derive(Clone)]
pub(crate) struct Scope<'a> {
    pub(crate) store: &'a Store,
    pub(crate) inputs: &'a [Input],
    /// Attributes with the values that count (`only`).
    pub(crate) filters: &'a [(String, Vec<String>)],
    /// Attributes that the instance fixes.
    pub(crate) binding: &'a [(&'a str, &'a str)],
    pub(crate) now: Timestamp,
    pub(crate) os_type: &'a str,
    /// Where comparisons go, when they are wanted.
    pub(crate) compared: Option<&'a RefCell<Vec<Compared>>>,
    /// The moment of a row inside a window; absent outside.
    pub(crate) row: Option<i64>,
}

impl Scope<'_> {
    /// Evaluates an expression.
    pub(crate) fn find(&self, expression: &Expression) -> Found {
        match expression {
            Expression::Number(value) => Found::constant(Cell::Number(*value)),
            Expression::Flag(flag) => Found::constant(Cell::Flag(*flag)),
            Expression::Text(text) => Found::constant(Cell::Text(text.clone())),
            Expression::Input(input) => self.input(*input, None),
            Expression::LastWithin(input, age_ms) => self.input(*input, Some(*age_ms)),
            Expression::Age(input) => self.age(*input),
            Expression::Negative(inner) => self.find(inner).exact().map(|value| -value),
            Expression::Absolute(inner) => self.find(inner).exact().map(f64::abs),
            Expression::Rounded(inner) => self.find(inner).exact().map(f64::round),
            Expression::Attribute(input, name) => self.attribute(*input, name),
            Expression::Contains(inner, part) => self.contains(inner, part),
            Expression::Given(given) => self.given(given),
            Expression::Lookup(lookup) => self.look_up(lookup),
            Expression::Awake(span_ms) => self.awake(*span_ms),
            Expression::Scaled(inner, factor) => self.find(inner).scaled(*factor),
            Expression::Arithmetic(how, left, right) => arithmetic(*how, self.find(left), self.find(right)),
            Expression::Coalesce(choices) => self.coalesce(choices),
            Expression::Offered(input) => self.offered(*input),
            Expression::System(name) => Found::constant(match self.os_type {
                "" => Cell::Unknown(Reason::OtherSystem),
                "darwin" => Cell::Flag(name == "macos"),
                other => Cell::Flag(name == other),
            }),
            Expression::Bit(inner, place) => bit(self.find(inner), *place),
            Expression::Points(inner, points) => match self.find(inner) {
                Found { cell: Cell::Flag(holds), at } => {
                    Found { cell: Cell::Number(if holds { *points } else { 0.0 }), at }
                }
                other => other,
            },
            Expression::Field(field) => self.field(field),
            Expression::Compare(compare) => self.compare(compare),
            Expression::Not(inner) => {
                let found = self.find(inner);
                match found.cell {
                    Cell::Flag(flag) => Found { cell: Cell::Flag(!flag), ..found },
                    _ => found,
                }
            }
            Expression::And(left, right) => self.both(false, left, right),
            Expression::Or(left, right) => self.both(true, left, right),
            Expression::Among(among) => self.among(among),
            Expression::Window(window) => self.fold(window),
            Expression::OnOf(on_of) => self.on_of(on_of),
            Expression::Across(across) => self.across(across),
            Expression::Rank(rank) => self.rank(rank),
        }
    }

    /// `or` when `decides` is true, `and` when it is false. Nothing is cut short where evidence is wanted.
    fn both(&self, decides: bool, left: &Expression, right: &Expression) -> Found {
        let left = self.find(left);
        if left.cell == Cell::Flag(decides) && !self.wants_evidence() {
            return left;
        }
        together(decides, left, self.find(right))
    }

    fn wants_evidence(&self) -> bool {
        self.compared.is_some() && self.row.is_none()
    }

    fn among(&self, among: &Among) -> Found {
        let own = self.binding.iter().find(|(name, _)| *name == among.only.attribute).map(|(_, value)| *value);
        if among.only.admits(own) {
            return self.both(false, &among.left, &among.right);
        }
        if self.wants_evidence() {
            self.find(&among.right);
        }
        self.find(&among.left)
    }

    fn coalesce(&self, choices: &[Expression]) -> Found {
        let mut first = None;
        for choice in choices {
            let found = self.find(choice);
            if !found.cell.is_unknown() {
                return found;
            }
            first.get_or_insert(found);
        }
        first.unwrap_or_else(|| Found::unknown(Reason::Division))
    }

    fn compare(&self, compare: &Compare) -> Found {
        let (mut left, right) = (self.find(&compare.left), self.find(&compare.right));
        let at = left.at.max(right.at);
        if left.cell.is_unknown() && matches!(compare.how, Comparison::AtLeast | Comparison::Greater) {
            // Enough is enough, also when the window was not measured to its end.
            let enough = left.at_least().filter(|value| holds(compare.how, Some(*value), right.cell.as_number()));
            left.cell = enough.map_or(left.cell, Cell::Number);
        }
        let held = match (&left.cell, &right.cell) {
            (Cell::Unknown(reason), _) | (_, Cell::Unknown(reason)) => Err(reason.clone()),
            (Cell::Text(one), Cell::Text(two)) => Ok((one == two) == (compare.how == Comparison::Equal)),
            (one, two) => Ok(holds(compare.how, one.as_number(), two.as_number())),
        };
        if self.row.is_none()
            && let Some(compared) = self.compared
            && compared.borrow().len() < EVIDENCE_MAX
        {
            let evidence = self.evidence_of(compare, &left.cell, &right.cell, held.as_ref(), at);
            // A choice may say once more what another has said.
            if compared.borrow().iter().all(|known| known.evidence != evidence) {
                compared.borrow_mut().push(Compared { evidence, wanted: compare.subject.wanted.clone() });
            }
        }
        Found { cell: held.map_or_else(Cell::Unknown, Cell::Flag), at }
    }

    fn evidence_of(
        &self,
        compare: &Compare,
        left: &Cell,
        right: &Cell,
        held: Result<&bool, &Reason>,
        at: Option<i64>,
    ) -> Evidence {
        let subject = &compare.subject;
        let (value, threshold, mut why) = match (left, right) {
            (Cell::Text(one), Cell::Text(two)) => {
                (Some(f64::from(u8::from(one == two))), 1.0, format!("{one:?}, held against {two:?}"))
            }
            (Cell::Unknown(_), Cell::Text(_)) => (None, 1.0, String::new()),
            (one, two) => (one.as_number(), two.as_number().unwrap_or(f64::NAN), String::new()),
        };
        if let Err(reason) = held {
            let specs: Vec<&InputSpec> = self.inputs.iter().map(|input| &input.spec).collect();
            why = reason.words(&specs);
            if let Reason::Coverage { so_far: Some(value), .. } = reason {
                why = format!("{why}; so far {}", crate::texts::human(*value, &subject.unit));
            }
        }
        Evidence {
            signal: subject.signal.clone(),
            label: subject.label.clone(),
            attrs: self.attributes_of(subject.input),
            window: subject.window.clone(),
            value: if held.is_err() { None } else { value },
            // A threshold that is itself unknown has no number; documents are JSON, which has no NaN.
            threshold: if threshold.is_finite() { threshold } else { 0.0 },
            comparison: compare.how,
            held: held.ok().copied(),
            unit: if subject.wanted.is_some() { String::new() } else { subject.unit.to_string() },
            at: at.map(Timestamp),
            age_seconds: at.map(|at| self.now.seconds_since(Timestamp(at))),
            source: self.sources_of(&subject.inputs),
            why,
        }
    }

    /// Attributes of the one series that was compared; of the instance, when there were several.
    fn attributes_of(&self, input: Option<usize>) -> Attributes {
        if let Some(track) = input.and_then(|input| self.track(input)) {
            return track.series().attributes.clone();
        }
        self.binding.iter().copied().collect()
    }

    fn sources_of(&self, inputs: &[usize]) -> String {
        let mut sources: Vec<String> = Vec::new();
        for input in inputs {
            let source = self.inputs[*input].spec.signal.source.words(self.os_type);
            if !source.is_empty() && !sources.contains(&source) {
                sources.push(source);
            }
        }
        sources.join("; ")
    }
}

fn holds(how: Comparison, one: Option<f64>, two: Option<f64>) -> bool {
    let (Some(one), Some(two)) = (one, two) else { return false };
    match how {
        Comparison::Less => one < two,
        Comparison::AtMost => one <= two,
        Comparison::Greater => one > two,
        Comparison::AtLeast => one >= two,
        Comparison::Equal => one == two,
        Comparison::NotEqual => one != two,
    }
}

fn arithmetic(how: Arithmetic, left: Found, right: Found) -> Found {
    let at = left.at.max(right.at);
    let least = left.at_least().zip(right.at_least()).map(|(one, two)| one + two);
    let (left, right) = (left.exact(), right.exact());
    let cell = match (left.cell.as_number(), right.cell.as_number()) {
        (Some(one), Some(two)) => Cell::number(match how {
            Arithmetic::Add => one + two,
            Arithmetic::Subtract => one - two,
            Arithmetic::Multiply => one * two,
            Arithmetic::Divide => one / two,
        }),
        (None, _) => left.cell,
        _ => right.cell,
    };
    let cell = match cell {
        Cell::Unknown(Reason::Coverage { share, span_ms, .. }) if how == Arithmetic::Add => {
            Cell::Unknown(Reason::Coverage { share, span_ms, so_far: least, at_least: least.is_some() })
        }
        cell => cell,
    };
    Found { cell, at }
}

/// Whether a bit of a number is set. Floats hold such numbers exactly.
fn bit(found: Found, place: u8) -> Found {
    match found.cell.as_number() {
        Some(value) => Found { cell: Cell::Flag(value as u32 >> place & 1 == 1), at: found.at },
        None => found,
    }
}

/// `or` when `decides` is true, `and` when it is false: one value decides, the other needs both, the rest is unknown.
fn together(decides: bool, left: Found, right: Found) -> Found {
    let at = left.at.max(right.at);
    let cell = match (left.cell, right.cell) {
        (Cell::Flag(flag), _) | (_, Cell::Flag(flag)) if flag == decides => Cell::Flag(decides),
        (Cell::Flag(_), Cell::Flag(_)) => Cell::Flag(!decides),
        (Cell::Unknown(reason), _) | (_, Cell::Unknown(reason)) => Cell::Unknown(reason),
        _ => Cell::Unknown(Reason::Division),
    };
    Found { cell, at }
}

#[cfg(test)]
mod tests;
