//! How finely the collector hears of a number.
//!
//! A minute's number has 12 bits behind its first (one part in 8,000, finer than any source), and none below the
//! resolution that the registry declares. What is left out is noise, and noise is what costs bytes: most numbers of a
//! machine at rest are the same as in the minute before.

/// Bits that are kept behind the first.
const BITS: u32 = 12;

/// The grid of a resolution: the power of two at or below it, so that few bits of a number differ.
pub(super) fn grid(resolution: Option<f64>) -> f64 {
    resolution.map_or(0.0, |resolution| resolution.log2().floor().exp2())
}

/// The nearest number that is told.
pub(super) fn gauge(value: f64, grid: f64) -> f32 {
    let coarse = if grid > 0.0 { (value / grid).round() * grid } else { value };
    short(coarse as f32)
}

/// What is told of an increment, with what was left of those before; and what is left now. Only whole steps of the grid
/// are told, so that the sum is exact in the long run.
pub(super) fn increment(value: f64, left: f64, grid: f64) -> (f32, f64) {
    if grid <= 0.0 {
        return (short(value as f32), 0.0);
    }
    let whole = ((value + left) / grid).floor() * grid;
    (short(whole as f32), value + left - whole)
}

/// Rounded to [`BITS`] bits behind the first.
fn short(value: f32) -> f32 {
    const DROPPED: u32 = f32::MANTISSA_DIGITS - 1 - BITS;
    let bits = value.to_bits();
    let rounded = f32::from_bits(bits.saturating_add(1 << (DROPPED - 1)) >> DROPPED << DROPPED);
    // No negative zero: it is as much zero as the other.
    if rounded.is_finite() { rounded + 0.0 } else { f32::from_bits(bits >> DROPPED << DROPPED) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_grid_is_a_power_of_two() {
        assert_eq!(grid(Some(0.001)), 1.0 / 1024.0);
        assert_eq!(grid(Some(1_048_576.0)), 1_048_576.0);
        assert_eq!(grid(None), 0.0);
    }

    #[test]
    fn noise_is_left_out_and_what_matters_stays() {
        let grid = grid(Some(0.001));
        assert_eq!(gauge(0.002_914, grid), gauge(0.003_1, grid));
        assert_eq!(gauge(0.0, grid), 0.0);
        assert_eq!(gauge(-0.000_1, grid).to_bits(), 0);
        assert_eq!(gauge(4096.0, 0.0), 4096.0);
        assert_eq!(gauge(f64::from(f32::MAX), 0.0), f32::from_bits(f32::MAX.to_bits() >> 11 << 11), "never infinite");
    }

    proptest! {
        #[test]
        fn a_gauge_is_off_by_little(value in -1e12f64..1e12, resolution in 1e-4f64..1e6) {
            let off = (f64::from(gauge(value, grid(Some(resolution)))) - value).abs();
            prop_assert!(off <= resolution / 2.0 + value.abs() / 4096.0);
        }

        #[test]
        fn increments_add_up(values in prop::collection::vec(0.0f64..40.0, 1..200)) {
            let (mut told, mut left) = (0.0, 0.0);
            for value in &values {
                let (short, rest) = increment(*value, left, grid(Some(0.05)));
                prop_assert!(short >= 0.0 && (0.0..0.05).contains(&rest));
                told += f64::from(short);
                left = rest;
            }
            let sum: f64 = values.iter().sum();
            prop_assert!((told - sum).abs() <= 0.05 + sum / 4096.0);
        }
    }
}
