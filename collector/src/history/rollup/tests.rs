use proptest::prelude::*;

use super::*;

const FIVE: u32 = 300;
const MINUTE_MS: i64 = 60_000;

fn layout() -> Layout {
    Layout::new(vec![
        Series::new("system.cpu.utilization", [("cpu.mode", "user")]),
        Series::new("system.disk.io", [("system.device", "sda"), ("disk.io.direction", "read")]),
        Series::new("system.filesystem.limit", [("mountpoint", "/")]),
    ])
}

fn sample(at_ms: i64, values: [f32; 3]) -> Sample {
    let layout = layout().fingerprint();
    Sample { at: Timestamp(at_ms), step_seconds: 60, layout, values: values.to_vec(), absences: vec![] }
}

fn rolled(samples: &[Sample], step_seconds: u32) -> Rollup {
    let (layout, mut rollup) = (layout(), Rollup::new(step_seconds));
    for sample in samples {
        rollup.add(&layout, sample, |_| true);
    }
    rollup
}

fn cells<'a>(rollup: &'a Rollup, signal: &str) -> &'a BTreeMap<i64, Cell> {
    &rollup.series.iter().find(|(series, _)| &*series.signal == signal).expect("is there").1.cells
}

fn minutes() -> impl Strategy<Value = Vec<Sample>> {
    let number = || prop_oneof![4 => 0.0_f32..1e6, 1 => Just(f32::NAN), 1 => Just(f32::INFINITY)];
    let one = (0_i64..2000, number(), number(), number());
    prop::collection::vec(one.prop_map(|(minute, a, b, c)| sample(minute * MINUTE_MS + 11, [a, b, c])), 0..60)
}

#[test]
fn a_counter_is_added_and_a_gauge_has_mean_least_and_greatest() {
    let samples: Vec<Sample> = (1..=5).map(|minute| sample(minute * MINUTE_MS, [minute as f32, 10.0, 7.0])).collect();
    let rollup = rolled(&samples, FIVE);
    let cpu = cells(&rollup, "system.cpu.utilization")[&0];
    assert_eq!((cpu.count, cpu.mean(), cpu.low, cpu.high), (5.0, 3.0, 1.0, 5.0));
    assert_eq!(cells(&rollup, "system.disk.io")[&0].sum, 50.0);
    assert_eq!(rollup.span(), Some((Timestamp(0), Timestamp(5 * MINUTE_MS))));
}

#[test]
fn a_minute_belongs_where_its_middle_lies() {
    let rollup = rolled(&[sample(5 * MINUTE_MS + 20_000, [1.0; 3]), sample(5 * MINUTE_MS + 40_000, [1.0; 3])], FIVE);
    assert_eq!(cells(&rollup, "system.disk.io").keys().collect::<Vec<_>>(), [&0, &1]);
}

#[test]
fn what_has_no_number_leaves_no_trace() {
    let rollup = rolled(&[sample(0, [f32::NAN, f32::INFINITY, f32::NEG_INFINITY])], FIVE);
    assert!(rollup.series.is_empty());
    assert_eq!(Rollup::open(&rollup.seal(), |_| true), Ok(rollup));
}

proptest! {
    #[test]
    fn in_whatever_order_parts_are_put_together_they_are_the_whole(samples in minutes(), cut in any::<prop::sample::Index>()) {
        let (one, other) = samples.split_at(cut.index(samples.len().max(1)).min(samples.len()));
        let whole = rolled(&samples, FIVE);
        for order in [[one, other], [other, one]] {
            let mut together = Rollup::new(FIVE);
            for part in order {
                together.merge(&rolled(part, FIVE));
            }
            for (series, rolled) in &whole.series {
                let found = &together.series[series].cells;
                prop_assert_eq!(found.len(), rolled.cells.len());
                for (step, cell) in &rolled.cells {
                    prop_assert_eq!((found[step].count, found[step].low, found[step].high), (cell.count, cell.low, cell.high));
                    prop_assert!((found[step].sum - cell.sum).abs() <= cell.sum.abs() * 1e-9);
                }
            }
        }
    }

    #[test]
    fn sealed_steps_come_back_with_twelve_bits(samples in minutes()) {
        let rollup = rolled(&samples, FIVE);
        let read = Rollup::open(&rollup.seal(), |_| true).expect("sound");
        prop_assert_eq!(read.series.keys().collect::<Vec<_>>(), rollup.series.keys().collect::<Vec<_>>());
        for (series, rolled) in &rollup.series {
            let found = &read.series[series].cells;
            prop_assert_eq!(found.keys().collect::<Vec<_>>(), rolled.cells.keys().collect::<Vec<_>>());
            for (step, cell) in &rolled.cells {
                prop_assert!((found[step].sum - cell.sum).abs() <= cell.sum.abs() / 4096.0);
                let kept = rolled.kind == Kind::Counter || (found[step].low, found[step].high) == (cell.low, cell.high);
                prop_assert!(kept && found[step].count == cell.count);
            }
        }
    }

    #[test]
    fn one_series_is_read_without_the_others(samples in minutes()) {
        let rollup = rolled(&samples, FIVE);
        let read = Rollup::open(&rollup.seal(), |name| name.starts_with("system.disk.io{")).expect("sound");
        prop_assert!(read.series.keys().all(|series| &*series.signal == "system.disk.io"));
        let there = rollup.series.keys().any(|series| &*series.signal == "system.disk.io");
        prop_assert_eq!(read.series.len(), usize::from(there));
    }

    #[test]
    fn parts_hold_everything_and_are_short(samples in minutes()) {
        let rollup = rolled(&samples, FIVE);
        let mut together = Rollup::new(FIVE);
        for part in rollup.clone().parts(12) {
            let (from, to) = part.span().expect("no part is empty");
            prop_assert!(to.unix_ms() - from.unix_ms() <= 12 * 300_000);
            together.merge(&part);
        }
        prop_assert_eq!(together, rollup);
    }
}

#[test]
fn nonsense_that_was_sealed_is_refused() {
    let mut sealer = Sealer::default();
    sealer.number(0);
    assert!(Rollup::open(&sealer.seal(), |_| true).is_err());
    let mut sealer = Sealer::default();
    for number in [300_000, 0, 1] {
        sealer.number(number);
    }
    sealer.bytes(b"a{b");
    assert!(Rollup::open(&sealer.seal(), |_| true).is_err());
}
