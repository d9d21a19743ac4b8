//! What methods said, as readings of their numbers.

use crate::catalogue::Check;
use crate::catalogue::method::{is_output, output_signal};
use crate::document::Forecast;
use crate::trend::{Found, Outlook};
use crate::vocabulary::{Attributes, Reading, Series, Timestamp, Unknown, Why};

use super::Detector;

/// What a number is missing for when the rest could be told.
const NOT_FROM_THIS: &str = "it cannot be told from this history";

impl Detector {
    /// Takes what the method of a check said. It stands until the next one.
    pub fn foresee(&mut self, outlook: &Outlook) {
        let catalogue = std::sync::Arc::clone(&self.catalogue);
        let Some(index) = catalogue.checks().iter().position(|check| check.id == outlook.check) else { return };
        let check = &catalogue.checks()[index];
        let Some(of) = &check.method else { return };
        for found in outlook.found.iter().filter(|found| found.instance.len() == check.each.len()) {
            for output in &of.named {
                self.store.derived(&reading(check, found, output, outlook.at));
            }
        }
        self.miss(check, outlook);
        let forecasts = outlook.found.iter().map(|found| (found.instance.clone(), found.forecast.clone()));
        self.forecasts.retain(|(other, _)| *other != index);
        if !outlook.found.is_empty() {
            self.forecasts.push((index, forecasts.collect()));
        }
    }

    /// Says why there is nothing about instances that were known, or about none at all.
    fn miss(&mut self, check: &Check, outlook: &Outlook) {
        let is_found = |instance: &[String]| outlook.found.iter().any(|found| found.instance == instance);
        for instance in self.foreseen(check).into_iter().filter(|instance| !is_found(instance)) {
            let missing = outlook.missing.iter().find(|missing| missing.instance == instance);
            let why = match missing {
                Some(missing) if !missing.is_over => Unknown::new(Why::Unsupported, missing.why.as_str()),
                Some(missing) => Unknown::new(Why::NotPresent, missing.why.as_str()),
                None => Unknown::new(Why::NotPresent, "it is no longer there"),
            };
            self.unknown(check, attributes(check, &instance), &why, outlook.at);
        }
        let first = outlook.missing.first().map(|missing| Unknown::new(Why::Unsupported, missing.why.as_str()));
        if outlook.found.is_empty()
            && let Some(why) = first.or_else(|| outlook.absent.clone())
        {
            self.unknown(check, Attributes::none(), &why, outlook.at);
        }
    }

    /// The instances of which something was said before.
    fn foreseen(&self, check: &Check) -> Vec<Vec<String>> {
        let named = |name: &str| check.method.as_ref().is_some_and(|of| of.named.contains(&name));
        let mut outputs = check.rule.inputs.iter().filter(|input| is_output(&input.spec.signal.name));
        let Some(first) = outputs.find(|input| named(&input.spec.name)) else { return Vec::new() };
        let values = |attributes: &Attributes| {
            check.each.iter().map(|name| attributes.get(name).map(str::to_owned)).collect::<Option<Vec<String>>>()
        };
        self.store.members(first.source).filter_map(|track| values(&track.series().attributes)).collect()
    }

    fn unknown(&mut self, check: &Check, attributes: Attributes, why: &Unknown, at: Timestamp) {
        let Some(of) = &check.method else { return };
        for output in &of.named {
            let series = Series::new(&output_signal(&check.id, output), attributes.clone());
            self.store.derived(&Reading { series, outcome: Err(why.clone()), at });
        }
    }

    /// What the method of a check said of an instance.
    pub(super) fn forecast(&self, index: usize, values: &[String]) -> Option<Forecast> {
        let (_, forecasts) = self.forecasts.iter().find(|(of, _)| *of == index)?;
        forecasts.iter().find(|(instance, _)| instance == values).map(|(_, forecast)| forecast.clone())
    }
}

fn attributes(check: &Check, instance: &[String]) -> Attributes {
    check.each.iter().map(String::as_str).zip(instance.iter().map(String::as_str)).collect()
}

fn reading(check: &Check, found: &Found, output: &str, at: Timestamp) -> Reading {
    let signal = output_signal(&check.id, output);
    let attributes = attributes(check, &found.instance);
    match found.values.iter().find(|(name, _)| name == output) {
        Some((_, value)) => Reading::value(&signal, attributes, value.clone(), at),
        None => Reading::unknown(&signal, attributes, Unknown::new(Why::Unsupported, NOT_FROM_THIS), at),
    }
}
