//! The hours of a day: from when to when a machine does what, and what each series shows meanwhile.

use std::collections::BTreeMap;

use firstline_diagnosis::registry::{Registry, SignalSpec, Source};
use firstline_diagnosis::vocabulary::Series;

use super::file::{Corpus, Layer, Scenario};
use super::level::Level;

/// What a machine does, from the outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    Awake,
    Asleep,
    Off,
    /// Stopped without saying so.
    Dead,
}

/// A stretch of the day.
#[derive(Debug, Clone)]
pub(crate) struct Phase {
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
    pub(crate) doing: Doing,
    /// Layers, the last one on top.
    words: Vec<String>,
}

/// What a series shows in a phase, and the stretch over which it goes from one value to another.
#[derive(Debug, Clone)]
pub(crate) struct Course {
    pub(crate) series: Series,
    pub(crate) spec: &'static SignalSpec,
    pub(crate) level: Level,
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
}

/// `09:30` of the first day, `+1 09:30` of the next, `-2 09:30` of two days before: since the day began.
pub(crate) fn clock_ms(text: &str) -> i64 {
    let (days, time) = text.split_once(' ').unwrap_or(("0", text));
    let (hours, minutes) = time.split_once(':').unwrap_or_else(|| panic!("{text:?} is no time"));
    let number = |text: &str| text.parse::<i64>().unwrap_or_else(|_| panic!("{text:?} is no number"));
    ((number(days) * 24 + number(hours)) * 60 + number(minutes)) * 60_000
}

/// The phases of a day, in order, without gaps.
pub(crate) fn phases(day: &Scenario) -> Vec<Phase> {
    let end = clock_ms(&day.ends);
    let mut starts: Vec<(i64, &String)> = day.hours.iter().map(|(time, words)| (clock_ms(time), words)).collect();
    starts.sort();
    assert_eq!(starts.first().map(|(from, _)| *from), Some(0), "{}: the day begins at 00:00", day.name);
    let ends = starts.iter().skip(1).map(|(from, _)| *from).chain([end]).collect::<Vec<_>>();
    starts.into_iter().zip(ends).map(|((from_ms, words), to_ms)| Phase::of(from_ms, to_ms, words)).collect()
}

impl Phase {
    fn of(from_ms: i64, to_ms: i64, words: &str) -> Self {
        assert!(from_ms < to_ms, "{words:?} takes no time");
        let (mut doing, mut layers) = (Doing::Awake, Vec::new());
        for word in words.split_whitespace() {
            match word {
                "asleep" => doing = Doing::Asleep,
                "off" => doing = Doing::Off,
                "dead" => doing = Doing::Dead,
                layer => layers.push(layer.to_owned()),
            }
        }
        Self { from_ms, to_ms, doing, words: layers }
    }

    /// Whether a layer is among what it does.
    pub(crate) fn has(&self, word: &str) -> bool {
        self.words.iter().any(|one| one == word)
    }

    /// What every series shows in it.
    pub(crate) fn courses(&self, corpus: &Corpus, day: &Scenario, phases: &[Self]) -> Vec<Course> {
        let machine = corpus.machine(day);
        let mut shown: BTreeMap<String, Course> = BTreeMap::new();
        let mut lay = |layer: &Layer, (from_ms, to_ms): (i64, i64)| {
            for (text, value) in layer {
                let series: Series = text.parse().unwrap_or_else(|error| panic!("{}: {error}", day.name));
                let spec = Registry::builtin().get(&series.signal);
                let spec = spec.unwrap_or_else(|| panic!("{}: {} is not declared", day.name, series.signal));
                let level = value.level(spec);
                // Attributes may be written in any order.
                shown.insert(series.to_string(), Course { series, spec, level, from_ms, to_ms });
            }
        };
        lay(&machine.shows, (0, clock_ms(&day.ends)));
        for word in &self.words {
            let stretch = self.stretch(word, phases);
            corpus.layers(day, word).into_iter().for_each(|layer| lay(layer, stretch));
        }
        shown.retain(|_, course| course.level != Level::Gone);
        let mut courses: Vec<Course> = shown.into_values().collect();
        for course in &mut courses {
            course.forget_what_no_system_offers(&machine.os);
        }
        courses
    }

    /// The phases around this one that have the word as well, without a break.
    fn stretch(&self, word: &str, phases: &[Self]) -> (i64, i64) {
        let mut stretches = phases.chunk_by(|one, next| one.has(word) == next.has(word));
        let stretch = stretches.find(|stretch| stretch.iter().any(|phase| phase.from_ms == self.from_ms));
        let stretch = stretch.expect("a phase is one of the phases");
        (stretch[0].from_ms, stretch[stretch.len() - 1].to_ms)
    }
}

impl Course {
    fn forget_what_no_system_offers(&mut self, os: &str) {
        if matches!(self.spec.source.on(os), Some(Source::None { .. })) {
            self.level = Level::Absent(firstline_diagnosis::vocabulary::Why::Unsupported);
        }
    }

    /// How much of its stretch is over.
    pub(crate) fn done(&self, ms: i64) -> f64 {
        (ms - self.from_ms) as f64 / (self.to_ms - self.from_ms) as f64
    }
}
