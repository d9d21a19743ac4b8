use super::super::expression::{Among, Compare, Expression};
use super::super::lexer::Fault;
use super::super::syntax::Node;
use super::{Compiled, Compiler, Only};
use crate::document::Comparison;

impl Compiler<'_> {
    /// `left and right`. Where `left` asks whether the instance is one of some names, `right` is asked, and what it
    /// needs is kept, for those instances only.
    pub(super) fn and(&mut self, left: &Node, right: &Node) -> Result<Expression, Fault> {
        let left = self.flag(left)?;
        let Some(only) = self.named(&left) else {
            return Ok(Expression::And(Box::new(left), Box::new(self.flag(right)?)));
        };
        let before = self.only.replace(only.clone());
        let right = self.flag(right);
        self.only = before;
        Ok(Expression::Among(Box::new(Among { left, right: right?, only })))
    }

    /// The instances for which an expression can hold, when it only compares the instance's own name with texts.
    fn named(&self, expression: &Expression) -> Option<Only> {
        match expression {
            Expression::Compare(compare) => self.named_by(compare),
            Expression::Or(left, right) => {
                let (left, mut right) = (self.named(left)?, self.named(right)?);
                let same = left.attribute == right.attribute;
                right.values.extend(left.values);
                same.then_some(right)
            }
            _ => None,
        }
    }

    /// `largest(x, "attribute") == "text"`: within an instance there is only its own attribute.
    fn named_by(&self, compare: &Compare) -> Option<Only> {
        let Compare { how: Comparison::Equal, left: Expression::Rank(rank), right: Expression::Text(text), .. } =
            compare
        else {
            return None;
        };
        let fixed = self.names.inputs[rank.over].fixed.iter().any(|(name, _)| *name == rank.attribute);
        let is_own = self.names.each.contains(&rank.attribute) && !fixed && rank.unit.is_none();
        is_own.then(|| Only { attribute: rank.attribute.clone(), values: vec![text.clone()] })
    }
}

impl Compiled {
    /// The same, with all that it reads kept for all instances: its evidence says what it read, also where it could
    /// not matter.
    pub(crate) fn with_evidence(mut self) -> Self {
        let needs = std::mem::take(&mut self.needs);
        for need in needs {
            match self.needs.iter_mut().find(|other| other.input == need.input && other.field == need.field) {
                Some(other) => {
                    (other.span_ms, other.rows) = (other.span_ms.max(need.span_ms), other.rows.max(need.rows));
                }
                None => self.needs.push(super::Need { only: None, ..need }),
            }
        }
        self
    }
}
