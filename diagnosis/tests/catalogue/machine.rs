//! A machine whose numbers stand still, on a clock that is only counted.

use std::time::Duration;

use firstline_diagnosis::catalogue::Catalogue;
use firstline_diagnosis::detector::{Detector, Host};
use firstline_diagnosis::document::{Diagnosis, Finding, RuledOut};
use firstline_diagnosis::registry::{Registry, SignalKind};
use firstline_diagnosis::vocabulary::{Layout, Reading, Sample, Series, Timestamp, Value};

/// 2026-01-21, noon: long after the boot that nobody mentions.
const START: Timestamp = Timestamp(1_768_996_800_000);
const STEP: Duration = Duration::from_secs(15);

/// What a series shows all the time. Counters: the increase per second.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shown {
    Number(f64),
    Flag(bool),
    Text(&'static str),
}

impl Shown {
    fn number(self) -> f64 {
        match self {
            Self::Number(number) => number,
            Self::Flag(flag) => f64::from(u8::from(flag)),
            Self::Text(text) => panic!("{text:?} is not a number"),
        }
    }

    fn value(self) -> Value {
        match self {
            Self::Number(number) => Value::from(number),
            Self::Flag(flag) => Value::from(flag),
            Self::Text(text) => Value::from(text),
        }
    }
}

/// Series and what they show.
pub(crate) type Shows = &'static [(&'static str, Shown)];

/// Lets `shows` stand for `minutes`, with `other` laid over it.
pub(crate) struct Machine {
    detector: Detector,
    now: Timestamp,
}

impl Machine {
    pub(crate) fn new(os_type: &str) -> Self {
        let host = Host { os_type: os_type.to_owned() };
        Self { detector: Detector::new(Catalogue::builtin(), host), now: START }
    }

    /// Lets time pass while the series show what they are told to.
    pub(crate) fn shows(mut self, shows: &[(&str, Shown)], minutes: u64) -> Self {
        let series: Vec<(Series, Shown)> =
            shows.iter().map(|(text, shown)| (text.parse().expect("a series"), *shown)).collect();
        let (states, numbers): (Vec<_>, Vec<_>) = series.into_iter().partition(|(series, _)| is_state(series));
        let layout = Layout::new(numbers.iter().map(|(series, _)| series.clone()).collect::<Vec<_>>());
        for step in 0..minutes * 60 / STEP.as_secs() {
            self.now = self.now + STEP;
            for (series, shown) in states.iter().filter(|_| step % 4 == 0) {
                self.detector.reading(&Reading { series: series.clone(), outcome: Ok(shown.value()), at: self.now });
            }
            let values = numbers.iter().map(|(series, shown)| step_value(series, *shown)).collect();
            self.detector.sample(
                &layout,
                &Sample {
                    at: self.now,
                    step_seconds: u32::try_from(STEP.as_secs()).expect("a short step"),
                    layout: layout.fingerprint(),
                    values,
                    absences: Vec::new(),
                },
            );
            self.detector.evaluate(self.now);
        }
        self
    }

    pub(crate) fn finding(&self, check: &str) -> Option<Finding> {
        self.detector.findings(self.now).into_iter().find(|finding| finding.id == check)
    }

    pub(crate) fn diagnosis(&self, symptom: Option<&str>) -> Diagnosis {
        self.detector.diagnose(symptom, self.now)
    }

    /// What became of a check that does not hold, when asked for a symptom that it answers.
    pub(crate) fn ruled_out(&self, check: &str) -> Option<RuledOut> {
        let symptom = symptom_of(check)?;
        let ruled_out = self.detector.diagnose(Some(&symptom), self.now).ruled_out;
        ruled_out.into_iter().find(|candidate| candidate.id == check)
    }

    /// The same in words.
    pub(crate) fn why_not(&self, check: &str) -> String {
        self.ruled_out(check).map_or_else(|| "nothing is said".to_owned(), |ruled_out| ruled_out.why)
    }
}

/// The first symptom that asks for `check`.
pub(crate) fn symptom_of(check: &str) -> Option<String> {
    let catalogue = Catalogue::builtin();
    let mut symptoms = catalogue.symptoms().iter();
    symptoms.find(|symptom| symptom.candidates.iter().any(|one| one == check)).map(|symptom| symptom.id.clone())
}

/// Inventory goes as readings, the rest as numbers of samples.
fn is_state(series: &Series) -> bool {
    let spec = Registry::builtin().get(&series.signal).unwrap_or_else(|| panic!("{series} is not declared"));
    spec.kind == SignalKind::Inventory
}

fn step_value(series: &Series, shown: Shown) -> f32 {
    let spec = Registry::builtin().get(&series.signal).expect("asked before");
    let per_step = if spec.kind == SignalKind::Counter { STEP.as_secs_f64() } else { 1.0 };
    (shown.number() * per_step) as f32
}
