use serde::{Deserialize, Serialize};

use super::{Diagnosis, FindingState};
use crate::vocabulary::Timestamp;

/// What became of a finding, and its numbers now or why there are none.
pub(crate) type Account = (OutcomeResult, String);

/// What became of the findings of an earlier answer: the proof that something helped, or that it did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// The moment of the earlier answer.
    pub before: Timestamp,
    /// Finding by finding: those that were there, in their order, then those that are new.
    pub outcomes: Vec<Outcome>,
}

/// What became of one finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The check's id.
    pub id: String,
    /// What it is called among people.
    pub title: String,
    /// Which instance; empty when the check has only one.
    pub instance: String,
    /// What became of it.
    pub result: OutcomeResult,
    /// Its numbers then; empty when it was not there.
    pub then: String,
    /// Its numbers now, or why there are none.
    pub now: String,
}

/// What can become of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeResult {
    /// Checked, and it no longer holds.
    Gone,
    /// It no longer holds, but not for long enough yet to count as gone.
    Clearing,
    /// It still holds.
    Remains,
    /// It could not be checked. Never counts as gone.
    Unknown,
    /// It was not there before.
    New,
}

impl OutcomeResult {
    /// The word on tickets and screens.
    pub fn words(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Clearing => "clearing",
            Self::Remains => "remains",
            Self::Unknown => "could not be checked",
            Self::New => "new",
        }
    }
}

impl Compared {
    /// What became of the findings of `before` in `after`. Of a check that no longer holds on an instance, `accounted` says
    /// what that instance shows.
    pub(crate) fn of(before: &Diagnosis, after: &Diagnosis, accounted: impl Fn(&str, &str) -> Account) -> Self {
        let was = before.findings.iter().map(|finding| {
            let (id, title, instance) = (finding.id.clone(), finding.title.clone(), finding.instance.clone());
            let (result, now) = Self::became(&id, &instance, after, &accounted);
            Outcome { id, title, instance, result, then: finding.texts.tech.clone(), now }
        });
        let known = |id: &str, instance: &str| {
            before.findings.iter().any(|finding| finding.id == id && finding.instance == instance)
        };
        let new = after.findings.iter().filter(|finding| !known(&finding.id, &finding.instance));
        let new = new.map(|finding| Outcome {
            id: finding.id.clone(),
            title: finding.title.clone(),
            instance: finding.instance.clone(),
            result: OutcomeResult::New,
            then: String::new(),
            now: finding.texts.tech.clone(),
        });
        Self { before: before.at, outcomes: was.chain(new).collect() }
    }

    /// The same findings, in a later answer.
    pub(crate) fn once_more(&self, after: &Diagnosis, accounted: impl Fn(&str, &str) -> Account) -> Self {
        let again = |outcome: &Outcome| {
            let (result, now) = Self::became(&outcome.id, &outcome.instance, after, &accounted);
            Outcome { result, now, ..outcome.clone() }
        };
        Self { before: self.before, outcomes: self.outcomes.iter().map(again).collect() }
    }

    /// What became of a check on an instance, and its numbers.
    fn became(id: &str, instance: &str, after: &Diagnosis, accounted: impl Fn(&str, &str) -> Account) -> Account {
        match after.findings.iter().find(|finding| finding.id == id && finding.instance == instance) {
            Some(still) => (Self::stands(still.state), still.texts.tech.clone()),
            None => accounted(id, instance),
        }
    }

    /// What stands where it stood has not gone; but it may be about to, or its readings may have stopped.
    fn stands(state: FindingState) -> OutcomeResult {
        match state {
            FindingState::Recovering => OutcomeResult::Clearing,
            FindingState::Stale | FindingState::Unknown => OutcomeResult::Unknown,
            FindingState::Ok | FindingState::Pending | FindingState::Active => OutcomeResult::Remains,
        }
    }

    /// The sum in one sentence; nothing when there was nothing to compare.
    pub fn sentence(&self) -> Option<String> {
        let count = |result| self.outcomes.iter().filter(|outcome| outcome.result == result).count();
        let (gone, new) = (count(OutcomeResult::Gone), count(OutcomeResult::New));
        let (clearing, unknown) = (count(OutcomeResult::Clearing), count(OutcomeResult::Unknown));
        let was = self.outcomes.len() - new;
        let text = match (was, gone) {
            (0, _) => return (new > 0).then(|| format!("Nothing was found then; {new} found now.")),
            (1, 1) => "What was found then is gone.".to_owned(),
            (was, gone) if was == gone => format!("All {was} that were found then are gone."),
            (1, _) if clearing == 1 => "What was found then is clearing.".to_owned(),
            (1, _) if unknown == 1 => "Whether what was found then is gone could not be checked.".to_owned(),
            (1, _) => "What was found then remains.".to_owned(),
            (was, gone) if clearing == 0 => format!("{gone} of {was} that were found then are gone."),
            (was, gone) => format!("{gone} of {was} that were found then are gone, {clearing} clearing."),
        };
        Some(if new > 0 { format!("{text} {new} new.") } else { text })
    }
}
