//! When a number left its old level for the one that it has now.
//!
//! A two-sided CUSUM is walked back from now. How it is now is the median of the newest numbers, and how much it wavers
//! their robust deviation; going back, what the numbers are above and below that is summed up, each side for itself, less
//! an allowance of `k` deviations. Where a sum passes `h`, another level was left, and the change lies where that sum
//! began to grow.

use crate::estimate::{Cusum, level};
use crate::vocabulary::Timestamp;

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
    let (mut above, mut below) = (Cusum::default(), Cusum::default());
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
