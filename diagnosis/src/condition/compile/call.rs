use crate::document::Comparison;
use crate::registry::{SignalKind, ValueType};

use super::super::expression::{Across, Compare, Expression, Field, Fold, Join, Kind, Rank, Window};
use super::super::lexer::Fault;
use super::super::syntax::{Form, Node};
use super::super::unit::Unit;
use super::{Compiler, Need, words};

/// Every function of the language.
const FUNCTIONS: [&str; 41] = [
    "abs",
    "age",
    "alike",
    "all",
    "always",
    "amount",
    "any",
    "attribute",
    "avg",
    "awake",
    "bit",
    "calm",
    "changes",
    "coalesce",
    "contains",
    "count",
    "days",
    "delta",
    "ever",
    "field",
    "given",
    "kinds",
    "largest",
    "last",
    "list",
    "lookup",
    "max",
    "min",
    "n",
    "offered",
    "p50",
    "p90",
    "p95",
    "p99",
    "points",
    "rate",
    "round",
    "share",
    "sum",
    "system",
    "until",
];
/// A window over what is not told every minute, and this long or longer, is time of the calendar.
const CALENDAR_MS: i64 = 86_400_000;
const SYSTEMS: [&str; 3] = ["linux", "windows", "macos"];
/// Numbers of bits are exact up to here: windows keep 24 of them.
const BITS_MAX: f64 = 23.0;

impl Compiler<'_> {
    pub(super) fn call(&mut self, node: &Node, name: &str, arguments: &[Node]) -> Result<(Expression, Kind), Fault> {
        match (name, arguments) {
            ("last", [input]) => self.value(input),
            ("last", [input, window]) => self.last_within(input, window),
            ("age", [input]) => self.age(input),
            ("attribute", [input, attribute]) => self.attribute(input, attribute),
            ("contains", [text, part]) => self.contains(text, part),
            ("given", [condition, value]) => self.given(condition, value),
            ("lookup", [table, column, keys @ ..]) => self.lookup(node, [table, column], keys, false),
            ("until", [table, column, keys @ ..]) => self.lookup(node, [table, column], keys, true),
            ("awake", [span]) => Ok((Expression::Awake(self.span(span)?), Kind::Number(Unit::seconds()))),
            ("round", [inner]) => self.round(inner),
            ("abs", [inner]) => {
                let (inner, unit) = self.number(inner)?;
                Ok((Expression::Absolute(Box::new(inner)), Kind::Number(unit)))
            }
            ("coalesce", [first, rest @ ..]) => self.coalesce(first, rest),
            ("offered", [input]) => Ok((Expression::Offered(self.direct(input)?), Kind::Flag)),
            ("system", [name]) => self.system(name),
            ("bit", [inner, place]) => self.bit(inner, place),
            ("points", [inner, points]) => self.points(inner, points),
            ("field", [event, name]) => self.field(event, name, false),
            ("amount", [event, name]) => self.field(event, name, true),
            ("any", [inner]) => self.across(node, Join::Any, inner),
            ("all", [inner]) => self.across(node, Join::All, inner),
            ("count", [inner]) => self.across(node, Join::Count, inner),
            ("sum", [inner]) => self.across(node, Join::Sum, inner),
            ("max", [inner]) => self.across(node, Join::Max, inner),
            ("min", [inner]) => self.across(node, Join::Min, inner),
            ("avg", [inner]) => self.across(node, Join::Mean, inner),
            ("largest", [inner, attribute]) => self.rank(node, inner, attribute, None),
            ("list", [inner, attribute, count]) => self.rank(node, inner, attribute, Some(count)),
            ("avg", [inner, window]) => self.window(node, Fold::Mean, inner, window),
            ("min", [inner, window]) => self.window(node, Fold::Min, inner, window),
            ("max", [inner, window]) => self.window(node, Fold::Max, inner, window),
            ("sum", [inner, window]) => self.window(node, Fold::Sum, inner, window),
            ("p50", [inner, window]) => self.window(node, Fold::Percentile(50), inner, window),
            ("p90", [inner, window]) => self.window(node, Fold::Percentile(90), inner, window),
            ("p95", [inner, window]) => self.window(node, Fold::Percentile(95), inner, window),
            ("p99", [inner, window]) => self.window(node, Fold::Percentile(99), inner, window),
            ("delta", [inner, window]) => self.direct_window(node, Fold::Increase, inner, window),
            ("rate", [inner, window]) => self.direct_window(node, Fold::Rate, inner, window),
            ("n", [inner, window]) => self.direct_window(node, Fold::Events, inner, window),
            ("calm", [inner, window]) => self.direct_window(node, Fold::Calm, inner, window),
            ("days", [inner, window]) => self.direct_window(node, Fold::Days, inner, window),
            ("alike", [event, field, window]) => self.told_apart(node, Fold::Alike, event, field, window),
            ("kinds", [event, field, window]) => self.told_apart(node, Fold::Kinds, event, field, window),
            ("changes", [inner, window]) => self.direct_window(node, Fold::Changes, inner, window),
            ("share", [inner, window]) => self.window(node, Fold::Share, inner, window),
            ("always", [inner, window]) => self.held_throughout(node, inner, window, Comparison::AtLeast, 1.0),
            ("ever", [inner, window]) => self.held_throughout(node, inner, window, Comparison::Greater, 0.0),
            (name, _) if FUNCTIONS.contains(&name) => {
                Err(self.fault(node, format!("{name} does not take {} argument(s) like these", arguments.len())))
            }
            _ => {
                let hint = crate::spelling::hint(name, FUNCTIONS);
                Err(self.fault(node, format!("there is no function {name}{hint}")))
            }
        }
    }

    /// The index of the input that `node` is.
    pub(super) fn direct(&self, node: &Node) -> Result<usize, Fault> {
        let index = match &node.form {
            Form::Name(name) => self.names.inputs.iter().position(|input| input.name == *name),
            _ => None,
        };
        index.ok_or_else(|| self.fault(node, "an input by its name is wanted here"))
    }

    /// A literal of time, in milliseconds.
    fn span(&self, node: &Node) -> Result<i64, Fault> {
        match &node.form {
            Form::Number(value, Some(unit)) if unit.is_time() && *value > 0.0 => {
                let ms = value * unit.scale * 1000.0;
                if ms <= 90.0 * 86_400_000.0 {
                    return Ok(ms as i64);
                }
                Err(self.fault(node, "a window is at most 90 days"))
            }
            _ => Err(self.fault(node, "a window is a time, like 5m or 24h")),
        }
    }

    fn last_within(&mut self, input: &Node, window: &Node) -> Result<(Expression, Kind), Fault> {
        let index = self.direct(input)?;
        let span_ms = self.span(window)?;
        let (_, kind) = self.input(input, index)?;
        self.need(index, span_ms);
        Ok((Expression::LastWithin(index, span_ms), kind))
    }

    fn coalesce(&mut self, first: &Node, rest: &[Node]) -> Result<(Expression, Kind), Fault> {
        let (expression, kind) = self.value(first)?;
        let mut choices = vec![expression];
        for node in rest {
            let (expression, other) = self.value(node)?;
            let expression = match (&kind, &other) {
                (Kind::Number(unit), Kind::Number(other)) if unit.fits(other) || bare(node) => {
                    super::scaled(expression, if bare(node) { unit } else { other }, unit)
                }
                (Kind::Flag, Kind::Flag) | (Kind::Text, Kind::Text) => expression,
                _ => {
                    let (one, two) = (words(&kind), words(&other));
                    return Err(self.fault(node, format!("coalesce chooses among the same: {one} is not {two}")));
                }
            };
            choices.push(expression);
        }
        Ok((Expression::Coalesce(choices), kind))
    }

    fn window(&mut self, node: &Node, fold: Fold, inner: &Node, window: &Node) -> Result<(Expression, Kind), Fault> {
        let span_ms = self.span(window)?;
        let before = self.enter_window(node)?;
        let (body, unit) = if fold == Fold::Share {
            (self.flag(inner)?, Unit::one())
        } else {
            match self.value(inner)? {
                (body, Kind::Number(unit)) => (body, unit),
                (body, Kind::Flag) => (body, Unit::one()),
                (_, kind) => {
                    return Err(self.fault(inner, format!("a number is wanted here, this is {}", words(&kind))));
                }
            }
        };
        self.place = before;
        let inputs = self.inputs_in(inner);
        let window = self.over_rows(node, fold, body, span_ms, &inputs)?;
        for index in &window.rows_of {
            self.need(*index, span_ms);
        }
        Ok((Expression::Window(Box::new(window)), Kind::Number(unit)))
    }

    fn over_rows(
        &self,
        node: &Node,
        fold: Fold,
        body: Expression,
        span_ms: i64,
        inputs: &[usize],
    ) -> Result<Window, Fault> {
        let (rows_of, settles) = self.rows_of(node, inputs)?;
        let stands = rows_of.iter().all(|index| self.names.inputs[*index].signal.is_state());
        let is_sampled = rows_of.iter().any(|index| self.names.inputs[*index].signal.is_sampled());
        Ok(Window { fold, body, span_ms, rows_of, settles, stands, by_calendar: span_ms >= CALENDAR_MS && !is_sampled })
    }

    /// Folds that look at one input itself and not at an expression.
    fn direct_window(
        &mut self,
        node: &Node,
        fold: Fold,
        inner: &Node,
        window: &Node,
    ) -> Result<(Expression, Kind), Fault> {
        let index = self.direct(inner)?;
        let span_ms = self.span(window)?;
        let before = self.enter_window(node)?;
        let input = &self.names.inputs[index];
        let (kind, unit) = (input.signal.kind, input.unit.clone());
        let is_count = input.signal.value == ValueType::Number && kind == SignalKind::Inventory;
        let wanted = match fold {
            Fold::Events | Fold::Calm | Fold::Days => SignalKind::Event,
            Fold::Changes => kind,
            // Of a count that is told when it changed, the increase can be told as well.
            Fold::Increase if is_count => kind,
            _ => SignalKind::Counter,
        };
        if kind != wanted {
            let what = if wanted == SignalKind::Event { "an event" } else { "a counter" };
            return Err(self.fault(inner, format!("{what} is wanted here, {} is none", input.name)));
        }
        if kind != SignalKind::Event {
            self.input(inner, index)?;
        }
        let window = self.over_rows(node, fold, Expression::Input(index), span_ms, &[index])?;
        self.place = before;
        self.need(index, span_ms);
        let unit = match fold {
            Fold::Rate => unit.over(&Unit::seconds()),
            Fold::Increase => unit,
            _ => Unit::count(),
        };
        Ok((Expression::Window(Box::new(window)), Kind::Number(unit)))
    }

    /// Events of a window by what they say in a field.
    fn told_apart(
        &mut self,
        node: &Node,
        fold: Fold,
        event: &Node,
        field: &Node,
        window: &Node,
    ) -> Result<(Expression, Kind), Fault> {
        let (input, name) = self.field_of(event, field)?;
        let span_ms = self.span(window)?;
        let before = self.enter_window(node)?;
        let body = Expression::Attribute(input, name.clone());
        let window = self.over_rows(node, fold, body, span_ms, &[input])?;
        self.place = before;
        self.need(input, span_ms);
        self.needs.push(Need { input, span_ms, rows: 0, only: self.only.clone(), field: Some(name) });
        Ok((Expression::Window(Box::new(window)), Kind::Number(Unit::count())))
    }

    /// Whether it is judged for this system.
    fn system(&self, name: &Node) -> Result<(Expression, Kind), Fault> {
        match &name.form {
            Form::Text(text) if SYSTEMS.contains(&text.as_str()) => Ok((Expression::System(text.clone()), Kind::Flag)),
            _ => Err(self.fault(name, "\"linux\", \"windows\" or \"macos\" is wanted here")),
        }
    }

    fn bit(&mut self, inner: &Node, place: &Node) -> Result<(Expression, Kind), Fault> {
        let (inner, _) = self.number(inner)?;
        match &place.form {
            Form::Number(value, None) if (0.0..=BITS_MAX).contains(value) && value.fract() == 0.0 => {
                Ok((Expression::Bit(Box::new(inner), *value as u8), Kind::Flag))
            }
            _ => Err(self.fault(place, "the number of a bit is wanted here, 0 to 23")),
        }
    }

    fn points(&mut self, inner: &Node, points: &Node) -> Result<(Expression, Kind), Fault> {
        let inner = self.flag(inner)?;
        match &points.form {
            Form::Number(value, None) => Ok((Expression::Points(Box::new(inner), *value), Kind::Number(Unit::count()))),
            _ => Err(self.fault(points, "a number of points is wanted here")),
        }
    }

    /// A field of the newest event of an input.
    fn field(&mut self, event: &Node, name: &Node, is_amount: bool) -> Result<(Expression, Kind), Fault> {
        let (input, name) = self.field_of(event, name)?;
        self.need(input, 0);
        let kind = if is_amount { Kind::Number(Unit::one()) } else { Kind::Text };
        Ok((Expression::Field(Box::new(Field { input, name, is_amount })), kind))
    }

    /// The input of an event, and a field that it has.
    fn field_of(&self, event: &Node, name: &Node) -> Result<(usize, String), Fault> {
        let input = self.direct(event)?;
        let Form::Text(field) = &name.form else {
            return Err(self.fault(name, "the name of a field in double quotes is wanted here"));
        };
        let signal = &self.names.inputs[input].signal;
        if !signal.fields.contains(field) {
            let hint = crate::spelling::hint(field, signal.fields.iter().map(String::as_str));
            return Err(self.fault(name, format!("{} has no field {field}{hint}", signal.name)));
        }
        Ok((input, field.clone()))
    }

    /// `always` and `ever`: a share that leaves evidence.
    fn held_throughout(
        &mut self,
        node: &Node,
        inner: &Node,
        window: &Node,
        how: Comparison,
        threshold: f64,
    ) -> Result<(Expression, Kind), Fault> {
        let (left, _) = self.window(node, Fold::Share, inner, window)?;
        let subject = self.subject(node, Unit::one(), None);
        let right = Expression::Number(threshold);
        Ok((Expression::Compare(Box::new(Compare { how, left, right, subject })), Kind::Flag))
    }

    fn across(&mut self, node: &Node, join: Join, inner: &Node) -> Result<(Expression, Kind), Fault> {
        let over = self.enter_across(node, inner)?;
        let value = if matches!(join, Join::Any | Join::All | Join::Count) {
            self.flag(inner).map(|body| (body, Unit::count()))
        } else {
            self.number(inner)
        };
        self.place.in_across = false;
        let (body, unit) = value?;
        let kind = if matches!(join, Join::Any | Join::All) { Kind::Flag } else { Kind::Number(unit) };
        Ok((Expression::Across(Box::new(Across { join, body, over })), kind))
    }

    /// Finds the input whose series are walked, and steps in.
    fn enter_across(&mut self, node: &Node, inner: &Node) -> Result<usize, Fault> {
        if self.place.in_across {
            return Err(self.fault(node, "aggregates over series are not nested"));
        }
        let inputs = self.inputs_in(inner);
        let free = |index: usize| &self.names.inputs[index].free;
        let Some(over) = inputs.iter().copied().reduce(|a, b| if free(b).len() > free(a).len() { b } else { a }) else {
            return Err(self.fault(node, "an aggregate over series needs an input"));
        };
        for index in inputs {
            if let Some(attribute) = free(index).iter().find(|attribute| !free(over).contains(attribute)) {
                let (one, two) = (&self.names.inputs[index].name, &self.names.inputs[over].name);
                return Err(self.fault(node, format!("{one} and {two} cannot be joined: {two} has no {attribute}")));
            }
        }
        self.place.in_across = true;
        Ok(over)
    }

    fn rank(
        &mut self,
        node: &Node,
        inner: &Node,
        attribute: &Node,
        count: Option<&Node>,
    ) -> Result<(Expression, Kind), Fault> {
        let over = self.enter_across(node, inner)?;
        let value = self.number(inner);
        self.place.in_across = false;
        let (body, unit) = value?;
        let Form::Text(attribute_name) = &attribute.form else {
            return Err(self.fault(attribute, "an attribute in double quotes is wanted here"));
        };
        let declared = &self.names.inputs[over].signal.attributes;
        if !declared.contains(attribute_name) {
            let hint = crate::spelling::hint(attribute_name, declared.iter().map(String::as_str));
            return Err(self.fault(attribute, format!("there is no attribute {attribute_name}{hint}")));
        }
        let count_value = match count.map(|node| (&node.form, node)) {
            None => 1,
            Some((Form::Number(value, None), _)) if (1.0..=10.0).contains(value) => *value as usize,
            Some((_, node)) => return Err(self.fault(node, "a number from 1 to 10 is wanted here")),
        };
        let unit = count.map(|_| unit);
        let rank = Rank { body, over, attribute: attribute_name.clone(), count: count_value, unit };
        Ok((Expression::Rank(Box::new(rank)), Kind::Text))
    }
}

fn bare(node: &Node) -> bool {
    matches!(&node.form, Form::Number(_, None))
}
