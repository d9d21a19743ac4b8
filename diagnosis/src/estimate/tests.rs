use proptest::prelude::*;

use super::*;

fn close(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-9 * one.abs().max(other.abs()).max(1.0)
}

#[test]
fn the_spread_of_a_few_numbers_is_as_by_hand() {
    assert_eq!(median(&[]), None);
    assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
    assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    // Distances from the median 3: 2, 1, 0, 1, 97.
    assert_eq!(sigma(&[1.0, 2.0, 3.0, 4.0, 100.0], 0.0), Some(1.4826));
    // More than half are equal: the quartiles are 0 and 1.
    assert_eq!(sigma(&[0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0], 0.0), Some(1.0 / 1.349));
    assert_eq!(sigma(&[5.0; 9], 0.25), Some(0.25));
}

#[test]
fn a_straight_line_is_found_exactly_whatever_a_quarter_of_the_points_do() {
    let mut points: Vec<(f64, f64)> = (0..40).map(|x| (f64::from(x), 7.0 - 2.0 * f64::from(x))).collect();
    let exact = line(&points).expect("a line");
    assert_eq!((exact.slope, exact.intercept, exact.low, exact.high, exact.tau), (-2.0, 7.0, -2.0, -2.0, -1.0));
    assert_eq!(exact.rises, -780.0);
    for place in [3, 9, 14, 21, 27, 30, 33, 38] {
        points[place].1 += 1000.0;
    }
    let spoilt = line(&points).expect("a line");
    assert!((spoilt.slope + 2.0).abs() < 0.5, "{spoilt:?}");
}

#[test]
fn sens_interval_is_the_textbooks() {
    // Gilbert (1987), table 16.3 without ties: slopes of (1,10) (2,15) (3,14) (4,20), six pairs, C = 1.96 sqrt(8.667).
    let line = line(&[(1.0, 10.0), (2.0, 15.0), (3.0, 14.0), (4.0, 20.0)]).expect("a line");
    let slopes = [-1.0, 2.0, 2.5, 10.0 / 3.0, 5.0, 6.0];
    assert!(close(line.slope, f64::midpoint(2.5, 10.0 / 3.0)));
    assert_eq!((line.low, line.high), (slopes[0], slopes[5]));
    assert_eq!((line.rises, line.points), (4.0, 4));
    assert!(close(line.tau, 4.0 / 6.0));
}

#[test]
fn too_little_gives_no_line() {
    assert_eq!(line(&[]), None);
    assert_eq!(line(&[(0.0, 1.0), (1.0, 2.0)]), None);
    assert_eq!(line(&[(4.0, 1.0), (4.0, 2.0), (4.0, 3.0)]), None);
}

#[test]
fn many_points_become_medians_of_neighbours() {
    let points: Vec<(f64, f64)> = (0..1000).map(|x| (f64::from(x), f64::from(x) * 3.0)).collect();
    let line = line(&points).expect("a line");
    assert_eq!((line.points, line.slope), (200, 3.0));
    assert_eq!(thinned(&points, 3).len(), 3);
}

#[test]
fn a_shift_is_as_by_hand() {
    let found = shift(&[4.0, 5.0, 6.0], &[1.0, 2.0, 3.0]).expect("a shift");
    assert_eq!(found.by, 3.0);
    // U = 9 of 9 pairs: (9 - 4.5) / sqrt(9 * 7 / 12).
    assert!(close(found.z, 4.5 / (63.0_f64 / 12.0).sqrt()));
    assert_eq!(shift(&[1.0, 2.0], &[1.0, 2.0]).map(|shift| (shift.by, shift.z)), Some((0.0, 0.0)));
    assert_eq!(shift(&[], &[1.0]), None);
}

#[test]
fn the_tail_of_a_poisson_distribution_is_the_tables() {
    // P(X >= 1) is 1 - e^-m, and tables for m = 2: P(X >= 3) = 0.3233, P(X >= 6) = 0.0166.
    assert!(close(poisson_tail(1, 0.25), 1.0 - (-0.25_f64).exp()));
    assert!((poisson_tail(3, 2.0) - 0.323_323_583_8).abs() < 1e-9);
    assert!((poisson_tail(6, 2.0) - 0.016_563_608_3).abs() < 1e-9);
    assert_eq!((poisson_tail(0, 3.0), poisson_tail(2, 0.0)), (1.0, 0.0));
    // What one less the rest would lose: 5^30 / 30! e^-5 and the terms after it.
    assert!((poisson_tail(30, 5.0) / 2.839_03e-14 - 1.0).abs() < 0.2, "{:e}", poisson_tail(30, 5.0));
}

#[test]
fn the_beginning_of_a_rise_is_found_and_a_single_peak_is_not() {
    let mut numbers = vec![0.1, -0.2, 0.0, 0.3, -0.1, 0.2, 0.0, -0.3];
    assert_eq!(onset(&numbers, 0.0, 0.5, 5.0), None);
    numbers[3] = 4.0;
    assert_eq!(onset(&numbers, 0.0, 0.5, 5.0), None);
    numbers[3] = 0.3;
    numbers.extend([2.0; 6]);
    assert_eq!(onset(&numbers, 0.0, 0.5, 5.0), Some(8));
}

fn numbers() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec((-1000_i32..1000).prop_map(f64::from), 3..40)
}

/// Points in order of `x`, one after the other.
fn points(numbers: &[f64]) -> Vec<(f64, f64)> {
    numbers.iter().enumerate().map(|(x, y)| (x as f64, *y)).collect()
}

proptest! {
    #[test]
    fn spreads_follow_scale_and_ignore_shift_and_order(list in numbers(), by in -50_i32..50, scale in 1_i32..9) {
        let (by, scale) = (f64::from(by), f64::from(scale));
        let mut moved: Vec<f64> = list.iter().map(|number| number * scale + by).collect();
        moved.reverse();
        prop_assert!(close(sigma(&moved, 0.0).expect("some"), sigma(&list, 0.0).expect("some") * scale));
        prop_assert!(close(median(&moved).expect("some"), median(&list).expect("some") * scale + by));
    }

    #[test]
    fn one_wild_number_moves_a_median_at_most_to_its_neighbour(list in numbers(), wild in 1e6_f64..1e12) {
        let mut spoilt = list.clone();
        spoilt.push(wild);
        let least = quantile(&list, 0.0).expect("some");
        let most = quantile(&list, 1.0).expect("some");
        prop_assert!((least..=most).contains(&median(&spoilt).expect("some")));
    }

    #[test]
    fn lines_follow_scale_shift_and_tilt(list in numbers(), by in -50_i32..50, tilt in -9_i32..9, scale in 1_i32..9) {
        let (by, tilt, scale) = (f64::from(by), f64::from(tilt), f64::from(scale));
        let plain = line(&points(&list)).expect("a line");
        let moved: Vec<f64> = list.iter().enumerate().map(|(x, y)| y * scale + by + tilt * x as f64).collect();
        let moved = line(&points(&moved)).expect("a line");
        prop_assert!(close(moved.slope, plain.slope * scale + tilt));
        prop_assert!(close(moved.low, plain.low * scale + tilt));
        prop_assert!(close(moved.high, plain.high * scale + tilt));
        prop_assert!(close(moved.intercept, plain.intercept * scale + by) || tilt != 0.0);
    }

    #[test]
    fn an_interval_holds_its_slope_and_turning_time_turns_it(list in numbers()) {
        let plain = line(&points(&list)).expect("a line");
        prop_assert!(plain.low <= plain.slope && plain.slope <= plain.high);
        prop_assert!((-1.0..=1.0).contains(&plain.tau));
        let turned: Vec<f64> = list.iter().rev().copied().collect();
        let turned = line(&points(&turned)).expect("a line");
        prop_assert!(close(turned.slope, -plain.slope) && close(turned.tau, -plain.tau));
    }

    #[test]
    fn shifts_turn_with_their_samples_and_ignore_order(one in numbers(), other in numbers(), by in -50_i32..50) {
        let there = shift(&one, &other).expect("a shift");
        let back = shift(&other, &one).expect("a shift");
        prop_assert!(close(there.by, -back.by) && close(there.z, -back.z));
        let higher: Vec<f64> = one.iter().rev().map(|number| number + f64::from(by)).collect();
        prop_assert!(close(shift(&higher, &other).expect("a shift").by, there.by + f64::from(by)));
    }

    #[test]
    fn a_tail_shrinks_with_its_count_and_grows_with_what_is_expected(count in 1_u32..60, expected in 0.01_f64..50.0) {
        let tail = poisson_tail(count, expected);
        prop_assert!((0.0..=1.0).contains(&tail));
        prop_assert!(poisson_tail(count + 1, expected) <= tail + 1e-12);
        prop_assert!(poisson_tail(count, expected * 1.5) >= tail - 1e-12);
        let rest: f64 = (0..count).map(|times| {
            (1..=times).map(|step| (expected / f64::from(step)).ln()).sum::<f64>()
        }).map(|logarithm: f64| (logarithm - expected).exp()).sum();
        prop_assert!((tail + rest - 1.0).abs() < 1e-9);
    }
}
