use serde::{Deserialize, Serialize};

use super::{Finding, Role};
use crate::texts;
use crate::vocabulary::{Attributes, Timestamp};

/// How it was around a moment that a ticket names, as the machine remembers it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Around {
    /// The moment.
    pub at: Timestamp,
    /// The words that name it, `about 10:40`; empty when a person gave the moment itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub words: String,
    /// From here on was looked.
    pub from: Timestamp,
    /// Until here was looked.
    pub until: Timestamp,
    /// What held then, the best explanation first. `until` says when it was over; `state` is as it was then.
    pub findings: Vec<Finding>,
    /// Numbers that were unlike the rest of what the machine remembers, the most unlike first.
    pub unusual: Vec<Unusual>,
    /// What happened then, oldest first.
    pub happened: Vec<Happened>,
    /// What must be known to read this right: that the machine slept, that nothing was recorded. Empty when there is
    /// nothing to say.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// A number that was not as it usually is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unusual {
    /// Signal name.
    pub signal: String,
    /// What it is, in plain words.
    pub label: String,
    /// Instance.
    pub attrs: Attributes,
    /// The value that lay farthest from what is usual.
    pub value: f64,
    /// When.
    pub at: Timestamp,
    /// What is usual: the median of the rest.
    pub usual: f64,
    /// UCUM unit of both numbers.
    pub unit: String,
}

/// Something that happened, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happened {
    /// When.
    pub at: Timestamp,
    /// What.
    pub words: String,
}

impl Around {
    /// The moment as people read it: `2026-01-21 09:40 UTC ("about 10:40")`.
    pub fn moment(&self) -> String {
        let at = texts::moment(self.at);
        if self.words.is_empty() { at } else { format!("{at} (\"{}\")", self.words) }
    }

    /// What held then, is over now, and explains the complaint.
    pub fn explains(&self) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.role == Role::Primary && finding.until.is_some())
    }

    /// The sentence of an answer that is over.
    pub fn over(&self, finding: &Finding) -> String {
        format!("It is over now, but around {} it was so: {}", self.moment(), finding.texts.user)
    }

    /// All of it, a line for each: what held, what was unusual, what happened, and what must be known beside. What there is
    /// nothing of is said, too.
    pub fn lines(&self) -> Vec<String> {
        let held = self.findings.iter().map(|finding| {
            let so = finding.until.map_or("and still is".to_owned(), |until| format!("until {}", texts::moment(until)));
            let instance = texts::behind(&finding.instance);
            let caveat = if finding.state.is_raised() { "" } else { ", for a short time only" };
            let since = texts::moment(finding.onset);
            format!("{}{instance}, from {since} {so}{caveat}: {}", finding.title, finding.texts.tech)
        });
        let unusual = self.unusual.iter().map(|one| format!("{} ({})", one.words(), texts::moment(one.at)));
        let happened = self.happened.iter().map(|one| format!("{}: {}", texts::moment(one.at), one.words));
        let mut lines: Vec<String> = held.chain(unusual).chain(happened).collect();
        if lines.is_empty() && self.notes.is_empty() {
            let (from, until) = (texts::moment(self.from), texts::moment(self.until));
            lines.push(format!("Nothing was found between {from} and {until} that was unlike the rest of the day."));
        }
        lines.extend(self.notes.iter().cloned());
        lines
    }
}

impl Unusual {
    /// The instance and the two numbers: `Memory in use: 97 %, usually 41 %`.
    pub fn words(&self) -> String {
        let values: Vec<&str> = self.attrs.iter().map(|(_, value)| value).collect();
        let of = texts::behind(&values.join(", "));
        let (value, usual) = (texts::quantity(self.value, &self.unit), texts::quantity(self.usual, &self.unit));
        format!("{}{of}: {value}, usually {usual}", self.label)
    }
}
