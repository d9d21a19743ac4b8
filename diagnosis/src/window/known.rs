//! What is the same for every endpoint: which series checks read, and how far back.

use std::borrow::{Borrow, Cow};
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::registry::{SignalKind, SignalSpec};
use crate::texts::value_words;
use crate::vocabulary::{Event, Series};

/// Turns and readings that come so late are judged as if they had come in time.
const LATE_MS: i64 = 5 * 60_000;
/// What is kept of a series of which only the newest value is read.
const NEWEST_MS: i64 = 2 * 60_000;
/// The newest numbers of a series stay, however old they are: so many at least, and at most.
const NEWEST_MIN: usize = 3;
const NEWEST_MAX: usize = 512;
/// So many shared series at least before those that nobody holds are looked for.
const SHARED_MIN: usize = 1024;

/// A signal with the attributes that a selector fixes, and how much of it windows need. Shared by all checks that name it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Source {
    pub(crate) signal: SignalSpec,
    pub(crate) fixed: Vec<(String, String)>,
    pub(crate) reaches: Vec<Reach>,
    /// Fields by which events are told apart, as if these were attributes.
    pub(crate) fields: Vec<String>,
}

/// A window over a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(crate) span_ms: i64,
    /// So many of the newest numbers, however old.
    pub(crate) rows: usize,
    /// For which series; absent: all.
    pub(crate) only: Option<Only>,
}

/// Series of which an attribute has one of these values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Only {
    pub(crate) attribute: String,
    pub(crate) values: Vec<String>,
}

impl Only {
    /// Whether it speaks of this value; of a series that has no such attribute it does.
    pub(crate) fn admits(&self, value: Option<&str>) -> bool {
        value.is_none_or(|value| self.values.iter().any(|known| known == value))
    }
}

impl Source {
    fn selects(&self, series: &Series) -> bool {
        *self.signal.name == *series.signal
            && self.fixed.iter().all(|(name, value)| series.attributes.get(name) == Some(value))
    }

    fn reaches_of(&self, series: &Series) -> impl Iterator<Item = &Reach> {
        let fits = |only: &Only| only.admits(series.attributes.get(&only.attribute));
        self.reaches.iter().filter(move |reach| reach.only.as_ref().is_none_or(fits))
    }

    /// The longest window over a series.
    fn span_ms(&self, series: &Series) -> i64 {
        self.reaches_of(series).map(|reach| reach.span_ms).max().unwrap_or(0)
    }

    fn cadence_ms(&self) -> i64 {
        (self.signal.cadence_seconds().unwrap_or(60.0) * 1000.0) as i64
    }
}

/// A series that checks read: one for all endpoints that have it.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) series: Series,
    /// Indices of the sources that select it.
    pub(crate) sources: Box<[u32]>,
    pub(crate) kind: SignalKind,
    pub(crate) is_state: bool,
    pub(crate) cadence_ms: i64,
    /// The longest window over it.
    pub(crate) span_ms: i64,
    /// The time of which its numbers stay.
    pub(crate) retain_ms: i64,
    /// The same in the grid, which is for what every step tells. All else would only leave holes there.
    pub(crate) grid_ms: i64,
    /// Whether every step tells it.
    pub(crate) is_sampled: bool,
    /// So many of its newest numbers stay, however old they are.
    pub(crate) newest: usize,
}

/// All that the checks of a catalogue read, and the series that were met.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    list: Vec<Source>,
    by_signal: HashMap<String, Vec<u32>>,
    shared: Mutex<Shared>,
    /// Whether nothing is ever forgotten: what bounded windows are held against.
    #[cfg(test)]
    endless: bool,
}

/// Series that some endpoint has, or had a while ago.
#[derive(Debug, Default)]
struct Shared {
    known: HashSet<BySeries>,
    /// How many there may be before those that nobody holds any more are taken out.
    limit: usize,
}

#[derive(Debug)]
struct BySeries(Arc<Known>);

impl Borrow<Series> for BySeries {
    fn borrow(&self) -> &Series {
        &self.0.series
    }
}

impl Hash for BySeries {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.series.hash(state);
    }
}

impl PartialEq for BySeries {
    fn eq(&self, other: &Self) -> bool {
        self.0.series == other.0.series
    }
}

impl Eq for BySeries {}

impl Sources {
    pub(crate) fn new(list: Vec<Source>) -> Self {
        let mut by_signal: HashMap<String, Vec<u32>> = HashMap::new();
        for (index, source) in (0..).zip(&list) {
            by_signal.entry(source.signal.name.clone()).or_default().push(index);
        }
        Self { list, by_signal, ..Self::default() }
    }

    /// The same, for stores that forget nothing.
    #[cfg(test)]
    pub(crate) fn endless(&self) -> Self {
        Self { endless: true, ..Self::new(self.list.clone()) }
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn source(&self, index: usize) -> &Source {
        &self.list[index]
    }

    /// Signals, and how far back the longest window over each looks.
    pub(crate) fn windows(&self) -> impl Iterator<Item = (&str, Duration)> {
        let window = |source: &Source| source.reaches.iter().map(|reach| reach.span_ms).max().unwrap_or(0);
        let ms = |ms: i64| Duration::from_millis(u64::try_from(ms).unwrap_or(0));
        self.list.iter().map(move |source| (source.signal.name.as_str(), ms(window(source))))
    }

    /// Whether some check reads a signal whose series have attributes, or events, which are filed by what they say.
    pub(crate) fn has_instances(&self, signal: &str) -> bool {
        let mut sources = self.by_signal.get(signal).into_iter().flatten();
        sources.any(|index| {
            let signal = &self.list[*index as usize].signal;
            !signal.attributes.is_empty() || signal.kind == SignalKind::Event
        })
    }

    /// The series under which an event is kept: its own, with the fields that selectors and conditions tell events
    /// apart by as if they were attributes.
    pub(crate) fn filed<'a>(&self, event: &'a Event) -> Cow<'a, Series> {
        let named = |field: &str| {
            let mut sources = self.by_signal.get(&*event.series.signal).into_iter().flatten();
            sources.any(|index| {
                let Source { fixed, fields, .. } = &self.list[*index as usize];
                fixed.iter().any(|(name, _)| name == field) || fields.iter().any(|name| name == field)
            })
        };
        let mut named = event.fields.iter().filter(|(field, _)| named(field)).peekable();
        if named.peek().is_none() {
            return Cow::Borrowed(&event.series);
        }
        let Series { signal, attributes } = event.series.clone();
        let attributes = named.fold(attributes, |all, (field, value)| all.with(field.as_str(), value_words(value)));
        Cow::Owned(Series { signal, attributes })
    }

    /// What is known of a series; nothing when no check reads it.
    pub(crate) fn know(&self, series: &Series) -> Option<Arc<Known>> {
        let candidates = self.by_signal.get(&*series.signal)?;
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(BySeries(known)) = shared.known.get(series) {
            return Some(Arc::clone(known));
        }
        let selects = |index: &u32| self.list[*index as usize].selects(series);
        let sources: Box<[u32]> = candidates.iter().copied().filter(selects).collect();
        let known = Arc::new(self.describe(series, sources)?);
        shared.add(Arc::clone(&known));
        Some(known)
    }

    fn describe(&self, series: &Series, sources: Box<[u32]>) -> Option<Known> {
        let first = &self.list[*sources.first()? as usize];
        let spans = sources.iter().map(|index| self.list[*index as usize].span_ms(series));
        let span_ms = spans.max().unwrap_or(0);
        let retain_ms = retain_ms(span_ms, first.cadence_ms());
        #[cfg(test)]
        let retain_ms = if self.endless { i64::MAX } else { retain_ms };
        let rows =
            sources.iter().flat_map(|index| self.list[*index as usize].reaches_of(series)).map(|reach| reach.rows);
        let newest = rows.max().unwrap_or(0).clamp(NEWEST_MIN, NEWEST_MAX);
        let (kind, is_state, cadence_ms) = (first.signal.kind, first.signal.is_state(), first.cadence_ms());
        let is_sampled = first.signal.is_sampled() && kind != SignalKind::Event;
        let grid_ms = if is_sampled { retain_ms } else { NEWEST_MS };
        let series = series.clone();
        Some(Known { series, sources, kind, is_state, cadence_ms, span_ms, retain_ms, grid_ms, is_sampled, newest })
    }
}

/// What must stay for a window: its span, a reading on its way, and room for what comes late.
fn retain_ms(span_ms: i64, cadence_ms: i64) -> i64 {
    if span_ms == 0 { NEWEST_MS } else { span_ms.saturating_add(cadence_ms.max(60_000) + LATE_MS) }
}

impl Shared {
    fn add(&mut self, known: Arc<Known>) {
        if self.known.len() >= self.limit {
            self.known.retain(|BySeries(known)| Arc::strong_count(known) > 1);
            self.limit = (2 * self.known.len()).max(SHARED_MIN);
        }
        self.known.insert(BySeries(known));
    }
}
