//! A machine's day as numbers: what a sample of a minute holds, the same whenever it is asked for again.
//!
//! Activity follows office hours of the machine's own time zone, with a dip at noon and quiet week-ends. One machine in
//! fifty has a nearly full disk, one in a hundred too little memory, so that there is something to find.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::layouts::{Model, Shape};

/// What makes one machine differ from the next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Character {
    /// Number of the machine; all else follows from it.
    pub(super) seed: u64,
}

impl Character {
    /// The row of the minute that ends at `at_ms`.
    pub(super) fn row(self, model: &Model, at_ms: i64) -> Vec<f32> {
        let activity = self.activity(at_ms);
        let step = mixed(self.seed ^ (at_ms.unsigned_abs() / 1000).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let number = |(index, shape): (usize, &Shape)| {
            let noise = mixed(step.wrapping_add(index as u64));
            let number = self.trouble(model, index);
            told(number.unwrap_or_else(|| value(*shape, activity, (noise >> 40) as f32 / 16_777_216.0)))
        };
        model.shapes.iter().enumerate().map(number).collect()
    }

    /// How busy the person is, 0 to 1.
    fn activity(self, at_ms: i64) -> f32 {
        let minutes = at_ms.div_euclid(60_000) + i64::try_from(self.seed % 5).unwrap_or(0) * 60;
        let (day, minute) = (minutes.div_euclid(1440), minutes.rem_euclid(1440) as f32);
        // 1 January 1970 was a Thursday.
        if matches!((day + 3).rem_euclid(7), 5 | 6) {
            return 0.03;
        }
        let bump = |middle: f32, width: f32| (1.0 - ((minute - middle) / width).powi(2)).max(0.0);
        (0.04 + bump(630.0, 150.0) + bump(880.0, 190.0)).min(1.0)
    }

    /// The number that is wrong on this machine.
    fn trouble(self, model: &Model, index: usize) -> Option<f32> {
        let signal = &*model.layout.series()[index].signal;
        let state = model.layout.series()[index].attributes.get("state");
        match (signal, state) {
            ("system.filesystem.usage", Some("free")) if self.seed.is_multiple_of(50) => Some(1_200_000_000.0),
            ("endpoint.memory.available", _) if self.seed % 100 == 7 => Some(120_000_000.0),
            _ => None,
        }
    }
}

fn value(shape: Shape, activity: f32, noise: f32) -> f32 {
    let moved = (activity * (0.6 + 0.8 * noise)).min(1.0);
    match shape {
        Shape::Share(rest, busy) => ((rest + (busy - rest) * moved) * 1000.0).round() / 1000.0,
        Shape::Level(rest, busy) => ((rest + (busy - rest) * moved) * 262_144.0).round() * 4096.0,
        Shape::Rate(most) => (most * moved * noise).round(),
        Shape::Fixed(always) => always,
        Shape::Seldom(most) => (if noise < 0.97 { 0.0 } else { most * (noise - 0.97) / 0.03 }).round(),
    }
}

/// A number as agents tell it: with 12 bits behind the first.
fn told(number: f32) -> f32 {
    const DROPPED: u32 = f32::MANTISSA_DIGITS - 1 - 12;
    f32::from_bits(number.to_bits().saturating_add(1 << (DROPPED - 1)) >> DROPPED << DROPPED)
}

/// A number that looks like chance and is not.
pub(super) fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The clock on the wall.
pub(super) fn unix_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// What stands for a stored sample when sums are compared.
pub(super) fn fingerprint(at_ms: i64, layout: u64, row: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (at_ms, layout, row).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layouts::models;

    /// A Tuesday at half past ten, and the Sunday before at the same time.
    const BUSY_MS: i64 = 1_790_073_000_000;
    const QUIET_MS: i64 = BUSY_MS - 2 * 86_400_000;

    #[test]
    fn a_machine_works_on_weekdays_and_rests_on_sundays() {
        let model = &models()[0];
        let busy = |at: i64| (0..100).map(|seed| Character { seed: seed * 5 + 1 }.row(model, at)[0]).sum::<f32>();
        assert!(busy(BUSY_MS) > 5.0 * busy(QUIET_MS), "{} {}", busy(BUSY_MS), busy(QUIET_MS));
    }

    #[test]
    fn the_same_minute_is_the_same_row_and_another_one_differs() {
        let (model, one) = (&models()[0], Character { seed: 3 });
        assert_eq!(one.row(model, BUSY_MS), one.row(model, BUSY_MS));
        assert_ne!(one.row(model, BUSY_MS), one.row(model, BUSY_MS + 60_000));
        assert_ne!(one.row(model, BUSY_MS), Character { seed: 4 }.row(model, BUSY_MS));
    }
}
