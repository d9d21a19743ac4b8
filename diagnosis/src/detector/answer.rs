//! The answer to a symptom.

use crate::catalogue::{Check, Symptom};
use crate::document::{Diagnosis, Finding, RuledOut, RuledOutResult};
use crate::texts;
use crate::vocabulary::Timestamp;

use super::explain::OUTLIVES_MS;
use super::{Detector, ranking};

/// Silence after which an answer says how old its numbers are.
const OLD_MS: i64 = 5 * 60_000;
/// Less history than this is worth a note: most windows are longer.
const YOUNG_MS: i64 = 15 * 60_000;

impl Detector {
    /// The answer, which accounts for the symptom's candidates and for `also`.
    pub(super) fn answer(&self, text: Option<&str>, now: Timestamp) -> Diagnosis {
        let symptom = text.and_then(|text| self.catalogue.symptom(text));
        let (findings, primary) = self.ranked(symptom, now);
        let ruled_out: Vec<RuledOut> = self
            .candidates(symptom)
            .into_iter()
            .filter(|check| findings.iter().all(|finding| finding.id != check.id))
            .map(|check| self.ruled_out(check, now))
            .collect();
        let notes = self.notes(text, symptom, &ruled_out, now);
        Diagnosis {
            symptom: symptom.map(|symptom| symptom.id.clone()),
            primary,
            findings,
            ruled_out,
            notes,
            compared: None,
            around: None,
            changes: None,
            not_checked: symptom.map(|symptom| symptom.later.clone()).unwrap_or_default(),
            catalogue: self.catalogue.version().to_owned(),
            at: now,
        }
    }

    /// The findings in the order of the answer. A root that cleared less than half an hour ago still explains, unless that
    /// leaves the question without an answer: then what is left of the trouble is the answer.
    fn ranked(&self, symptom: Option<&Symptom>, now: Timestamp) -> (Vec<Finding>, Option<String>) {
        let ranked = ranking::rank(self.holding(now), symptom, &self.roots(now, OUTLIVES_MS));
        if ranked.1.is_some() || ranked.0.is_empty() {
            return ranked;
        }
        ranking::rank(self.holding(now), symptom, &self.roots(now, 0))
    }

    /// The checks that an answer must account for: the symptom's candidates in order, or all.
    fn candidates(&self, symptom: Option<&Symptom>) -> Vec<&Check> {
        match symptom {
            Some(symptom) => symptom.candidates.iter().filter_map(|id| self.catalogue.check(id)).collect(),
            None => self.catalogue.checks().iter().collect(),
        }
    }

    /// What must be known to read the answer right.
    fn notes(
        &self,
        text: Option<&str>,
        symptom: Option<&Symptom>,
        ruled_out: &[RuledOut],
        now: Timestamp,
    ) -> Vec<String> {
        let mut notes = Vec::new();
        let unknown = ruled_out.iter().filter(|one| one.result == RuledOutResult::Unknown).count();
        let awake = &self.store.awake;
        match (awake.first_heard(), awake.last_heard()) {
            (Some(first), Some(last)) => {
                let age_ms = now.0 - last.0;
                if age_ms > OLD_MS {
                    let age = texts::duration(age_ms as f64 / 1000.0);
                    let asleep = if awake.is_paused() { ", when the machine paused" } else { "" };
                    notes.push(format!("The newest reading is {age} old{asleep}."));
                }
                if last.0 - first.0 < YOUNG_MS {
                    let span = texts::duration(((last.0 - first.0).max(0) as f64 / 1000.0).round());
                    let span = if last.0 - first.0 < 60_000 { "less than a minute".to_owned() } else { span };
                    let open = match unknown {
                        0 => String::new(),
                        unknown => format!(": {unknown} of {} other candidates could not be told", ruled_out.len()),
                    };
                    notes.push(format!("Only {span} of history is known yet{open}."));
                } else if unknown > 0 {
                    notes.push(format!("{unknown} of {} other candidates could not be told.", ruled_out.len()));
                }
            }
            _ => notes.push("Nothing has been heard from this machine yet.".to_owned()),
        }
        if let (Some(_), None) = (text.filter(|text| !text.trim().is_empty()), symptom) {
            notes.push("The words of the ticket match no known symptom; findings are in order of severity.".to_owned());
        }
        if let Some(symptom) = symptom {
            match symptom.later.len() {
                0 => {}
                1 => notes.push("1 further check is not part of this version.".to_owned()),
                count => notes.push(format!("{count} further checks are not part of this version.")),
            }
            notes.extend(symptom.rule_out.iter().map(|question| format!("Rule out by asking: {question}")));
        }
        notes
    }
}
