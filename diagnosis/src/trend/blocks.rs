//! Points put together: steps into longer steps, steps into medians of blocks.

use crate::estimate::median;
use crate::vocabulary::Timestamp;

use super::PastPoint;

/// A day, as far as days are counted here: in UTC.
pub(super) const DAY_MS: i64 = 86_400_000;

/// Points in order of time as points of at least `step_ms`: those of one step become one. A step begins at a whole multiple
/// of its length.
pub(crate) fn joined(points: &[PastPoint], step_ms: i64) -> Vec<PastPoint> {
    let mut joined: Vec<PastPoint> = Vec::new();
    for point in points {
        let step = |at: Timestamp| (at.0 - 1).div_euclid(step_ms.max(1));
        match joined.last_mut() {
            Some(last) if point.step_ms < step_ms && step(last.at) == step(point.at) => *last = together(last, point),
            _ => joined.push(*point),
        }
    }
    joined
}

fn together(one: &PastPoint, next: &PastPoint) -> PastPoint {
    let count = one.count + next.count;
    PastPoint {
        at: next.at,
        step_ms: one.step_ms.saturating_add(next.step_ms),
        count,
        mean: (one.mean * one.count + next.mean * next.count) / count,
        low: one.low.min(next.low),
        high: one.high.max(next.high),
        last: next.last,
    }
}

/// Numbers with their times (milliseconds) as the medians of blocks of `block_ms`, each at the middle of its own times, in
/// seconds after `origin_ms`.
pub(super) fn medians(numbers: &[(i64, f64)], block_ms: i64, origin_ms: i64) -> Vec<(f64, f64)> {
    let block = |at: i64| (at - 1).div_euclid(block_ms.max(1));
    let of_block = |numbers: &[(i64, f64)]| {
        let times: Vec<f64> = numbers.iter().map(|(at, _)| (at - origin_ms) as f64 / 1000.0).collect();
        let values: Vec<f64> = numbers.iter().map(|(_, value)| *value).collect();
        Some((median(&times)?, median(&values)?))
    };
    numbers.chunk_by(|(one, _), (other, _)| block(*one) == block(*other)).filter_map(of_block).collect()
}

/// How many days numbers fall on.
pub(super) fn days(times: impl Iterator<Item = i64>) -> usize {
    let mut last = None;
    times.map(|at| (at - 1).div_euclid(DAY_MS)).filter(|day| last.replace(*day) != Some(*day)).count()
}

/// What stood at the end of each day from the first value on, in seconds after `origin_ms`; values stand until the next.
pub(super) fn daily(values: &[(Timestamp, f64)], from: Timestamp, now: Timestamp, origin_ms: i64) -> Vec<(f64, f64)> {
    let Some((first, _)) = values.first() else { return Vec::new() };
    let start = first.0.max(from.0).div_euclid(DAY_MS);
    let days = start..=now.0.div_euclid(DAY_MS);
    let at_end = |day: i64| {
        let end = ((day + 1) * DAY_MS).min(now.0);
        let place = values.partition_point(|(at, _)| at.0 <= end).checked_sub(1)?;
        Some(((end - origin_ms) as f64 / 1000.0, values[place].1))
    };
    days.filter_map(at_end).collect()
}
