//! Which alerts become tickets, at which desk.

use firstline_diagnosis::vocabulary::Severity;
use serde::{Deserialize, Serialize};

use super::desks::DeskSettings;
use super::in_range;

/// The name of the desk that is always there.
pub(crate) const BUILTIN: &str = "builtin";
/// Most rules.
const RULES_MAX: usize = 50;

/// Which alerts become tickets at a desk. Of several rules the first that fits an alert counts, so that it becomes one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TicketRule {
    /// The desk's name; `builtin` is the one that is always there.
    pub desk: String,
    /// Its queue, in its own words; empty: its first.
    pub queue: String,
    /// What is less bad becomes no ticket.
    pub least_severity: Severity,
    /// Only findings of these categories, `Storage` or `Storage/Capacity`; none: of all.
    pub categories: Vec<String>,
    /// Also alerts of which nobody is told, since the day's quota is spent.
    pub beyond_quota: bool,
    /// How long an alert must stand before, so that what passes, and what turns out to be an incident, is none.
    pub after_seconds: u64,
    /// What happens to the ticket when it is over.
    pub when_over: WhenOver,
    /// Whether the endpoint is asked for its diagnosis.
    pub diagnose: bool,
}

/// What happens to an alert's ticket when it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenOver {
    /// It gets a note.
    #[default]
    Note,
    /// It gets a note and is resolved.
    Resolve,
    /// Nothing.
    Nothing,
}

impl WhenOver {
    /// Every case.
    pub const ALL: [Self; 3] = [Self::Note, Self::Resolve, Self::Nothing];

    /// The word in the configuration and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Resolve => "resolve",
            Self::Nothing => "nothing",
        }
    }

    /// The case with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

impl Default for TicketRule {
    fn default() -> Self {
        Self {
            desk: BUILTIN.to_owned(),
            queue: String::new(),
            least_severity: Severity::High,
            categories: Vec::new(),
            beyond_quota: false,
            after_seconds: 120,
            when_over: WhenOver::default(),
            diagnose: true,
        }
    }
}

impl TicketRule {
    /// Whether a finding of this category is meant.
    pub(crate) fn takes(&self, category: &str) -> bool {
        means(&self.categories, category)
    }
}

/// Whether a list of categories means `category`: all when it is empty, and each with all that is below it.
pub(super) fn means(categories: &[String], category: &str) -> bool {
    let within = |wanted: &String| {
        category.strip_prefix(wanted.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    categories.is_empty() || categories.iter().any(within)
}

/// Checks all rules against the desks that there are.
pub(super) fn check(rules: &[TicketRule], desks: &[DeskSettings]) -> Result<(), String> {
    in_range("the number of [[alerts.tickets]]", rules.len(), 0, RULES_MAX)?;
    for rule in rules {
        in_range("alerts.tickets.after_seconds", rule.after_seconds, 0, 86_400)?;
        let desk = desks.iter().find(|desk| desk.name == rule.desk);
        if desk.is_none() && rule.desk != BUILTIN {
            return Err(format!(
                "alerts.tickets names the desk {:?}, and no [[desk]] has this name; {BUILTIN:?} is always there",
                rule.desk
            ));
        }
        if rule.queue.is_empty() && desk.is_some_and(|desk| desk.queues.is_empty()) {
            return Err(format!(
                "alerts.tickets opens tickets at {:?}, which has no queues; say in which with queue = \"NAME\"",
                rule.desk
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_category_is_meant_with_all_that_is_below_it() {
        let rule = TicketRule { categories: vec!["Storage".to_owned()], ..TicketRule::default() };
        assert!(rule.takes("Storage") && rule.takes("Storage/Capacity"));
        assert!(!rule.takes("Storages") && !rule.takes("Network/Wi-Fi"));
        assert!(TicketRule::default().takes("Network/Wi-Fi"));
    }

    #[test]
    fn a_rule_that_leads_nowhere_is_refused() {
        let desk = "[[desk]]\nname = \"helpdesk\"\nurl = \"https://rt.example.com\"\ntoken_file = \"t\"\n";
        for (rule, answer) in [
            ("desk = \"helpdsk\"", "no [[desk]] has this name"),
            ("desk = \"helpdesk\"", "has no queues"),
            ("when_over = \"close\"", "it can be note, resolve, nothing"),
            ("least_severity = \"hihg\"", "did you mean `high`?"),
            ("after_seconds = 100000", "from 0 to 86400"),
        ] {
            let said = Config::parse(&format!("{desk}[[alerts.tickets]]\n{rule}")).expect_err(rule);
            assert!(said.contains(answer), "{rule}: {said}");
        }
        let good =
            format!("{desk}[[alerts.tickets]]\ndesk = \"helpdesk\"\nqueue = \"Alerts\"\nwhen_over = \"resolve\"");
        let rule = Config::parse(&good).expect("a rule").alerts.tickets.remove(0);
        assert_eq!((rule.when_over, rule.least_severity), (WhenOver::Resolve, Severity::High));
    }
}
