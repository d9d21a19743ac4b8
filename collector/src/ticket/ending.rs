//! How a ticket ended, at whichever desk, and what that says of the check that answered it or opened it.

use super::ClosingCode;
use crate::config::DeskSettings;

/// The state of a ticket that is part of another one now.
pub(crate) const MERGED: &str = "merged";
/// The closing code that Zendesk gives such a ticket.
pub(crate) const CLOSED_BY_MERGE: &str = "closed_by_merge";

/// What the rows of a ticket say of its end: `tickets.state`, `tickets.closing AS code`, and `desk`, `state_there` and `closing`
/// of `desk_tickets`, which tickets of the built-in desk do not have.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Ending {
    state: String,
    code: String,
    desk: Option<String>,
    state_there: Option<String>,
    closing: Option<String>,
}

impl Ending {
    /// What whoever closed it at the built-in desk said.
    pub(crate) fn code(&self) -> Option<ClosingCode> {
        ClosingCode::from_name(&self.code)
    }

    /// Whether the check was of use, as far as anybody says: the code, or the words of the ticket's desk.
    pub(crate) fn was_useful(&self, desks: &[DeskSettings]) -> bool {
        let desk = || desks.iter().find(|one| Some(&one.name) == self.desk.as_ref());
        let said_not = || desk().is_some_and(|desk| desk.says_not_useful(&self.words()));
        self.code().map_or_else(|| !said_not(), ClosingCode::was_useful)
    }

    /// Whether it is part of another ticket now.
    pub(crate) fn is_merged(&self) -> bool {
        self.words().iter().any(|word| [MERGED, CLOSED_BY_MERGE].contains(word))
    }

    /// Its state and closing code on one line.
    pub(crate) fn line(&self) -> String {
        let [state, closing] = match self.code() {
            Some(code) => [self.state.as_str(), code.name()],
            None => self.words(),
        };
        if closing.is_empty() { state.to_owned() } else { format!("{state}, {closing}") }
    }

    /// Its state and closing code, in its desk's words.
    fn words(&self) -> [&str; 2] {
        [self.state_there.as_deref().unwrap_or(&self.state), self.closing.as_deref().unwrap_or_default()]
    }
}
