use firstline_diagnosis::vocabulary::{Attributes, Value, Why};

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(1_769_000_000 + seconds)
}

/// By a clock that is right.
fn take(sampler: &mut Sampler, reading: &Reading) -> Taken {
    let since_boot = reading.at.unix_ms() - at(-1000).unix_ms();
    sampler.take(reading, since_boot.unsigned_abs())
}

fn cpu(seconds: i64, value: f64) -> Reading {
    Reading::value("system.cpu.utilization", [("cpu.mode", "user")], value, at(seconds))
}

/// What bytes are told in, at the finest.
const MIB: f64 = 1_048_576.0;

fn memory(seconds: i64, mebibytes: f64) -> Reading {
    Reading::value("endpoint.memory.available", Attributes::none(), mebibytes * MIB, at(seconds))
}

fn disk(seconds: i64, total: f64) -> Reading {
    let attributes = [("system.device", "sda"), ("disk.io.direction", "read")];
    Reading::value("system.disk.io", attributes, total, at(seconds))
}

fn free(seconds: i64, mebibytes: f64) -> Reading {
    let attributes = [("mountpoint", "/"), ("type", "ext4"), ("role", "system"), ("state", "free")];
    Reading::value("system.filesystem.usage", attributes, mebibytes * MIB, at(seconds))
}

fn stick(seconds: i64, bytes: f64) -> Reading {
    let attributes = [("mountpoint", "/media/stick"), ("type", "vfat"), ("role", "data"), ("state", "free")];
    Reading::value("system.filesystem.usage", attributes, bytes, at(seconds))
}

fn host_name(seconds: i64, name: &str) -> Reading {
    Reading::value("host.name", Attributes::none(), name, at(seconds))
}

fn value(row: &Row, signal: &str) -> f32 {
    let index = row.layout.series().iter().position(|series| &*series.signal == signal).expect("in the layout");
    row.sample.values[index]
}

#[test]
fn a_minute_is_what_the_registry_says_of_its_readings() {
    let mut sampler = Sampler::new(Known::new());
    for (step, (load, bytes)) in [(0.2, 900.0), (0.4, 300.0), (0.6, 500.0), (0.8, 700.0)].into_iter().enumerate() {
        let second = step as i64 * 15;
        take(&mut sampler, &cpu(second, load));
        take(&mut sampler, &memory(second, bytes));
        let row = sampler.close_fast(at(second + 7), 15).expect("a row");
        assert_eq!(value(&row, "system.cpu.utilization"), load as f32);
    }
    let minute = sampler.close_minute(at(60), 60).expect("a row");
    assert_eq!(value(&minute, "system.cpu.utilization"), 0.5, "the mean");
    assert_eq!(value(&minute, "endpoint.memory.available"), 300.0 * MIB as f32, "the smallest");
    assert_eq!(minute.sample.layout, minute.layout.fingerprint());
}

#[test]
fn counters_become_increments_and_resets_cost_one_step() {
    let mut sampler = Sampler::new(Known::new());
    let mut minutes = Vec::new();
    for (second, total) in [(0, 10_000.0), (15, 15_000.0), (30, 16_000.0), (45, 100.0), (60, 2500.0)] {
        take(&mut sampler, &disk(second, total));
        let row = sampler.close_fast(at(second + 7), 15).expect("a row");
        minutes.push(value(&row, "system.disk.io"));
    }
    assert!(minutes[0].is_nan() && minutes[3].is_nan());
    assert_eq!([minutes[1], minutes[2], minutes[4]], [5000.0, 1000.0, 2400.0]);
    let minute = sampler.close_minute(at(67), 60).expect("a row");
    assert_eq!(value(&minute, "system.disk.io"), 8192.0, "of 8,400, in whole steps");
    take(&mut sampler, &disk(75, 6600.0));
    let next = sampler.close_minute(at(127), 60).expect("a row");
    assert_eq!(value(&next, "system.disk.io"), 4096.0, "of 4,100 and the 208 that were left");
}

#[test]
fn an_increment_across_a_gap_is_left_out() {
    let mut sampler = Sampler::new(Known::new());
    take(&mut sampler, &disk(0, 1000.0));
    take(&mut sampler, &disk(3600, 9_000_000.0));
    let row = sampler.close_fast(at(3607), 15).expect("a row");
    assert!(value(&row, "system.disk.io").is_nan());
}

#[test]
fn the_layout_grows_and_then_stays() {
    let mut sampler = Sampler::new(Known::new());
    take(&mut sampler, &cpu(0, 0.1));
    let first = sampler.close_minute(at(60), 60).expect("a row").sample.layout;
    take(&mut sampler, &cpu(60, 0.1));
    assert_eq!(sampler.close_minute(at(120), 60).expect("a row").sample.layout, first);
    take(&mut sampler, &cpu(120, 0.1));
    take(&mut sampler, &memory(120, 5.0));
    let grown = sampler.close_minute(at(180), 60).expect("a row");
    assert_ne!(grown.sample.layout, first);
    let alone = sampler.close_minute(at(240), 60).expect("a row");
    assert_eq!(alone.sample.layout, grown.sample.layout, "a missing value changes nothing");
    assert!(alone.sample.values.iter().all(|value| value.is_nan()));
}

#[test]
fn a_value_that_goes_missing_leaves_its_reason() {
    let mut sampler = Sampler::new(Known::new());
    take(&mut sampler, &memory(0, 5.0));
    sampler.close_minute(at(60), 60);
    let gone = Reading::unknown("endpoint.memory.available", Attributes::none(), Why::Timeout, at(60));
    assert_eq!(take(&mut sampler, &gone).tell, None);
    let row = sampler.close_minute(at(120), 60).expect("a row");
    assert_eq!(row.sample.absences, [(0, Why::Timeout)]);
}

#[test]
fn what_was_never_there_is_told_once_with_its_reason() {
    let mut sampler = Sampler::new(Known::new());
    let absent = Reading::unknown("endpoint.memory.available", Attributes::none(), Why::Unsupported, at(0));
    assert_eq!(take(&mut sampler, &absent).tell, Some(absent.clone()));
    assert_eq!(take(&mut sampler, &absent).tell, None);
    assert!(sampler.close_minute(at(60), 60).is_none());
}

#[test]
fn states_are_told_when_they_differ_and_changes_know_the_value_before() {
    let mut sampler = Sampler::new(Known::new());
    assert!(take(&mut sampler, &host_name(0, "pc-1")).tell.is_some());
    assert_eq!(take(&mut sampler, &host_name(60, "pc-1")), Taken::default());
    let mut after_restart = Sampler::new(sampler.take_known_if_changed().expect("new"));
    assert_eq!(sampler.take_known_if_changed(), None);
    assert_eq!(take(&mut after_restart, &host_name(120, "pc-1")).changed, None);
    let taken = take(&mut after_restart, &host_name(180, "pc-2"));
    let changed = taken.changed.expect("it differs");
    assert_eq!((changed.from, changed.to), (Value::from("pc-1"), Value::from("pc-2")));
}

#[test]
fn an_urgent_change_is_told_at_once_but_not_again_and_again() {
    let mut sampler = Sampler::new(Known::new());
    assert_eq!(take(&mut sampler, &free(0, 1000.0)).tell, None, "the first sample tells it");
    sampler.close_minute(at(10), 15);
    assert_eq!(take(&mut sampler, &free(60, 900.0)).tell, None);
    assert!(take(&mut sampler, &free(75, 700.0)).tell.is_some());
    assert_eq!(take(&mut sampler, &free(76, 400.0)).tell, None, "too soon after the last");
    assert!(take(&mut sampler, &free(81, 400.0)).tell.is_some());
}

#[test]
fn slow_series_are_told_apart_for_their_recorder() {
    let mut sampler = Sampler::new(Known::new());
    take(&mut sampler, &cpu(0, 0.3));
    take(&mut sampler, &free(0, 1000.0));
    let row = sampler.close_minute(at(60), 60).expect("a row");
    let (layout, values) = sampler.slow_part(&row);
    assert_eq!((layout.series().len(), values), (1, vec![1000.0 * MIB as f32]));
}

#[test]
fn a_volume_that_is_full_when_it_is_first_seen_is_told_at_once() {
    let mut sampler = Sampler::new(Known::new());
    assert_eq!(take(&mut sampler, &free(0, 1000.0)).tell, None, "the first sample of a run tells what was there");
    sampler.close_minute(at(15), 15);
    let full = stick(20, 0.0);
    assert_eq!(take(&mut sampler, &full).tell, Some(full.clone()));
    assert_eq!(take(&mut sampler, &stick(35, 0.0)).tell, None, "once");
    assert_eq!(take(&mut sampler, &free(35, 1000.0)).tell, None, "what the collector knows is not told again");
    let row = sampler.close_minute(at(75), 60).expect("a row");
    assert_eq!(row.layout.series().len(), 2);
    let gone = Reading { outcome: Err(Why::NotPresent.into()), ..stick(80, 0.0) };
    assert_eq!(take(&mut sampler, &gone).tell, None);
    assert!(take(&mut sampler, &stick(95, 0.0)).tell.is_some(), "it came back, as full as it went");
}

#[test]
fn many_new_volumes_at_once_do_not_flood() {
    let mut sampler = Sampler::new(Known::new());
    take(&mut sampler, &free(0, 1000.0));
    sampler.close_minute(at(15), 15);
    let volume = |number: i64| {
        let place = format!("/mnt/{number}");
        let attributes = [("mountpoint", place.as_str()), ("type", "ext4"), ("role", "data"), ("state", "free")];
        Reading::value("system.filesystem.usage", attributes, 5.0, at(20))
    };
    let told = (0..200).filter(|number| take(&mut sampler, &volume(*number)).tell.is_some()).count();
    assert_eq!(told, 60);
}

#[test]
fn a_clock_that_is_set_costs_no_increment() {
    let mut sampler = Sampler::new(Known::new());
    for (step, jump) in [0, 0, 3600, 3600, 0, -3600].into_iter().enumerate() {
        let seconds = step as i64 * 15;
        sampler.take(&disk(seconds + jump, seconds as f64), 90_000 + step as u64 * 15_000);
        let row = sampler.close_fast(at(seconds + jump + 7), 15).expect("a row");
        let increment = value(&row, "system.disk.io");
        assert!(if step == 0 { increment.is_nan() } else { increment == 15.0 }, "step {step}: {increment}");
        sampler.close_minute(at(seconds + jump + 7), 15);
    }
}
