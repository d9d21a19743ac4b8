use std::sync::Arc;

use super::super::expression::{Expression, Given, Kind, Lookup};
use super::super::lexer::Fault;
use super::super::syntax::{Form, Node};
use super::super::table::Table;
use super::super::unit::Unit;
use super::{Compiler, words};
use crate::registry::SignalKind;

/// Functions that ask what is not measured.
impl Compiler<'_> {
    pub(super) fn age(&mut self, node: &Node) -> Result<(Expression, Kind), Fault> {
        let index = self.direct(node)?;
        if self.names.inputs[index].signal.kind == SignalKind::Event {
            self.need(index, 0);
        } else {
            self.input(node, index)?;
        }
        Ok((Expression::Age(index), Kind::Number(Unit::seconds())))
    }

    /// A quotient of two units of the same thing is a plain number before it is rounded: 90 min / 1 h is 1.5.
    pub(super) fn round(&mut self, inner: &Node) -> Result<(Expression, Kind), Fault> {
        let (inner, mut unit) = self.number(inner)?;
        let mut inner = inner;
        if unit.is_plain() {
            inner = super::scaled(inner, &unit, &Unit::one());
            unit = Unit::one();
        }
        Ok((Expression::Rounded(Box::new(inner)), Kind::Number(unit)))
    }

    pub(super) fn attribute(&mut self, input: &Node, name: &Node) -> Result<(Expression, Kind), Fault> {
        let index = self.direct(input)?;
        self.input(input, index)?;
        let name = self.word(name)?;
        let declared = &self.names.inputs[index].signal.attributes;
        if !declared.contains(&name) {
            let hint = crate::spelling::hint(&name, declared.iter().map(String::as_str));
            return Err(self.fault(input, format!("there is no attribute {name}{hint}")));
        }
        Ok((Expression::Attribute(index, name), Kind::Text))
    }

    pub(super) fn contains(&mut self, text: &Node, part: &Node) -> Result<(Expression, Kind), Fault> {
        let inner = self.text(text)?;
        Ok((Expression::Contains(Box::new(inner), self.word(part)?), Kind::Flag))
    }

    pub(super) fn given(&mut self, condition: &Node, value: &Node) -> Result<(Expression, Kind), Fault> {
        let input = self.inputs_in(condition).first().copied();
        let input = input.ok_or_else(|| self.fault(condition, "this needs an input"))?;
        let condition = self.flag(condition)?;
        let (value, kind) = self.value(value)?;
        Ok((Expression::Given(Box::new(Given { condition, value, input })), kind))
    }

    pub(super) fn lookup(
        &mut self,
        node: &Node,
        [table, column]: [&Node; 2],
        keys: &[Node],
        is_date: bool,
    ) -> Result<(Expression, Kind), Fault> {
        let found = self.table(table)?;
        if keys.len() != found.keys {
            return Err(self.fault(node, format!("{} has {} key(s)", found.name, found.keys)));
        }
        let name = self.word(column)?;
        let Some(place) = found.column(&name) else {
            let hint = crate::spelling::hint(&name, found.columns.iter().map(String::as_str));
            return Err(self.fault(column, format!("{} has no column {name}{hint}", found.name)));
        };
        if is_date && !found.is_date(place) {
            return Err(self.fault(column, format!("{name} holds no dates like 2025-10-14")));
        }
        let keys = keys.iter().map(|key| self.text(key)).collect::<Result<_, _>>()?;
        let kind = if is_date { Kind::Number(Unit::seconds()) } else { Kind::Text };
        Ok((Expression::Lookup(Box::new(Lookup { table: found, column: place, keys, is_date })), kind))
    }

    fn table(&self, node: &Node) -> Result<Arc<Table>, Fault> {
        let name = self.word(node)?;
        self.names.tables.get(&name).cloned().ok_or_else(|| {
            let hint = crate::spelling::hint(&name, self.names.tables.keys().map(String::as_str));
            self.fault(node, format!("there is no table {name}{hint}"))
        })
    }

    fn text(&mut self, node: &Node) -> Result<Expression, Fault> {
        match self.value(node)? {
            (expression, Kind::Text) => Ok(expression),
            (_, kind) => Err(self.fault(node, format!("a text is wanted here, this is {}", words(&kind)))),
        }
    }

    /// A text in double quotes.
    fn word(&self, node: &Node) -> Result<String, Fault> {
        match &node.form {
            Form::Text(text) => Ok(text.clone()),
            _ => Err(self.fault(node, "a text in double quotes is wanted here")),
        }
    }
}
