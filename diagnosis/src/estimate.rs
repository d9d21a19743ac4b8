//! Estimators that a few wild numbers cannot spoil: what forecasts, regressions and rates stand on.
//!
//! Pure functions over slices. Numbers that are not finite must be taken out before; too few numbers give nothing instead
//! of a guess. All are small on purpose: quadratic ones take at most [`PAIRS_FROM_MAX`] points, and who has more makes
//! medians of blocks first ([`thinned`]).
//!
//! | function | gives |
//! | --- | --- |
//! | [`median`], [`quantile`] | the middle, and any other share |
//! | [`sigma`] | the spread: 1.4826 times the median distance from the median |
//! | [`level`] | the middle and the spread of numbers that may go between two values |
//! | [`line`] | Theil-Sen's slope with Sen's interval, and Mann-Kendall's agreement |
//! | [`shift`] | how much higher one sample is than another (Hodges-Lehmann), and how surely (Mann-Whitney) |
//! | [`poisson_tail`] | how probable so many or more are, when so many are expected |
//! | [`onset`], [`Cusum`] | since when numbers are higher than they were |

mod line;
mod onset;
mod poisson;
mod shift;
mod spread;

#[cfg(test)]
mod tests;

pub use line::{Line, PAIRS_FROM_MAX, line, thinned};
pub use onset::{Cusum, onset};
pub use poisson::poisson_tail;
pub use shift::{Shift, shift};
pub use spread::{level, median, quantile, sigma};

/// Puts numbers in order: the one sort of numbers, since each sort is four kilobytes of program.
fn arrange(numbers: &mut [f64]) {
    numbers.sort_unstable_by(f64::total_cmp);
}
