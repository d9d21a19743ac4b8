//! What Freshservice and Freshdesk do not share.

use serde_json::Value;

use crate::desk::pages;
use crate::desk::trouble::{Trouble, TroubleKind};
use crate::desk::values::{id, text};

/// One of them.
#[derive(Debug)]
pub(in crate::desk) struct Product {
    /// What it is called.
    pub(super) name: &'static str,
    /// Whether a document stands in another one, under what it is.
    wrapped: bool,
    /// What people put before a number.
    prefixes: &'static [&'static str],
    /// What is asked for with a ticket.
    pub(super) beside: &'static str,
    /// Where people are, and what their documents are called there.
    pub(super) people: [(&'static str, &'static str); 2],
    /// What an account is asked to see whether its key is good.
    pub(super) probe: (&'static str, &'static [(&'static str, &'static str)]),
    /// Where a ticket of ours comes from, among its numbers for that.
    pub(super) source: u64,
    /// What a ticket is when the administrator does not say so; empty: nothing.
    pub(super) ticket_type: &'static str,
    /// The only hosts that take keys.
    hosts: &'static str,
}

/// Freshservice. Its agents need not be allowed to ask for themselves, so that tickets are asked for.
pub(in crate::desk) const FRESHSERVICE: Product = Product {
    name: "Freshservice",
    wrapped: true,
    prefixes: &["INC-", "SR-"],
    beside: "requester,assets",
    people: [("requesters", "requester"), ("agents", "agent")],
    probe: ("tickets", &[("per_page", "1")]),
    source: 14,
    ticket_type: "Incident",
    hosts: "*.freshservice.com",
};

/// Freshdesk.
pub(in crate::desk) const FRESHDESK: Product = Product {
    name: "Freshdesk",
    wrapped: false,
    prefixes: &[],
    beside: "requester",
    people: [("contacts", "contact"), ("agents", "agent")],
    probe: ("agents/me", &[]),
    source: 2,
    ticket_type: "",
    hosts: "*.freshdesk.com",
};

impl Product {
    /// What a document holds that is called `name` here.
    pub(super) fn inner(&self, mut document: Value, name: &str) -> Value {
        if self.wrapped { document[name].take() } else { document }
    }

    /// What a list is called; empty when it has no name.
    pub(super) fn outer<'a>(&self, name: &'a str) -> &'a str {
        if self.wrapped { name } else { "" }
    }

    /// A number without what people put before it.
    pub(super) fn bare<'a>(&self, number: &'a str) -> &'a str {
        let number = number.trim().trim_start_matches('#');
        let after = |prefix: &&str| {
            let (start, rest) = number.split_at_checked(prefix.len())?;
            start.eq_ignore_ascii_case(prefix).then_some(rest)
        };
        self.prefixes.iter().find_map(after).unwrap_or(number)
    }

    /// What the answer to [`Product::probe`] says, in lines for people.
    pub(super) fn standing(&self, answer: Value) -> Result<Vec<String>, Trouble> {
        if self.wrapped {
            return pages::rows(answer, "tickets").map(|_| vec!["tickets are seen".to_owned()]);
        }
        if id(&answer["id"]).is_none() {
            return Err(Trouble::odd("it answers, but not with an agent"));
        }
        let scope = match answer["ticket_scope"].as_u64() {
            Some(1) => "sees all tickets",
            _ => "sees only some tickets: its scope is not global",
        };
        Ok(vec![format!("signed in as {}, who {scope}", text(&answer["contact"]["email"]))])
    }

    /// The trouble, with what it means there.
    pub(super) fn told(&self, trouble: Trouble) -> Trouble {
        match trouble.kind {
            TroubleKind::Unauthorized => trouble.meaning(&format!(
                "the key is wrong or was reset, or url is not the account's own address ({}), which alone takes keys",
                self.hosts
            )),
            TroubleKind::Forbidden => trouble.meaning(
                "the agent needs a role that may view tickets, add notes and edit properties, with a scope that holds the ticket",
            ),
            TroubleKind::Refused if trouble.said.starts_with("405") => {
                trouble.meaning("the ticket was deleted there or lies in the spam")
            }
            _ => trouble,
        }
    }
}
