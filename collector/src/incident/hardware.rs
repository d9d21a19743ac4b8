//! Parts of one make that fail more than others: work for the hardware queue, not an incident.
//!
//! Asked for, not looked for: a cohort is machines of one model with the same part (a disk with its firmware, a dock, the
//! battery of the model), and a case one on which a finding of that part holds now. Two statements for each state that names a part,
//! and one for each kind of part.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use firstline_diagnosis::fleet::hardware_cohort::{Cohort, weak};
use firstline_diagnosis::fleet::{Part, Thresholds};
use firstline_diagnosis::vocabulary::Series;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::facts::range;
use super::{Incidents, THRESHOLDS};
use crate::alert::{AlertEndpoint, AlertError};
use crate::store::{Reads, sql};

/// Rows of one state at most.
const ROWS: i64 = 500_000;

/// Failing endpoints that a cohort names.
const NAMED: usize = 50;

/// The state that names a machine's model.
const MODEL: &str = "device.model.identifier";

const ENDPOINTS: &str = "SELECT key, id, name FROM endpoints WHERE revoked_at_ms IS NULL AND merged_into IS NULL
    AND left_at_ms IS NULL ORDER BY name, id";

const STATES: &str = "SELECT endpoint_key, series, outcome FROM inventory WHERE series >= $1 AND series < $2 LIMIT $3";

const CASES: &str = "SELECT check_id, endpoint_id, instance FROM findings WHERE state IN ('active', 'recovering')
    ORDER BY check_id, endpoint_id, instance LIMIT $1";

/// Cohorts that fail more than the fleet, the worst of each kind of part first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WeakPartList {
    /// The cohorts.
    pub parts: Vec<WeakPart>,
}

/// Machines of one model with the same part, which fails more than others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WeakPart {
    /// The kind of part: `disk`, `battery`, `dock`.
    pub part: String,
    /// Model and part.
    pub name: String,
    /// All of it in one sentence.
    pub words: String,
    /// How many of it fail now.
    pub cases: u32,
    /// How many there are.
    pub of: u32,
    /// What share of it fails, at least.
    pub share_at_least: f64,
    /// What share of all such parts fails.
    pub fleet_share: f64,
    /// The failing ones, at most 50.
    pub endpoints: Vec<AlertEndpoint>,
}

/// What the store says of the fleet's parts.
#[derive(Debug, Default)]
struct Fleet {
    endpoints: Vec<(i64, AlertEndpoint)>,
    /// States that name parts: by signal, then endpoint (by key), with the instance.
    states: BTreeMap<String, HashMap<i64, Vec<(String, String)>>>,
    /// Findings that hold: check, endpoint (by id), instance.
    cases: Vec<(String, String, String)>,
}

impl Incidents {
    /// Parts of one make that fail more than others, now.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn weak_parts(&self) -> Result<WeakPartList, AlertError> {
        let fleet = read(self.store.reads(), &THRESHOLDS).await?;
        Ok(WeakPartList { parts: THRESHOLDS.parts.iter().flat_map(|part| fleet.weak(part)).collect() })
    }
}

async fn read(reads: &Reads, thresholds: &Thresholds) -> Result<Fleet, AlertError> {
    let endpoints: Vec<(i64, String, String)> = sql::query_as(ENDPOINTS).fetch_all(reads).await?;
    let endpoints = endpoints.into_iter().map(|(key, id, name)| (key, AlertEndpoint { id, name })).collect();
    let cases = sql::query_as(CASES).bind(ROWS).fetch_all(reads).await?;
    let mut fleet = Fleet { endpoints, cases, ..Fleet::default() };
    let named = thresholds.parts.iter().flat_map(|part| part.signals.iter().map(String::as_str));
    for signal in named.chain([MODEL]).collect::<BTreeSet<_>>() {
        let (from, to) = range(signal);
        let rows: Vec<(i64, String, String)> =
            sql::query_as(STATES).bind(from).bind(to).bind(ROWS).fetch_all(reads).await?;
        let states = fleet.states.entry(signal.to_owned()).or_default();
        for (key, series, outcome) in rows {
            let Some((instance, value)) = told(signal, &series, &outcome) else { continue };
            states.entry(key).or_default().push((instance, value));
        }
    }
    Ok(fleet)
}

/// The instance and value of a row's state.
fn told(signal: &str, series: &str, outcome: &str) -> Option<(String, String)> {
    let series: Series = series.parse().ok().filter(|series: &Series| *series.signal == *signal)?;
    let outcome: Value = serde_json::from_str(outcome).ok()?;
    let value = outcome.get("value")?.as_str()?.trim().to_owned();
    let instance = series.attributes.iter().next().map_or("", |(_, value)| value).to_owned();
    (!value.is_empty()).then_some((instance, value))
}

impl Fleet {
    /// Cohorts of one kind of part that fail more than the others.
    fn weak(&self, part: &Part) -> Vec<WeakPart> {
        let mut hit: HashMap<&str, Vec<&str>> = HashMap::new();
        for (_, endpoint, instance) in self.cases.iter().filter(|(check, ..)| part.fails_by(check)) {
            hit.entry(endpoint).or_default().push(instance);
        }
        let mut cohorts: BTreeMap<String, (u32, Vec<AlertEndpoint>)> = BTreeMap::new();
        for (key, endpoint) in &self.endpoints {
            for (instance, name) in self.parts(*key, part) {
                let (of, failing) = cohorts.entry(name).or_default();
                *of += 1;
                let instances = hit.get(endpoint.id.as_str());
                // A finding that names no device may be of any of them.
                let is_it = |told: &&str| told.is_empty() || instance.is_empty() || told.contains(instance.as_str());
                if instances.is_some_and(|told| told.iter().any(is_it)) {
                    failing.push(endpoint.clone());
                }
            }
        }
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let all: Vec<Cohort> = cohorts
            .iter()
            .map(|(name, (of, failing))| Cohort { name: name.clone(), cases: count(failing.len()), of: *of })
            .collect();
        let told = weak(&all, &THRESHOLDS.hardware_cohort).into_iter().map(|one| WeakPart {
            words: format!(
                "{} of {} {} fail: at least {:.0} % of them, {:.1} % of all.",
                one.cohort.cases,
                one.cohort.of,
                part.words.replace("{value}", &one.cohort.name),
                one.share_at_least * 100.0,
                one.fleet_share * 100.0
            ),
            part: part.id.clone(),
            cases: one.cohort.cases,
            of: one.cohort.of,
            share_at_least: one.share_at_least,
            fleet_share: one.fleet_share,
            endpoints: cohorts[&one.cohort.name].1.iter().take(NAMED).cloned().collect(),
            name: one.cohort.name,
        });
        told.collect()
    }

    /// The parts of this kind that an endpoint has: instance, and name of the cohort. Without a model there is none.
    fn parts(&self, key: i64, part: &Part) -> BTreeSet<(String, String)> {
        let of =
            |signal: &str| self.states.get(signal).and_then(|states| states.get(&key)).map_or(&[][..], Vec::as_slice);
        let Some((_, model)) = of(MODEL).first() else { return BTreeSet::new() };
        let Some((first, further)) = part.signals.split_first() else {
            return BTreeSet::from([(String::new(), model.clone())]);
        };
        let named = |(instance, value): &(String, String)| {
            let beside = |signal: &String| {
                of(signal).iter().find(|(other, _)| other == instance).map(|(_, value)| format!(" {value}"))
            };
            let more: String = further.iter().filter_map(beside).collect();
            (instance.clone(), format!("{model}, {value}{more}"))
        };
        of(first).iter().map(named).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(id: &str) -> &'static Part {
        THRESHOLDS.parts.iter().find(|part| part.id == id).expect("a kind of part")
    }

    /// Two hundred laptops of one model: every fourth has a disk A, the others a disk B, with the same firmware. So many
    /// of each fail.
    fn fleet(failing_a: usize, failing_b: usize) -> Fleet {
        let mut fleet = Fleet::default();
        let (mut a, mut b) = (0, 0);
        for key in 0..200_i64 {
            let id = format!("e{key}");
            fleet.endpoints.push((key, AlertEndpoint { id: id.clone(), name: format!("lap-{key}") }));
            let is_a = key % 4 == 0;
            let mut state = |signal: &str, value: &str| {
                let told = ("nvme0n1".to_owned(), value.to_owned());
                fleet.states.entry(signal.to_owned()).or_default().entry(key).or_default().push(told);
            };
            state(MODEL, "X1");
            state("endpoint.disk.model", if is_a { "Disk A" } else { "Disk B" });
            state("endpoint.disk.firmware", "7.1");
            let (count, failing) = if is_a { (&mut a, failing_a) } else { (&mut b, failing_b) };
            if *count < failing {
                *count += 1;
                fleet.cases.push(("disk-failing-nvme".to_owned(), id, "nvme0n1".to_owned()));
            }
        }
        fleet
    }

    #[test]
    fn a_disk_with_its_firmware_that_fails_far_oftener_is_named_with_its_endpoints() {
        let found = fleet(20, 3).weak(part("disk"));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].name.as_str(), found[0].cases, found[0].of), ("X1, Disk A 7.1", 20, 50));
        assert_eq!(found[0].endpoints.len(), 20);
        assert!(found[0].words.starts_with("20 of 50 disks X1, Disk A 7.1 fail"), "{}", found[0].words);
    }

    #[test]
    fn disks_that_fail_alike_or_seldom_are_none_and_a_disk_is_not_a_battery() {
        assert!(fleet(5, 15).weak(part("disk")).is_empty());
        assert!(fleet(4, 0).weak(part("disk")).is_empty());
        assert!(fleet(20, 3).weak(part("battery")).is_empty());
    }
}
