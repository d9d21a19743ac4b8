//! The endpoints, and what they have in common with others.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use firstline_diagnosis::fleet::eligible::{Fact, Host};
use firstline_diagnosis::fleet::{Attribute, Cause, Thresholds};
use firstline_diagnosis::vocabulary::{Series, Timestamp};
use serde_json::Value;

use super::presence::Usual;
use crate::alert::AlertError;
use crate::store::{Reads, sql};

/// How far a row's last sign of life may lag behind the stream's.
pub(super) const LAG: Duration = Duration::from_secs(75);

/// Who was not heard for so long is not looked at.
pub(super) const HEARD: Duration = Duration::from_mins(20);

/// Who was not heard for so long says nothing about its findings.
const REPORTS: Duration = Duration::from_mins(5);

/// How far back it is looked when a host obtained what it has.
pub(super) const OBTAINED: Duration = Duration::from_hours(14 * 24);

/// Rows of one attribute at most.
const ROWS: i64 = 200_000;

const ENDPOINTS: &str = "SELECT key, id, name, tags, hardware, os_type, state, paused, last_seen_ms FROM endpoints
    WHERE revoked_at_ms IS NULL AND merged_into IS NULL AND left_at_ms IS NULL
    AND (state = 'online' OR last_seen_ms >= $1) ORDER BY id";

const STATES: &str = "SELECT endpoint_key, series, outcome FROM inventory WHERE series >= $1 AND series < $2 LIMIT $3";

const CHANGES: &str = "SELECT endpoint_key, series, MAX(at_ms) FROM inventory_changes
    WHERE series >= $1 AND series < $2 AND at_ms >= $3 GROUP BY endpoint_key, series LIMIT $4";

const EVENTS: &str = "SELECT endpoint_key, series, fields, at_ms FROM events
    WHERE series >= $1 AND series < $2 AND at_ms >= $3 LIMIT $4";

/// An endpoint's row: what of it matters here.
type Row = (i64, String, String, String, String, String, String, i64, Option<i64>);

/// The endpoints that were heard lately.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    /// In order of their ids.
    pub(super) list: Vec<Host>,
    /// Their names, in the same order.
    pub(super) names: Vec<String>,
    /// Whether each said that it would pause.
    pub(super) pausing: Vec<bool>,
    /// Whether each is usually heard at this hour.
    pub(super) usual: Vec<bool>,
    /// Whether each reports still.
    pub(super) reports: Vec<bool>,
    /// The system of each, as checks name it.
    pub(super) systems: Vec<String>,
    places: HashMap<String, usize>,
}

/// An endpoint, as it is known beside what it shares.
pub(super) struct Known<'a> {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) os_type: &'a str,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) serial: String,
    pub(super) heard: Timestamp,
    pub(super) is_pausing: bool,
    /// It is usually heard at this hour of this day of the week.
    pub(super) is_usual: bool,
}

impl Hosts {
    /// Adds an endpoint; they come in order of their ids.
    pub(super) fn add(&mut self, known: Known<'_>, thresholds: &Thresholds, now: Timestamp) {
        let Known { id, name, os_type, tags, serial, heard, is_pausing, is_usual } = known;
        self.places.insert(id.clone(), self.list.len());
        self.reports.push(now.since(heard) <= REPORTS);
        self.systems.push(if os_type == "darwin" { "macos" } else { os_type }.to_owned());
        self.pausing.push(is_pausing);
        self.usual.push(is_usual);
        self.names.push(name);
        self.list.push(Host {
            id,
            serial,
            heard,
            is_test: tags.iter().any(|(name, value)| thresholds.test_tags.contains(&format!("{name}={value}"))),
            facts: own_facts(thresholds, &tags),
        });
    }

    /// What the endpoint that was added last has in common with others, beside what its row tells.
    pub(super) fn share(&mut self, facts: Vec<Fact>) {
        if let Some(last) = self.list.last_mut() {
            last.facts.extend(facts);
        }
    }

    /// The place of an endpoint.
    pub(super) fn place(&self, endpoint_id: &str) -> Option<usize> {
        self.places.get(endpoint_id).copied()
    }

    /// Places of those that have a value of an attribute.
    pub(super) fn sharing(&self, attribute: usize, value: &str) -> impl Iterator<Item = usize> {
        let has = move |fact: &Fact| fact.attribute == attribute && fact.value == value;
        self.list.iter().enumerate().filter(move |(_, host)| host.facts.iter().any(has)).map(|(place, _)| place)
    }
}

/// Everything that was heard of lately, and what it shares.
pub(super) async fn of(
    reads: &Reads,
    thresholds: &Thresholds,
    usual: &Usual,
    now: Timestamp,
) -> Result<Hosts, AlertError> {
    let lately = (now - HEARD - LAG).unix_ms();
    // Who is usually there at this hour is missed after however long a silence.
    let since = if usual.tells() { (now - OBTAINED).unix_ms() } else { lately };
    let rows: Vec<Row> = sql::query_as(ENDPOINTS).bind(since).fetch_all(reads).await?;
    let is_meant = |row: &Row| row.6 == "online" || row.8.is_some_and(|seen| seen >= lately) || usual.is(row.0);
    let rows: Vec<Row> = rows.into_iter().filter(is_meant).collect();
    let mut hosts = Hosts::default();
    let mut by_key: HashMap<i64, usize> = HashMap::new();
    for (place, (key, id, name, tags, hardware, os_type, state, paused, seen)) in rows.into_iter().enumerate() {
        let texts = |text: &str| serde_json::from_str::<BTreeMap<String, String>>(text).unwrap_or_default();
        let (tags, hardware) = (texts(&tags), texts(&hardware));
        let is_online = state == "online";
        let heard = if is_online { now } else { (Timestamp(seen.unwrap_or_default()) + LAG).min(now) };
        by_key.insert(key, place);
        let serial = hardware.get("serial").or_else(|| hardware.get("product_uuid")).cloned().unwrap_or_default();
        let known = Known {
            id,
            name,
            os_type: &os_type,
            tags,
            serial,
            heard,
            is_pausing: paused != 0,
            is_usual: usual.is(key),
        };
        hosts.add(known, thresholds, now);
    }
    for (place, attribute) in thresholds.attributes.iter().enumerate() {
        let told = Told { attribute, place, now };
        if let Some(signal) = &attribute.signal {
            told.states(reads, signal, &by_key, &mut hosts).await?;
        }
        if let Some(event) = &attribute.event {
            told.events(reads, event, &by_key, &mut hosts).await?;
        }
    }
    Ok(hosts)
}

/// What the endpoint's tags tell.
fn own_facts(thresholds: &Thresholds, tags: &BTreeMap<String, String>) -> Vec<Fact> {
    let fact = |(place, attribute): (usize, &Attribute)| {
        let value = attribute.tag.as_ref().and_then(|tag| tags.get(tag)).filter(|value| !value.is_empty())?;
        Some(Fact { attribute: place, value: value.clone(), since: None })
    };
    thresholds.attributes.iter().enumerate().filter_map(fact).collect()
}

/// One attribute, and where it is read.
struct Told<'a> {
    attribute: &'a Attribute,
    place: usize,
    now: Timestamp,
}

impl Told<'_> {
    async fn states(
        &self,
        reads: &Reads,
        signal: &str,
        by_key: &HashMap<i64, usize>,
        hosts: &mut Hosts,
    ) -> Result<(), AlertError> {
        let (from, to) = range(signal);
        let mut obtained: HashMap<(i64, String), i64> = HashMap::new();
        if self.attribute.cause == Cause::Defect {
            let since = (self.now - OBTAINED).unix_ms();
            let rows: Vec<(i64, String, i64)> =
                sql::query_as(CHANGES).bind(&from).bind(&to).bind(since).bind(ROWS).fetch_all(reads).await?;
            obtained.extend(rows.into_iter().map(|(key, series, at_ms)| ((key, series), at_ms)));
        }
        let rows: Vec<(i64, String, String)> =
            sql::query_as(STATES).bind(from).bind(to).bind(ROWS).fetch_all(reads).await?;
        for (key, series, outcome) in rows {
            let Some(place) = by_key.get(&key) else { continue };
            let since = obtained.get(&(key, series.clone())).map(|at_ms| Timestamp(*at_ms));
            if let Some(value) = state_value(self.attribute, signal, &series, &outcome) {
                hosts.list[*place].facts.push(Fact { attribute: self.place, value, since });
            }
        }
        Ok(())
    }

    /// What was installed: the package and its version.
    async fn events(
        &self,
        reads: &Reads,
        event: &str,
        by_key: &HashMap<i64, usize>,
        hosts: &mut Hosts,
    ) -> Result<(), AlertError> {
        let (from, to) = range(event);
        let days = u64::from(self.attribute.days.unwrap_or(7));
        let since = (self.now - Duration::from_hours(24 * days)).unix_ms();
        let rows: Vec<(i64, String, String, i64)> =
            sql::query_as(EVENTS).bind(from).bind(to).bind(since).bind(ROWS).fetch_all(reads).await?;
        for (key, series, fields, at_ms) in rows {
            let Some(place) = by_key.get(&key) else { continue };
            if let Some(value) = installed(&series, &fields) {
                let since = Some(Timestamp(at_ms));
                hosts.list[*place].facts.push(Fact { attribute: self.place, value, since });
            }
        }
        Ok(())
    }
}

/// The value of an attribute that a row's state tells.
pub(super) fn state_value(attribute: &Attribute, signal: &str, series: &str, outcome: &str) -> Option<String> {
    let series: Series = series.parse().ok().filter(|series: &Series| *series.signal == *signal)?;
    let outcome: Value = serde_json::from_str(outcome).ok()?;
    let own = match outcome.get("value")? {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    value_of(attribute, &series, own)
}

/// What an endpoint has of an attribute, when a state of its signal is `own`.
pub(super) fn value_of(attribute: &Attribute, series: &Series, own: String) -> Option<String> {
    let value = match &attribute.by {
        None => own,
        Some(by) if attribute.with_value => format!("{} {own}", series.attributes.get(by)?),
        Some(by) => series.attributes.get(by)?.to_owned(),
    };
    let is_everywhere = ["127.", "169.254.", "fe80:", "::1", "0.0.0.0"].iter().any(|own| value.starts_with(own));
    (!value.is_empty() && !is_everywhere).then_some(value)
}

/// What a row's event installed.
pub(super) fn installed(series: &str, fields: &str) -> Option<String> {
    let fields: Value = serde_json::from_str(fields).ok()?;
    installed_by(&series.parse().ok()?, fields.get("to").and_then(Value::as_str))
}

/// What an event installed: the package and its version.
pub(super) fn installed_by(series: &Series, to: Option<&str>) -> Option<String> {
    let to = to.filter(|to| *to != "none")?;
    let name = series.attributes.iter().find(|(name, _)| name.contains(".name")).map(|(_, value)| value)?;
    Some(format!("{name} {to}"))
}

/// From where to where the printed series of a signal lie.
pub(super) fn range(signal: &str) -> (String, String) {
    // After the name stands nothing or a brace, and `|` is the letter after that.
    (signal.to_owned(), format!("{signal}|"))
}
