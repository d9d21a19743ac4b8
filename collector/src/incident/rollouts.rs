//! Whether what was rolled out lately broke machines, from what the store holds.
//!
//! A change is a version of a program that was installed, or a state of what fails for some (system build, firmware, driver),
//! with the moment at which each endpoint obtained it. Its endpoints are held against those of the same systems without it:
//! what happened to both before and after (crashes, hangs, stops), for each hour that they were heard ([`super::presence`]).
//! `diagnosis` says what made things worse, and tells all comparisons of a look apart from chance together.
//!
//! Once an hour. What it costs is bounded: changes that too few endpoints have, and symptoms that too few have since, end
//! before the expensive comparison; at most [`CHANGES_MAX`] changes, those on most endpoints first.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use firstline_diagnosis::fleet::bad_rollout::{Comparisons, Exposure, Found};
use firstline_diagnosis::fleet::{Attribute, Cause};
use firstline_diagnosis::vocabulary::{Severity, Timestamp, Urgency};
use tracing::error;

use super::facts::{installed, range, state_value};
use super::presence::Awake;
use super::reconcile::Seen;
use super::{IncidentKind, IncidentNumbers, SharedBy, THRESHOLDS};
use crate::alert::AlertError;
use crate::store::{Reads, sql};

/// The name under which a bad rollout is told.
pub(super) const BAD_ROLLOUT: &str = "bad-rollout";

/// Changes that are looked at.
const CHANGES_MAX: usize = 500;

/// Rows of changes, and of one symptom, at most.
const ROWS: i64 = 500_000;

/// Shortest and longest time before and after a change.
pub(super) const WINDOW: (Duration, Duration) = (Duration::from_hours(24), Duration::from_hours(7 * 24));

/// How often it is compared what rollouts did.
pub(super) const COMPARED_EVERY: Duration = Duration::from_hours(1);

/// How sure what passed both comparisons is.
const SURE: f64 = 0.9;

/// A symptom, by the events of a signal, which in order of series end before `$to`. The statement names this range, as the
/// index over it does.
macro_rules! symptom {
    ($words:literal, $is_stop:literal, $signal:literal, $to:literal) => {
        Symptom {
            signal: $signal,
            words: $words,
            is_stop: $is_stop,
            rows: concat!(
                "SELECT endpoint_key, at_ms, count FROM events WHERE series >= '",
                $signal,
                "' AND series < '",
                $to,
                "' AND at_ms >= $1 LIMIT $2"
            ),
        }
    };
}

/// What may happen to a machine more often since a change.
pub(super) const SYMPTOMS: [Symptom; 4] = [
    symptom!("the system crashes", true, "endpoint.os.crash", "endpoint.os.crasi"),
    symptom!("the system stops without being shut down", true, "endpoint.os.unclean_stop", "endpoint.os.unclean_stoq"),
    symptom!("programs crash", false, "endpoint.app.crash", "endpoint.app.crasi"),
    symptom!("programs hang", false, "endpoint.app.hang", "endpoint.app.hanh"),
];

const ENDPOINTS: &str =
    "SELECT key, id, name, os_type FROM endpoints WHERE revoked_at_ms IS NULL AND merged_into IS NULL
    AND left_at_ms IS NULL ORDER BY id";

const INSTALLED: &str =
    "SELECT endpoint_key, series, fields, at_ms FROM events WHERE series >= 'endpoint.software.change'
    AND series < 'endpoint.software.changf' AND at_ms >= $1 ORDER BY at_ms LIMIT $2";

const CHANGED: &str = "SELECT endpoint_key, series, outcome_after, at_ms FROM inventory_changes
    WHERE series >= $1 AND series < $2 AND at_ms >= $3 ORDER BY at_ms LIMIT $4";

/// Something that happens to machines.
pub(super) struct Symptom {
    pub(super) signal: &'static str,
    words: &'static str,
    is_stop: bool,
    rows: &'static str,
}

/// An endpoint that can be compared.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    pub(super) key: i64,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) os: String,
}

/// What is known of a fleet, without the store.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) machines: Vec<Machine>,
    pub(super) awake: Awake,
    /// By change (place of the attribute, value): when each endpoint (by key) obtained it.
    pub(super) changes: BTreeMap<(usize, String), HashMap<i64, Timestamp>>,
    /// By symptom, then endpoint (by key): when, and how often.
    pub(super) happened: Vec<HashMap<i64, Vec<(Timestamp, f64)>>>,
}

/// What was rolled out lately and made things worse.
pub(super) async fn of(reads: &Reads, now: Timestamp) -> Result<Vec<Seen>, AlertError> {
    let known = read(reads, now).await?;
    // The comparison takes processor time, and others wait for this thread.
    let seen = tokio::task::spawn_blocking(move || known.seen(now)).await;
    Ok(seen.unwrap_or_else(|error| {
        error!("Rollouts could not be compared: {error}");
        Vec::new()
    }))
}

async fn read(reads: &Reads, now: Timestamp) -> Result<Known, AlertError> {
    let reach = Duration::from_hours(24) * THRESHOLDS.bad_rollout.reach_days;
    let mut known = Known { changes: changes(reads, now - reach).await?, ..Known::default() };
    known.keep_the_largest();
    if known.changes.is_empty() {
        return Ok(known);
    }
    let since = now - reach - WINDOW.1;
    for symptom in &SYMPTOMS {
        let rows: Vec<(i64, i64, i64)> =
            sql::query_as(symptom.rows).bind(since.unix_ms()).bind(ROWS).fetch_all(reads).await?;
        let mut happened: HashMap<i64, Vec<(Timestamp, f64)>> = HashMap::new();
        for (key, at_ms, count) in rows {
            happened.entry(key).or_default().push((Timestamp(at_ms), count as f64));
        }
        known.happened.push(happened);
    }
    if known.happened.iter().all(HashMap::is_empty) {
        return Ok(Known::default());
    }
    let rows: Vec<(i64, String, String, String)> = sql::query_as(ENDPOINTS).fetch_all(reads).await?;
    known.machines = rows.into_iter().map(|(key, id, name, os)| Machine { key, id, name, os }).collect();
    let keys: Vec<i64> = known.machines.iter().map(|machine| machine.key).collect();
    known.awake = Awake::of(reads, &keys, since, now).await?;
    Ok(known)
}

/// Every change since a moment, and who obtained it when. The first time counts.
async fn changes(
    reads: &Reads,
    since: Timestamp,
) -> Result<BTreeMap<(usize, String), HashMap<i64, Timestamp>>, AlertError> {
    let mut changes: BTreeMap<(usize, String), HashMap<i64, Timestamp>> = BTreeMap::new();
    let mut note = |place: usize, value: String, key: i64, at_ms: i64| {
        changes.entry((place, value)).or_default().entry(key).or_insert(Timestamp(at_ms));
    };
    let defects = THRESHOLDS.attributes.iter().enumerate().filter(|(_, attribute)| attribute.cause == Cause::Defect);
    for (place, attribute) in defects {
        if attribute.event.as_deref() == Some("endpoint.software.change") {
            let rows: Vec<(i64, String, String, i64)> =
                sql::query_as(INSTALLED).bind(since.unix_ms()).bind(ROWS).fetch_all(reads).await?;
            for (key, series, fields, at_ms) in rows {
                if let Some(value) = installed(&series, &fields) {
                    note(place, value, key, at_ms);
                }
            }
        }
        let Some(signal) = &attribute.signal else { continue };
        let (from, to) = range(signal);
        let rows: Vec<(i64, String, String, i64)> =
            sql::query_as(CHANGED).bind(from).bind(to).bind(since.unix_ms()).bind(ROWS).fetch_all(reads).await?;
        for (key, series, outcome, at_ms) in rows {
            if let Some(value) = state_value(attribute, signal, &series, &outcome) {
                note(place, value, key, at_ms);
            }
        }
    }
    Ok(changes)
}

impl Known {
    /// Leaves the changes that enough endpoints have, those on most endpoints first.
    pub(super) fn keep_the_largest(&mut self) {
        let least = THRESHOLDS.bad_rollout.treated_least_stop;
        let mut changes: Vec<_> = std::mem::take(&mut self.changes).into_iter().collect();
        changes.retain(|(_, endpoints)| endpoints.len() >= least);
        changes.sort_by_key(|(_, endpoints)| std::cmp::Reverse(endpoints.len()));
        changes.truncate(CHANGES_MAX);
        self.changes = changes.into_iter().collect();
    }

    /// What made things worse.
    pub(super) fn seen(&self, now: Timestamp) -> Vec<Seen> {
        let mut comparisons = Comparisons::new(&THRESHOLDS.bad_rollout);
        let mut of = Vec::new();
        for (change, obtained) in &self.changes {
            let Some(windows) = Windows::of(obtained, now) else { continue };
            let mut compared: Option<Vec<&Machine>> = None;
            for (place, symptom) in SYMPTOMS.iter().enumerate() {
                if self.hit(obtained, place) < THRESHOLDS.bad_rollout.affected_least {
                    continue;
                }
                let compared = compared.get_or_insert_with(|| self.compared(obtained));
                comparisons.hold(of.len(), &self.exposures(compared, obtained, place, windows), symptom.is_stop);
                of.push((change, obtained, place, windows));
            }
        }
        let told = comparisons.told();
        let mut seen: Vec<Seen> = told
            .iter()
            .map(|found| {
                let (change, obtained, place, windows) = of[found.trial];
                self.told(change, obtained, place, windows, found)
            })
            .collect();
        // Of several symptoms of one change, and of changes that came together, the surest is told.
        seen.sort_by(|one, other| one.numbers.p.total_cmp(&other.numbers.p));
        let mut explained: BTreeSet<String> = BTreeSet::new();
        seen.retain(|one| {
            let new = one.affected.iter().filter(|(id, _)| !explained.contains(id)).count();
            explained.extend(one.affected.iter().map(|(id, _)| id.clone()));
            2 * new > one.affected.len()
        });
        seen
    }

    /// How many of those with a change a symptom has hit since.
    fn hit(&self, obtained: &HashMap<i64, Timestamp>, symptom: usize) -> usize {
        let since = |(key, at): &(&i64, &Timestamp)| {
            self.happened[symptom].get(*key).is_some_and(|happened| happened.iter().any(|(when, _)| when >= *at))
        };
        obtained.iter().filter(since).count()
    }

    /// Endpoints of the systems that have a change.
    fn compared(&self, obtained: &HashMap<i64, Timestamp>) -> Vec<&Machine> {
        let has = |machine: &&Machine| obtained.contains_key(&machine.key);
        let systems: BTreeSet<&str> = self.machines.iter().filter(has).map(|machine| machine.os.as_str()).collect();
        self.machines.iter().filter(|machine| systems.contains(machine.os.as_str())).collect()
    }

    fn exposures(
        &self,
        compared: &[&Machine],
        obtained: &HashMap<i64, Timestamp>,
        symptom: usize,
        windows: Windows,
    ) -> Vec<Exposure> {
        let nothing = Vec::new();
        let exposure = |machine: &&Machine| {
            let own = obtained.get(&machine.key).copied();
            let (before, after) = windows.around(own.unwrap_or(windows.middle))?;
            let happened = self.happened[symptom].get(&machine.key).unwrap_or(&nothing);
            let count = |(from, to): (Timestamp, Timestamp)| {
                happened.iter().filter(|(at, _)| *at >= from && *at < to).map(|(_, count)| count).sum::<f64>()
            };
            let (hours_before, hours_after) =
                (self.awake.hours(machine.key, before), self.awake.hours(machine.key, after));
            // Who was not there before or after says nothing.
            (hours_before > 0.0 && hours_after > 0.0).then(|| Exposure {
                is_treated: own.is_some(),
                before: count(before),
                hours_before,
                after: count(after),
                hours_after,
            })
        };
        compared.iter().filter_map(exposure).collect()
    }

    fn told(
        &self,
        (place, value): &(usize, String),
        obtained: &HashMap<i64, Timestamp>,
        symptom: usize,
        windows: Windows,
        found: &Found,
    ) -> Seen {
        let attribute: &Attribute = &THRESHOLDS.attributes[*place];
        let told = &SYMPTOMS[symptom];
        let happened = &self.happened[symptom];
        let has_since = |machine: &&Machine| {
            let window = obtained.get(&machine.key).and_then(|at| windows.around(*at));
            let since = |at: Timestamp| window.is_some_and(|(_, (from, to))| at >= from && at < to);
            happened.get(&machine.key).is_some_and(|happened| happened.iter().any(|(at, _)| since(*at)))
        };
        let affected = self.machines.iter().filter(has_since);
        let words = attribute.words.replace("{value}", value);
        let title = match attribute.event {
            Some(_) => format!("Since {value} was rolled out, {} more often", told.words),
            None => format!("Endpoints {words}: {} more often since they have it", told.words),
        };
        Seen {
            kind: IncidentKind::BadRollout,
            check: BAD_ROLLOUT.to_owned(),
            title,
            user: String::new(),
            shared: vec![SharedBy { attribute: attribute.id.clone(), value: value.clone(), words }],
            severity: if told.is_stop { Severity::High } else { Severity::Medium },
            urgency: Urgency::U2,
            confidence: SURE,
            onset: obtained.values().copied().min().unwrap_or(windows.middle),
            numbers: IncidentNumbers {
                affected: found.worse.affected,
                sharing: found.worse.treated,
                all_affected: found.affected,
                all: found.compared,
                p: found.p,
                q: found.q,
                lift: found.worse.risk,
                baseline: found.elsewhere,
            },
            affected: affected.map(|machine| (machine.id.clone(), machine.name.clone())).collect(),
        }
    }
}

/// The time before and after a change that is compared.
#[derive(Debug, Clone, Copy)]
struct Windows {
    /// When most had it: the moment for those who do not.
    middle: Timestamp,
    length: Duration,
    now: Timestamp,
}

impl Windows {
    /// Of a change; nothing while it is too young.
    fn of(obtained: &HashMap<i64, Timestamp>, now: Timestamp) -> Option<Self> {
        let mut moments: Vec<Timestamp> = obtained.values().copied().collect();
        moments.sort_unstable();
        let middle = *moments.get(moments.len() / 2)?;
        let length = now.since(middle).min(WINDOW.1);
        (length >= WINDOW.0).then_some(Self { middle, length, now })
    }

    /// The times of equal length before and after a moment; nothing when too little has passed since.
    fn around(&self, at: Timestamp) -> Option<((Timestamp, Timestamp), (Timestamp, Timestamp))> {
        let length = self.length.min(self.now.since(at));
        (length >= WINDOW.0).then(|| ((at - length, at), (at, at + length)))
    }
}

#[cfg(test)]
mod tests;
