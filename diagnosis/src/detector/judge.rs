//! One check on one instance: verdict, evidence, texts.

use std::cell::RefCell;
use std::fmt::Write;

use crate::catalogue::{Check, Effect};
use crate::condition::{Cell, Compared, Compiled, Input, Kind, Reason, Scope, Unit};
use crate::document::{Evidence, Finding, FindingState, Guard, Role, Texts};
use crate::order::Arrange as _;
use crate::registry::{Registry, SignalKind};
use crate::texts::{self, Style};
use crate::vocabulary::{Priority, Severity, Timestamp};
use crate::window::Store;

use super::standing::{Standing, Truth, Verdict};

/// A confidence never passes this.
const CONFIDENCE_MAX: f64 = 0.95;
const CORROBORATED: f64 = 0.1;
const PARTLY_EXCUSED: f64 = 0.2;

/// A check on one instance at one moment.
pub(super) struct Judge<'a> {
    pub(super) check: &'a Check,
    pub(super) store: &'a Store,
    pub(super) os_type: &'a str,
    /// The instance: attribute and value, in the order of `each`.
    pub(super) binding: &'a [(&'a str, &'a str)],
    pub(super) now: Timestamp,
}

impl<'a> Judge<'a> {
    pub(super) fn scope<'b>(&'b self, compared: Option<&'b RefCell<Vec<Compared>>>) -> Scope<'b> {
        Scope {
            store: self.store,
            inputs: &self.check.rule.inputs,
            filters: &self.check.rule.only,
            binding: self.binding,
            now: self.now,
            os_type: self.os_type,
            compared,
            row: None,
        }
    }

    fn cell(&self, compiled: &Compiled) -> Cell {
        self.scope(None).find(&compiled.expression).cell
    }

    /// The steps of its runbook, with the instance in their commands.
    fn steps(&self) -> Vec<String> {
        let steps = self.check.runbook(self.os_type).iter();
        steps.map(|step| texts::filled(step, self.binding, self.os_type)).collect()
    }

    pub(super) fn truth(&self, compiled: &Compiled) -> Truth {
        match self.cell(compiled) {
            Cell::Flag(true) => Truth::True,
            Cell::Flag(false) => Truth::False,
            _ => Truth::Unknown,
        }
    }

    /// What the conditions say now. Guards and the clear condition are asked only where they can matter: they are the
    /// larger part of the work, and almost every check on almost every endpoint is fine.
    pub(super) fn verdict(&self, raised: bool) -> Verdict {
        let rule = &self.check.rule;
        let cell = self.cell(&rule.when);
        let when = match &cell {
            Cell::Flag(true) => Truth::True,
            Cell::Flag(false) => Truth::False,
            _ => Truth::Unknown,
        };
        if (raised || when == Truth::True) && self.blocked_by().is_some() {
            return Verdict { when: Truth::False, clear: Truth::True, gone: false };
        }
        let clear = match (&rule.clear, when) {
            (Some(clear), _) if raised => self.truth(clear),
            (_, Truth::True) => Truth::False,
            (_, Truth::False) => Truth::True,
            (_, Truth::Unknown) => Truth::Unknown,
        };
        Verdict { when, clear, gone: when == Truth::Unknown && self.is_gone(&cell) }
    }

    /// Whether the instance, or the thing itself, is no longer in the machine.
    fn is_gone(&self, cell: &Cell) -> bool {
        matches!(cell, Cell::Unknown(reason) if reason.is_not_present()) || self.has_left()
    }

    /// Whether the instance is no longer in the machine, while others of its kind are heard.
    pub(super) fn has_left(&self) -> bool {
        if self.check.each.is_empty() {
            return false;
        }
        let scope = self.scope(None);
        let inputs = &self.check.rule.instance_inputs;
        let mut tracks = inputs.iter().filter_map(|input| Some((*input, scope.track(*input)?))).peekable();
        match tracks.peek() {
            Some(_) => tracks.all(|(input, track)| scope.is_gone(input, track)),
            // Where nothing like it is heard either, silence says nothing.
            None => inputs.iter().any(|input| scope.is_heard(*input)),
        }
    }

    /// The guard that excuses the finding.
    fn blocked_by(&self) -> Option<&'a str> {
        let guards = self.check.rule.guards.iter().filter(|guard| guard.effect == Effect::Blocked);
        guards.filter(|guard| self.truth(&guard.when) == Truth::True).map(|guard| guard.name.as_str()).next()
    }

    /// Every comparison of the condition, and what came of it.
    pub(super) fn compared(&self) -> (Cell, Vec<Compared>) {
        let compared = RefCell::new(Vec::new());
        let cell = self.scope(Some(&compared)).find(&self.check.rule.when.expression).cell;
        (cell, compared.into_inner())
    }

    /// The finding as it stands.
    pub(super) fn finding(&self, standing: &Standing) -> Finding {
        let check = self.check;
        let variant = check.rule.variants.iter().find(|variant| self.truth(&variant.when) == Truth::True);
        let (guards, partly, only_context) = self.guards();
        let supports = check.rule.supports.iter().filter(|support| self.truth(support) == Truth::True).count();
        let base = variant.and_then(|variant| variant.confidence).unwrap_or(check.confidence);
        let confidence = base + CORROBORATED * supports as f64 - PARTLY_EXCUSED * partly as f64;
        let severity = variant.and_then(|variant| variant.severity).unwrap_or(check.severity);
        let impact = variant.and_then(|variant| variant.impact).unwrap_or(check.impact);
        let urgency = variant.and_then(|variant| variant.urgency).unwrap_or(check.urgency);
        let onset = standing.began().map_or(self.now, Timestamp);
        let user = variant.and_then(|variant| variant.user.as_ref()).unwrap_or(&check.rule.user);
        let tech = variant.and_then(|variant| variant.tech.as_ref()).unwrap_or(&check.rule.tech);
        let render = |template: &texts::Template| template.render(|name, style| self.placeholder(name, style, onset));
        let own_words = || Texts { user: render(user), tech: render(tech) };
        let mut texts = self.no_longer(standing).unwrap_or_else(own_words);
        self.add_state(standing, &mut texts);
        let evidence: Vec<Evidence> = self.compared().1.into_iter().map(|compared| compared.evidence).collect();
        Finding {
            id: check.id.clone(),
            title: check.title.clone(),
            instance: self.instance(),
            role: Role::Also,
            consequence_of: None,
            state: standing.state,
            severity: if only_context { Severity::Info } else { severity },
            // Rounded, so that documents do not show the noise of binary fractions.
            confidence: (confidence.clamp(0.05, CONFIDENCE_MAX) * 1000.0).round() / 1000.0,
            onset,
            is_older: standing.is_older() && !is_told_by_events(&evidence),
            until: None,
            texts,
            evidence,
            guards,
            runbook: self.steps(),
            escalation: check.escalation.clone(),
            category: check.category.clone(),
            impact,
            urgency,
            priority: Priority::of(impact, urgency),
            forecast: None,
        }
    }

    /// What the state adds to the words.
    fn add_state(&self, standing: &Standing, texts: &mut Texts) {
        if standing.comes_and_goes(self.now.0) {
            texts.user.push_str(" It comes and goes.");
            let times = standing.flaps(self.now.0) + 1;
            let _ = write!(texts.tech, " It comes and goes: raised {times} times within a day.");
        }
        if standing.state == FindingState::Stale {
            texts.tech.push_str(" The readings behind it have stopped; whether it still holds cannot be told.");
        }
    }

    /// The guards as documents show them, how many excuse partly, and whether one makes it mere context.
    fn guards(&self) -> (Vec<Guard>, usize, bool) {
        let (mut shown, mut partly, mut only_context) = (Vec::new(), 0, false);
        for guard in &self.check.rule.guards {
            let truth = self.truth(&guard.when);
            let result = match (truth, guard.effect) {
                (Truth::False, _) => "passed",
                (Truth::Unknown, _) => "unknown",
                (Truth::True, Effect::Blocked) => "blocked",
                (Truth::True, Effect::Partly) => {
                    partly += 1;
                    "partly"
                }
                (Truth::True, Effect::Info) => {
                    only_context = true;
                    "partly"
                }
            };
            shown.push(Guard { name: guard.name.clone(), result: result.to_owned() });
        }
        (shown, partly, only_context)
    }

    /// `/home`, `eth0`; empty when the check has only one instance.
    pub(super) fn instance(&self) -> String {
        instance_name(self.binding.iter().map(|(_, value)| *value))
    }

    /// `/home: `; empty when the check has only one instance.
    pub(super) fn of_instance(&self) -> String {
        let instance = self.instance();
        if instance.is_empty() { instance } else { format!("{instance}: ") }
    }

    /// What the check says of an instance on which it does not hold; nothing when it has no words for that.
    pub(super) fn fine(&self) -> Option<String> {
        let fits = |when: &Option<Compiled>| when.as_ref().is_none_or(|when| self.truth(when) == Truth::True);
        let texts = self.check.rule.fine.iter().filter(|(when, _)| fits(when));
        let mut known =
            texts.filter_map(|(_, text)| text.render_known(|name, style| self.placeholder(name, style, self.now)));
        known.next()
    }

    fn placeholder(&self, name: &str, style: Style, onset: Timestamp) -> Option<String> {
        if let Some(compiled) = self.check.rule.values.get(name) {
            return shown(&self.cell(compiled), &compiled.kind, style);
        }
        if let Some((_, value)) = self.binding.iter().find(|(bound, _)| *bound == name) {
            return Some((*value).to_owned());
        }
        match name {
            "instance" => Some(self.instance()),
            "since" => Some(onset.to_string()),
            "duration" => Some(texts::duration(self.now.seconds_since(onset))),
            _ => self.attribute(name),
        }
    }

    /// An attribute that some input's series has.
    fn attribute(&self, name: &str) -> Option<String> {
        let scope = self.scope(None);
        let mut tracks = (0..self.check.rule.inputs.len()).filter_map(|input| scope.track(input));
        tracks.find_map(|track| track.series().attributes.get(name).map(str::to_owned))
    }

    /// Why the condition could not be told, or why not at all, in plain words.
    pub(super) fn words(&self, reason: &Reason) -> String {
        let specs: Vec<_> = self.check.rule.inputs.iter().map(|input| &input.spec).collect();
        reason.words(&specs)
    }

    /// Why there is nothing of an input.
    pub(super) fn no_data(&self, input: usize) -> Reason {
        self.scope(None).no_data(input)
    }

    /// The name of the guard that excuses it.
    pub(super) fn excuse(&self) -> Option<&'a str> {
        self.blocked_by()
    }
}

/// Whether something that happened is among what holds: it has a moment of its own, before which nothing was.
pub(crate) fn is_told_by_events(evidence: &[Evidence]) -> bool {
    let is_event = |name: &str| Registry::builtin().get(name).is_some_and(|spec| spec.kind == SignalKind::Event);
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "._".contains(letter);
    let held = evidence.iter().filter(|evidence| evidence.held == Some(true));
    held.flat_map(|evidence| evidence.signal.split(move |letter| !is_part(letter))).any(is_event)
}

/// A value in a text; absent when it is not known.
fn shown(cell: &Cell, kind: &Kind, style: Style) -> Option<String> {
    match (cell, kind) {
        (Cell::Number(value), Kind::Number(unit)) => Some(styled(*value, unit, style)),
        (Cell::Number(value), _) => Some(texts::plain(*value)),
        (Cell::Flag(flag), _) => Some(if *flag { "yes" } else { "no" }.to_owned()),
        (Cell::Text(text), _) => Some(text.clone()),
        // A count that is not measured to the end of its window says what it has.
        (Cell::Unknown(Reason::Coverage { so_far: Some(value), at_least: true, .. }), Kind::Number(unit)) => {
            Some(styled(*value, unit, style))
        }
        (Cell::Unknown(_), _) => None,
    }
}

fn styled(value: f64, unit: &Unit, style: Style) -> String {
    match style {
        Style::Unit => texts::human(value, unit),
        Style::Number => texts::plain(value),
        Style::Percent => texts::percent(value),
        Style::Duration => texts::duration(value),
        Style::Bytes => texts::bytes(value),
    }
}

/// The comparison that came nearest to holding, with its distance as a share of the threshold.
pub(super) fn nearest(compared: &[Compared]) -> Option<(&Compared, Option<f64>)> {
    let known = compared.iter().filter(|one| one.evidence.value.is_some());
    let mut ranked: Vec<(&Compared, Option<f64>)> = known.map(|one| (one, margin(one))).collect();
    ranked.arrange_by(|one, two| {
        let key = |(one, margin): &(&Compared, Option<f64>)| (one.evidence.held == Some(true), margin.is_none());
        key(one).cmp(&key(two)).then_with(|| one.1.unwrap_or(0.0).total_cmp(&two.1.unwrap_or(0.0)))
    });
    ranked.into_iter().next()
}

fn margin(one: &Compared) -> Option<f64> {
    let Evidence { value, threshold, .. } = one.evidence;
    if one.wanted.is_some() {
        return None;
    }
    let distance = (value? - threshold).abs();
    let share = if threshold == 0.0 { distance } else { distance / threshold.abs() };
    Some((share * 1000.0).round() / 1000.0)
}

/// The sentence that clears a candidate whose check has no words of its own for that:
/// `Space of a volume (free): 38 GiB (a problem below 2 GiB).`
pub(super) fn sentence(one: &Compared) -> String {
    let evidence = &one.evidence;
    let Some(found) = evidence.found() else { return format!("{}.", evidence.why) };
    if one.wanted.is_some() {
        return format!("{}: {found}.", evidence.what());
    }
    format!("{}: {found} (a problem {}).", evidence.what(), evidence.limit())
}

/// The name of an instance by its values of `each`.
pub(super) fn instance_name<'a>(values: impl Iterator<Item = &'a str>) -> String {
    values.collect::<Vec<_>>().join(", ")
}

impl Judge<'_> {
    /// The instances that series make now, sorted.
    pub(super) fn instances(&self) -> Vec<Vec<String>> {
        let scope = self.scope(None);
        let mut instances = Vec::new();
        for input in &self.check.rule.instance_inputs {
            for track in scope.tracks(*input).filter(|track| !scope.is_gone(*input, *track)) {
                let values = self.check.each.iter().map(|name| track.series().attributes.get(name).map(str::to_owned));
                instances.extend(values.collect::<Option<Vec<String>>>());
            }
        }
        instances.arrange();
        instances.dedup();
        instances
    }
}

/// Whether a condition of an edge holds.
pub(super) fn holds(detector: &super::Detector, inputs: &[Input], when: &Compiled, now: Timestamp) -> bool {
    let (store, os_type) = (&detector.store, detector.host.os_type.as_str());
    let scope = Scope { store, inputs, filters: &[], binding: &[], now, os_type, compared: None, row: None };
    scope.find(&when.expression).cell == Cell::Flag(true)
}
