//! How much a change can have to do with a finding.

use std::time::Duration;

use super::pattern;
use super::record::Known;
use super::tables::Tables;
use crate::compact::Table;
use crate::document::Finding;

/// A line of the table.
#[derive(Debug)]
pub(super) struct Relevance {
    findings: Vec<String>,
    direct: Vec<String>,
    plausible: Vec<String>,
}

/// The numbers of the score.
#[derive(Debug, Default)]
pub(super) struct Scoring {
    direct: f64,
    plausible: f64,
    unlikely: f64,
    patch_level: f64,
    reverted: f64,
    lift_least: f64,
    lift_most: f64,
    tau_seconds: f64,
    slow_seconds: f64,
    pub(super) reach: Duration,
    pub(super) grace: Duration,
    pub(super) earlier: Duration,
    pub(super) together: Duration,
    pub(super) shown: usize,
    pub(super) show_from: f64,
    pub(super) after_shown: usize,
    pub(super) versions: Vec<String>,
    pub(super) cusum_k: f64,
    pub(super) cusum_h: f64,
    pub(super) cusum_block: usize,
}

impl Relevance {
    pub(super) fn read(table: &Table<'_>) -> Self {
        let texts = |key| table.texts(key).unwrap_or_default();
        Self { findings: texts("findings"), direct: texts("direct"), plausible: texts("plausible") }
    }

    fn speaks_of(&self, finding: &Finding) -> bool {
        let fits = |name: &String| {
            if name.contains('/') { finding.category.starts_with(name) } else { pattern::fits(name, &finding.id) }
        };
        self.findings.iter().any(fits)
    }
}

impl Scoring {
    pub(super) fn read(table: &Table<'_>) -> Self {
        let number = |key| table.number(key).unwrap_or_default();
        let span = |key, unit_seconds: f64| Duration::from_secs_f64(number(key) * unit_seconds);
        Self {
            direct: number("direct"),
            plausible: number("plausible"),
            unlikely: number("unlikely"),
            patch_level: number("patch_level"),
            reverted: number("reverted"),
            lift_least: number("lift_least"),
            lift_most: number("lift_most"),
            tau_seconds: number("tau_hours") * 3600.0,
            slow_seconds: number("slow_hours") * 3600.0,
            reach: span("reach_days", 86_400.0),
            grace: span("grace_minutes", 60.0),
            earlier: span("earlier_days", 86_400.0),
            together: span("together_minutes", 60.0),
            shown: number("shown") as usize,
            show_from: number("show_from"),
            after_shown: number("after_shown") as usize,
            versions: table.texts("versions").unwrap_or_default(),
            cusum_k: number("cusum_k"),
            cusum_h: number("cusum_h"),
            cusum_block: number("cusum_block") as usize,
        }
    }

    /// How a change of this kind and thing weighs against the finding, as such.
    pub(super) fn relevance(&self, finding: &Finding, known: &Known) -> f64 {
        if known.is_about {
            return self.direct;
        }
        let lines = Tables::builtin().relevance.iter().filter(|line| line.speaks_of(finding));
        let names = |kinds: &[String]| kinds.contains(&known.kind.id);
        let weigh = |line: &Relevance| {
            if names(&line.direct) {
                self.direct
            } else if names(&line.plausible) {
                self.plausible
            } else {
                self.unlikely
            }
        };
        lines.map(weigh).fold(self.unlikely, f64::max)
    }

    /// Whether a change of this weight is worth a word beside the finding at all.
    pub(super) fn is_plausible(&self, relevance: f64) -> bool {
        relevance >= self.plausible
    }

    /// The score of a change that took effect `before_seconds` before the trouble began; negative: after it.
    pub(super) fn score(&self, relevance: f64, known: &Known, before_seconds: f64, lift: Option<f64>) -> f64 {
        let tau = if known.kind.slow { self.slow_seconds } else { self.tau_seconds };
        let distance = if known.record.reverted && known.kind.reversible {
            self.reverted
        } else if known.is_patch {
            self.patch_level
        } else {
            1.0
        };
        let lift = lift.map_or(1.0, |lift| lift.clamp(self.lift_least, self.lift_most));
        relevance * (-before_seconds.max(0.0) / tau).exp() * distance * lift
    }
}
