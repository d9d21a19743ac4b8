use std::collections::VecDeque;

use crate::vocabulary::{Series, Timestamp, Unknown, Value};

/// Hard limit of a ring, whatever the windows say.
const POINTS_MAX: usize = 8192;

/// One number and the time it stands for: the `step_ms` before `at`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) at: i64,
    pub(crate) step_ms: i32,
    pub(crate) value: f32,
}

/// What is kept of one series.
#[derive(Debug, Clone)]
pub(crate) struct Track {
    pub(crate) series: Series,
    /// Numbers in order of time. Counters: increments. Events: how many.
    pub(crate) points: VecDeque<Point>,
    /// The newest state, for inventory and texts.
    pub(crate) state: Option<(Value, Timestamp)>,
    /// The newest reason why there is no value.
    pub(crate) absent: Option<(Unknown, Timestamp)>,
    /// The last raw total of a counter, to make an increment of the next one.
    total: Option<(f64, Timestamp)>,
    /// Whether samples of increments have been seen; raw totals are then left alone.
    has_increments: bool,
    covered_ms: i64,
}

impl Track {
    pub(crate) fn new(series: Series) -> Self {
        Self {
            series,
            points: VecDeque::new(),
            state: None,
            absent: None,
            total: None,
            has_increments: false,
            covered_ms: 0,
        }
    }

    /// Puts a number where it belongs in time, and forgets what no window reaches any more.
    pub(crate) fn insert(&mut self, point: Point, retain_ms: i64) {
        let index = self.points.partition_point(|other| other.at < point.at);
        match self.points.get_mut(index) {
            // The same moment twice: the longer step says more; beyond that any fixed choice will do.
            Some(other) if other.at == point.at => {
                if (point.step_ms, ordered(point.value)) > (other.step_ms, ordered(other.value)) {
                    self.covered_ms += i64::from(point.step_ms - other.step_ms);
                    *other = point;
                }
            }
            _ => {
                self.covered_ms += i64::from(point.step_ms);
                // Doubling would leave half of every ring empty: rings end at what a window needs, not at a power of two.
                if self.points.len() == self.points.capacity() {
                    self.points.reserve_exact(self.points.len() / 8 + 4);
                }
                self.points.insert(index, point);
            }
        }
        self.forget(retain_ms);
    }

    fn forget(&mut self, retain_ms: i64) {
        while self.points.len() > 3
            && let Some(first) = self.points.front()
            && (self.covered_ms - i64::from(first.step_ms) >= retain_ms || self.points.len() > POINTS_MAX)
        {
            self.covered_ms -= i64::from(first.step_ms);
            self.points.pop_front();
        }
    }

    /// Takes an increment of a counter.
    pub(crate) fn increment(&mut self, point: Point, retain_ms: i64) {
        if !self.has_increments {
            self.has_increments = true;
            self.points.clear();
            self.covered_ms = 0;
        }
        self.insert(point, retain_ms);
    }

    /// Takes the raw total of a counter. A total below the last one is a reset: counting starts there.
    pub(crate) fn total(&mut self, total: f64, at: Timestamp, longest_step_ms: i64, retain_ms: i64) {
        if self.has_increments {
            return;
        }
        match self.total {
            Some((_, last)) if at <= last => return,
            Some((before, last)) if total >= before && at.0 - last.0 <= longest_step_ms => {
                let step_ms = i32::try_from(at.0 - last.0).unwrap_or(i32::MAX);
                self.insert(Point { at: at.0, step_ms, value: (total - before) as f32 }, retain_ms);
            }
            _ => {}
        }
        self.total = Some((total, at));
    }

    /// Takes a state; an older one than what is known is history and is left alone.
    pub(crate) fn settle_on(&mut self, value: Value, at: Timestamp) {
        if self.state.as_ref().is_none_or(|(_, known)| at >= *known) {
            self.state = Some((value, at));
        }
    }

    /// Takes the reason why there is no value.
    pub(crate) fn missing(&mut self, why: Unknown, at: Timestamp) {
        if self.absent.as_ref().is_none_or(|(_, known)| at >= *known) {
            self.absent = Some((why, at));
        }
    }

    /// When a value was last read.
    pub(crate) fn newest(&self) -> Option<Timestamp> {
        let point = self.points.back().map(|point| Timestamp(point.at));
        point.max(self.state.as_ref().map(|(_, at)| *at))
    }

    /// The reason, when it is newer than every value.
    pub(crate) fn absence(&self) -> Option<&Unknown> {
        let (why, at) = self.absent.as_ref()?;
        (self.newest().is_none_or(|newest| newest < *at)).then_some(why)
    }
}

/// A total order on numbers.
fn ordered(value: f32) -> i32 {
    let bits = value.to_bits() as i32;
    bits ^ (((bits >> 31) as u32) >> 1) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::Attributes;

    fn track() -> Track {
        Track::new(Series::new("x", Attributes::none()))
    }

    fn point(second: i64, value: f32) -> Point {
        Point { at: second * 1000, step_ms: 15_000, value }
    }

    #[test]
    fn late_numbers_go_where_they_belong() {
        let (mut one, mut two) = (track(), track());
        let points = [point(15, 1.0), point(30, 2.0), point(45, 3.0), point(30, 4.0)];
        for point in points {
            one.insert(point, 60_000);
        }
        for point in points.into_iter().rev() {
            two.insert(point, 60_000);
        }
        assert_eq!(one.points, two.points);
        assert_eq!(one.points[1].value, 4.0);
    }

    #[test]
    fn forgets_what_no_window_reaches() {
        let mut track = track();
        for step in 1..1000 {
            track.insert(point(step * 15, 0.0), 60_000);
        }
        assert_eq!(track.points.len(), 4);
    }

    #[test]
    fn a_counter_that_goes_back_starts_again() {
        let mut track = track();
        for (second, total) in [(0, 100.0), (60, 160.0), (120, 10.0), (180, 25.0)] {
            track.total(total, Timestamp(second * 1000), 300_000, 3_600_000);
        }
        let increments: Vec<f32> = track.points.iter().map(|point| point.value).collect();
        assert_eq!(increments, [60.0, 15.0]);
    }

    #[test]
    fn raw_totals_are_left_alone_once_there_are_increments() {
        let mut track = track();
        track.total(100.0, Timestamp(0), 300_000, 3_600_000);
        track.total(160.0, Timestamp(60_000), 300_000, 3_600_000);
        track.increment(point(120, 5.0), 3_600_000);
        track.total(500.0, Timestamp(180_000), 300_000, 3_600_000);
        assert_eq!(track.points.len(), 1);
    }
}
