use serde::{Deserialize, Serialize};

use crate::catalogue::Check;
use crate::document::Forecast;
use crate::order::Arrange as _;
use crate::vocabulary::{Attributes, Timestamp, Unknown, Value, Why};

use super::method::Assessment;
use super::{Ask, Doubt, Past, Use};

/// Instances of one check of which more than the best is kept.
const NOTABLE_MAX: usize = 4;
/// Instances of which it is kept why nothing can be told.
const MISSING_MAX: usize = 64;

/// What the method of a check said of an endpoint at a moment. Kept, and told to detectors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outlook {
    /// The check's id.
    pub check: String,
    /// When.
    pub at: Timestamp,
    /// The instances of which something is worth telling, or the one that comes nearest to it.
    pub found: Vec<Found>,
    /// Instances of which nothing can be told.
    #[serde(default)]
    pub missing: Vec<Missing>,
    /// Why there is no instance at all, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<Unknown>,
}

/// What a method said of an instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// Values of the check's `each`.
    pub instance: Vec<String>,
    /// The method's numbers by name.
    pub values: Vec<(String, Value)>,
    /// The estimate for people.
    pub forecast: Forecast,
}

/// An instance of which nothing can be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Missing {
    /// Values of the check's `each`.
    pub instance: Vec<String>,
    /// `needs 5 days of history; has 2`.
    pub why: String,
    /// What it could have spoken of has ended.
    #[serde(default)]
    pub is_over: bool,
}

/// Asks the method of a check about every instance that the past knows; nothing for a check without a method.
pub fn outlook(check: &Check, past: &Past, now: Timestamp) -> Option<Outlook> {
    let of = check.method.as_ref()?;
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for instance in instances(check, of, past) {
        let assessed = {
            let binding = binding(check, &instance);
            (of.method.assess)(&Ask { check: &check.id, past, of, binding: &binding, now })
        };
        match assessed {
            Ok(assessment) => found.push((instance, assessment)),
            Err(Doubt::Needs(why)) => missing.push(Missing { instance, why, is_over: false }),
            Err(Doubt::Over(why)) => missing.push(Missing { instance, why, is_over: true }),
        }
    }
    found.arrange_by(|one, other| other.1.weight.total_cmp(&one.1.weight).then_with(|| one.0.cmp(&other.0)));
    let notable = found.iter().filter(|(_, assessment)| assessment.weight >= 1.0).count().clamp(1, NOTABLE_MAX);
    found.truncate(notable);
    missing.truncate(MISSING_MAX);
    Some(Outlook {
        check: check.id.clone(),
        at: now,
        found: found.into_iter().map(|(instance, made)| told(check, of, past, now, (instance, made))).collect(),
        missing,
        absent: absent(of, past),
    })
}

/// Why there is nothing of what the method cannot do without.
fn absent(of: &Use, past: &Past) -> Option<Unknown> {
    let first = of.reads.first()?;
    if first.signal.for_tickets && !past.series.iter().any(|known| first.selects(&known.series)) {
        return Some(Unknown::new(Why::Unsupported, "it stays on the machine and comes with a pull for a ticket"));
    }
    past.absent.iter().find(|(signal, _)| *signal == first.signal.name).map(|(_, why)| why.clone())
}

fn told(
    check: &Check,
    of: &Use,
    past: &Past,
    now: Timestamp,
    (instance, assessment): (Vec<String>, Assessment),
) -> Found {
    let binding = binding(check, &instance);
    let ask = Ask { check: &check.id, past, of, binding: &binding, now };
    let window = ask.of.reads.iter().map(|read| read.span).max().unwrap_or_default();
    let forecast = Forecast {
        method: ask.of.method.name.to_owned(),
        version: ask.of.method.version,
        at: ask.now,
        window_seconds: window.as_secs(),
        points: u32::try_from(assessment.points).unwrap_or(u32::MAX),
        estimate: assessment.estimate.filter(|number| number.is_finite()),
        low: assessment.range.map(|(low, _)| low).filter(|number| number.is_finite()),
        high: assessment.range.map(|(_, high)| high).filter(|number| number.is_finite()),
        unit: if assessment.unit.is_empty() { of.unit() } else { assessment.unit.to_owned() },
        words: assessment.words,
        data: ask.fingerprint(),
    };
    let values = assessment.values.into_iter().map(|(name, value)| (name.to_owned(), value));
    Found { instance, values: values.collect(), forecast }
}

fn binding<'a>(check: &'a Check, instance: &'a [String]) -> Vec<(&'a str, &'a str)> {
    check.each.iter().map(String::as_str).zip(instance.iter().map(String::as_str)).collect()
}

/// The instances that any role's series make, in order.
fn instances(check: &Check, of: &Use, past: &Past) -> Vec<Vec<String>> {
    if check.each.is_empty() {
        return vec![Vec::new()];
    }
    let series = past.series.iter().map(|known| &known.series);
    let states = past.states.iter().map(|known| &known.series);
    let events = past.events.iter().map(|event| &event.series);
    let all = series.chain(states).chain(events);
    let read = all.filter(|series| of.reads.iter().any(|read| read.selects(series)));
    let admitted = read.filter(|series| check.admits(&series.attributes));
    let values = |attributes: &Attributes| {
        let values = check.each.iter().map(|name| attributes.get(name).map(str::to_owned));
        values.collect::<Option<Vec<String>>>()
    };
    let mut instances: Vec<Vec<String>> = admitted.filter_map(|series| values(&series.attributes)).collect();
    instances.arrange();
    instances.dedup();
    instances
}
