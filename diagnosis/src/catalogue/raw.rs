//! The files as they are written, and how one file is laid over another.

mod at;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

pub(super) use at::{At, Many};

use super::{LoadError, LoadErrors, line_of};
use crate::condition::{Table, Tables};
use crate::document::Escalation;
use crate::order;
use crate::vocabulary::{Impact, Severity, Urgency};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFile {
    /// The endpoints that the file is for, by their tags; absent: all of them.
    #[serde(default)]
    pub(super) only_for: BTreeMap<String, Many>,
    #[serde(default)]
    check: Vec<RawCheck>,
    #[serde(default)]
    symptom: Vec<RawSymptom>,
    #[serde(default)]
    edge: Vec<RawEdge>,
    #[serde(default)]
    table: Vec<Spanned<RawTable>>,
    /// Edges whose root has no check yet; read so that they are well formed, and otherwise left alone.
    #[serde(default)]
    #[expect(dead_code, reason = "part of the format; nothing to do with it until its checks exist")]
    later: Vec<RawLater>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCheck {
    id: Spanned<String>,
    enabled: Option<bool>,
    title: Option<Spanned<String>>,
    severity: Option<Spanned<Severity>>,
    confidence: Option<Spanned<f64>>,
    category: Option<Spanned<String>>,
    impact: Option<Spanned<Impact>>,
    urgency: Option<Spanned<Urgency>>,
    basis: Option<Spanned<Vec<String>>>,
    os: Option<Spanned<Vec<String>>>,
    each: Option<Spanned<Many>>,
    only: Option<Spanned<BTreeMap<String, Many>>>,
    when: Option<Spanned<String>>,
    hold: Option<Spanned<String>>,
    clear: Option<Spanned<String>>,
    clear_hold: Option<Spanned<String>>,
    proactive: Option<Spanned<bool>>,
    user: Option<Spanned<String>>,
    tech: Option<Spanned<String>>,
    #[serde(default)]
    inputs: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    derive: BTreeMap<String, Spanned<String>>,
    method: Option<Spanned<String>>,
    every: Option<Spanned<String>>,
    #[serde(default)]
    series: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    parameters: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    guard: Vec<RawGuard>,
    #[serde(default)]
    support: Vec<RawSupport>,
    #[serde(default)]
    variant: Vec<RawVariant>,
    #[serde(default)]
    fine: Vec<RawFine>,
    runbook: Option<Spanned<Runbook>>,
    escalation: Option<Spanned<RawEscalation>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGuard {
    name: String,
    when: Spanned<String>,
    effect: Option<Effect>,
}

/// What a guard does when it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Effect {
    /// The finding is excused.
    Blocked,
    /// Less sure.
    Partly,
    /// Only context.
    Info,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSupport {
    name: String,
    when: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawVariant {
    name: String,
    when: Spanned<String>,
    severity: Option<Severity>,
    confidence: Option<f64>,
    impact: Option<Impact>,
    urgency: Option<Urgency>,
    user: Option<Spanned<String>>,
    tech: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFine {
    when: Option<Spanned<String>>,
    text: Spanned<String>,
}

/// Steps for each system, and those for all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Runbook {
    #[serde(default)]
    pub(super) all: Vec<String>,
    #[serde(default)]
    pub(super) linux: Vec<String>,
    #[serde(default)]
    pub(super) windows: Vec<String>,
    #[serde(default)]
    pub(super) macos: Vec<String>,
    #[serde(default)]
    pub(super) all_first: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEscalation {
    queue: String,
    when: String,
    #[serde(default)]
    bring: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSymptom {
    id: Spanned<String>,
    label: Option<String>,
    words: Option<Vec<String>>,
    candidates: Option<Vec<Spanned<String>>>,
    later: Option<Vec<String>>,
    rule_out: Option<Vec<String>>,
}

/// Words and dates by codes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTable {
    pub(super) id: String,
    pub(super) columns: Vec<String>,
    pub(super) keys: usize,
    pub(super) rows: Vec<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEdge {
    root: Spanned<String>,
    #[serde(default)]
    consequence: Vec<Spanned<String>>,
    #[serde(default)]
    #[expect(dead_code, reason = "part of the format; nothing to do with it until its checks exist")]
    later: Vec<String>,
    when: Option<Spanned<String>>,
    #[serde(default)]
    any_instance: bool,
    overlap_percent: Option<Spanned<u32>>,
    #[serde(default)]
    inputs: BTreeMap<String, Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "part of the format; nothing to do with it until its checks exist")]
struct RawLater {
    root: String,
    #[serde(default)]
    consequence: Vec<String>,
    #[serde(default)]
    later: Vec<String>,
}

/// A check, with every field as the last file left it.
#[derive(Debug, Clone)]
pub(super) struct CheckEntry {
    pub(super) id: At<String>,
    pub(super) enabled: bool,
    pub(super) title: Option<At<String>>,
    pub(super) severity: Option<At<Severity>>,
    pub(super) confidence: Option<At<f64>>,
    pub(super) category: Option<At<String>>,
    pub(super) impact: Option<At<Impact>>,
    pub(super) urgency: Option<At<Urgency>>,
    pub(super) basis: Option<At<Vec<String>>>,
    pub(super) os: Option<At<Vec<String>>>,
    pub(super) each: Option<At<Many>>,
    pub(super) only: Option<At<BTreeMap<String, Many>>>,
    pub(super) when: Option<At<String>>,
    pub(super) hold: Option<At<String>>,
    pub(super) clear: Option<At<String>>,
    pub(super) clear_hold: Option<At<String>>,
    pub(super) proactive: Option<At<bool>>,
    pub(super) user: Option<At<String>>,
    pub(super) tech: Option<At<String>>,
    pub(super) inputs: BTreeMap<String, At<String>>,
    pub(super) derive: BTreeMap<String, At<String>>,
    pub(super) method: Option<At<String>>,
    pub(super) every: Option<At<String>>,
    pub(super) series: BTreeMap<String, At<String>>,
    pub(super) parameters: BTreeMap<String, At<String>>,
    pub(super) guards: Vec<(String, At<String>, Effect)>,
    pub(super) supports: Vec<(String, At<String>)>,
    pub(super) variants: Vec<VariantEntry>,
    pub(super) fine: Vec<(Option<At<String>>, At<String>)>,
    pub(super) runbook: Option<At<Runbook>>,
    pub(super) escalation: Option<Escalation>,
}

#[derive(Debug, Clone)]
pub(super) struct VariantEntry {
    pub(super) name: String,
    pub(super) when: At<String>,
    pub(super) severity: Option<Severity>,
    pub(super) confidence: Option<f64>,
    pub(super) impact: Option<Impact>,
    pub(super) urgency: Option<Urgency>,
    pub(super) user: Option<At<String>>,
    pub(super) tech: Option<At<String>>,
}

#[derive(Debug, Clone)]
pub(super) struct SymptomEntry {
    pub(super) id: At<String>,
    pub(super) label: String,
    pub(super) words: Vec<String>,
    pub(super) candidates: Vec<At<String>>,
    pub(super) later: Vec<String>,
    pub(super) rule_out: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) struct EdgeEntry {
    pub(super) root: At<String>,
    pub(super) consequence: Vec<At<String>>,
    pub(super) when: Option<At<String>>,
    pub(super) any_instance: bool,
    pub(super) overlap_percent: Option<At<u32>>,
    pub(super) inputs: BTreeMap<String, At<String>>,
}

/// Everything that the files say so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Entries {
    pub(super) checks: BTreeMap<String, CheckEntry>,
    pub(super) symptoms: Vec<SymptomEntry>,
    pub(super) edges: Vec<EdgeEntry>,
    pub(super) tables: Vec<At<RawTable>>,
}

impl Entries {
    /// The tables by name. Of two with one name the rows of the later one come first.
    pub(super) fn tables(&self, errors: &mut Vec<LoadError>) -> Tables {
        let mut tables: BTreeMap<String, Table> = BTreeMap::new();
        for at in &self.tables {
            let RawTable { id, columns, keys, rows } = at.value.clone();
            let mut table = Table { name: id.clone(), columns, keys, rows };
            errors.extend(table.fault().map(|reason| at.error(reason)));
            if let Some(before) = tables.get(&id) {
                if (&before.columns, before.keys) != (&table.columns, keys) {
                    errors.push(at.error(format!("table {id} has the columns {}", before.columns.join(", "))));
                }
                table.rows.extend(before.rows.iter().cloned());
            }
            tables.insert(id, table);
        }
        order::map(tables.into_iter().map(|(id, table)| (id, Arc::new(table))))
    }

    /// What these files say, each laid over those before.
    ///
    /// # Errors
    /// Every file that cannot be read.
    pub(super) fn parse(files: &[(&str, &str)]) -> Result<Self, LoadErrors> {
        let mut entries = Self::default();
        let mut errors = Vec::new();
        for (name, text) in files {
            let file = toml::from_str(text).map_err(|error| LoadErrors::from_toml(name, text, &error));
            let lines = Lines { file: Arc::from(*name), text };
            if let Err(LoadErrors(more)) = file.and_then(|file| entries.lay_over(file, &lines)) {
                errors.extend(more);
            }
        }
        if errors.is_empty() { Ok(entries) } else { Err(LoadErrors(errors)) }
    }

    /// Lays a file over what is there: an id that exists keeps the fields that the file does not name.
    fn lay_over(&mut self, file: RawFile, lines: &Lines) -> Result<(), LoadErrors> {
        let mut seen = Vec::new();
        for check in file.check {
            let id = lines.at(check.id.clone());
            if seen.contains(&id.value) {
                return Err(LoadErrors(vec![id.error(format!("check {} stands twice in this file", id.value))]));
            }
            seen.push(id.value.clone());
            let entry = self.checks.entry(id.value.clone()).or_insert_with(|| CheckEntry::new(id));
            entry.lay_over(check, lines);
        }
        for symptom in file.symptom {
            self.symptom(symptom, lines);
        }
        self.edges.extend(file.edge.into_iter().map(|edge| EdgeEntry {
            root: lines.at(edge.root),
            consequence: edge.consequence.into_iter().map(|id| lines.at(id)).collect(),
            when: edge.when.map(|when| lines.at(when)),
            any_instance: edge.any_instance,
            overlap_percent: edge.overlap_percent.map(|percent| lines.at(percent)),
            inputs: edge.inputs.into_iter().map(|(name, text)| (name, lines.at(text))).collect(),
        }));
        self.tables.extend(file.table.into_iter().map(|table| lines.at(table)));
        Ok(())
    }

    fn symptom(&mut self, raw: RawSymptom, lines: &Lines) {
        let id = lines.at(raw.id);
        let known = self.symptoms.iter().position(|symptom| symptom.id.value == id.value);
        let index = known.unwrap_or_else(|| {
            self.symptoms.push(SymptomEntry {
                label: id.value.clone(),
                id,
                words: Vec::new(),
                candidates: Vec::new(),
                later: Vec::new(),
                rule_out: Vec::new(),
            });
            self.symptoms.len() - 1
        });
        let entry = &mut self.symptoms[index];
        set(&mut entry.label, raw.label);
        set(&mut entry.words, raw.words);
        set(&mut entry.candidates, raw.candidates.map(|ids| ids.into_iter().map(|id| lines.at(id)).collect()));
        set(&mut entry.later, raw.later);
        set(&mut entry.rule_out, raw.rule_out);
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

impl CheckEntry {
    fn new(id: At<String>) -> Self {
        Self {
            id,
            enabled: true,
            title: None,
            severity: None,
            confidence: None,
            category: None,
            impact: None,
            urgency: None,
            basis: None,
            os: None,
            each: None,
            only: None,
            when: None,
            hold: None,
            clear: None,
            clear_hold: None,
            proactive: None,
            user: None,
            tech: None,
            inputs: BTreeMap::new(),
            derive: BTreeMap::new(),
            method: None,
            every: None,
            series: BTreeMap::new(),
            parameters: BTreeMap::new(),
            guards: Vec::new(),
            supports: Vec::new(),
            variants: Vec::new(),
            fine: Vec::new(),
            runbook: None,
            escalation: None,
        }
    }

    fn lay_over(&mut self, raw: RawCheck, lines: &Lines) {
        macro_rules! fields {
            ($($field:ident)*) => { $( if let Some(value) = raw.$field { self.$field = Some(lines.at(value)); } )* };
        }
        fields!(title severity confidence category impact urgency basis os each only when hold clear clear_hold proactive);
        fields!(user tech runbook method every);
        set(&mut self.enabled, raw.enabled);
        self.inputs.extend(raw.inputs.into_iter().map(|(name, text)| (name, lines.at(text))));
        self.derive.extend(raw.derive.into_iter().map(|(name, text)| (name, lines.at(text))));
        self.series.extend(raw.series.into_iter().map(|(name, text)| (name, lines.at(text))));
        self.parameters.extend(raw.parameters.into_iter().map(|(name, text)| (name, lines.at(text))));
        let guards = raw.guard.into_iter();
        let guards = guards.map(|guard| (guard.name, lines.at(guard.when), guard.effect.unwrap_or(Effect::Blocked)));
        replace(&mut self.guards, guards.collect());
        replace(&mut self.supports, raw.support.into_iter().map(|one| (one.name, lines.at(one.when))).collect());
        replace(&mut self.variants, raw.variant.into_iter().map(|variant| lines.variant(variant)).collect());
        let fine = raw.fine.into_iter();
        replace(&mut self.fine, fine.map(|one| (one.when.map(|when| lines.at(when)), lines.at(one.text))).collect());
        if let Some(escalation) = raw.escalation {
            let RawEscalation { queue, when, bring } = escalation.into_inner();
            self.escalation = Some(Escalation { queue, when, bring });
        }
    }
}

/// A list that a file names replaces the one that was there.
fn replace<T>(field: &mut Vec<T>, value: Vec<T>) {
    if !value.is_empty() {
        *field = value;
    }
}

/// A file and its text, to turn spans into lines.
struct Lines<'a> {
    file: Arc<str>,
    text: &'a str,
}

impl Lines<'_> {
    fn at<T>(&self, spanned: Spanned<T>) -> At<T> {
        let start = spanned.span().start;
        let raw = &self.text[start.min(self.text.len())..];
        // A multi-line text begins on the line after its quotes.
        let below = ["\"\"\"\n", "'''\n", "\"\"\"\r\n", "'''\r\n"].iter().any(|quotes| raw.starts_with(quotes));
        At {
            value: spanned.into_inner(),
            file: Arc::clone(&self.file),
            line: line_of(self.text, start) + usize::from(below),
        }
    }

    fn variant(&self, raw: RawVariant) -> VariantEntry {
        VariantEntry {
            name: raw.name,
            when: self.at(raw.when),
            severity: raw.severity,
            confidence: raw.confidence,
            impact: raw.impact,
            urgency: raw.urgency,
            user: raw.user.map(|text| self.at(text)),
            tech: raw.tech.map(|text| self.at(text)),
        }
    }
}
