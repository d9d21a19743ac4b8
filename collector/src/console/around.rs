//! How it was around the moment that a ticket names, on its page: in words, and in pictures.

use firstline_diagnosis::document::{Around, Snapshot};
use firstline_diagnosis::stated::stated;

use crate::ticket::Ticket;
use crate::ticket::answer::pictures_around;

/// The account on a page.
pub(crate) struct AroundView {
    /// The moment: `2026-01-21 09:40 UTC ("about 10:40")`.
    pub moment: String,
    /// What is known of it.
    pub lines: Vec<String>,
    /// Drawings of the numbers, as HTML that is safe; empty where there are none.
    pub pictures: String,
}

impl AroundView {
    pub(super) fn new(around: &Around) -> Self {
        Self { moment: around.moment(), lines: around.lines(), pictures: String::new() }
    }

    /// The same with pictures of what a snapshot remembers.
    pub(super) fn illustrate(&mut self, around: Option<&Around>, snapshot: &Snapshot) {
        self.pictures = around.map(|around| pictures_around(snapshot, around)).unwrap_or_default();
    }

    pub(super) fn plain(&self) -> String {
        format!("\nAround {}:\n- {}\n", self.moment, self.lines.join("\n- "))
    }
}

/// The words of a ticket that name a moment; empty where it names none. Which moment that is, its endpoint's clock says.
pub(super) fn named(ticket: &Ticket) -> String {
    let told = |words: &str| stated(words, ticket.opened_at, 0).map(|stated| stated.words);
    told(&ticket.text).or_else(|| told(&ticket.subject)).unwrap_or_default()
}
