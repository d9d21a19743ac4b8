//! A day as everything that an endpoint tells, each at its moment: minute by minute what is sampled, the rest when it is due
//! or changed. The same files give the same day, to the last bit.

use std::collections::BTreeMap;
use std::time::Duration;

use firstline_diagnosis::registry::SignalKind;
use firstline_diagnosis::vocabulary::{Layout, Mark, Reading, Sample, Series, Timestamp, Unknown, Value, Why};

use super::corpus::quantity::span_ms;
use super::corpus::told::{Told, in_order};
use super::corpus::written::{Happens, parsed, spec};
use super::file::{Battery, Corpus, Machine, Scenario};
use super::level::Noise;
use super::schedule::{Course, Doing, Phase, clock_ms, phases};

const MINUTE_MS: i64 = 60_000;
/// A state that did not change is told again after this.
const AGAIN_MS: i64 = 3_600_000;
/// Of the hour that is looked at closely: before the moment that it is about, and after it.
const BEFORE: Duration = Duration::from_mins(40);
const AFTER: Duration = Duration::from_mins(20);
/// This share of the minutes never arrives.
const LOST: f64 = 0.003;
/// What a laptop draws in its sleep, and what a power supply gives it then, in watts.
const ASLEEP_WATTS: f64 = -0.3;
const CHARGING_WATTS: f64 = 30.0;
/// From here on a battery is charged more slowly.
const NEARLY_FULL: f64 = 0.9;

/// Everything that is told, in order of time.
pub(crate) struct Day {
    pub(crate) os: String,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) told: Vec<(Timestamp, Told)>,
}

impl Day {
    pub(crate) fn of(corpus: &Corpus, scenario: &Scenario) -> Self {
        let machine = corpus.machine(scenario);
        let start: Timestamp = format!("{}T00:00:00Z", scenario.date).parse().expect("a date");
        let mut teller = Teller::of(scenario, machine, start);
        teller.earlier(scenario);
        let phases = phases(scenario);
        for (index, phase) in phases.iter().enumerate() {
            let courses = phase.courses(corpus, scenario, &phases);
            teller.turn(index.checked_sub(1).map(|before| &phases[before]), phase);
            teller.lives(phase, &courses);
        }
        scenario.happens.iter().for_each(|happens| teller.happens(happens));
        let mut told = teller.told;
        in_order(&mut told);
        let end = start + Duration::from_millis(clock_ms(&scenario.ends) as u64);
        Self { os: machine.os.clone(), start, end, told }
    }

    /// The moment of a time of the day.
    pub(crate) fn at(&self, time: &str) -> Timestamp {
        Timestamp(self.start.0 + clock_ms(time))
    }
}

impl Day {
    /// The hour around the first ticket, else around what is found first, else around half past nine; it begins with the
    /// newest of everything that was read before and not sampled.
    pub(crate) fn hour(self, scenario: &Scenario) -> Self {
        let found = scenario.finds.first().map(|finds| finds.until.as_str());
        let around = scenario.tickets.first().map(|ticket| ticket.at.as_str()).or(found).unwrap_or("09:30");
        let from = self.at(around) - BEFORE;
        let end = (self.at(around) + AFTER).min(self.end);
        let told = self.told.into_iter().filter(|(at, _)| *at <= end);
        let (past, hour): (Vec<_>, Vec<_>) = told.partition(|(at, _)| *at < from);
        let mut standing = BTreeMap::new();
        for (_, told) in past {
            if let Told::Reading(reading) = told {
                standing.insert(reading.series.clone(), (from, Told::Reading(Reading { at: from, ..reading })));
            }
        }
        let told = standing.into_values().chain(hour).collect();
        Self { end, told, ..self }
    }
}

/// What was told last of a series that is not sampled.
struct Last {
    at_ms: i64,
    said: Result<Value, Why>,
}

struct Teller<'a> {
    machine: &'a Machine,
    start: Timestamp,
    seed: u64,
    told: Vec<(Timestamp, Told)>,
    noises: BTreeMap<Series, Noise>,
    /// Whether a minute gets through.
    luck: Noise,
    last: BTreeMap<Series, Last>,
    /// Totals of counters that are told seldom.
    totals: BTreeMap<Series, f64>,
    charge: f64,
    booted_ms: i64,
}

impl<'a> Teller<'a> {
    fn of(scenario: &Scenario, machine: &'a Machine, start: Timestamp) -> Self {
        Self {
            machine,
            start,
            seed: scenario.seed,
            told: Vec::new(),
            noises: BTreeMap::new(),
            luck: Noise::of(scenario.seed, "minutes that are lost"),
            last: BTreeMap::new(),
            totals: BTreeMap::new(),
            charge: machine.battery.as_ref().map_or(0.0, |battery| battery.starts),
            booted_ms: -span_ms(&machine.uptime),
        }
    }

    fn moment(&self, ms: i64) -> Timestamp {
        Timestamp(self.start.0 + ms)
    }

    fn tell(&mut self, ms: i64, told: Told) {
        self.told.push((self.moment(ms), told));
    }

    fn reading(&mut self, ms: i64, series: &Series, said: Result<Value, Why>) {
        let at = self.moment(ms);
        let outcome = said.map_err(|why| Unknown::new(why, "as the day says"));
        self.tell(ms, Told::Reading(Reading { series: series.clone(), outcome, at }));
    }

    /// What was told on the days before.
    fn earlier(&mut self, scenario: &Scenario) {
        for (text, values) in &scenario.earlier {
            let series = parsed(text);
            let mut past: Vec<(i64, Value)> = values.iter().map(|(age, one)| (-span_ms(age), one.plain())).collect();
            past.sort_by_key(|(ms, _)| *ms);
            for (ms, value) in past {
                self.totals.extend(value.number().map(|number| (series.clone(), number)));
                self.reading(ms, &series, Ok(value));
            }
        }
    }

    /// From one phase to the next: what a machine tells of its own turns, and what happens to its battery meanwhile.
    fn turn(&mut self, before: Option<&Phase>, phase: &Phase) {
        let from_ms = phase.from_ms;
        match (before.map(|before| before.doing), phase.doing) {
            (Some(Doing::Awake), Doing::Asleep | Doing::Off) => self.tell(from_ms, Told::Mark(Mark::Pausing)),
            (Some(Doing::Asleep), Doing::Awake) => self.tell(from_ms, Told::Mark(Mark::Resumed)),
            (Some(Doing::Off | Doing::Dead), Doing::Awake) => self.boots(from_ms),
            _ => {}
        }
        if let (Doing::Asleep | Doing::Off, Some(battery)) = (phase.doing, &self.machine.battery) {
            let watts = if phase.has("mains") { CHARGING_WATTS } else { ASLEEP_WATTS };
            let hours = (phase.to_ms - from_ms) as f64 / 3_600_000.0;
            self.charge = (self.charge + watts * hours / battery.holds).clamp(0.03, 1.0);
        }
    }

    fn boots(&mut self, ms: i64) {
        self.booted_ms = ms;
        self.tell(ms, Told::Mark(Mark::Booted));
        let machine = self.machine;
        for (text, shown) in &machine.boot {
            let series = parsed(text);
            let spec = spec(&series);
            let level = shown.level(spec);
            let said = self.noise(&series).shows(&level, spec, 0.0);
            if let Some(said) = said {
                self.reading(ms + MINUTE_MS, &series, said);
            }
        }
    }

    fn noise(&mut self, series: &Series) -> &mut Noise {
        let seed = self.seed;
        self.noises.entry(series.clone()).or_insert_with(|| Noise::of(seed, &series.to_string()))
    }

    /// Every minute of a phase.
    fn lives(&mut self, phase: &Phase, courses: &[Course]) {
        if phase.doing != Doing::Awake {
            return;
        }
        let own = self.own_series();
        let sampled: Vec<&Course> = courses.iter().filter(|course| course.spec.is_sampled()).collect();
        let seldom: Vec<&Course> = courses.iter().filter(|course| !course.spec.is_sampled()).collect();
        let is_told = |series: &Series| sampled.iter().any(|course| course.series == *series);
        let own: Vec<(Series, Own)> = own.into_iter().filter(|(series, _)| !is_told(series)).collect();
        let all =
            sampled.iter().map(|course| course.series.clone()).chain(own.iter().map(|(series, _)| series.clone()));
        let layout = Layout::new(all.collect::<Vec<_>>());
        let first = phase.from_ms.div_euclid(MINUTE_MS) + 1;
        for ms in (first..=phase.to_ms / MINUTE_MS).map(|minute| minute * MINUTE_MS) {
            for course in &seldom {
                self.seldom(course, ms);
            }
            let sample = self.sample(&layout, &sampled, &own, ms);
            if self.luck.even() >= LOST {
                self.tell(ms, Told::Sample(layout.clone(), sample));
            }
        }
    }

    /// What follows from the hours themselves.
    fn own_series(&self) -> Vec<(Series, Own)> {
        let plain = |name: &str| name.parse::<Series>().expect("a series");
        let mut own = vec![(plain("system.uptime"), Own::Uptime)];
        if let Some(battery) = &self.machine.battery {
            own.push((plain(&format!("hw.battery.charge{{hw.id={}}}", battery.id)), Own::Charge));
        }
        own
    }

    fn sample(&mut self, layout: &Layout, sampled: &[&Course], own: &[(Series, Own)], ms: i64) -> Sample {
        let (mut values, mut absences) = (Vec::new(), Vec::new());
        for (index, course) in (0..).zip(sampled) {
            // What a minute shows is what it was in that minute.
            let shown = self.noise(&course.series).shows(&course.level, course.spec, course.done(ms - MINUTE_MS / 2));
            let number = match shown.expect("what is gone was left out") {
                Ok(value) => value.number().expect("what is sampled is a number or a flag"),
                Err(why) => {
                    absences.push((index, why));
                    f64::NAN
                }
            };
            values.push(self.of_a_minute(course, number) as f32);
        }
        for (_, own) in own {
            values.push(match own {
                Own::Uptime => (ms - self.booted_ms) as f64 / 1000.0,
                Own::Charge => self.charge,
            } as f32);
        }
        Sample { at: self.moment(ms), step_seconds: 60, layout: layout.fingerprint(), values, absences }
    }

    /// Counters are written by the second; what goes through a battery stays within it.
    fn of_a_minute(&mut self, course: &Course, number: f64) -> f64 {
        if course.spec.kind == SignalKind::Counter {
            return number * 60.0;
        }
        match &self.machine.battery {
            Some(battery) if &*course.series.signal == "endpoint.battery.rate" && number.is_finite() => {
                let (charge, watts) = charged(battery, self.charge, number);
                self.charge = charge;
                watts
            }
            _ => number,
        }
    }

    /// States when they change and now and then again; slow numbers when they are due, of counters their totals.
    fn seldom(&mut self, course: &Course, ms: i64) {
        let is_state = course.spec.is_state();
        let cadence_ms = course.spec.cadence_seconds().map_or(MINUTE_MS, |seconds| (seconds * 1000.0) as i64);
        let due_ms = if is_state { AGAIN_MS } else { cadence_ms };
        let age_ms = self.last.get(&course.series).map(|last| ms - last.at_ms);
        let is_due = age_ms.is_none_or(|age| age >= due_ms);
        if !is_due && !is_state {
            return;
        }
        let shown = self.noise(&course.series).shows(&course.level, course.spec, course.done(ms));
        let mut said = shown.expect("what is gone was left out");
        if let (SignalKind::Counter, Ok(Value::Number(rate))) = (course.spec.kind, &said) {
            let total = self.totals.entry(course.series.clone()).or_default();
            *total += rate * age_ms.unwrap_or(0) as f64 / 1000.0;
            said = Ok(Value::from(total.floor()));
        }
        let before = self.last.get(&course.series).map(|last| last.said.clone());
        if !is_due && before.as_ref() == Some(&said) {
            return;
        }
        if &*course.series.signal == "endpoint.network.context_id" && before.is_some_and(|before| before != said) {
            self.tell(ms - MINUTE_MS / 2, Told::Mark(Mark::NetworkChanged));
        }
        self.reading(ms, &course.series, said.clone());
        self.last.insert(course.series.clone(), Last { at_ms: ms, said });
    }

    fn happens(&mut self, happens: &Happens) {
        self.told.extend(happens.told(self.moment(clock_ms(&happens.at))));
    }
}

/// A series that the files do not write.
enum Own {
    Uptime,
    Charge,
}

/// The charge after a minute, and what really went in or out.
fn charged(battery: &Battery, charge: f64, offered_watts: f64) -> (f64, f64) {
    let room = ((1.0 - charge) / (1.0 - NEARLY_FULL)).clamp(0.0, 1.0);
    let watts = if offered_watts > 0.0 { offered_watts * room } else { offered_watts };
    ((charge + watts / 60.0 / battery.holds).clamp(0.0, 1.0), watts)
}
