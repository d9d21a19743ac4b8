use std::fs;

use firstline_diagnosis::vocabulary::{Attributes, Series};

use super::*;

fn layout(names: &[&str]) -> Layout {
    Layout::new(names.iter().map(|name| Series::new(name, Attributes::none())).collect::<Vec<_>>())
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(1_769_000_000 + seconds)
}

const LIMITS: Limits = Limits { bytes: 1024 * 1024, age: Duration::from_hours(24) };

fn values(recorder: &mut Recorder, signal: &str, until: i64, seconds: i64, step: u32) -> Vec<Option<f32>> {
    let all = recorder.series(at(until - seconds), at(until), step, |name| name.ends_with("total"));
    all.into_iter().find(|series| series.signal == signal).map(|series| series.values).unwrap_or_default()
}

fn rows(recorder: &mut Recorder, layout: &Layout, steps: std::ops::RangeInclusive<i64>) {
    for step in steps {
        let row = vec![step as f32; layout.series().len()];
        recorder.append(layout, at(step * 15), &row).expect("written");
    }
}

#[test]
fn remembers_across_a_crash_and_a_change_of_layout() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let mut recorder = Recorder::open(dir.path(), 15, LIMITS).expect("opens");
    rows(&mut recorder, &layout(&["a"]), 1..=4);
    rows(&mut recorder, &layout(&["a", "b"]), 5..=8);
    drop(recorder);
    let mut again = Recorder::open(dir.path(), 15, LIMITS).expect("opens");
    let expected: Vec<_> = (1..=8).map(|step| Some(step as f32)).collect();
    assert_eq!(values(&mut again, "a", 120, 120, 15), expected);
    assert_eq!(values(&mut again, "b", 120, 120, 15)[..5], [None, None, None, None, Some(5.0)]);
    rows(&mut again, &layout(&["a", "b"]), 9..=9);
    assert_eq!(values(&mut again, "a", 135, 15, 15), [Some(9.0)]);
}

#[test]
fn longer_steps_are_means_and_for_counters_sums() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let mut recorder = Recorder::open(dir.path(), 15, LIMITS).expect("opens");
    rows(&mut recorder, &layout(&["gauge", "total"]), 1..=8);
    assert_eq!(values(&mut recorder, "gauge", 120, 120, 60), [Some(2.5), Some(6.5)]);
    assert_eq!(values(&mut recorder, "total", 120, 120, 60), [Some(10.0), Some(26.0)]);
}

#[test]
fn a_torn_or_altered_row_costs_only_itself() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let mut recorder = Recorder::open(dir.path(), 15, LIMITS).expect("opens");
    rows(&mut recorder, &layout(&["a"]), 1..=4);
    drop(recorder);
    let file = fs::read_dir(dir.path()).expect("there").next().expect("one").expect("readable").path();
    let whole = fs::read(&file).expect("readable");
    for index in 0..whole.len() {
        let mut altered = whole.clone();
        altered[index] ^= 0x10;
        fs::write(&file, &altered).expect("written");
        let mut peeked = Recorder::peek(dir.path(), 15).expect("opens");
        let kept = values(&mut peeked, "a", 60, 60, 15).iter().flatten().count();
        let head = whole.len() - 4 * 16;
        assert!(if index < head { kept == 0 || kept == 4 } else { kept == 3 }, "byte {index}: {kept} rows");
    }
    fs::write(&file, &whole[..whole.len() - 3]).expect("torn");
    let mut again = Recorder::open(dir.path(), 15, LIMITS).expect("opens");
    rows(&mut again, &layout(&["a"]), 5..=5);
    assert_eq!(values(&mut again, "a", 75, 75, 15), [Some(1.0), Some(2.0), Some(3.0), None, Some(5.0)]);
}

#[test]
fn stays_within_its_bounds() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let small = Limits { bytes: 64 * 1024, age: Duration::from_hours(24) };
    let mut recorder = Recorder::open(dir.path(), 15, small).expect("opens");
    rows(&mut recorder, &layout(&["a", "b", "c"]), 1..=12_000);
    assert!(recorder.bytes() <= small.bytes + 8 * 1024, "{}", recorder.bytes());
    let mut by_age = Recorder::open(dir.path(), 15, Limits { age: Duration::from_hours(1), ..LIMITS }).expect("opens");
    rows(&mut by_age, &layout(&["d"]), 12_001..=12_001);
    assert!(values(&mut by_age, "a", 180_000, 7200, 15).iter().flatten().count() <= 480);
}
