//! What was checked and is fine, and what could not be checked.

use crate::catalogue::Check;
use crate::condition::{Cell, Reason};
use crate::document::{Account, OutcomeResult, RuledOut, RuledOutResult};
use crate::registry::SignalKind;
use crate::vocabulary::Timestamp;

use super::judge::nearest;
use super::{Detector, binding};

/// How the words of a candidate begin that was checked and is fine.
const NOT_THE_CASE: &str = "not the case.";

impl Detector {
    /// What became of a check that does not hold: the instance that came nearest, or why it cannot be told.
    pub(super) fn ruled_out(&self, check: &Check, now: Timestamp) -> RuledOut {
        if !check.runs_on(&self.host.os_type) {
            return self.not_told(check, &Reason::OtherSystem, now);
        }
        let index = self.catalogue.checks().iter().position(|one| one.id == check.id);
        let instances = index.map_or(&[][..], |index| self.board.names(index));
        let mut best: Option<RuledOut> = None;
        let mut unknown: Option<RuledOut> = None;
        for values in instances {
            let one = self.instance_ruled_out(check, values, now);
            match one.result {
                RuledOutResult::NotFound => {
                    let distance = |one: &RuledOut| one.margin.unwrap_or(f64::INFINITY);
                    if best.as_ref().is_none_or(|best| distance(&one) < distance(best)) {
                        best = Some(one);
                    }
                }
                RuledOutResult::Unknown => {
                    unknown.get_or_insert(one);
                }
            }
        }
        // One series that has only just begun does not make a whole check unknown.
        best.or(unknown).unwrap_or_else(|| self.no_instance(check, now))
    }

    /// What became of a finding that no longer holds: what its own instance shows, where that can be told.
    pub(super) fn accounted(&self, id: &str, instance: &str, now: Timestamp) -> Account {
        let Some(check) = self.catalogue.check(id) else {
            return (OutcomeResult::Unknown, "There is no such check any more.".to_owned());
        };
        let values = super::instance_values(check, instance).filter(|values| !values.is_empty());
        let Some(values) = values.filter(|_| check.runs_on(&self.host.os_type)) else {
            return became(self.ruled_out(check, now));
        };
        let one = self.instance_ruled_out(check, &values, now);
        match one.result {
            RuledOutResult::NotFound => became(one),
            RuledOutResult::Unknown if self.judge_of(check, &binding(check, &values), now).has_left() => {
                (OutcomeResult::Gone, "It is not there any more.".to_owned())
            }
            RuledOutResult::Unknown => became(self.ruled_out(check, now)),
        }
    }

    fn instance_ruled_out(&self, check: &Check, values: &[String], now: Timestamp) -> RuledOut {
        let binding = binding(check, values);
        let judge = self.judge_of(check, &binding, now);
        let (cell, compared) = judge.compared();
        let nearest = nearest(&compared);
        let (result, why) = if let Cell::Unknown(reason) = &cell {
            told(reason, &format!("{}{}", judge.of_instance(), judge.words(reason)))
        } else {
            let why = judge.not_the_case(nearest.map(|(one, _)| one));
            (RuledOutResult::NotFound, format!("{NOT_THE_CASE} {why}"))
        };
        let margin = if result == RuledOutResult::NotFound { nearest.and_then(|(_, margin)| margin) } else { None };
        let nearest = nearest.map(|(one, _)| one.evidence.clone());
        RuledOut { id: check.id.clone(), title: check.title.clone(), result, why, nearest, margin }
    }

    /// A check whose instances have not appeared.
    fn no_instance(&self, check: &Check, now: Timestamp) -> RuledOut {
        let inputs = &check.rule.instance_inputs;
        let is_event = |input: &usize| check.rule.inputs[*input].spec.signal.kind == SignalKind::Event;
        let input = inputs.first().copied().unwrap_or(0);
        match self.store.absence(check.rule.inputs[input].source) {
            Some(unknown) => self.not_told(check, &Reason::Absent(input, unknown.clone()), now),
            // Where it is told what happens to some instance, silence says that nothing did to any.
            None if inputs.iter().all(is_event) => self.instance_ruled_out(check, &[], now),
            None => self.not_told(check, &self.judge_of(check, &[], now).no_data(input), now),
        }
    }

    fn not_told(&self, check: &Check, reason: &Reason, now: Timestamp) -> RuledOut {
        let (result, why) = told(reason, &self.judge_of(check, &[], now).words(reason));
        RuledOut { id: check.id.clone(), title: check.title.clone(), result, why, nearest: None, margin: None }
    }
}

fn became(one: RuledOut) -> Account {
    let result = match one.result {
        RuledOutResult::NotFound => OutcomeResult::Gone,
        RuledOutResult::Unknown => OutcomeResult::Unknown,
    };
    (result, one.why)
}

/// What is not in the machine cannot be wrong with it; everything else that is missing leaves a question open.
fn told(reason: &Reason, words: &str) -> (RuledOutResult, String) {
    if reason.is_not_present() {
        (RuledOutResult::NotFound, format!("{NOT_THE_CASE} {words}."))
    } else {
        (RuledOutResult::Unknown, format!("could not be told: {words}."))
    }
}
