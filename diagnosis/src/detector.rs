//! What one endpoint's signals mean: windows, conditions, states.

use std::sync::Arc;

use crate::catalogue::Catalogue;
use crate::document::{Diagnosis, Finding, FindingState};
use crate::vocabulary::{Event, Layout, Mark, Reading, Sample, Timestamp};

/// What checks and texts may know about an endpoint beside its signals.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Host {
    /// `linux`, `windows` or `darwin`.
    pub os_type: String,
}

/// A check moved from one state to another on one instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// The check's id.
    pub check: String,
    /// The instance; empty when the check has only one.
    pub instance: String,
    /// Where it stood.
    pub from: FindingState,
    /// Where it stands.
    pub to: FindingState,
    /// When it moved.
    pub at: Timestamp,
    /// The finding with its evidence at that moment.
    pub finding: Finding,
}

/// The windows and states of one endpoint.
#[derive(Debug)]
pub struct Detector {
    catalogue: Arc<Catalogue>,
    #[expect(dead_code, reason = "read by the evaluation that lands next")]
    host: Host,
}

impl Detector {
    /// A detector that has seen nothing yet.
    pub fn new(catalogue: Arc<Catalogue>, host: Host) -> Self {
        Self { catalogue, host }
    }

    /// Takes the numbers of a step.
    pub fn sample(&mut self, _layout: &Layout, _sample: &Sample) {}

    /// Takes a state, or one fresh value.
    pub fn reading(&mut self, _reading: &Reading) {}

    /// Takes something that happened.
    pub fn event(&mut self, _event: &Event) {}

    /// Takes a boot, a sleep, a wake or a change of network.
    pub fn mark(&mut self, _at: Timestamp, _mark: Mark) {}

    /// Judges every check at `now` and moves the states.
    pub fn evaluate(&mut self, _now: Timestamp) -> Vec<Transition> {
        Vec::new()
    }

    /// What holds now, ranked without a symptom.
    pub fn findings(&self, _now: Timestamp) -> Vec<Finding> {
        Vec::new()
    }

    /// The answer to `symptom`: free words of a ticket, or a symptom's id.
    pub fn diagnose(&self, _symptom: Option<&str>, now: Timestamp) -> Diagnosis {
        Diagnosis {
            symptom: None,
            primary: None,
            findings: Vec::new(),
            ruled_out: Vec::new(),
            notes: Vec::new(),
            catalogue: self.catalogue.version().to_owned(),
            at: now,
        }
    }

    /// Takes another catalogue; states of checks that are in both stay.
    pub fn adopt(&mut self, catalogue: Arc<Catalogue>) {
        self.catalogue = catalogue;
    }
}
