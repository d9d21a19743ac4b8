//! When a number left its old level for the one that it has now.
//!
//! A two-sided CUSUM is walked back from now. How it is now is the median of the newest numbers, and how much it wavers
//! their robust deviation; going back, what the numbers are above and below that is summed up, each side for itself, less
//! an allowance of `k` deviations. Where a sum passes `h`, another level was left, and the change lies where that sum
//! began to grow.

use crate::order::Arrange as _;
use crate::vocabulary::Timestamp;

/// Makes the median of absolute deviations the standard deviation, where numbers are spread as usual.
const DEVIATION: f64 = 1.4826;

/// Deviations in which the middle half lies, where numbers are spread as usual.
const MIDDLE_HALF: f64 = 1.349;

/// The settings of the walk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walk {
    /// The allowance, in deviations.
    pub(super) k: f64,
    /// The sum that tells another level, in deviations.
    pub(super) h: f64,
    /// Numbers that say how it is now.
    pub(super) block: usize,
    /// Less than this is no difference at all.
    pub(super) resolution: f64,
}

/// The first moment of the level that the numbers (oldest first) have now; none when there was no other. `onset` is from
/// when on they are known to be as they are now.
pub(super) fn change_point(numbers: &[(Timestamp, f64)], onset: Timestamp, walk: Walk) -> Option<Timestamp> {
    let since = numbers.iter().rev().take_while(|(at, _)| *at >= onset).count();
    let now = since.max(walk.block);
    let (past, now) = numbers.split_at(numbers.len().checked_sub(now)?);
    let now: Vec<f64> = now.iter().map(|(_, number)| *number).collect();
    let (middle, wavers) = level(&now)?;
    let wavers = wavers.max(walk.resolution);
    let (mut above, mut below) = (Side::default(), Side::default());
    for (place, (_, number)) in past.iter().enumerate().rev() {
        let z = (number - middle) / wavers;
        for (side, z) in [(&mut above, z), (&mut below, -z)] {
            if let Some(began) = side.step(z - walk.k, place, walk.h) {
                return numbers.get(began + 1).map(|(at, _)| *at);
            }
        }
    }
    None
}

/// The middle of numbers, and how much they waver around it: by the median, and the median of what they are off; where more
/// than half are exactly the same, by the middle half of them, since of numbers that go between two the median is one of both.
fn level(numbers: &[f64]) -> Option<(f64, f64)> {
    let middle = median(numbers.to_vec())?;
    let off = DEVIATION * median(numbers.iter().map(|number| (number - middle).abs()).collect())?;
    if off > 0.0 {
        return Some((middle, off));
    }
    let mut sorted = numbers.to_vec();
    sorted.arrange_by(f64::total_cmp);
    let last = sorted.len() - 1;
    let (low, high) = (sorted[last / 4], sorted[last - last / 4]);
    Some((f64::midpoint(low, high), (high - low) / MIDDLE_HALF))
}

/// One of the two sums.
#[derive(Default)]
struct Side {
    sum: f64,
    /// Where it began to grow.
    began: usize,
}

impl Side {
    /// Goes back by one number; where the sum began to grow, when it passed `h`.
    fn step(&mut self, z: f64, place: usize, h: f64) -> Option<usize> {
        if self.sum == 0.0 {
            self.began = place;
        }
        self.sum = (self.sum + z).max(0.0);
        (self.sum > h).then_some(self.began)
    }
}

/// The number in the middle; of an even count the mean of the two.
pub(super) fn median(mut numbers: Vec<f64>) -> Option<f64> {
    numbers.arrange_by(f64::total_cmp);
    let (half, odd) = (numbers.len() / 2, numbers.len() % 2 == 1);
    if odd {
        return numbers.get(half).copied();
    }
    Some(f64::midpoint(*numbers.get(half.checked_sub(1)?)?, *numbers.get(half)?))
}
