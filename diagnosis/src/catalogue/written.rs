//! Checks as they are written, for people who read them: pages, lists, the command line.
//!
//! A detector keeps nothing of this; it is read anew from the files when somebody asks.

mod page;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::raw::{self, CheckEntry, Effect, Many};
use super::{Catalogue, LoadErrors, builtin};
use crate::document::Escalation;
use crate::registry::{Registry, SignalSpec};
use crate::vocabulary::{Impact, Series, Severity, Urgency};

/// A check with everything that its file says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Written {
    /// Stable name.
    pub id: String,
    /// A few words for lists.
    pub title: String,
    /// How bad.
    pub severity: Severity,
    /// How sure, before corroboration.
    pub confidence: f64,
    /// Proposed ticket category.
    pub category: String,
    /// Proposed impact.
    pub impact: Impact,
    /// Proposed urgency.
    pub urgency: Urgency,
    /// Where the numbers come from.
    pub basis: Vec<String>,
    /// Whether it may alert without a ticket.
    pub proactive: bool,
    /// Attributes that make an instance.
    pub each: Vec<String>,
    /// Attributes with the values that count.
    pub only: BTreeMap<String, Vec<String>>,
    /// The condition.
    pub when: String,
    /// How long it must hold.
    pub hold: String,
    /// The condition that clears it; empty: `when` no longer holds.
    pub clear: String,
    /// How long that must hold.
    pub clear_hold: String,
    /// What it reads.
    pub inputs: Vec<WrittenInput>,
    /// Names for parts of conditions.
    pub derive: BTreeMap<String, String>,
    /// What could excuse it.
    pub guards: Vec<WrittenRule>,
    /// What makes it surer.
    pub supports: Vec<WrittenRule>,
    /// Other wordings and weights.
    pub variants: Vec<WrittenRule>,
    /// What the user is told.
    pub user: String,
    /// What the technician is told.
    pub tech: String,
    /// What is said when it does not hold.
    pub fine: Vec<WrittenRule>,
    /// What to do, for each system.
    pub runbook: BTreeMap<String, Vec<String>>,
    /// When to hand over.
    pub escalation: Escalation,
}

/// A signal that a check reads, and where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WrittenInput {
    /// Its name in the check.
    pub name: String,
    /// The signal with the attributes that are fixed.
    pub selector: String,
    /// In plain words.
    pub label: String,
    /// How often it is read.
    pub read: String,
    /// Its source on Linux, Windows and macOS; `none: why` where there is none.
    pub sources: [String; 3],
}

/// A condition with a name and what follows from it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct WrittenRule {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Its condition; empty: always.
    pub when: String,
    /// What it does: an effect, a severity.
    #[serde(default)]
    pub then: String,
    /// What the user is told then.
    #[serde(default)]
    pub user: String,
    /// What the technician is told then.
    #[serde(default)]
    pub tech: String,
}

impl Catalogue {
    /// The checks of the embedded catalogue with these files laid over it, as they are written.
    ///
    /// # Errors
    /// As [`Catalogue::with_overlay`].
    pub fn written(files: &[(String, String)]) -> Result<Vec<Written>, LoadErrors> {
        let overlay: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let entries = raw::Entries::parse(&[builtin::FILES, &overlay].concat())?;
        Ok(entries.checks.values().filter(|entry| entry.enabled).filter_map(written).collect())
    }
}

/// Nothing for an entry that lacks something; building the catalogue says what.
fn written(entry: &CheckEntry) -> Option<Written> {
    let texts = |at: &Option<raw::At<String>>| at.as_ref().map_or_else(String::new, |at| at.value.clone());
    let hold = texts(&entry.hold);
    Some(Written {
        id: entry.id.value.clone(),
        title: texts(&entry.title),
        severity: entry.severity.as_ref()?.value,
        confidence: entry.confidence.as_ref()?.value,
        category: texts(&entry.category),
        impact: entry.impact.as_ref()?.value,
        urgency: entry.urgency.as_ref()?.value,
        basis: entry.basis.as_ref().map_or_else(Vec::new, |at| at.value.clone()),
        proactive: entry.proactive.as_ref().is_some_and(|at| at.value),
        each: entry.each.as_ref().map_or_else(Vec::new, |at| at.value.clone().into_vec()),
        only: entry.only.as_ref().map_or_else(BTreeMap::new, |at| only(&at.value)),
        when: texts(&entry.when),
        clear_hold: entry.clear_hold.as_ref().map_or_else(|| hold.clone(), |at| at.value.clone()),
        hold,
        clear: texts(&entry.clear),
        inputs: entry.inputs.iter().filter_map(|(name, at)| input(name, &at.value)).collect(),
        derive: entry.derive.iter().map(|(name, at)| (name.clone(), at.value.clone())).collect(),
        guards: entry.guards.iter().map(|(name, at, effect)| rule(name, &at.value, effect_words(*effect))).collect(),
        supports: entry.supports.iter().map(|(name, at)| rule(name, &at.value, "")).collect(),
        variants: entry.variants.iter().map(variant).collect(),
        user: texts(&entry.user),
        tech: texts(&entry.tech),
        fine: entry.fine.iter().map(|(when, text)| fine(when.as_ref(), &text.value)).collect(),
        runbook: runbook(entry),
        escalation: entry.escalation.clone().unwrap_or_default(),
    })
}

fn only(values: &BTreeMap<String, Many>) -> BTreeMap<String, Vec<String>> {
    values.iter().map(|(name, many)| (name.clone(), many.clone().into_vec())).collect()
}

fn input(name: &str, selector: &str) -> Option<WrittenInput> {
    let series: Series = selector.parse().ok()?;
    let SignalSpec { label, tier, source, .. } = Registry::builtin().get(&series.signal)?;
    Some(WrittenInput {
        name: name.to_owned(),
        selector: selector.to_owned(),
        label: label.clone(),
        read: tier.name().to_owned(),
        sources: ["linux", "windows", "macos"].map(|system| source.words(system)),
    })
}

fn rule(name: &str, when: &str, then: &str) -> WrittenRule {
    WrittenRule { name: name.to_owned(), when: when.to_owned(), then: then.to_owned(), ..WrittenRule::default() }
}

fn effect_words(effect: Effect) -> &'static str {
    match effect {
        Effect::Blocked => "the finding is excused",
        Effect::Partly => "less sure by 0.2",
        Effect::Info => "only context, severity info",
    }
}

fn variant(entry: &raw::VariantEntry) -> WrittenRule {
    let text = |at: &Option<raw::At<String>>| at.as_ref().map_or_else(String::new, |at| at.value.clone());
    let then = entry.severity.map_or_else(String::new, |severity| format!("severity {}", severity.name()));
    let (user, tech) = (text(&entry.user), text(&entry.tech));
    WrittenRule { name: entry.name.clone(), when: entry.when.value.clone(), then, user, tech }
}

fn fine(when: Option<&raw::At<String>>, text: &str) -> WrittenRule {
    let when = when.map_or_else(String::new, |at| at.value.clone());
    WrittenRule { when, user: text.to_owned(), ..WrittenRule::default() }
}

fn runbook(entry: &CheckEntry) -> BTreeMap<String, Vec<String>> {
    let steps = super::build::runbook(entry.runbook.as_ref().map(|at| &at.value));
    steps.into_iter().filter(|(system, _)| *system != "all").map(|(system, steps)| (system.to_owned(), steps)).collect()
}
