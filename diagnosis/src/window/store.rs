use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::detector::Kept;
use crate::registry::SignalKind;
use crate::vocabulary::{Series, Timestamp, Unknown, Value};

use super::aside::Aside;
use super::coverage::Coverage;
use super::grid::Grid;
use super::known::{Known, Sources};
use super::loose::Loose;
use super::plan::Plan;
use super::{Awake, Point, Track};

/// Series kept for one endpoint; what comes beyond is ignored.
const TRACKS_MAX: usize = 4096;
/// From here on, series that ended are forgotten after a day.
const TRACKS_MANY: usize = 1024;
const ENDED_MS: i64 = 24 * 3_600_000;
/// A series that is silent for so much awake time, while others of its kind are not, makes room for new ones.
const SILENT_MS: i64 = 2 * 3_600_000;
const HEARD_MS: i64 = 30 * 60_000;

/// Everything that is kept of one endpoint's signals.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pub(super) sources: Arc<Sources>,
    pub(super) plan: Plan,
    pub(super) grid: Grid,
    pub(super) loose: Loose,
    /// The newest states.
    pub(super) states: Aside<(Value, Timestamp)>,
    /// What the newest events said.
    pub(super) fields: Aside<(BTreeMap<String, Value>, Timestamp)>,
    /// The newest reasons why there is no value.
    pub(super) reasons: Aside<(Unknown, Timestamp)>,
    /// The last raw totals of counters, to make an increment of the next one.
    pub(super) totals: Aside<(f64, Timestamp)>,
    /// The columns of the layouts in use, by fingerprint.
    pub(super) layouts: Vec<(u64, Box<[u16]>)>,
    /// Why a signal has no instance at all.
    pub(super) absent: Vec<(Arc<str>, Unknown)>,
    pub(crate) awake: Awake,
    /// Counts appearances of series, so that instances are looked for only then.
    pub(crate) generation: u64,
    /// A bit for each source: whether it was touched since the last judgement.
    touched: Box<[u64]>,
}

impl Store {
    pub(crate) fn new(sources: Arc<Sources>) -> Self {
        let plan = Plan::new(Vec::new(), sources.len());
        let touched = vec![0; sources.len().div_ceil(64)].into();
        Self {
            sources,
            plan,
            grid: Grid::default(),
            loose: Loose::default(),
            states: Aside::default(),
            fields: Aside::default(),
            reasons: Aside::default(),
            totals: Aside::default(),
            layouts: Vec::new(),
            absent: Vec::new(),
            awake: Awake::default(),
            generation: 0,
            touched,
        }
    }

    /// Takes another set of sources; what both sets keep, stays.
    pub(crate) fn adopt(&mut self, sources: Arc<Sources>) {
        let columns = self.plan.columns().iter().filter_map(|known| sources.know(&known.series)).collect();
        self.touched = vec![0; sources.len().div_ceil(64)].into();
        self.sources = sources;
        self.lay_out(columns);
        self.touch_all();
    }

    /// Forgets series that ended long ago, once there are many.
    pub(crate) fn forget_ended(&mut self, now: Timestamp) {
        if self.plan.len() < TRACKS_MANY {
            return;
        }
        let since = Timestamp(now.0.saturating_sub(ENDED_MS));
        let stays =
            |track: &Track| track.state().is_some() || track.newest() >= Some(since) || track.is_remembered(now.0);
        let columns: Vec<_> = self.every().filter(stays).map(Track::shared).collect();
        if columns.len() < self.plan.len() {
            self.lay_out(columns);
        }
    }

    /// Gives columns to series that have none, and takes them from those that ended.
    pub(super) fn grow(&mut self, known: Vec<Arc<Known>>) {
        if self.plan.len() >= TRACKS_MAX {
            return;
        }
        let stays = self.stays();
        let mut columns: Vec<_> =
            self.every().zip(&stays).filter(|(_, stays)| **stays).map(|(track, _)| track.shared()).collect();
        for known in known {
            let is_there = self.plan.column(&known).is_some_and(|column| stays[usize::from(column)]);
            if columns.len() < TRACKS_MAX && !is_there {
                columns.push(known);
            }
        }
        self.lay_out(columns);
    }

    /// For each column, whether it stays: not when it is silent for long while others that the same checks read are heard.
    fn stays(&self) -> Vec<bool> {
        let now = self.awake.last_heard().map_or(i64::MIN, |at| at.0);
        let silent_ms = |track: Track| track.newest().map_or(i64::MAX, |at| self.awake.awake_ms(at.0, now));
        let is_heard = |source: usize| self.members(source).any(|track| silent_ms(track) <= HEARD_MS);
        let heard: Vec<bool> = (0..self.sources.len()).map(is_heard).collect();
        let goes_on = |track: Track| track.sources().iter().any(|source| !heard[*source as usize]);
        let is_kept = |track: Track| track.state().is_some() || track.is_remembered(now);
        self.every().map(|track| is_kept(track) || silent_ms(track) <= SILENT_MS || goes_on(track)).collect()
    }

    /// Moves everything to another set of columns.
    fn lay_out(&mut self, columns: Vec<Arc<Known>>) {
        let plan = Plan::new(columns, self.sources.len());
        let places: HashMap<&Series, u16> = (0..).zip(plan.columns()).map(|(at, known)| (&known.series, at)).collect();
        let place: Vec<Option<u16>> =
            self.plan.columns().iter().map(|known| places.get(&known.series).copied()).collect();
        let mut moved = vec![None; plan.len()];
        for (old, new) in (0..).zip(&place) {
            if let Some(new) = new {
                moved[usize::from(*new)] = Some(old);
            }
        }
        let place = |column: u16| place[usize::from(column)];
        self.grid = self.grid.moved(&plan, &moved);
        self.loose = std::mem::take(&mut self.loose).moved(place);
        self.states = std::mem::take(&mut self.states).moved(place);
        self.fields = std::mem::take(&mut self.fields).moved(place);
        self.reasons = std::mem::take(&mut self.reasons).moved(place);
        self.totals = std::mem::take(&mut self.totals).moved(place);
        self.layouts.clear();
        drop(places);
        self.plan = plan;
        self.generation += 1;
    }

    fn every(&self) -> impl Iterator<Item = Track<'_>> {
        (0..).take(self.plan.len()).map(|column| Track::new(self, column))
    }

    /// The series of a source, in order of name.
    pub(crate) fn members(&self, source: usize) -> impl Iterator<Item = Track<'_>> {
        self.plan.members(source).iter().map(|column| Track::new(self, *column))
    }

    /// The series of a source that may fit a binding: far fewer than all, where one attribute tells them apart.
    pub(crate) fn members_like(&self, source: usize, binding: &[(&str, &str)]) -> impl Iterator<Item = Track<'_>> {
        self.plan.members_like(source, binding).iter().map(|column| Track::new(self, *column))
    }

    /// Why the signal of a source has no instance at all.
    pub(crate) fn absence(&self, source: usize) -> Option<&Unknown> {
        if self.absent.is_empty() {
            return None;
        }
        let signal = self.sources.source(source).signal.name.as_str();
        self.absent.iter().find(|(absent, _)| **absent == *signal).map(|(_, why)| why)
    }

    /// Whether a source was touched since the last judgement.
    pub(crate) fn is_touched(&self, source: usize) -> bool {
        self.touched[source / 64] & (1 << (source % 64)) != 0
    }

    pub(super) fn touch(&mut self, column: u16) {
        for source in &self.plan.known(column).sources {
            self.touched[*source as usize / 64] |= 1 << (source % 64);
        }
    }

    pub(super) fn touch_all(&mut self) {
        self.touched.fill(u64::MAX);
    }

    /// All that was touched has been judged.
    pub(crate) fn judged(&mut self) {
        self.touched.fill(0);
    }

    /// How much is kept.
    pub(crate) fn kept(&self) -> Kept {
        let minutes = |known: &Arc<Known>| (known.span_ms / 60_000).max(1) as usize;
        let needed = self.plan.columns().iter().filter(|known| known.is_sampled).map(minutes).sum();
        let (numbers, bytes) = (self.grid.cells() + self.loose.len(), self.grid.bytes() + self.loose.bytes());
        Kept { series: self.plan.len(), numbers, bytes, needed }
    }

    /// Forgets what no window reaches any more.
    pub(super) fn trim(&mut self) {
        for (column, point) in self.grid.trim(&self.awake, &self.plan) {
            self.loose.insert(column, point);
        }
        if !self.loose.is_empty() {
            self.loose.columns().into_iter().for_each(|column| self.trim_loose(column));
        }
    }

    /// The same for the changes of a state: those that a window reaches, the one before them, and the newest.
    pub(super) fn trim_stood(&mut self, column: u16) {
        let known = self.plan.known(column);
        let now = self.awake.last_heard().map_or(i64::MIN, |at| at.0);
        let floor = self.awake.window_start(now, known.retain_ms, false);
        let points = self.loose.of(column);
        let needed = points.partition_point(|(_, point)| point.at <= floor).saturating_sub(1);
        let from = needed.min(points.len().saturating_sub(known.newest));
        if let Some(at) = points.get(from).map(|(_, point)| point.at) {
            self.loose.forget(column, at);
        }
    }

    /// The same for the loose points of a column. Events stand for no time; they are bounded by count alone.
    pub(super) fn trim_loose(&mut self, column: u16) {
        let known = self.plan.known(column);
        if known.is_state || known.kind == SignalKind::Event {
            return;
        }
        let (mut coverage, mut floor) = (Coverage::default(), i64::MIN);
        let mut older_is_needed = |(count, point): (usize, Point)| {
            let step_ms = i64::from(point.step_ms);
            coverage.add(point.at, point.step_ms, self.awake.leaves_out(point.at, step_ms, true));
            floor = point.at;
            count + 1 < known.newest || !coverage.is_enough(known.retain_ms)
        };
        let is_needed_whole = Track::new(self, column).points_back(i64::MAX).enumerate().all(&mut older_is_needed);
        if !is_needed_whole {
            self.loose.forget(column, floor);
        }
    }
}
