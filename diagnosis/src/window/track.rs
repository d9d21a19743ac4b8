//! A view on one series of an endpoint.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::sync::Arc;

use crate::registry::SignalKind;
use crate::vocabulary::{Series, Timestamp, Unknown, Value};

use super::Store;
use super::known::Known;

/// One number and the time it stands for: the `step_ms` before `at`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) at: i64,
    pub(crate) step_ms: i32,
    pub(crate) value: f32,
}

impl Point {
    /// A total order on numbers.
    pub(super) fn ordered(value: f32) -> i32 {
        let bits = value.to_bits() as i32;
        bits ^ (((bits >> 31) as u32) >> 1) as i32
    }

    /// Of two numbers for one moment, the longer step says more; beyond that any fixed choice will do.
    pub(super) fn says_more_than(&self, other: &Self) -> bool {
        (self.step_ms, Self::ordered(self.value)) > (other.step_ms, Self::ordered(other.value))
    }
}

/// What is kept of one series: numbers in order of time (of counters increments, of events how many), the newest
/// state, and why there is no value.
#[derive(Clone, Copy)]
pub(crate) struct Track<'a> {
    store: &'a Store,
    column: u16,
}

impl<'a> Track<'a> {
    pub(super) fn new(store: &'a Store, column: u16) -> Self {
        Self { store, column }
    }

    fn known(self) -> &'a Known {
        self.store.plan.known(self.column)
    }

    pub(super) fn shared(self) -> Arc<Known> {
        Arc::clone(&self.store.plan.columns()[usize::from(self.column)])
    }

    pub(super) fn sources(self) -> &'a [u32] {
        &self.known().sources
    }

    pub(crate) fn series(self) -> &'a Series {
        &self.known().series
    }

    /// The newest state, for inventory and texts.
    pub(crate) fn state(self) -> Option<(&'a Value, Timestamp)> {
        self.store.states.of(self.column).map(|(value, at)| (value, *at))
    }

    /// What the newest event that had fields said.
    pub(crate) fn fields(self) -> Option<(&'a BTreeMap<String, Value>, Timestamp)> {
        self.store.fields.of(self.column).map(|(fields, at)| (fields, *at))
    }

    /// Whether it is of events, some of which a window still reaches.
    pub(super) fn is_remembered(self, now: i64) -> bool {
        let known = self.known();
        known.kind == SignalKind::Event && self.newest().is_some_and(|at| at.0 >= now - known.retain_ms)
    }

    /// When a value was last read.
    pub(crate) fn newest(self) -> Option<Timestamp> {
        let loose = self.store.loose.of(self.column).last().map(|(_, point)| point.at);
        let shared = self.store.grid.points(self.column, i64::MIN, i64::MAX).next_back().map(|point| point.at);
        let state = self.store.states.of(self.column).map(|(_, at)| *at);
        loose.max(shared).map(Timestamp).max(state)
    }

    /// When it was last told: a value, or why there is none.
    pub(crate) fn told(self) -> Option<Timestamp> {
        self.newest().max(self.store.reasons.of(self.column).map(|(_, at)| *at))
    }

    /// The reason, when it is newer than every value.
    pub(crate) fn absence(self) -> Option<&'a Unknown> {
        let (why, at) = self.store.reasons.of(self.column)?;
        (self.newest().is_none_or(|newest| newest < *at)).then_some(why)
    }

    /// Numbers after one moment and up to another, oldest first.
    pub(crate) fn points(self, after: i64, to: i64) -> impl Iterator<Item = Point> {
        let loose = self.loose(after, to);
        Merged::new(self.store.grid.points(self.column, after, to), loose, i64::cmp)
    }

    /// Numbers up to a moment, newest first.
    pub(crate) fn points_back(self, to: i64) -> impl Iterator<Item = Point> {
        let loose = self.loose(i64::MIN, to).rev();
        Merged::new(self.store.grid.points(self.column, i64::MIN, to).rev(), loose, |one, two| two.cmp(one))
    }

    fn loose(self, after: i64, to: i64) -> impl DoubleEndedIterator<Item = Point> {
        let all = self.store.loose.of(self.column);
        let from = all.partition_point(|(_, point)| point.at <= after);
        let end = all.partition_point(|(_, point)| point.at <= to);
        all[from..end.max(from)].iter().map(|(_, point)| *point)
    }
}

/// Two lists of points in the same order as one.
struct Merged<A: Iterator, B: Iterator> {
    one: Peekable<A>,
    two: Peekable<B>,
    order: fn(&i64, &i64) -> std::cmp::Ordering,
}

impl<A: Iterator<Item = Point>, B: Iterator<Item = Point>> Merged<A, B> {
    fn new(one: A, two: B, order: fn(&i64, &i64) -> std::cmp::Ordering) -> Self {
        Self { one: one.peekable(), two: two.peekable(), order }
    }
}

impl<A: Iterator<Item = Point>, B: Iterator<Item = Point>> Iterator for Merged<A, B> {
    type Item = Point;

    fn next(&mut self) -> Option<Point> {
        let Some(two) = self.two.peek() else { return self.one.next() };
        let Some(one) = self.one.peek() else { return self.two.next() };
        match (self.order)(&one.at, &two.at) {
            std::cmp::Ordering::Less => self.one.next(),
            std::cmp::Ordering::Greater => self.two.next(),
            std::cmp::Ordering::Equal => {
                let (one, two) = (self.one.next()?, self.two.next()?);
                Some(if two.says_more_than(&one) { two } else { one })
            }
        }
    }
}
