//! Bounded windows against windows that forget nothing.

use proptest::prelude::*;

use super::*;
use crate::catalogue::Catalogue;
use crate::vocabulary::{Mark, Series, Timestamp};

const MINUTE: i64 = 60_000;
const START: i64 = 1_770_000_000_000;

fn store(is_endless: bool) -> Store {
    let sources = &Catalogue::builtin().sources;
    Store::new(if is_endless { std::sync::Arc::new(sources.endless()) } else { std::sync::Arc::clone(sources) })
}

const SERIES: [&str; 4] = [
    "process.cpu.time{process.executable.name=firefox}",
    "process.cpu.time{process.executable.name=rustc}",
    "endpoint.memory.available",
    "endpoint.filesystem.inodes{mountpoint=/,state=free}",
];

/// The numbers of a series within a window that ends at `to`, and its newest one.
fn seen(store: &Store, series: &str, to: i64) -> (Vec<Point>, Option<Point>) {
    let series: Series = series.parse().expect("a series");
    let known = store.sources.know(&series).expect("some check reads it");
    let Some(column) = store.plan.column(&known) else { return (Vec::new(), None) };
    let track = Track::new(store, column);
    let start = store.awake.window_start(to, known.span_ms, true);
    (track.points(start, to).collect(), track.points_back(to).next())
}

fn number() -> impl Strategy<Value = (usize, i64, i64, f32)> {
    let step_ms = prop_oneof![8 => Just(MINUTE), 1 => Just(15_000_i64), 1 => Just(5 * MINUTE)];
    (0..SERIES.len(), 0..240_i64, step_ms, -10.0_f32..10.0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn windows_hold_what_windows_that_forget_nothing_hold(numbers in prop::collection::vec(number(), 1..600)) {
        let (mut bounded, mut endless) = (store(false), store(true));
        // About in order of time, as much as twenty minutes late.
        let mut numbers: Vec<_> = numbers.into_iter().enumerate().collect();
        numbers.sort_by_key(|(index, (_, minute, ..))| minute + (*index as i64 * 7) % 20);
        let mut latest = i64::MIN;
        for (_, (series, minute, step_ms, value)) in numbers {
            let at = Timestamp(START + minute * MINUTE);
            let series_name: Series = SERIES[series].parse().expect("a series");
            for store in [&mut bounded, &mut endless] {
                store.number(&series_name, at, step_ms, value);
            }
            latest = latest.max(at.0);
            for series in SERIES {
                prop_assert_eq!(seen(&bounded, series, latest), seen(&endless, series, latest));
            }
        }
    }
}

#[test]
fn a_series_is_kept_as_long_as_its_own_longest_window_and_some_minutes() {
    let mut store = store(false);
    let count = |store: &Store, series: &str| {
        let known = store.sources.know(&series.parse().expect("a series")).expect("known");
        let column = store.plan.column(&known).expect("it came");
        Track::new(store, column).points(i64::MIN, i64::MAX).count()
    };
    for minute in 1..=300 {
        for series in SERIES {
            store.number(&series.parse().expect("a series"), Timestamp(START + minute * MINUTE), MINUTE, 1.0);
        }
    }
    assert_eq!(SERIES.map(|series| count(&store, series)), [21, 66, 11, 3]);
}

#[test]
fn sleep_and_boot_take_nothing_out_of_a_window() {
    let feed = |store: &mut Store, minutes: std::ops::RangeInclusive<i64>| {
        let series: Series = SERIES[0].parse().expect("a series");
        minutes.for_each(|minute| store.number(&series, Timestamp(START + minute * MINUTE), MINUTE, 1.0));
    };
    let [bounded, endless] = [false, true].map(|is_endless| {
        let mut store = store(is_endless);
        feed(&mut store, 1..=60);
        store.mark(Timestamp(START + 60 * MINUTE), Mark::Pausing);
        store.mark(Timestamp(START + 600 * MINUTE), Mark::Booted);
        feed(&mut store, 601..=609);
        store
    });
    let (points, newest) = seen(&bounded, SERIES[0], START + 609 * MINUTE);
    let counting = points.iter().filter(|point| !bounded.awake.leaves_out(point.at, MINUTE, true)).count();
    assert_eq!(counting, 15);
    assert_eq!((points, newest), seen(&endless, SERIES[0], START + 609 * MINUTE));
}
