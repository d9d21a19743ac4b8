use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::registry::{SignalKind, SignalSpec};
use crate::vocabulary::{Event, Layout, Reading, Sample, Series, Timestamp, Unknown, Value};

use super::{Awake, Point, Track};

/// A signal with the attributes that a selector fixes, and how much of it windows need. Shared by all checks that name it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Source {
    pub(crate) signal: SignalSpec,
    pub(crate) fixed: Vec<(String, String)>,
    pub(crate) retain_ms: i64,
}

impl Source {
    fn selects(&self, series: &Series) -> bool {
        *self.signal.name == *series.signal
            && self.fixed.iter().all(|(name, value)| series.attributes.get(name) == Some(value))
    }
}

/// Layouts remembered for one endpoint; a stream changes its layout rarely.
const LAYOUTS_MAX: usize = 4;
/// From here on, series that ended are forgotten after a day.
const TRACKS_MANY: usize = 1024;
const ENDED_MS: i64 = 24 * 3_600_000;
/// Series kept for one endpoint; what comes beyond is ignored.
const TRACKS_MAX: usize = 4096;

/// Everything that is kept of one endpoint's signals.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    sources: Arc<[Source]>,
    /// Tracks of each source, in order of name.
    members: Vec<Vec<u32>>,
    tracks: Vec<Track>,
    /// Sources and retention of each track.
    retain_ms: Vec<i64>,
    kinds: Vec<Kind>,
    /// Tracks by a hash of their series: a series is large, and its track holds it already.
    index: HashMap<u64, u32>,
    layouts: Vec<(u64, Vec<Option<u32>>)>,
    /// Why a signal has no instance at all.
    absent: BTreeMap<Arc<str>, (Unknown, Timestamp)>,
    pub(crate) awake: Awake,
    /// Counts appearances of series, so that instances are looked for only then.
    pub(crate) generation: u64,
    /// Counts everything that was taken.
    pub(crate) taken: u64,
    /// The count at which each source was last touched.
    touched: Vec<u64>,
    /// Sources of each track.
    sources_of: Vec<Vec<usize>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind {
    signal: SignalKind,
    is_state: bool,
    cadence_ms: i64,
}

impl Store {
    pub(crate) fn new(sources: Arc<[Source]>) -> Self {
        let members = vec![Vec::new(); sources.len()];
        let touched = vec![0; sources.len()];
        Self {
            sources,
            members,
            tracks: Vec::new(),
            retain_ms: Vec::new(),
            kinds: Vec::new(),
            index: HashMap::new(),
            layouts: Vec::new(),
            absent: BTreeMap::new(),
            awake: Awake::default(),
            generation: 0,
            taken: 0,
            touched,
            sources_of: Vec::new(),
        }
    }

    /// Takes another set of sources; what both sets keep, stays.
    pub(crate) fn adopt(&mut self, sources: Arc<[Source]>) {
        self.rebuild(sources, None);
    }

    /// Forgets series that ended long ago, once there are many.
    pub(crate) fn forget_ended(&mut self, now: Timestamp) {
        if self.tracks.len() >= TRACKS_MANY {
            let sources = Arc::clone(&self.sources);
            self.rebuild(sources, Some(Timestamp(now.0 - ENDED_MS)));
        }
    }

    fn rebuild(&mut self, sources: Arc<[Source]>, since: Option<Timestamp>) {
        let before = std::mem::replace(self, Self::new(sources));
        self.awake = before.awake;
        self.absent = before.absent;
        self.generation = before.generation + 1;
        self.taken = before.taken + 1;
        for track in before.tracks {
            let ended = since.is_some_and(|since| track.state.is_none() && track.newest() < Some(since));
            if !ended && let Some(index) = self.track(&track.series) {
                self.tracks[index as usize] = track;
            }
        }
        self.touched.fill(self.taken);
    }

    /// Whether a source was touched after the given count.
    pub(crate) fn is_touched(&self, source: usize, since: u64) -> bool {
        self.touched[source] > since
    }

    fn touch(&mut self, index: usize) {
        for source in &self.sources_of[index] {
            self.touched[*source] = self.taken;
        }
    }

    /// The series of a source.
    pub(crate) fn members(&self, source: usize) -> impl Iterator<Item = &Track> {
        self.members[source].iter().map(|index| &self.tracks[*index as usize])
    }

    /// Why the signal of a source has no instance at all.
    pub(crate) fn absence(&self, source: usize) -> Option<&Unknown> {
        self.absent.get(self.sources[source].signal.name.as_str()).map(|(why, _)| why)
    }

    pub(crate) fn sample(&mut self, layout: &Layout, sample: &Sample) {
        let step_ms = i64::from(sample.step_seconds) * 1000;
        self.awake.heard(sample.at, step_ms);
        self.taken += 1;
        let tracks = self.layout(layout);
        for (index, value) in tracks.iter().zip(&sample.values).filter(|(_, value)| value.is_finite()) {
            if let Some(index) = index {
                let point = Point { at: sample.at.0, step_ms: step_ms as i32, value: *value };
                self.put(*index, point);
            }
        }
        for (position, why) in &sample.absences {
            if let Some(Some(index)) = tracks.get(*position as usize) {
                self.tracks[*index as usize].missing((*why).into(), sample.at);
                self.touch(*index as usize);
            }
        }
        self.layouts.insert(0, (layout.fingerprint(), tracks));
        self.layouts.truncate(LAYOUTS_MAX);
    }

    /// The tracks of a layout, taken out of the memory; the caller puts them back in front.
    fn layout(&mut self, layout: &Layout) -> Vec<Option<u32>> {
        let known = self.layouts.iter().position(|(fingerprint, _)| *fingerprint == layout.fingerprint());
        match known {
            Some(position) => self.layouts.remove(position).1,
            None => layout.series().iter().map(|series| self.track(series)).collect(),
        }
    }

    /// Takes a number of one series over a step, outside of a layout.
    pub(crate) fn number(&mut self, series: &Series, at: Timestamp, step_ms: i64, value: f32) {
        self.awake.heard(at, step_ms);
        self.taken += 1;
        if let Some(index) = self.track(series) {
            self.put(index, Point { at: at.0, step_ms: step_ms as i32, value });
        }
    }

    fn put(&mut self, index: u32, point: Point) {
        let index = index as usize;
        self.touch(index);
        let (track, kind, retain_ms) = (&mut self.tracks[index], self.kinds[index], self.retain_ms[index]);
        match kind.signal {
            _ if kind.is_state => track.settle_on(Value::Number(f64::from(point.value)), Timestamp(point.at)),
            SignalKind::Counter => track.increment(point, retain_ms),
            _ => track.insert(point, retain_ms),
        }
    }

    pub(crate) fn reading(&mut self, reading: &Reading) {
        self.awake.heard(reading.at, 0);
        self.taken += 1;
        match &reading.outcome {
            Ok(value) => self.value(&reading.series, value, reading.at),
            Err(why) => self.missing(&reading.series, why, reading.at),
        }
    }

    fn value(&mut self, series: &Series, value: &Value, at: Timestamp) {
        self.absent.remove(&*series.signal);
        let Some(index) = self.track(series) else { return };
        let index = index as usize;
        self.touch(index);
        let (track, kind, retain_ms) = (&mut self.tracks[index], self.kinds[index], self.retain_ms[index]);
        let number = value.number().filter(|number| number.is_finite());
        match (kind.signal, number) {
            _ if kind.is_state => track.settle_on(value.clone(), at),
            (SignalKind::Counter, Some(total)) => track.total(total, at, 5 * kind.cadence_ms, retain_ms),
            (_, Some(number)) => {
                let step_ms = self.awake.since_sleep_ms(at.0, kind.cadence_ms) as i32;
                track.insert(Point { at: at.0, step_ms, value: number as f32 }, retain_ms);
            }
            (_, None) => {}
        }
    }

    /// A reason without attributes speaks of the signal as a whole.
    fn missing(&mut self, series: &Series, why: &Unknown, at: Timestamp) {
        let whole = series.attributes.is_empty()
            && self
                .sources
                .iter()
                .any(|source| *source.signal.name == *series.signal && !source.signal.attributes.is_empty());
        if whole {
            self.absent.insert(Arc::clone(&series.signal), (why.clone(), at));
            self.touched.fill(self.taken);
        } else if let Some(index) = self.track(series) {
            self.tracks[index as usize].missing(why.clone(), at);
            self.touch(index as usize);
        }
    }

    pub(crate) fn event(&mut self, event: &Event) {
        self.awake.heard(event.at, 0);
        self.taken += 1;
        if let Some(index) = self.track(&event.series) {
            let index = index as usize;
            self.touch(index);
            // Events stand for no time; the ring is bounded by count alone.
            let point = Point { at: event.at.0, step_ms: 0, value: event.count as f32 };
            let track = &mut self.tracks[index];
            track.insert(point, i64::MAX);
            while track.points.len() > 512 {
                track.points.pop_front();
            }
        }
    }

    /// The track of a series; absent when no check needs it.
    fn track(&mut self, series: &Series) -> Option<u32> {
        if let Some(known) = self.known(series) {
            return Some(known);
        }
        let sources: Vec<usize> =
            (0..self.sources.len()).filter(|index| self.sources[*index].selects(series)).collect();
        let first = *sources.first()?;
        (self.tracks.len() < TRACKS_MAX).then(|| self.add(series, first, sources))
    }

    fn known(&self, series: &Series) -> Option<u32> {
        let index = *self.index.get(&hash_of(series))?;
        if self.tracks[index as usize].series == *series {
            return Some(index);
        }
        // Two series with one hash: rare enough to look through all.
        let position = self.tracks.iter().position(|track| track.series == *series)?;
        u32::try_from(position).ok()
    }

    fn add(&mut self, series: &Series, first: usize, sources: Vec<usize>) -> u32 {
        let index = u32::try_from(self.tracks.len()).expect("bounded by TRACKS_MAX");
        let spec = &self.sources[first].signal;
        let cadence_ms = (spec.cadence_seconds().unwrap_or(60.0) * 1000.0) as i64;
        self.kinds.push(Kind { signal: spec.kind, is_state: spec.is_state(), cadence_ms });
        self.retain_ms.push(sources.iter().map(|source| self.sources[*source].retain_ms).max().unwrap_or(0));
        self.tracks.push(Track::new(series.clone()));
        for source in &sources {
            // In order of name, so that the order of arrival is never seen in an answer.
            let members = &mut self.members[*source];
            let position = members.partition_point(|other| self.tracks[*other as usize].series < *series);
            members.insert(position, index);
        }
        self.sources_of.push(sources);
        self.index.entry(hash_of(series)).or_insert(index);
        self.generation += 1;
        index
    }

    /// Takes a turn in the endpoint's day.
    pub(crate) fn mark(&mut self, at: Timestamp, mark: crate::vocabulary::Mark) {
        self.awake.mark(at, mark);
        self.taken += 1;
        self.touched.fill(self.taken);
    }
}

/// The same for the same series, wherever it runs.
fn hash_of(series: &Series) -> u64 {
    let mut hasher = DefaultHasher::new();
    series.hash(&mut hasher);
    hasher.finish()
}
