//! How it was around a moment that somebody names: what held then, what was unusual, what happened.
//!
//! A freeze at 10:40 is over when the ticket is read at 13:00, and what is wrong now may have nothing to do with it. The
//! replay goes through that moment anyway, on its way to the end: here is kept what held on the way (a spell for each time
//! that a check held on an instance), and told of those that reach into the time looked at.
//!
//! The machine remembers the last hour in steps of 15 s, the time around a moment that is asked for as finely, the rest of
//! the day in steps of five minutes, and states only as they are now: what a check needs of a state is as true then as the
//! state is steady. Nothing is said to be well because nothing was recorded.

mod happened;
mod unusual;

use std::time::Duration;

use crate::catalogue::{Catalogue, Symptom};
use crate::detector::Transition;
use crate::document::{Around, Finding, FindingState, Role, Snapshot};
use crate::order::Arrange as _;
use crate::stated::Stated;
use crate::vocabulary::{Severity, Timestamp};

/// Nobody remembers a moment better than this; and who is farther off names none.
const GIVE: (Duration, Duration) = (Duration::from_mins(10), Duration::from_mins(90));
/// Checks take their time until they hold: judged as finely from so long before.
const RUN_UP: Duration = Duration::from_mins(15);
/// How finely.
pub(super) const STEP: Duration = Duration::from_secs(30);
/// More than these would be a list, not an answer.
const FINDINGS_MAX: usize = 5;

/// The time that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    from: Timestamp,
    until: Timestamp,
}

impl Look {
    /// As far around a moment as the words that name it may be off. What is still to come cannot be looked at.
    pub(super) fn around(stated: &Stated, end: Timestamp) -> Self {
        let give = Duration::from_secs(u64::from(stated.give_seconds)).clamp(GIVE.0, GIVE.1);
        let at = stated.at.min(end);
        Self { from: at - give, until: (at + give).min(end) }
    }

    /// The stretch that is judged finely.
    pub(super) fn fine(self) -> (Timestamp, Timestamp) {
        (self.from - RUN_UP, self.until)
    }

    fn covers(self, at: Timestamp) -> bool {
        (self.from..=self.until).contains(&at)
    }
}

/// What held on the way: a finding for each time, as it was when it was raised.
#[derive(Debug, Default)]
pub(super) struct Spells(Vec<Finding>);

impl Spells {
    /// Takes the moves of one evaluation.
    pub(super) fn note(&mut self, moves: Vec<Transition>) {
        for Transition { to, at, finding, .. } in moves {
            let same = |spell: &Finding| spell.id == finding.id && spell.instance == finding.instance;
            let open = self.0.iter_mut().rev().find(|spell| spell.until.is_none() && same(spell));
            match (open, matches!(to, FindingState::Ok | FindingState::Unknown)) {
                (Some(spell), true) => spell.until = Some(at),
                // What it was raised with says more than what it began with.
                (Some(spell), false) if to == FindingState::Active && !spell.state.is_raised() => *spell = finding,
                (None, false) => self.0.push(finding),
                _ => {}
            }
        }
    }

    /// These and what was raised otherwise, but for what is known already.
    pub(super) fn and(mut self, raised: &[Finding]) -> Self {
        for one in raised {
            let ends = |spell: &Finding| spell.until.unwrap_or(Timestamp(i64::MAX));
            let meets = |spell: &Finding| spell.onset <= ends(one) && one.onset <= ends(spell);
            let is_known = |spell: &Finding| spell.id == one.id && spell.instance == one.instance && meets(spell);
            if !self.0.iter().any(is_known) {
                self.0.push(one.clone());
            }
        }
        self
    }

    /// Those that reach into the time looked at, the best explanation first; of one check on one instance the best. What
    /// held at the very moment says more than what held near it.
    fn within(self, look: Look, at: Timestamp, symptom: Option<&Symptom>) -> Vec<Finding> {
        let place = |spell: &Finding| symptom?.candidates.iter().position(|id| *id == spell.id);
        // What began long before and still holds is among the findings of now.
        let reaches = |spell: &Finding| match spell.until {
            Some(until) => spell.onset <= look.until && until >= look.from,
            None => spell.state.is_raised() && (look.from - RUN_UP..=look.until).contains(&spell.onset),
        };
        let tells = |spell: &Finding| spell.severity > Severity::Info || place(spell).is_some();
        let mut spells: Vec<Finding> = self.0.into_iter().filter(|spell| reaches(spell) && tells(spell)).collect();
        spells.arrange_by_key(|spell| {
            let follows = (spell.consequence_of.is_some(), symptom.is_some() && place(spell).is_none());
            let is_near = spell.onset > at || spell.until.is_some_and(|until| until < at);
            let severity = std::cmp::Reverse(spell.severity);
            (follows, !spell.state.is_raised(), is_near, severity, spell.onset, spell.id.clone())
        });
        let mut told: Vec<Finding> = Vec::new();
        for spell in spells {
            if !told.iter().any(|other| other.id == spell.id && other.instance == spell.instance) {
                told.push(spell);
            }
        }
        told.truncate(FINDINGS_MAX);
        for (index, finding) in told.iter_mut().enumerate() {
            let answers = symptom.is_none() || place(finding).is_some();
            finding.role = match finding.consequence_of {
                Some(_) => Role::Consequence,
                None if index == 0 && answers && finding.state.is_raised() => Role::Primary,
                None => Role::Also,
            };
        }
        told
    }
}

/// The account of the time looked at.
pub(super) fn account(
    catalogue: &Catalogue,
    snapshot: &Snapshot,
    symptom: Option<&Symptom>,
    stated: &Stated,
    spells: Spells,
) -> Around {
    let look = Look::around(stated, snapshot.taken_at);
    Around {
        at: stated.at,
        words: stated.words.clone(),
        from: look.from,
        until: look.until,
        findings: spells.within(look, stated.at, symptom),
        unusual: unusual::unusual(catalogue, snapshot, symptom, look),
        happened: happened::happened(snapshot, look),
        notes: happened::notes(snapshot, look),
    }
}
