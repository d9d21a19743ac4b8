//! Findings and diagnoses as a technician reads them: one plain sentence first, then why, then what to do.

use std::fmt::Write as _;

use firstline_diagnosis::document::{
    ChangeRecord, Compared, Diagnosis, Evidence, Finding, OutcomeResult, Role, RuledOut, RuledOutResult, WhatChanged,
};
use firstline_diagnosis::registry::Registry;
use firstline_diagnosis::vocabulary::{Attributes, Timestamp};

use super::around::AroundView;
use super::chrome::When;
use super::forecast::Picture;
use super::units::quantity;
use crate::ticket::rich_text::{Line, Span};

/// A step of a runbook.
pub(crate) struct Step {
    /// As it was written.
    pub text: String,
    /// Words and machine text.
    pub spans: Vec<Span>,
}

/// One finding on a page.
pub(crate) struct FindingView {
    /// The check's id.
    pub id: String,
    /// Names the finding within the page and the ticket.
    pub anchor: String,
    /// Severity in a word; also the class.
    pub severity: &'static str,
    /// One plain sentence.
    pub sentence: String,
    /// The numbers.
    pub why: String,
    /// The finding that this one follows from.
    pub consequence_of: String,
    /// How sure, in percent.
    pub confidence: String,
    /// When it began.
    pub since: When,
    /// Whether it held already then, when somebody first looked.
    pub is_older: bool,
    /// `active`, or what else must be said about it.
    pub state: &'static str,
    /// `/home`; empty when there is only one.
    pub instance: String,
    /// The numbers behind it.
    pub evidence: Vec<EvidenceView>,
    /// What could have excused it: name and result in words.
    pub guards: Vec<(String, String)>,
    /// What to do, in order.
    pub steps: Vec<Step>,
    /// Queue to hand over to; empty when there is none.
    pub queue: String,
    /// When to hand over.
    pub when: String,
    /// What to bring.
    pub bring: String,
    /// Proposed category and priority.
    pub category: String,
    /// `P3`.
    pub priority: String,
    /// Of a forecast: what was measured, and where it leads.
    pub picture: Option<Picture>,
}

/// A comparison in words.
pub(crate) struct EvidenceView {
    /// What was measured.
    pub label: String,
    /// `/home, free`.
    pub instance: String,
    /// The value, or why there is none.
    pub value: String,
    /// `at least 5 GiB`.
    pub threshold: String,
    /// `5m`; empty for the last value.
    pub window: String,
    /// `holds`, `does not hold`, `unknown`.
    pub held: &'static str,
    /// `12 s old`; empty when unknown.
    pub age: String,
    /// Where it comes from.
    pub source: String,
}

/// A candidate that is not the answer.
pub(crate) struct RuledOutView {
    /// The check's id.
    pub id: String,
    /// What the check is called.
    pub title: String,
    /// The number that clears it, or why it could not be told.
    pub why: String,
}

/// What changed before a finding began, and since.
pub(crate) struct ChangedView {
    /// What can be said.
    pub words: String,
    /// What may be related, the likeliest first.
    pub related: Vec<String>,
    /// What changed since.
    pub after: Vec<String>,
}

impl ChangedView {
    fn new(changed: &WhatChanged) -> Self {
        let words = |records: &[ChangeRecord]| records.iter().map(|record| record.words.clone()).collect();
        Self { words: changed.words.clone(), related: words(&changed.related), after: words(&changed.after) }
    }

    fn plain(&self) -> String {
        let mut text = format!("\n{}\n", self.words);
        for one in &self.related {
            let _ = writeln!(text, "- {one}");
        }
        if !self.after.is_empty() {
            let _ = writeln!(text, "Changed since, perhaps to fix it:");
        }
        for one in &self.after {
            let _ = writeln!(text, "- {one}");
        }
        text
    }
}

/// A diagnosis on a page.
pub(crate) struct DiagnosisView {
    /// The symptom it answers; empty when none was named.
    pub symptom: String,
    /// The answer; absent when nothing was found.
    pub primary: Option<FindingView>,
    /// What adds to it.
    pub contributing: Vec<FindingView>,
    /// What is also true.
    pub also: Vec<FindingView>,
    /// What follows from it.
    pub consequences: Vec<FindingView>,
    /// What became of what was found last time.
    pub compared: Option<ComparedView>,
    /// How it was when the ticket says; absent when it says nothing.
    pub around: Option<AroundView>,
    /// What to say when nothing was found.
    pub nothing: String,
    /// Checked, and fine.
    pub fine: Vec<RuledOutView>,
    /// Could not be checked.
    pub unknown: Vec<RuledOutView>,
    /// What changed before, and since; absent when nobody looked.
    pub changed: Option<ChangedView>,
    /// Notes on the data.
    pub notes: Vec<String>,
    /// The moment it speaks of.
    pub at: When,
    /// Version of the catalogue.
    pub catalogue: String,
}

/// What became of what was found last time.
pub(crate) struct ComparedView {
    /// The sum of it.
    pub sentence: String,
    /// When that was.
    pub before: When,
    /// Finding by finding.
    pub outcomes: Vec<OutcomeView>,
}

/// What became of one finding.
pub(crate) struct OutcomeView {
    /// Its title.
    pub title: String,
    /// Where.
    pub instance: String,
    /// The class of its mark.
    pub class: &'static str,
    /// What became of it, in a word or two.
    pub words: &'static str,
    /// Its numbers then.
    pub then: String,
    /// Its numbers now.
    pub now: String,
}

impl ComparedView {
    /// Nothing when there was nothing to compare.
    fn new(compared: &Compared, now: Timestamp) -> Option<Self> {
        let outcomes = compared.outcomes.iter().map(|outcome| OutcomeView {
            title: if outcome.title.is_empty() { outcome.id.clone() } else { outcome.title.clone() },
            instance: outcome.instance.clone(),
            class: match outcome.result {
                OutcomeResult::Gone => "good",
                OutcomeResult::Remains => "medium",
                OutcomeResult::Unknown => "unsure",
                OutcomeResult::Clearing | OutcomeResult::New => "low",
            },
            words: outcome.result.words(),
            then: outcome.then.clone(),
            now: outcome.now.clone(),
        });
        // What the fix did comes first.
        let mut outcomes: Vec<OutcomeView> = outcomes.collect();
        outcomes.sort_by_key(|one| ["good", "medium", "low"].iter().position(|class| *class == one.class).unwrap_or(3));
        let (sentence, before) = (compared.sentence()?, When::new(compared.before, now));
        Some(Self { sentence, before, outcomes })
    }
}

impl DiagnosisView {
    /// The diagnosis, seen from `now`. `title` gives the title of a check.
    pub(crate) fn new(diagnosis: &Diagnosis, now: Timestamp, title: impl Fn(&str) -> String) -> Self {
        let of = |role: Role| -> Vec<FindingView> {
            diagnosis
                .findings
                .iter()
                .filter(|finding| finding.role == role)
                .map(|one| FindingView::new(one, diagnosis, now))
                .collect()
        };
        let ruled_out = |wanted: RuledOutResult| -> Vec<RuledOutView> {
            let wanted = diagnosis.ruled_out.iter().filter(|one| one.result == wanted);
            wanted.map(|one| RuledOutView::new(one, title(&one.id))).collect()
        };
        Self {
            symptom: diagnosis.symptom.clone().unwrap_or_default(),
            primary: diagnosis.answer().map(|finding| FindingView::answering(finding, diagnosis, now)),
            contributing: of(Role::Contributing),
            also: of(Role::Also),
            consequences: of(Role::Consequence),
            compared: diagnosis.compared.as_ref().and_then(|compared| ComparedView::new(compared, now)),
            around: diagnosis.around.as_ref().map(AroundView::new),
            nothing: diagnosis.nothing_found(),
            fine: ruled_out(RuledOutResult::NotFound),
            unknown: ruled_out(RuledOutResult::Unknown),
            changed: diagnosis.changes.as_ref().map(ChangedView::new),
            notes: diagnosis.notes.clone(),
            at: When::new(diagnosis.at, now),
            catalogue: diagnosis.catalogue.clone(),
        }
    }

    /// The finding of a check on an instance, when it is shown.
    pub(crate) fn named(&mut self, id: &str, instance: &str) -> Option<&mut FindingView> {
        let lists = [&mut self.contributing, &mut self.also, &mut self.consequences];
        let mut all = self.primary.iter_mut().chain(lists.into_iter().flatten());
        all.find(|finding| finding.id == id && finding.instance == instance)
    }

    /// The whole answer as plain text, to be pasted anywhere.
    pub(crate) fn plain(&self) -> String {
        let mut text = String::new();
        let all = self.primary.iter().chain(&self.contributing).chain(&self.also).chain(&self.consequences);
        for finding in all {
            text.push_str(&finding.plain());
        }
        if text.is_empty() {
            let _ = writeln!(text, "{}", self.nothing);
        }
        if let Some(around) = &self.around {
            text.push_str(&around.plain());
        }
        if let Some(changed) = &self.changed {
            text.push_str(&changed.plain());
        }
        for (head, list) in [("Checked and fine", &self.fine), ("Could not be checked", &self.unknown)] {
            if !list.is_empty() {
                let _ = writeln!(text, "\n{head}:");
                for one in list {
                    let _ = writeln!(text, "- {}: {}", one.title, one.why);
                }
            }
        }
        text
    }
}

impl Step {
    /// A step as the catalogue writes it.
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), spans: Line::step(text).0 }
    }
}

impl FindingView {
    /// The finding, seen from `now`.
    pub(crate) fn new(finding: &Finding, diagnosis: &Diagnosis, now: Timestamp) -> Self {
        Self {
            id: finding.id.clone(),
            anchor: anchor(&finding.id, &finding.instance),
            severity: finding.severity.name(),
            sentence: finding.texts.user.clone(),
            why: finding.texts.tech.clone(),
            consequence_of: diagnosis.cause(finding).unwrap_or_default().to_owned(),
            confidence: quantity(finding.confidence, "1"),
            since: When::new(finding.onset, now),
            is_older: finding.is_older,
            state: finding.state.caveat(),
            instance: finding.instance.clone(),
            evidence: finding.evidence.iter().map(EvidenceView::new).collect(),
            guards: finding.guards.iter().map(|guard| (guard.name.clone(), guard_words(&guard.result))).collect(),
            steps: finding.runbook.iter().map(|step| Step::new(step)).collect(),
            queue: finding.escalation.queue.clone(),
            when: finding.escalation.when.clone(),
            bring: finding.escalation.bring.clone(),
            category: finding.category.clone(),
            priority: format!("{:?}", finding.priority),
            picture: None,
        }
    }

    /// The finding that is the answer; of what is over, that it is.
    fn answering(finding: &Finding, diagnosis: &Diagnosis, now: Timestamp) -> Self {
        let view = Self::new(finding, diagnosis, now);
        match &diagnosis.around {
            Some(around) if finding.until.is_some() => {
                Self { sentence: around.over(finding), state: "over now", ..view }
            }
            _ => view,
        }
    }

    fn plain(&self) -> String {
        let mut text = format!("[{}] {}\nWhy: {}\n", self.severity, self.sentence, self.why);
        for (index, step) in self.steps.iter().enumerate() {
            let _ = writeln!(text, "{}. {}", index + 1, step.text);
        }
        if !self.queue.is_empty() {
            let _ = writeln!(text, "Hand over to {} when: {}. Bring: {}", self.queue, self.when, self.bring);
        }
        text.push('\n');
        text
    }
}

impl EvidenceView {
    fn new(evidence: &Evidence) -> Self {
        let label = Registry::builtin()
            .get(&evidence.signal)
            .map_or_else(|| evidence.signal.clone(), |spec| spec.label.clone());
        let value = match evidence.value {
            Some(number) => quantity(number, &evidence.unit),
            None if evidence.why.is_empty() => "unknown".to_owned(),
            None => format!("unknown: {}", evidence.why),
        };
        Self {
            label,
            instance: instance_words(&evidence.attrs),
            value,
            threshold: format!("{} {}", comparison_words(evidence), quantity(evidence.threshold, &evidence.unit)),
            window: evidence.window.clone(),
            held: match evidence.held {
                Some(true) => "holds",
                Some(false) => "does not hold",
                None => "unknown",
            },
            age: evidence.age_seconds.map(|age| format!("{} old", quantity(age.max(0.0), "s"))).unwrap_or_default(),
            source: evidence.source.clone(),
        }
    }
}

impl RuledOutView {
    fn new(one: &RuledOut, title: String) -> Self {
        Self { id: one.id.clone(), title, why: one.why.clone() }
    }
}

/// The values that tell instances apart, without their names.
pub(crate) fn instance_words(attributes: &Attributes) -> String {
    attributes.iter().map(|(_, value)| value).collect::<Vec<_>>().join(", ")
}

/// Letters that may stand in an id of a page.
pub(crate) fn anchor(id: &str, instance: &str) -> String {
    let letters = id.chars().chain(['-']).chain(instance.chars());
    letters.map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect()
}

fn guard_words(result: &str) -> String {
    match result {
        "passed" => "no excuse found",
        "partly" => "partly excuses it",
        "blocked" => "excuses it",
        other => other,
    }
    .to_owned()
}

fn comparison_words(evidence: &Evidence) -> &'static str {
    use firstline_diagnosis::document::Comparison;
    match evidence.comparison {
        Comparison::Less => "less than",
        Comparison::AtMost => "at most",
        Comparison::Greater => "more than",
        Comparison::AtLeast => "at least",
        Comparison::Equal => "equal to",
        Comparison::NotEqual => "other than",
    }
}
