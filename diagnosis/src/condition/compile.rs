//! From what is written to what can be evaluated: names, types and units are checked here, once.

mod among;
mod call;
mod known;
mod subject;

use crate::document::Comparison;
use crate::registry::{SignalKind, SignalSpec, ValueType};
use crate::window::Only;

use super::expression::{Compare, Expression, Kind, OnOf};
use super::lexer::Fault;
use super::parser::parse;
use super::syntax::{Arithmetic, Form, Node};
use super::table::Tables;
use super::unit::Unit;

/// Derived names that stand in derived names that stand in ...
const DERIVED_DEPTH_MAX: usize = 8;

/// An input of a check, as far as the language needs it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct InputSpec {
    pub(crate) name: String,
    pub(crate) signal: SignalSpec,
    /// Attributes that the selector fixes.
    pub(crate) fixed: Vec<(String, String)>,
    /// Attributes that may still differ between the series of one instance.
    pub(crate) free: Vec<String>,
    pub(crate) unit: Unit,
}

/// How the names of numbers begin that are worked out of a series' past.
pub(crate) const FORECAST: &str = "forecast.";

impl InputSpec {
    /// Whether it is a number that is worked out of a series' past, and no reading of an endpoint.
    pub(crate) fn is_worked_out(&self) -> bool {
        self.signal.name.starts_with(FORECAST)
    }
}

/// What a condition may name.
pub(crate) struct Names<'a> {
    pub(crate) inputs: &'a [InputSpec],
    /// Derived expressions: name and parsed text.
    pub(crate) derived: &'a [(String, Parsed)],
    /// Attributes that make an instance.
    pub(crate) each: &'a [String],
    pub(crate) tables: &'a Tables,
}

/// A text that was parsed, but not yet checked.
#[derive(Debug, Clone)]
pub(crate) struct Parsed(Node);

impl Parsed {
    pub(crate) fn new(text: &str) -> Result<Self, Fault> {
        parse(text).map(Self)
    }
}

/// How far back an input is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) input: usize,
    pub(crate) span_ms: i64,
    /// How many of its newest numbers, however old.
    pub(crate) rows: usize,
    /// For which instances; absent: all.
    pub(crate) only: Option<Only>,
    /// The field by which its events are told apart.
    pub(crate) field: Option<String>,
}

impl Need {
    fn is_of(&self, input: usize, only: Option<&Only>) -> bool {
        self.input == input && self.only.as_ref() == only && self.field.is_none()
    }
}

/// A checked expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Compiled {
    pub(crate) expression: Expression,
    pub(crate) kind: Kind,
    pub(crate) needs: Vec<Need>,
}

/// Checks an expression of any type.
pub(crate) fn expression(parsed: &Parsed, names: &Names) -> Result<Compiled, Fault> {
    let mut compiler = Compiler::new(names);
    let (expression, kind) = compiler.value(&parsed.0)?;
    Ok(Compiled { expression, kind, needs: compiler.needs })
}

/// Checks a condition.
pub(crate) fn condition(parsed: &Parsed, names: &Names) -> Result<Compiled, Fault> {
    let mut compiler = Compiler::new(names);
    let expression = compiler.flag(&parsed.0)?;
    Ok(Compiled { expression, kind: Kind::Flag, needs: compiler.needs })
}

/// Where in an expression the compiler stands.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    in_window: bool,
    in_across: bool,
}

struct Compiler<'a> {
    names: &'a Names<'a>,
    needs: Vec<Need>,
    place: Place,
    /// Derived names that are being expanded, to find circles, with the place they were named at.
    expanding: Vec<(String, usize)>,
    /// For which instances what is compiled now can matter.
    only: Option<Only>,
}

impl<'a> Compiler<'a> {
    fn new(names: &'a Names<'a>) -> Self {
        Self { names, needs: Vec::new(), place: Place::default(), expanding: Vec::new(), only: None }
    }
}

impl Compiler<'_> {
    /// A fault at `node`, or where the derived name that holds it is used.
    fn fault(&self, node: &Node, reason: impl Into<String>) -> Fault {
        match self.expanding.first() {
            Some((name, offset)) => Fault::new(*offset, format!("in {name}: {}", reason.into())),
            None => Fault::new(node.offset, reason),
        }
    }

    fn value(&mut self, node: &Node) -> Result<(Expression, Kind), Fault> {
        match &node.form {
            Form::Number(value, unit) => Ok(literal(*value, unit.as_ref())),
            Form::Text(text) => Ok((Expression::Text(text.clone()), Kind::Text)),
            Form::Flag(flag) => Ok((Expression::Flag(*flag), Kind::Flag)),
            Form::Name(name) => self.name(node, name),
            Form::Call(name, arguments) => self.call(node, name, arguments),
            Form::Negative(inner) => {
                let (inner, unit) = self.number(inner)?;
                Ok((Expression::Negative(Box::new(inner)), Kind::Number(unit)))
            }
            Form::Arithmetic(how, left, right) => self.arithmetic(node, *how, left, right),
            Form::Compare(how, left, right) => Ok((self.compare(node, *how, left, right)?, Kind::Flag)),
            Form::Not(inner) => Ok((Expression::Not(Box::new(self.flag(inner)?)), Kind::Flag)),
            Form::And(left, right) => Ok((self.and(left, right)?, Kind::Flag)),
            Form::Or(left, right) => {
                Ok((Expression::Or(Box::new(self.flag(left)?), Box::new(self.flag(right)?)), Kind::Flag))
            }
            Form::OnOf(inner, held, of) => Ok((self.on_of(node, inner, *held, *of)?, Kind::Flag)),
        }
    }

    /// A condition. A flag that stands alone becomes a comparison, so that it leaves evidence.
    fn flag(&mut self, node: &Node) -> Result<Expression, Fault> {
        let (expression, kind) = self.value(node)?;
        if kind != Kind::Flag {
            return Err(self.fault(node, format!("a condition is wanted here, this is {}", words(&kind))));
        }
        use Expression::{And, Bit, Coalesce, Compare as Held, Contains, Input, LastWithin, Not, Or};
        let stands_alone = match &expression {
            Input(_) | LastWithin(..) | Bit(..) | Contains(..) => true,
            // Conditions among the choices leave evidence of their own, which says more.
            Coalesce(choices) => !choices.iter().any(|choice| matches!(choice, Held(_) | And(..) | Or(..) | Not(_))),
            _ => false,
        };
        if !stands_alone {
            return Ok(expression);
        }
        let subject = self.subject(node, Unit::one(), Some("true".to_owned()));
        let right = Expression::Flag(true);
        Ok(Expression::Compare(Box::new(Compare { how: Comparison::Equal, left: expression, right, subject })))
    }

    fn number(&mut self, node: &Node) -> Result<(Expression, Unit), Fault> {
        match self.value(node)? {
            (expression, Kind::Number(unit)) => Ok((expression, unit)),
            (_, kind) => Err(self.fault(node, format!("a number is wanted here, this is {}", words(&kind)))),
        }
    }

    fn name(&mut self, node: &Node, name: &str) -> Result<(Expression, Kind), Fault> {
        if let Some(index) = self.names.inputs.iter().position(|input| input.name == name) {
            return self.input(node, index);
        }
        let names = self.names;
        let Some((_, Parsed(inner))) = names.derived.iter().find(|(derived, _)| derived == name) else {
            let known = self.names.inputs.iter().map(|input| input.name.as_str());
            let known = known.chain(self.names.derived.iter().map(|(name, _)| name.as_str()));
            let hint = crate::spelling::hint(name, known);
            return Err(self.fault(node, format!("{name} is neither an input nor derived{hint}")));
        };
        if self.expanding.iter().any(|(open, _)| open == name) {
            return Err(self.fault(node, format!("{name} is derived from itself")));
        }
        if self.expanding.len() >= DERIVED_DEPTH_MAX {
            return Err(self.fault(node, "derived names are nested too deeply"));
        }
        self.expanding.push((name.to_owned(), node.offset));
        let value = self.value(inner);
        self.expanding.pop();
        value
    }

    fn input(&mut self, node: &Node, index: usize) -> Result<(Expression, Kind), Fault> {
        let input = &self.names.inputs[index];
        if input.signal.kind == SignalKind::Event {
            return Err(self.fault(node, format!("{} is an event; count it: n({}, 24h)", input.name, input.name)));
        }
        if !input.free.is_empty() && !self.place.in_across {
            let reason = format!(
                "{} may be several series ({}); use any(), all(), count(), sum(), max() or min() over them, or name \
                 the attribute in each",
                input.name,
                input.free.join(", ")
            );
            return Err(self.fault(node, reason));
        }
        self.need(index, 0);
        let kind = match (input.signal.value, input.signal.kind) {
            (ValueType::Text, _) => Kind::Text,
            (ValueType::Flag, _) => Kind::Flag,
            (ValueType::Number, SignalKind::Counter) => Kind::Number(input.unit.over(&Unit::seconds())),
            (ValueType::Number, _) => Kind::Number(input.unit.clone()),
        };
        Ok((Expression::Input(index), kind))
    }

    fn need(&mut self, input: usize, span_ms: i64) {
        self.need_rows(input, span_ms, 0);
    }

    fn need_rows(&mut self, input: usize, span_ms: i64, rows: usize) {
        match self.needs.iter_mut().find(|need| need.is_of(input, self.only.as_ref())) {
            Some(need) => (need.span_ms, need.rows) = (need.span_ms.max(span_ms), need.rows.max(rows)),
            None => self.needs.push(Need { input, span_ms, rows, only: self.only.clone(), field: None }),
        }
    }

    fn arithmetic(
        &mut self,
        node: &Node,
        how: Arithmetic,
        left: &Node,
        right: &Node,
    ) -> Result<(Expression, Kind), Fault> {
        let (left, mut unit) = self.number(left)?;
        let right_node = right;
        let (mut right, other) = self.number(right)?;
        match how {
            Arithmetic::Multiply => unit = unit.times(&other),
            Arithmetic::Divide => unit = unit.over(&other),
            Arithmetic::Add | Arithmetic::Subtract => {
                if !unit.fits(&other) && !is_zero(right_node) {
                    let sign = how.sign();
                    return Err(self.fault(node, format!("{unit} {sign} {other} has no meaning: the units differ")));
                }
                right = scaled(right, &other, &unit);
            }
        }
        Ok((Expression::Arithmetic(how, Box::new(left), Box::new(right)), Kind::Number(unit)))
    }

    fn compare(&mut self, node: &Node, how: Comparison, left: &Node, right: &Node) -> Result<Expression, Fault> {
        if is_constant(left) && !is_constant(right) {
            return self.compare(node, mirrored(how), right, left);
        }
        let (left_value, left_kind) = self.value(left)?;
        let (right_value, right_kind) = self.value(right)?;
        let (unit, wanted, right_value) = match (&left_kind, &right_kind) {
            (Kind::Number(unit), Kind::Number(other)) => {
                self.fits(node, left, unit, right, other)?;
                (unit.clone(), None, scaled(right_value, other, unit))
            }
            (Kind::Flag, Kind::Flag) | (Kind::Text, Kind::Text) => {
                if !matches!(how, Comparison::Equal | Comparison::NotEqual) {
                    return Err(self.fault(node, format!("{} is only equal or not equal", words(&left_kind))));
                }
                (Unit::one(), Some(literal_words(right)), right_value)
            }
            _ => {
                let (left, right) = (words(&left_kind), words(&right_kind));
                return Err(self.fault(node, format!("{left} cannot be compared with {right}")));
            }
        };
        let subject = self.subject(left, unit, wanted);
        Ok(Expression::Compare(Box::new(Compare { how, left: left_value, right: right_value, subject })))
    }

    /// Both sides measure the same; a literal without unit fits ratios, counts and counts over time, 0 fits everything.
    fn fits(&self, node: &Node, left: &Node, unit: &Unit, right: &Node, other: &Unit) -> Result<(), Fault> {
        let bare = |node: &Node| matches!(&node.form, Form::Number(_, None));
        if unit.fits(other) || is_zero(right) || is_zero(left) || (bare(right) && unit.counts) {
            return Ok(());
        }
        let reason = if bare(right) {
            format!("the threshold has no unit, but the value is in {unit}")
        } else {
            format!("the value is in {unit}, the threshold in {other}")
        };
        Err(self.fault(node, reason))
    }

    fn on_of(&mut self, node: &Node, inner: &Node, held: usize, of: usize) -> Result<Expression, Fault> {
        let before = self.enter_window(node)?;
        let body = self.flag(inner)?;
        self.place = before;
        let inputs = self.inputs_in(inner);
        let (rows_of, settles) = self.rows_of(node, &inputs)?;
        let mut span_ms = 0;
        for index in &rows_of {
            let cadence = self.names.inputs[*index].signal.cadence_seconds().unwrap_or(60.0).max(60.0);
            let own_ms = ((cadence * 1000.0) as i64).saturating_mul(i64::try_from(of).unwrap_or(i64::MAX));
            self.need_rows(*index, own_ms, of);
            span_ms = span_ms.max(own_ms);
        }
        let compared = match &inner.form {
            Form::Compare(_, left, _) => left,
            _ => inner,
        };
        let label = format!("{}, readings that count", self.subject(compared, Unit::count(), None).label);
        let subject = self.subject(inner, Unit::count(), None);
        let subject = super::expression::Subject { window: format!("last {of}"), label, ..subject };
        let left = Expression::OnOf(Box::new(OnOf { body, held, of, span_ms, rows_of, settles }));
        let right = Expression::Number(held as f64);
        Ok(Expression::Compare(Box::new(Compare { how: Comparison::AtLeast, left, right, subject })))
    }

    /// Steps into a window; gives the place to go back to.
    fn enter_window(&mut self, node: &Node) -> Result<Place, Fault> {
        if self.place.in_window {
            return Err(self.fault(node, "windows are not nested"));
        }
        let before = self.place;
        self.place.in_window = true;
        Ok(before)
    }

    /// Inputs that give a window its rows, and whether it skips settle times.
    fn rows_of(&self, node: &Node, inputs: &[usize]) -> Result<(Vec<usize>, bool), Fault> {
        let those = |fits: &dyn Fn(&crate::registry::SignalSpec) -> bool| -> Vec<usize> {
            inputs.iter().copied().filter(|index| fits(&self.names.inputs[*index].signal)).collect()
        };
        let measured = those(&|signal| !signal.is_state());
        // Of texts no past is kept.
        let rows = if measured.is_empty() { those(&|signal| signal.value != ValueType::Text) } else { measured };
        if rows.is_empty() {
            return Err(self.fault(node, "a window needs an input that is a number or a flag"));
        }
        let settles = inputs.iter().any(|index| self.names.inputs[*index].signal.settles);
        Ok((rows, settles))
    }

    /// Indices of all inputs that `node` names, derived names expanded, in order of appearance.
    fn inputs_in(&self, node: &Node) -> Vec<usize> {
        let mut found = Vec::new();
        self.collect(node, 0, &mut found);
        found
    }

    fn collect(&self, node: &Node, depth: usize, found: &mut Vec<usize>) {
        match &node.form {
            Form::Name(name) => {
                if let Some(index) = self.names.inputs.iter().position(|input| input.name == *name) {
                    if !found.contains(&index) {
                        found.push(index);
                    }
                } else if depth < 16
                    && let Some((_, Parsed(inner))) = self.names.derived.iter().find(|(derived, _)| derived == name)
                {
                    self.collect(inner, depth + 1, found);
                }
            }
            Form::Number(..) | Form::Text(_) | Form::Flag(_) => {}
            Form::Call(_, arguments) => arguments.iter().for_each(|inner| self.collect(inner, depth, found)),
            Form::Negative(inner) | Form::Not(inner) | Form::OnOf(inner, ..) => self.collect(inner, depth, found),
            Form::Arithmetic(_, left, right)
            | Form::Compare(_, left, right)
            | Form::And(left, right)
            | Form::Or(left, right) => {
                self.collect(left, depth, found);
                self.collect(right, depth, found);
            }
        }
    }
}

fn literal(value: f64, unit: Option<&Unit>) -> (Expression, Kind) {
    match unit {
        // Percent and its like become ratios at once.
        Some(unit) if unit.is_plain() && !unit.counts => {
            (Expression::Number(value * unit.scale), Kind::Number(Unit::one()))
        }
        Some(unit) => (Expression::Number(value), Kind::Number(unit.clone())),
        None => (Expression::Number(value), Kind::Number(Unit::one())),
    }
}

/// `expression` in unit `to` instead of `from`.
fn scaled(expression: Expression, from: &Unit, to: &Unit) -> Expression {
    let factor = from.scale / to.scale;
    match expression {
        Expression::Number(value) => Expression::Number(value * factor),
        expression if (factor - 1.0).abs() > 1e-12 => Expression::Scaled(Box::new(expression), factor),
        expression => expression,
    }
}

fn is_zero(node: &Node) -> bool {
    matches!(&node.form, Form::Number(value, _) if *value == 0.0)
}

fn is_constant(node: &Node) -> bool {
    match &node.form {
        Form::Number(..) | Form::Text(_) | Form::Flag(_) => true,
        Form::Negative(inner) => is_constant(inner),
        Form::Arithmetic(_, left, right) => is_constant(left) && is_constant(right),
        _ => false,
    }
}

fn mirrored(how: Comparison) -> Comparison {
    match how {
        Comparison::Less => Comparison::Greater,
        Comparison::AtMost => Comparison::AtLeast,
        Comparison::Greater => Comparison::Less,
        Comparison::AtLeast => Comparison::AtMost,
        equal => equal,
    }
}

fn literal_words(node: &Node) -> String {
    match &node.form {
        Form::Text(text) => text.clone(),
        Form::Flag(flag) => flag.to_string(),
        _ => subject::printed(node),
    }
}

fn words(kind: &Kind) -> String {
    match kind {
        Kind::Number(unit) => format!("a number in {unit}"),
        Kind::Flag => "a yes or no".to_owned(),
        Kind::Text => "a text".to_owned(),
    }
}

#[cfg(test)]
mod tests;
