//! What an endpoint was at a moment, and what changed between two: programs, drivers, hardware, settings.
//!
//! - Of a series the table keeps the newest value, and each change of the last `events_days`. A moment is read from the
//!   newest value backwards: the first change after it says what it was. Further back than changes are kept, what is told
//!   is the oldest that is known ([`Inventory::known_from`]).
//! - A value that could not be read for a while is no change; that something is not there any more is one. A series that
//!   was first told when its signal was known for a while is one that appeared.
//! - Programs are listed in the snapshots of pulls only. A moment's list is that of the nearest snapshot, moved by what the
//!   endpoint told since of installations and removals ([`programs`]).
//! - What comes and goes by itself (a battery that charges, a program that runs) is no inventory ([`lasting`]).

mod lasting;
mod programs;

use std::collections::BTreeMap;
use std::time::Duration;

use firstline_diagnosis::document::Change;
use firstline_diagnosis::registry::Registry;
use firstline_diagnosis::vocabulary::{Attributes, Reading, Series, Timestamp, Unknown, Value, Why};
use serde::{Deserialize, Serialize};

use super::History;
use super::outcome::reading;
use crate::store::{Store, StoreError, sql};

pub use lasting::Group;
pub use programs::ProgramList;

/// Changes of one endpoint that are looked through at most, the newest first.
const CHANGES_MAX: i64 = 20_000;

/// What is told for the first time so long after the first of its signal has appeared, and was not merely read later.
const FIRST_LOOK: Duration = Duration::from_mins(10);

const VALUES: &str = "SELECT series, outcome, at_ms, first_ms FROM inventory
    WHERE endpoint_key = (SELECT key FROM endpoints WHERE id = $1)";
const CHANGES: &str = "SELECT series, at_ms, outcome_before, outcome_after FROM inventory_changes
    WHERE endpoint_key = (SELECT key FROM endpoints WHERE id = $1) ORDER BY at_ms DESC, id DESC LIMIT $2";
const KNOWN_SINCE: &str = "SELECT enrolled_at_ms FROM endpoints WHERE id = $1";

/// What an endpoint was at a moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// The moment.
    pub at: Timestamp,
    /// Since when changes are known; an earlier moment is told as it was then.
    pub known_from: Timestamp,
    /// Where the list of programs comes from.
    pub programs: ProgramList,
    /// What there was: by group, then label, then instance.
    pub items: Vec<Item>,
}

/// One thing that an endpoint has, or one setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// What kind of thing.
    pub group: Group,
    /// Its name on screens.
    pub label: String,
    /// The printed series; changes name it, too.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Its signal.
    pub signal: String,
    /// Which instance.
    pub attrs: Attributes,
    /// What it was; absent when it could not be read.
    pub value: Option<Value>,
    /// UCUM unit.
    pub unit: String,
    /// Why it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// Since when it was that, where a change is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// What is known of an endpoint's states: the newest, and how they came.
struct Known {
    /// By printed series.
    values: BTreeMap<String, Held>,
    /// Oldest first.
    changes: BTreeMap<String, Vec<Step>>,
    /// Changes before this moment are not known.
    from: Timestamp,
}

/// The newest value of a series, and when it was first told.
struct Held {
    newest: Reading,
    first: Option<Timestamp>,
}

/// A change of a series.
struct Step {
    at: Timestamp,
    before: Told,
    after: Told,
}

/// What was told of a series.
type Told = Result<Value, Unknown>;

impl History {
    /// What an endpoint was at a moment, as far as is known; an endpoint that is not known was nothing.
    ///
    /// # Errors
    /// The database's.
    pub async fn inventory_at(&self, endpoint_id: &str, moment: Timestamp) -> Result<Inventory, StoreError> {
        let known = Known::read(&self.store, endpoint_id).await?;
        let (programs, listed) = programs::at(&self.store, endpoint_id, moment).await?;
        let mut items: Vec<Item> =
            known.values.iter().filter_map(|(series, held)| known.item(series, held, moment)).collect();
        items.extend(listed);
        items.sort_by(|one, other| one.order().cmp(&other.order()));
        Ok(Inventory { at: moment, known_from: known.from, programs, items })
    }

    /// What changed after `from` and until `to`, the newest first: also what was first told then, and what was installed or
    /// removed. The reference is the printed series that [`Item::reference`] has.
    ///
    /// # Errors
    /// The database's.
    pub async fn inventory_changes(
        &self,
        endpoint_id: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Change>, StoreError> {
        let known = Known::read(&self.store, endpoint_id).await?;
        let mut changes: Vec<Change> = known.changes.iter().flat_map(|(series, steps)| moved(series, steps)).collect();
        changes.extend(known.values.iter().filter_map(|(series, held)| known.appeared(series, held)));
        changes.retain(|change| change.at > from && change.at <= to);
        changes.extend(programs::changes(&self.store, endpoint_id, from, to).await?);
        changes.sort_by(|one, other| (other.at, &one.reference).cmp(&(one.at, &other.reference)));
        Ok(changes)
    }
}

impl Item {
    fn order(&self) -> (Group, &str, &str) {
        (self.group, &self.label, &self.reference)
    }
}

impl Known {
    async fn read(store: &Store, endpoint_id: &str) -> Result<Self, StoreError> {
        let rows: Vec<(String, String, i64, Option<i64>)> =
            sql::query_as(VALUES).bind(endpoint_id).fetch_all(store.reads()).await?;
        let held = |(series, outcome, at_ms, first_ms): (String, String, i64, Option<i64>)| {
            let newest = reading(&series, &outcome, Timestamp(at_ms))?;
            lasting::group(&newest.series.signal)?;
            Some((series, Held { newest, first: first_ms.map(Timestamp) }))
        };
        let values = rows.into_iter().filter_map(held).collect();
        let rows: Vec<(String, i64, String, String)> =
            sql::query_as(CHANGES).bind(endpoint_id).bind(CHANGES_MAX).fetch_all(store.reads()).await?;
        let enrolled: Option<i64> =
            sql::query_scalar(KNOWN_SINCE).bind(endpoint_id).fetch_optional(store.reads()).await?;
        let oldest = rows.last().filter(|_| rows.len() as i64 == CHANGES_MAX).map(|row| row.1);
        let from = Timestamp(oldest.max(enrolled).unwrap_or_default());
        let mut changes: BTreeMap<String, Vec<Step>> = BTreeMap::new();
        for (series, at_ms, before, after) in rows.into_iter().rev() {
            let (before, after) =
                (reading(&series, &before, Timestamp(at_ms)), reading(&series, &after, Timestamp(at_ms)));
            let (Some(before), Some(after)) = (before, after) else { continue };
            if lasting::group(&after.series.signal).is_some() {
                let step = Step { at: Timestamp(at_ms), before: before.outcome, after: after.outcome };
                changes.entry(series).or_default().push(step);
            }
        }
        Ok(Self { values, changes, from })
    }

    /// A series as it was at a moment; none when it was not there.
    fn item(&self, series: &str, held: &Held, moment: Timestamp) -> Option<Item> {
        if held.first.is_some_and(|first| first > moment && self.appeared(series, held).is_some()) {
            return None;
        }
        let steps = self.changes.get(series).map_or(&[][..], Vec::as_slice);
        let next = steps.iter().find(|step| step.at > moment);
        let told = next.map_or(&held.newest.outcome, |step| &step.before);
        let since = steps.iter().rev().find(|step| step.at <= moment).map(|step| step.at);
        let since = since.or_else(|| self.appeared(series, held).map(|change| change.at));
        let (value, why) = match told {
            Ok(value) => (Some(value.clone()), None),
            Err(unknown) if is_absence(unknown) => return None,
            Err(unknown) => (None, Some(unknown.why)),
        };
        let Series { signal, attributes } = held.newest.series.clone();
        let spec = Registry::builtin().get(&signal)?;
        Some(Item {
            group: lasting::group(&signal)?,
            label: spec.label.clone(),
            reference: series.to_owned(),
            signal: signal.to_string(),
            attrs: attributes,
            value,
            unit: spec.unit.clone(),
            why,
            since,
        })
    }

    /// That a series came when others of its signal had been told for a while.
    fn appeared(&self, series: &str, held: &Held) -> Option<Change> {
        let (at, signal) = (held.first?, &held.newest.series.signal);
        let before = |one: &Held| one.first.is_none_or(|first| first + FIRST_LOOK <= at);
        let known = self.values.values().any(|one| one.newest.series.signal == *signal && before(one));
        let first = self.changes.get(series).and_then(|steps| steps.first()).map(|step| &step.before);
        let told = first.unwrap_or(&held.newest.outcome).as_ref().ok()?;
        known.then(|| change(series, at, None, Some(told)))
    }
}

/// A series' changes from one thing that was known to another.
fn moved(series: &str, steps: &[Step]) -> Vec<Change> {
    let mut found = Vec::new();
    let mut last: Option<&Told> = None;
    for step in steps {
        last = last.or_else(|| is_known(&step.before).then_some(&step.before));
        if !is_known(&step.after) {
            continue;
        }
        let (from, to) = (last.and_then(|told| told.as_ref().ok()), step.after.as_ref().ok());
        if last.is_some() && from != to {
            found.push(change(series, step.at, from, to));
        }
        last = Some(&step.after);
    }
    found
}

/// Whether a state is known: a value, or that there is none of it.
fn is_known(told: &Told) -> bool {
    told.as_ref().err().is_none_or(is_absence)
}

fn is_absence(unknown: &Unknown) -> bool {
    unknown.why == Why::NotPresent
}

fn change(series: &str, at: Timestamp, from: Option<&Value>, to: Option<&Value>) -> Change {
    let kind = series.split('{').next().unwrap_or(series).to_owned();
    Change { reference: series.to_owned(), kind, at, from: from.map(text), to: to.map(text), score: None }
}

/// A value as changes tell it.
fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Flag(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
    }
}

#[cfg(test)]
mod tests;
