//! The layouts that a stream uses, and what of them may be stored.

use std::collections::VecDeque;
use std::sync::Arc;

use firstline_diagnosis::registry::{Registry, SignalKind, ValueType};
use firstline_diagnosis::vocabulary::{Layout, Sample, Series};

/// A layout that an endpoint announced, and the layout of what the registry declares of it.
///
/// An agent of the next version may know signals that this collector does not: their numbers are left out of every row,
/// the rest is stored. Names that are not declared are never written anywhere.
#[derive(Debug, Clone)]
pub(super) struct Used {
    /// Its name as it was announced, and how many numbers its rows have.
    fingerprint: u64,
    length: usize,
    /// As it was announced; absent when that is not in hand any more.
    announced: Option<Arc<Layout>>,
    /// Places of the declared series; absent when that is all of them.
    kept: Option<Vec<usize>>,
    stored: Arc<Layout>,
}

/// What is kept of an announced layout that is no longer in hand and not all of which is declared. What is stored of it has
/// another name than its samples say: without this they could not be read any more.
#[derive(Debug, Clone)]
pub(super) struct Remainder {
    fingerprint: u64,
    length: usize,
    kept: Vec<usize>,
    stored: u64,
}

impl Remainder {
    /// The name of what is stored of it.
    pub(super) fn stored(&self) -> u64 {
        self.stored
    }

    /// The layout again, with what is stored of it.
    pub(super) fn with(self, stored: Arc<Layout>) -> Used {
        let Self { fingerprint, length, kept, .. } = self;
        Used { fingerprint, length, announced: None, kept: Some(kept), stored }
    }
}

impl Used {
    /// What can be used of a layout that came over the wire; the layout to store is the second.
    pub(super) fn of(announced: &Layout) -> (Option<Vec<usize>>, Layout) {
        let series = announced.series();
        let kept: Vec<usize> = (0..series.len()).filter(|&place| is_declared(&series[place])).collect();
        if kept.len() == series.len() {
            return (None, announced.clone());
        }
        let stored = Layout::new(kept.iter().map(|&place| series[place].clone()).collect::<Vec<_>>());
        (Some(kept), stored)
    }

    /// An announced layout of which `stored` remains.
    pub(super) fn new(announced: Layout, kept: Option<Vec<usize>>, stored: Arc<Layout>) -> Self {
        let (fingerprint, length) = (announced.fingerprint(), announced.series().len());
        let announced = if kept.is_none() { Arc::clone(&stored) } else { Arc::new(announced) };
        Self { fingerprint, length, announced: Some(announced), kept, stored }
    }

    /// A layout that is stored as it was announced.
    pub(super) fn whole(layout: Arc<Layout>) -> Self {
        let (fingerprint, length) = (layout.fingerprint(), layout.series().len());
        Self { fingerprint, length, announced: Some(Arc::clone(&layout)), kept: None, stored: layout }
    }

    /// How many series are left out.
    pub(super) fn undeclared(&self) -> u64 {
        self.kept.as_ref().map_or(0, |kept| (self.length - kept.len()) as u64)
    }

    /// The layout as it was announced, while that is in hand.
    pub(super) fn announced(&self) -> Option<Arc<Layout>> {
        self.announced.clone()
    }

    fn remainder(&self) -> Option<Remainder> {
        let kept = self.kept.clone()?;
        Some(Remainder { fingerprint: self.fingerprint, length: self.length, kept, stored: self.stored.fingerprint() })
    }

    /// The layout that is stored.
    pub(super) fn layout(&self) -> Arc<Layout> {
        Arc::clone(&self.stored)
    }

    /// The sample as it is stored; nothing when its row does not fit the layout.
    pub(super) fn declared(&self, sample: Sample) -> Option<Sample> {
        if sample.values.len() != self.length {
            return None;
        }
        let Some(kept) = &self.kept else { return Some(sample) };
        let values = kept.iter().map(|&place| sample.values[place]).collect();
        let moved = |&(index, why): &(u32, _)| {
            let place = kept.binary_search(&usize::try_from(index).ok()?).ok()?;
            Some((u32::try_from(place).ok()?, why))
        };
        let absences = sample.absences.iter().filter_map(moved).collect();
        Some(Sample { layout: self.stored.fingerprint(), values, absences, ..sample })
    }
}

/// Whether the registry declares a series, and as something that a row of numbers can hold.
fn is_declared(series: &Series) -> bool {
    let spec = Registry::builtin().get(&series.signal);
    spec.is_some_and(|spec| spec.kind != SignalKind::Event && spec.value != ValueType::Text)
        && Registry::builtin().admit(series).is_ok()
}

/// The layouts that a stream has in hand, the newest last, and what remains of those that it had.
#[derive(Debug, Default)]
pub(super) struct InHand {
    recent: Vec<Used>,
    remainders: VecDeque<Remainder>,
}

impl InHand {
    /// Layouts that one stream may use by turns.
    pub(super) const MOST: usize = 4;
    /// Places of all remainders together: a batch of 512 records, each with a layout of its own of 512 series.
    const PLACES_MOST: usize = 512 * 512;

    pub(super) fn add(&mut self, layout: Used) {
        self.recent.retain(|one| one.fingerprint != layout.fingerprint);
        if self.recent.len() == Self::MOST {
            let over = self.recent.remove(0);
            self.remember(over.remainder());
        }
        self.recent.push(layout);
    }

    fn remember(&mut self, remainder: Option<Remainder>) {
        let Some(remainder) = remainder else { return };
        self.remainders.retain(|one| one.fingerprint != remainder.fingerprint);
        self.remainders.push_back(remainder);
        while self.remainders.iter().map(|one| one.kept.len()).sum::<usize>() > Self::PLACES_MOST {
            self.remainders.pop_front();
        }
    }

    /// The layouts that are stored.
    pub(super) fn stored(&self) -> Vec<Arc<Layout>> {
        self.recent.iter().map(Used::layout).collect()
    }

    pub(super) fn get(&self, fingerprint: u64) -> Option<&Used> {
        self.recent.iter().rev().find(|one| one.fingerprint == fingerprint)
    }

    /// What remains of a layout that was in hand.
    pub(super) fn remainder(&self, fingerprint: u64) -> Option<Remainder> {
        self.remainders.iter().rev().find(|one| one.fingerprint == fingerprint).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firstline_diagnosis::vocabulary::{Attributes, Timestamp, Why};

    #[test]
    fn leaves_out_what_is_not_declared_and_keeps_the_rest_in_its_place() {
        let none = Attributes::none;
        let announced = Layout::new(vec![
            Series::new("endpoint.keys.pressed", none()),
            Series::new("system.cpu.utilization", [("cpu.mode", "user")]),
            Series::new("system.cpu.utilization", [("cpu.mode", "user"), ("window.title", "private")]),
            Series::new("host.name", none()),
            Series::new("endpoint.memory.available", none()),
        ]);
        let (kept, stored) = Used::of(&announced);
        let names: Vec<String> = stored.series().iter().map(ToString::to_string).collect();
        assert_eq!(names, [r#"system.cpu.utilization{cpu.mode="user"}"#, "endpoint.memory.available"]);
        let used = Used::new(announced.clone(), kept, Arc::new(stored));
        assert_eq!(used.undeclared(), 3);
        let sample = Sample {
            at: Timestamp(0),
            step_seconds: 60,
            layout: announced.fingerprint(),
            values: vec![1.0, 2.0, 3.0, 4.0, f32::NAN],
            absences: vec![(0, Why::Failed), (4, Why::Timeout)],
        };
        let declared = used.declared(sample.clone()).expect("fits");
        assert_eq!((declared.values[0], declared.values.len()), (2.0, 2));
        assert_eq!(declared.absences, [(1, Why::Timeout)]);
        assert_eq!(declared.layout, used.layout().fingerprint());
        assert!(used.declared(Sample { values: vec![1.0; 2], ..sample }).is_none(), "as long as what is stored");
    }
}
