//! From entries to checks: every name, type, unit and placeholder is looked up here.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::condition::{self, Compiled, Fault, Input, InputSpec, Kind, Names, Need, Parsed, Tables, Unit};
use crate::order;
use crate::registry::{Registry, SignalKind, ValueType};
use crate::texts::Template;
use crate::trend::Use;
use crate::vocabulary::Series;
use crate::window::{Reach, Source};

use super::LoadError;
use super::check::{Check, Guard, Rule, Variant};
use super::method;
use super::raw::{At, CheckEntry, Many, Runbook, VariantEntry};

/// Placeholders that every text may use.
const PLACEHOLDERS: [&str; 3] = ["instance", "since", "duration"];
const SYSTEMS: [&str; 3] = ["linux", "windows", "macos"];

/// Sources of all checks, each signal and selector once.
#[derive(Debug, Default)]
pub(super) struct Sources(pub(super) Vec<Source>);

impl Sources {
    fn add(&mut self, spec: &InputSpec) -> usize {
        let same = |source: &Source| source.signal.name == spec.signal.name && source.fixed == spec.fixed;
        if let Some(index) = self.0.iter().position(same) {
            return index;
        }
        self.0.push(Source {
            signal: spec.signal.clone(),
            fixed: spec.fixed.clone(),
            reaches: Vec::new(),
            fields: Vec::new(),
        });
        self.0.len() - 1
    }

    /// Keeps the last so many milliseconds of an input; gives its source.
    pub(super) fn keep(&mut self, spec: &InputSpec, span_ms: i64) -> usize {
        let index = self.add(spec);
        self.need(index, &Need { input: 0, span_ms, rows: 0, only: None, field: None });
        index
    }

    /// Keeps what a window needs.
    fn need(&mut self, index: usize, need: &Need) {
        if let Some(field) = need.field.as_ref().filter(|field| !self.0[index].fields.contains(field)) {
            self.0[index].fields.push(field.clone());
        }
        let reaches = &mut self.0[index].reaches;
        match reaches.iter_mut().find(|reach| reach.only == need.only) {
            Some(reach) => (reach.span_ms, reach.rows) = (reach.span_ms.max(need.span_ms), reach.rows.max(need.rows)),
            None => reaches.push(Reach { span_ms: need.span_ms, rows: need.rows, only: need.only.clone() }),
        }
    }
}

/// Builds the inputs of a check or of an edge.
pub(super) fn inputs(
    registry: &Registry,
    texts: &BTreeMap<String, At<String>>,
    each: &[String],
    single: &[String],
    errors: &mut Vec<LoadError>,
) -> Vec<InputSpec> {
    let mut specs = Vec::new();
    for (name, text) in texts {
        match input(registry, name, &text.value, each, single) {
            Ok(spec) => specs.push(spec),
            Err(reason) => errors.push(text.error(format!("input {name}: {reason}"))),
        }
    }
    specs
}

pub(super) fn input(
    registry: &Registry,
    name: &str,
    text: &str,
    each: &[String],
    single: &[String],
) -> Result<InputSpec, String> {
    let series: Series = text.parse().map_err(|error: crate::vocabulary::ParseSeriesError| error.to_string())?;
    let Some(signal) = registry.get(&series.signal) else {
        let hint = registry.nearest(&series.signal).map_or_else(String::new, |near| format!("; did you mean {near}?"));
        return Err(format!("signal {} is not declared{hint}", series.signal));
    };
    for (attribute, _) in series.attributes.iter() {
        // Of what happened, what it said tells it apart as well.
        if !signal.attributes.iter().chain(&signal.fields).any(|declared| declared == attribute) {
            let hint = crate::spelling::hint(attribute, signal.attributes.iter().map(String::as_str));
            return Err(format!("signal {} has no attribute {attribute}{hint}", signal.name));
        }
    }
    let fixed: Vec<(String, String)> =
        series.attributes.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let bound = |attribute: &str| {
        fixed.iter().any(|(name, _)| name == attribute) || each.iter().chain(single).any(|name| name == attribute)
    };
    let free = signal.identity().filter(|attribute| !bound(attribute)).map(str::to_owned).collect();
    let numeric = signal.value == ValueType::Number && signal.kind != SignalKind::Event;
    let unit = if numeric { Unit::parse(&signal.unit)? } else { Unit::one() };
    Ok(InputSpec { name: name.to_owned(), signal: signal.clone(), fixed, free, unit })
}

/// Builds one check, or lists what is wrong with it. `known` are the ids of all checks.
pub(super) fn check(
    (registry, tables): (&Registry, &Tables),
    entry: &CheckEntry,
    known: &[&str],
    sources: &mut Sources,
) -> Result<Check, Vec<LoadError>> {
    let each = entry.each.clone().map_or_else(Vec::new, |each| each.value.into_vec());
    let mut builder = Builder {
        entry,
        tables,
        errors: Vec::new(),
        inputs: Vec::new(),
        derived: Vec::new(),
        each: each.clone(),
        method: None,
        missing: Vec::new(),
    };
    let only = entry.only.clone().map_or_else(Vec::new, |only| {
        only.value.into_iter().map(|(name, values)| (name, Many::into_vec(values))).collect::<Vec<_>>()
    });
    let single: Vec<String> =
        only.iter().filter(|(_, values)| values.len() == 1).map(|(name, _)| name.clone()).collect();
    builder.inputs = inputs(registry, &entry.inputs, &each, &single, &mut builder.errors);
    if let Some((method, outputs)) = method::of(registry, entry, &each, &mut builder.errors) {
        builder.inputs.extend(outputs);
        builder.method = Some(method);
    }
    builder.attributes(&each, &only);
    builder.derive();
    builder.finish(each, only, known, sources)
}

struct Builder<'a> {
    entry: &'a CheckEntry,
    tables: &'a Tables,
    errors: Vec<LoadError>,
    inputs: Vec<InputSpec>,
    derived: Vec<(String, Parsed)>,
    each: Vec<String>,
    method: Option<Use>,
    /// Fields that a check must have, and this one has not.
    missing: Vec<&'static str>,
}

impl Builder<'_> {
    /// Attributes of `each` and `only` belong to some input.
    fn attributes(&mut self, each: &[String], only: &[(String, Vec<String>)]) {
        let reads = self.method.iter().flat_map(|method| &method.reads).map(|read| &read.signal);
        let signals = self.inputs.iter().map(|input| &input.signal).chain(reads);
        let declared: Vec<&str> = signals.flat_map(|signal| signal.attributes.iter().map(String::as_str)).collect();
        for name in each.iter().chain(only.iter().map(|(name, _)| name)) {
            if !declared.contains(&name.as_str()) && self.errors.is_empty() {
                let hint = crate::spelling::hint(name, declared.iter().copied());
                self.errors.push(self.entry.id.error(format!("no input has an attribute {name}{hint}")));
            }
        }
    }

    fn derive(&mut self) {
        for (name, text) in &self.entry.derive {
            if self.inputs.iter().any(|input| input.name == *name) {
                self.errors.push(text.error(format!("{name} is an input already")));
            }
            match Parsed::new(&text.value) {
                Ok(parsed) => self.derived.push((name.clone(), parsed)),
                Err(fault) => self.errors.push(text.error_at(fault.offset, format!("{name}: {}", fault.reason))),
            }
        }
        for (name, text) in &self.entry.derive {
            // Also those that nothing names yet: a mistake is a mistake.
            if let Some((_, parsed)) = self.derived.iter().find(|(derived, _)| derived == name)
                && self.errors.is_empty()
                && let Err(fault) = condition::expression(parsed, &self.names())
            {
                self.errors.push(text.error_at(fault.offset, format!("{name}: {}", fault.reason)));
            }
        }
    }

    fn names(&self) -> Names<'_> {
        Names { inputs: &self.inputs, derived: &self.derived, each: &self.each, tables: self.tables }
    }

    fn condition(&mut self, what: &str, text: &At<String>) -> Option<Compiled> {
        let compiled = Parsed::new(&text.value).and_then(|parsed| condition::condition(&parsed, &self.names()));
        compiled
            .map_err(|Fault { offset, reason }| self.errors.push(text.error_at(offset, format!("{what}: {reason}"))))
            .ok()
    }

    fn required<T: Clone>(&mut self, name: &'static str, field: Option<&At<T>>) -> Option<T> {
        if field.is_none() {
            self.missing.push(name);
        }
        field.map(|field| field.value.clone())
    }

    /// Says which fields are missing. Who leaves out several may have meant to change a check that is there.
    fn lacks(&mut self, known: &[&str]) {
        let id = &self.entry.id;
        let said = match self.missing.as_slice() {
            [] => return,
            [one] => format!("check {}: {one} is missing", id.value),
            [some @ .., last] => {
                let others = known.iter().copied().filter(|other| *other != id.value);
                let hint = crate::spelling::hint(&id.value, others);
                format!("check {}: {} and {last} are missing, which a new check needs{hint}", id.value, some.join(", "))
            }
        };
        self.errors.push(id.error(said));
    }

    fn span(&mut self, name: &str, field: Option<&At<String>>) -> Option<Duration> {
        let field = field?;
        let span = duration(&field.value);
        if span.is_none() {
            self.errors.push(field.error(format!("{name}: {:?} is not a time like 5m", field.value)));
        }
        span
    }

    /// A text, whose placeholders are added to `values`.
    fn template(&mut self, what: &str, text: Option<&At<String>>, values: &mut BTreeMap<String, Compiled>) -> Template {
        let Some(text) = text else { return Template::default() };
        let template = match Template::parse(&text.value) {
            Ok(template) => template,
            Err((offset, reason)) => {
                self.errors.push(text.error_at(offset, format!("{what}: {reason}")));
                return Template::default();
            }
        };
        for name in template.names() {
            self.placeholder(what, text, name, values);
        }
        template
    }

    fn placeholder(&mut self, what: &str, text: &At<String>, name: &str, values: &mut BTreeMap<String, Compiled>) {
        let names = || self.inputs.iter().map(|input| input.name.as_str());
        let derived = || self.derived.iter().map(|(name, _)| name.as_str());
        let attributes = || self.inputs.iter().flat_map(|input| input.signal.attributes.iter().map(String::as_str));
        if names().chain(derived()).any(|known| known == name) {
            let parsed = Parsed::new(name);
            match parsed.and_then(|parsed| condition::expression(&parsed, &self.names())) {
                Ok(compiled) => {
                    values.insert(name.to_owned(), compiled);
                }
                Err(fault) => self.errors.push(text.error(format!("{what}: {{{name}}}: {}", fault.reason))),
            }
        } else if !attributes().chain(PLACEHOLDERS).any(|known| known == name) {
            let hint = crate::spelling::hint(name, names().chain(derived()).chain(attributes()).chain(PLACEHOLDERS));
            self.errors.push(text.error(format!("{what}: nothing is called {{{name}}}{hint}")));
        }
    }

    fn variant(&mut self, entry: &VariantEntry, values: &mut BTreeMap<String, Compiled>) -> Option<Variant> {
        let what = format!("variant {}", entry.name);
        let when = self.condition(&what, &entry.when)?;
        let mut text = |text: &Option<At<String>>| text.as_ref().map(|text| self.template(&what, Some(text), values));
        let (user, tech) = (text(&entry.user), text(&entry.tech));
        let VariantEntry { severity, confidence, impact, urgency, .. } = *entry;
        Some(Variant { when, severity, confidence, impact, urgency, user, tech })
    }

    fn fine(
        &mut self,
        (when, text): &(Option<At<String>>, At<String>),
        values: &mut BTreeMap<String, Compiled>,
    ) -> Option<(Option<Compiled>, Template)> {
        let condition = match when {
            Some(when) => Some(self.condition("fine", when)?),
            None => None,
        };
        Some((condition, self.template("fine", Some(text), values)))
    }

    fn finish(
        mut self,
        each: Vec<String>,
        only: Vec<(String, Vec<String>)>,
        known: &[&str],
        sources: &mut Sources,
    ) -> Result<Check, Vec<LoadError>> {
        // Conditions over inputs that are wrong would only repeat the mistake.
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        let entry = self.entry;
        let mut values = BTreeMap::new();
        let when_text = self.required("when", entry.when.as_ref());
        let when = entry.when.as_ref().and_then(|when| self.condition("when", when)).map(Compiled::with_evidence);
        let clear = entry.clear.as_ref().and_then(|clear| self.condition("clear", clear));
        let guards = entry.guards.iter().filter_map(|(name, when, effect)| {
            let when = self.condition(&format!("guard {name}"), when)?;
            Some(Guard { name: name.clone(), when, effect: *effect })
        });
        let guards = guards.collect();
        let supports = entry.supports.iter();
        let supports = supports.filter_map(|(name, when)| self.condition(&format!("support {name}"), when)).collect();
        let variants = entry.variants.iter().filter_map(|variant| self.variant(variant, &mut values)).collect();
        let user = self.template("user", entry.user.as_ref(), &mut values);
        let tech = self.template("tech", entry.tech.as_ref(), &mut values);
        let fine = entry.fine.iter().filter_map(|fine| self.fine(fine, &mut values)).collect();
        let hold = self.span("hold", entry.hold.as_ref()).unwrap_or_default();
        let clear_hold = self.span("clear_hold", entry.clear_hold.as_ref()).unwrap_or(hold);
        let title = self.required("title", entry.title.as_ref());
        let severity = self.required("severity", entry.severity.as_ref());
        let confidence = self.required("confidence", entry.confidence.as_ref());
        let category = self.required("category", entry.category.as_ref());
        let impact = self.required("impact", entry.impact.as_ref());
        let urgency = self.required("urgency", entry.urgency.as_ref());
        self.required("user", entry.user.as_ref());
        self.required("tech", entry.tech.as_ref());
        self.lacks(known);
        if let Some(at) = entry.confidence.as_ref().filter(|at| !(0.0..=0.95).contains(&at.value)) {
            self.errors.push(at.error("confidence is 0 to 0.95: nothing is certain"));
        }
        if let Some(at) = &entry.os
            && let Some(os) = at.value.iter().find(|os| !SYSTEMS.contains(&os.as_str()))
        {
            self.errors.push(at.error(format!("{os} is not a system{}", crate::spelling::hint(os, SYSTEMS))));
        }
        let (
            true,
            Some(when),
            Some(title),
            Some(severity),
            Some(confidence),
            Some(category),
            Some(impact),
            Some(urgency),
        ) = (self.errors.is_empty(), when, title, severity, confidence, category, impact, urgency)
        else {
            return Err(self.errors);
        };
        let mut rule = Rule {
            inputs: Vec::new(),
            instance_inputs: when.needs.iter().map(|need| need.input).collect(),
            only,
            when,
            clear,
            guards,
            supports,
            variants,
            values,
            user,
            tech,
            fine,
        };
        let parts = rule_parts(&rule);
        let needs = |input: &InputSpec| {
            let named = |need: &Need| self.inputs[need.input].name == input.name;
            parts.iter().any(|part| part.needs.iter().any(named))
        };
        let named: Vec<&str> = self.inputs.iter().filter(|input| needs(input)).map(|input| &*input.name).collect();
        if let Some(method) = &mut self.method {
            let outputs = method.method.outputs.iter().map(|output| output.name);
            method.named = outputs.filter(|name| named.contains(name)).collect();
        }
        let read = self.method.iter().flat_map(|method| &method.reads).map(|read| read.signal.name.clone());
        let inputs = self.inputs.iter().map(|input| input.signal.name.clone()).filter(|name| !method::is_output(name));
        let mut signals: Vec<String> = read.chain(inputs).collect();
        let mut known = Vec::new();
        signals.retain(|name| {
            !known.contains(name) && {
                known.push(name.clone());
                true
            }
        });
        rule.inputs = register(self.inputs, &rule_parts(&rule), sources);
        rule.instance_inputs
            .retain(|input| each.iter().all(|name| rule.inputs[*input].spec.signal.attributes.contains(name)));
        if rule.instance_inputs.is_empty() && !each.is_empty() {
            let reason = "no input of `when` has all the attributes of each";
            return Err(vec![entry.id.error(format!("check {}: {reason}", entry.id.value))]);
        }
        Ok(Check {
            id: entry.id.value.clone(),
            title,
            severity,
            confidence,
            category,
            impact,
            urgency,
            basis: entry.basis.clone().map_or_else(Vec::new, |at| at.value),
            os: entry.os.clone().map_or_else(|| SYSTEMS.map(str::to_owned).to_vec(), |at| at.value),
            each,
            when: when_text.unwrap_or_default(),
            hold,
            clear: entry.clear.clone().map_or_else(String::new, |at| at.value),
            clear_hold,
            proactive: entry.proactive.as_ref().is_some_and(|at| at.value),
            signals,
            method: self.method,
            escalation: entry.escalation.clone().unwrap_or_default(),
            runbook: runbook(entry.runbook.as_ref().map(|at| &at.value)),
            rule,
        })
    }
}

/// All compiled parts of a rule.
fn rule_parts(rule: &Rule) -> Vec<&Compiled> {
    let mut parts = vec![&rule.when];
    parts.extend(&rule.clear);
    parts.extend(rule.guards.iter().map(|guard| &guard.when));
    parts.extend(&rule.supports);
    parts.extend(rule.variants.iter().map(|variant| &variant.when));
    parts.extend(rule.values.values());
    parts.extend(rule.fine.iter().filter_map(|(when, _)| when.as_ref()));
    parts
}

/// Gives every input its source, and every source the span that it must keep.
pub(super) fn register(specs: Vec<InputSpec>, parts: &[&Compiled], sources: &mut Sources) -> Vec<Input> {
    let inputs: Vec<Input> = specs.into_iter().map(|spec| Input { source: sources.add(&spec), spec }).collect();
    for need in parts.iter().flat_map(|part| &part.needs) {
        sources.need(inputs[need.input].source, need);
    }
    inputs
}

pub(super) fn runbook(raw: Option<&Runbook>) -> BTreeMap<&'static str, Vec<String>> {
    let Some(raw) = raw else { return BTreeMap::new() };
    let steps = |own: &[String]| {
        if raw.all_first { [raw.all.as_slice(), own].concat() } else { [own, raw.all.as_slice()].concat() }
    };
    order::map([
        ("linux", steps(&raw.linux)),
        ("windows", steps(&raw.windows)),
        ("macos", steps(&raw.macos)),
        ("all", raw.all.clone()),
    ])
}

/// `5m`, `90s`, `0s`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let (value, unit) = number(text)?;
    if unit.is_time() && value >= 0.0 { Duration::try_from_secs_f64(value * unit.scale).ok() } else { None }
}

/// A number with its unit: `5 GiB`, `0.5`.
pub(super) fn number(text: &str) -> Option<(f64, Unit)> {
    let (sign, text) = text.strip_prefix('-').map_or((1.0, text), |text| (-1.0, text));
    let parsed = Parsed::new(text).ok()?;
    let names = Names { inputs: &[], derived: &[], each: &[], tables: &Tables::new() };
    let compiled = condition::expression(&parsed, &names).ok()?;
    match (compiled.expression.constant(), compiled.kind) {
        (Some(value), Kind::Number(unit)) => Some((sign * value, unit)),
        _ => None,
    }
}
