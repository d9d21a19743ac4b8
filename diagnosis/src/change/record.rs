//! Changes in one form.

use std::time::Duration;

use super::noise::is_noise;
use super::tables::{Kind, Tables};
use super::{compare, pattern};
use crate::document::{Change, ChangeRecord};
use crate::order::{self, Arrange as _};
use crate::registry::Registry;
use crate::texts;
use crate::vocabulary::{Attributes, Event, Mark, Series, Timestamp, Value};

/// Changes that are held against each other at most; the newest count.
const MOST: usize = 2000;

/// How many of several things that changed together are named.
const NAMED: usize = 3;

/// Attributes that say nothing to people beside the label.
const SILENT: [&str; 6] = ["package.manager", "device.class", "family", "scope", "endpoint.nic.kind", "tool"];

/// Changes in one form, newest first, and how many of them were left out as noise.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Normalised {
    /// What changed.
    pub records: Vec<ChangeRecord>,
    /// How many changes explain nothing, and are left out.
    pub noise: usize,
}

/// What changed by `now`, for people who want to see all of it.
pub fn normalise(changes: &[Change], events: &[Event], marks: &[(Timestamp, Mark)], now: Timestamp) -> Normalised {
    let (known, noise) = known(changes, events, marks, "", now);
    let mut records: Vec<ChangeRecord> = known.into_iter().map(|known| known.record).collect();
    records.arrange_by(|one, other| (other.at, &one.reference).cmp(&(one.at, &other.reference)));
    Normalised { records, noise }
}

/// A change as it was told.
#[derive(Debug, Clone)]
pub(super) struct Raw {
    pub(super) series: Series,
    pub(super) at: Timestamp,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
}

/// A change that counts.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) record: ChangeRecord,
    pub(super) kind: &'static Kind,
    /// The same version but for its last part.
    pub(super) is_patch: bool,
    /// It is of the very thing that the finding is about.
    pub(super) is_about: bool,
    /// It waits for a restart.
    pub(super) is_waiting: bool,
}

/// What counts of all that changed by `now`, and how much is noise. `about` is the instance of a finding.
pub(super) fn known(
    changes: &[Change],
    events: &[Event],
    marks: &[(Timestamp, Mark)],
    about: &str,
    now: Timestamp,
) -> (Vec<Known>, usize) {
    let told = changes.iter().map(Raw::of_change).chain(events.iter().filter_map(Raw::of_event));
    let mut raws: Vec<Raw> = told.filter(|raw| raw.at <= now && kind_of(&raw.series).is_some()).collect();
    raws.arrange_by_key(|raw| raw.at);
    let raws = &raws[raws.len().saturating_sub(MOST)..];
    let mut known = Vec::new();
    for raw in raws {
        if !is_noise(raw, raws, about) {
            known.extend(Known::of(raw, raws, marks, about));
        }
    }
    let noise = raws.len() - known.len();
    (together(known), noise)
}

impl Raw {
    fn of_change(change: &Change) -> Self {
        Self { series: series_of(change), at: change.at, from: change.from.clone(), to: change.to.clone() }
    }

    /// What an event tells of a change: from what to what, or how many.
    fn of_event(event: &Event) -> Option<Self> {
        let text = |name: &str| match event.fields.get(name)? {
            Value::Text(text) => (text != "none").then(|| text.clone()),
            other => other.number().map(|number| number.to_string()),
        };
        let count = || ["installed", "upgraded", "removed"].iter().filter_map(|name| event.fields.get(*name)?.number());
        let (from, mut to) = (text("from"), text("to"));
        if from.is_none() && to.is_none() {
            to = count().next().is_some().then(|| count().sum::<f64>().to_string());
        }
        (from.is_some() || to.is_some()).then(|| Self { series: event.series.clone(), at: event.at, from, to })
    }

    /// Whether it is of what a finding is about: the program that crashes, the printer that is offline.
    pub(super) fn is_about(&self, about: &str) -> bool {
        let program = about.rsplit(['/', '\\']).next().unwrap_or_default();
        let program = program.strip_suffix(".exe").unwrap_or(program);
        let mut values = self.series.attributes.iter().filter(|(name, _)| !SILENT.contains(name));
        program.len() > 2 && values.any(|(_, value)| is_of(value, program))
    }

    fn reference(&self) -> String {
        format!("{}@{}", self.series, self.at)
    }
}

/// Whether a package's or an instance's name is that of a program: `firefox-esr` of `firefox`.
fn is_of(name: &str, program: &str) -> bool {
    let mut words = name.split(['-', '.', '_', ' ', '/']);
    name.eq_ignore_ascii_case(program) || words.any(|word| word.eq_ignore_ascii_case(program))
}

/// The printed series that the reference of a change names: without the moment behind it, where there is one.
pub fn series_text(reference: &str) -> &str {
    let named = reference.rsplit_once('@').filter(|(_, at)| at.parse::<Timestamp>().is_ok());
    named.map_or(reference, |(series, _)| series)
}

fn series_of(change: &Change) -> Series {
    let series = series_text(&change.reference);
    let parsed = series.parse::<Series>().ok().filter(|series| *series.signal == *change.kind);
    parsed.unwrap_or_else(|| Series::new(&change.kind, Attributes::none()))
}

fn kind_of(series: &Series) -> Option<&'static Kind> {
    let fits = |kind: &&Kind| {
        let value = kind.attribute.as_ref().map(|name| series.attributes.get(name).unwrap_or_default());
        kind.signals.iter().any(|signal| **signal == *series.signal)
            && value.is_none_or(|value| pattern::any(&kind.values, value))
    };
    Tables::builtin().kinds.iter().find(fits)
}

impl Known {
    fn of(raw: &Raw, others: &[Raw], marks: &[(Timestamp, Mark)], about: &str) -> Option<Self> {
        let kind = kind_of(&raw.series)?;
        let restarted =
            || marks.iter().filter(|(at, mark)| *mark == Mark::Booted && *at >= raw.at).map(|(at, _)| *at).min();
        let effective = if kind.restart { restarted() } else { Some(raw.at) };
        let item = item_of(&raw.series.attributes);
        let has_version = pattern::any(&Tables::builtin().scoring.versions, &raw.series.signal);
        let reverted = others
            .iter()
            .any(|other| other.series == raw.series && other.at > raw.at && other.to == raw.from && raw.from.is_some());
        let record = ChangeRecord {
            reference: raw.reference(),
            kind: kind.id.clone(),
            words: words(kind, &item, raw),
            item,
            from: raw.from.clone(),
            to: raw.to.clone(),
            seen_at: raw.at,
            at: effective.unwrap_or(raw.at),
            actor: kind.actor,
            reverted,
            score: None,
        };
        let is_patch = has_version && compare::is_patch_level(raw.from.as_deref(), raw.to.as_deref());
        Some(Self { record, kind, is_patch, is_about: raw.is_about(about), is_waiting: effective.is_none() })
    }

    /// Whether the two are one deed.
    fn goes_with(&self, other: &Self, within: Duration) -> bool {
        let lone = |known: &Self| !known.kind.together || known.is_about || known.is_waiting;
        !lone(self)
            && !lone(other)
            && self.kind.id == other.kind.id
            && other.record.at.since(self.record.at).max(self.record.at.since(other.record.at)) <= within
    }
}

/// What tells the thing from others of its kind, without hashes.
fn item_of(attributes: &Attributes) -> String {
    let told = attributes.iter().filter(|(name, value)| !SILENT.contains(name) && !compare::is_hash(value));
    told.map(|(_, value)| value).collect::<Vec<_>>().join(", ")
}

/// `Network driver iwlwifi: 22.1 became 23.0`.
fn words(kind: &Kind, item: &str, raw: &Raw) -> String {
    let unit = Registry::builtin().get(&raw.series.signal).map_or("", |spec| spec.unit.as_str());
    let value = |text: &String| match text.as_str() {
        "true" => "yes".to_owned(),
        "false" => "no".to_owned(),
        text if compare::is_hash(text) => "another one".to_owned(),
        text if unit.is_empty() => text.to_owned(),
        text => text.parse().map_or_else(|_| text.to_owned(), |number: f64| size(number, unit)),
    };
    let what = format!("{} {item}", kind.label);
    let what = what.trim_end();
    match (raw.from.as_ref().map(value), raw.to.as_ref().map(value)) {
        (Some(from), Some(to)) if from == to => format!("{what}: {to}"),
        (Some(from), Some(to)) => format!("{what}: {from} became {to}"),
        (None, Some(to)) if to == "yes" => format!("{what} is new"),
        (None, Some(to)) if kind.id == "updates" => format!("{what}: {to} packages"),
        (None, Some(to)) => format!("{what}: {to} is new"),
        (Some(from), None) => format!("{what}: {from} is gone"),
        (None, None) => what.to_owned(),
    }
}

/// A number with its unit; the length of a packet is no matter of kibibytes.
fn size(number: f64, unit: &str) -> String {
    if unit == "By" && number < 65_536.0 { format!("{number} bytes") } else { texts::quantity(number, unit) }
}

/// Of kinds where that is so, what changed at about the same time is one change.
fn together(known: Vec<Known>) -> Vec<Known> {
    let within = Tables::builtin().scoring.together;
    let mut groups: Vec<Vec<Known>> = Vec::new();
    for one in known {
        match groups.iter_mut().find(|group| group[0].goes_with(&one, within)) {
            Some(group) => group.push(one),
            None => groups.push(vec![one]),
        }
    }
    groups.into_iter().filter_map(joined).collect()
}

/// Several changes as one: it took effect with the last of them.
fn joined(mut group: Vec<Known>) -> Option<Known> {
    let mut last = group.pop()?;
    if group.is_empty() {
        return Some(last);
    }
    let items = order::set(group.iter().chain([&last]).map(|one| one.record.item.clone()));
    let named: Vec<&str> = items.iter().take(NAMED).map(String::as_str).collect();
    let more = match items.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    last.is_patch &= group.iter().all(|one| one.is_patch);
    last.record.item = format!("{}{more}", named.join(", "));
    last.record.words = format!("{}: {}", last.kind.label, last.record.item);
    (last.record.from, last.record.to, last.record.reverted) = (None, None, false);
    Some(last)
}
