//! Exact tests on counts, in logarithms.

/// The probability of `k` or more affected among `n` of `all`, when `affected` of `all` are, by chance: the upper tail of
/// the hypergeometric distribution (Fisher's exact test, one-sided).
pub(super) fn tail(k: u64, n: u64, affected: u64, all: u64) -> f64 {
    let least = (n + affected).saturating_sub(all);
    if k <= least {
        return 1.0;
    }
    let whole = ln_choose(all, n);
    let term = |i: u64| (ln_choose(affected, i) + ln_choose(all - affected, n - i) - whole).exp();
    let (mut sum, mut i) = (0.0, k);
    while i <= n.min(affected) {
        let one = term(i);
        sum += one;
        // Terms only fall from here on, once they are below what is summed up by so much.
        if one < sum * 1e-17 {
            break;
        }
        i += 1;
    }
    sum.min(1.0)
}

fn ln_choose(n: u64, k: u64) -> f64 {
    ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k)
}

/// The logarithm of `n!`: Stirling's series, which from 16 on is exact to the last digit.
fn ln_factorial(n: u64) -> f64 {
    if n < 16 {
        return (2..=n).map(|i| (i as f64).ln()).sum();
    }
    let n = n as f64;
    let correction =
        1.0 / (12.0 * n) - 1.0 / (360.0 * n.powi(3)) + 1.0 / (1260.0 * n.powi(5)) - 1.0 / (1680.0 * n.powi(7));
    n * n.ln() - n + 0.5 * (std::f64::consts::TAU * n).ln() + correction
}

/// The lower end of Wilson's interval for a proportion.
pub(super) fn wilson_lower(cases: f64, of: f64, z: f64) -> f64 {
    if of <= 0.0 {
        return 0.0;
    }
    let share = cases / of;
    let middle = share + z * z / (2.0 * of);
    let half = z * (share * (1.0 - share) / of + z * z / (4.0 * of * of)).sqrt();
    ((middle - half) / (1.0 + z * z / of)).max(0.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn agrees_with_what_can_be_counted() {
        // A lady who tastes tea: all four of four.
        assert!((tail(4, 4, 4, 8) - 1.0 / 70.0).abs() < 1e-12);
        assert!((tail(3, 4, 4, 8) - 17.0 / 70.0).abs() < 1e-12);
        assert!((tail(0, 4, 4, 8) - 1.0).abs() < 1e-12);
        assert!((tail(2, 3, 2, 3) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_interval_of_a_share_and_the_logarithm_are_those_of_the_books() {
        assert!((wilson_lower(8.0, 10.0, 1.96) - 0.490_157).abs() < 1e-5);
        assert!(wilson_lower(0.0, 10.0, 1.96).abs() < 1e-12);
        assert!((ln_factorial(16) - 30.671_860_106_080_67).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn the_tail_falls_and_begins_with_certainty(all in 1u64..5000, n in 0.0..1.0f64, affected in 0.0..1.0f64, k in 0u64..40) {
            let share = |ratio: f64| (all as f64 * ratio) as u64;
            let (n, affected) = (share(n), share(affected));
            let (this, next) = (tail(k, n, affected, all), tail(k + 1, n, affected, all));
            prop_assert!((0.0..=1.0).contains(&this) && next <= this + 1e-9, "{this} {next}");
            prop_assert!((tail(0, n, affected, all) - 1.0).abs() < 1e-9);
        }

        #[test]
        fn who_is_drawn_and_who_is_affected_can_be_exchanged(all in 1u64..300, n in 0.0..1.0f64, affected in 0.0..1.0f64, k in 0u64..40) {
            let share = |ratio: f64| (all as f64 * ratio) as u64;
            let (one, other) = (tail(k, share(n), share(affected), all), tail(k, share(affected), share(n), all));
            prop_assert!((one - other).abs() < 1e-9, "{one} {other}");
        }
    }
}
