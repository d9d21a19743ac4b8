//! What people are told of a finding that stands, though what it was raised for is no longer so: that it is clearing and
//! from when on it counts as gone, or what is still missing. Its own words would say what is not true any more.

use std::cell::RefCell;

use crate::condition::Compared;
use crate::document::{FindingState, Texts};
use crate::texts;
use crate::vocabulary::Timestamp;

use super::judge::{Judge, nearest, sentence};
use super::standing::{Standing, Truth};

impl Judge<'_> {
    /// The words for a finding that stands and no longer holds; nothing where its own are true.
    pub(super) fn no_longer(&self, standing: &Standing) -> Option<Texts> {
        let title = &self.check.title;
        if let Some(since) = standing.clears_since() {
            let (since, hold) = (texts::moment(Timestamp(since)), self.check.clear_hold.as_secs_f64());
            let (hold, numbers) = (texts::duration(hold), self.numbers());
            return Some(Texts {
                user: format!(
                    "“{title}”: this is no longer so since {since}. If it stays like that for {hold}, it is over."
                ),
                tech: format!("Clearing: within its limits since {since}, counts as gone after {hold}. {numbers}"),
            });
        }
        let holds = self.truth(&self.check.rule.when) != Truth::False;
        if standing.state != FindingState::Active || (holds && self.excuse().is_none()) {
            return None;
        }
        let (numbers, missing) = (self.numbers(), self.missing());
        Some(Texts {
            user: format!("“{title}”: this is getting better, but is not over yet."),
            tech: format!("Better, but not clear. {numbers}{missing}"),
        })
    }

    /// What an instance shows on which it does not hold.
    fn numbers(&self) -> String {
        let compared = self.compared().1;
        self.not_the_case(nearest(&compared).map(|(one, _)| one))
    }

    /// The comparisons of the clear condition that do not hold yet.
    fn missing(&self) -> String {
        let Some(clear) = &self.check.rule.clear else { return String::new() };
        let compared = RefCell::new(Vec::new());
        self.scope(Some(&compared)).find(&clear.expression);
        let compared = compared.into_inner();
        let open = compared.iter().map(|one| &one.evidence).filter(|one| one.held == Some(false));
        open.filter_map(|one| Some(format!(" {}: {} (clear {}).", one.what(), one.found()?, one.limit()))).collect()
    }

    /// What an instance shows on which a check does not hold: what excuses it, the check's own words, or what came nearest.
    pub(super) fn not_the_case(&self, nearest: Option<&Compared>) -> String {
        let of = self.of_instance();
        match (self.excuse(), self.fine(), nearest) {
            (Some(guard), ..) => format!("{of}Excused: {guard}."),
            (None, Some(fine), _) => fine,
            (None, None, Some(one)) => format!("{of}{}", sentence(one)),
            (None, None, None) => format!("{of}Nothing of the kind was seen."),
        }
    }
}
