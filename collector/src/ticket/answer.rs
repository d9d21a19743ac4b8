//! What a diagnosis says to people: the note on the ticket, and the report beside it.
//!
//! Both answer in the same order: one plain sentence and how bad it is; why, in numbers; what to do, in steps; when to
//! stop and to whom to hand over; what else is true; what was ruled out and what could not be checked; what changed;
//! how good the data is. Who reads for five seconds has the answer; who reads on can defend it.

mod hand_over;
mod note;
mod report;
mod sparkline;
#[cfg(test)]
mod tests;
mod words;

use firstline_diagnosis::catalogue::Catalogue;
use firstline_diagnosis::document::{Diagnosis, Finding, Role, Snapshot};

pub(crate) use hand_over::{HandOver, hand_over};
pub(crate) use note::note;
pub(crate) use report::{report, report_after};
pub(crate) use sparkline::around as pictures_around;

use super::Ticket;

/// What an answer is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    /// For titles of checks.
    pub(crate) catalogue: &'a Catalogue,
    /// What the endpoint said.
    pub(crate) snapshot: &'a Snapshot,
    /// What it means.
    pub(crate) diagnosis: &'a Diagnosis,
    /// The ticket it is for.
    pub(crate) ticket: Option<&'a Ticket>,
    /// Who asked.
    pub(crate) requested_by: &'a str,
}

/// The finding that is the answer.
pub(crate) fn primary(diagnosis: &Diagnosis) -> Option<&Finding> {
    diagnosis.answer()
}

/// The answer in one plain sentence; of what is over, that it is.
pub(crate) fn sentence(diagnosis: &Diagnosis) -> String {
    match (primary(diagnosis), &diagnosis.around) {
        (Some(finding), Some(around)) if finding.until.is_some() => around.over(finding),
        (Some(finding), _) => finding.texts.user.clone(),
        (None, _) if diagnosis.findings.is_empty() => {
            "Nothing wrong was found on this computer with what could be checked.".to_owned()
        }
        (None, _) => "Nothing was found that explains the complaint; what else was found is listed below.".to_owned(),
    }
}

impl Facts<'_> {
    /// The title of a check, or its id when the catalogue has none.
    fn title<'b>(&'b self, check: &'b str) -> &'b str {
        self.catalogue.check(check).map_or(check, |check| check.title.as_str())
    }

    /// Findings of a role, in order.
    fn findings(&self, role: Role) -> impl Iterator<Item = &Finding> {
        self.diagnosis.findings.iter().filter(move |finding| finding.role == role)
    }
}
