use std::fs;

use firstline_diagnosis::vocabulary::{Attributes, Series};
use tempfile::TempDir;

use super::*;

fn layout(names: &[&str]) -> Layout {
    Layout::new(names.iter().map(|name| Series::new(name, Attributes::none())).collect::<Vec<_>>())
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(1_769_000_000 + seconds)
}

/// The end of a step by a clock that is right.
fn moment(step: i64) -> Moment {
    Moment { boot: 1, boot_ms: step.unsigned_abs() * 15_000, at: at(step * 15) }
}

const LIMITS: Limits = Limits { bytes: 1024 * 1024, age: Duration::from_hours(24) };

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().expect("temporary directory"));
        fs::create_dir(place.dir()).expect("made");
        place
    }

    fn dir(&self) -> PathBuf {
        self.0.path().join("fast")
    }

    fn tail(&self) -> PathBuf {
        self.0.path().join("memory/fast.rows")
    }

    fn open_with(&self, limits: Limits) -> Recorder {
        let scratch = Scratch::on_disk(&self.0.path().join("memory")).expect("made");
        let mut recorder = Recorder::open(&self.dir(), &scratch, "fast.rows", 15, limits).expect("opens");
        recorder.tail_is_free = true;
        recorder
    }

    fn open(&self) -> Recorder {
        self.open_with(LIMITS)
    }

    fn peek(&self) -> Recorder {
        Recorder::peek(&self.dir(), &self.tail(), 15).expect("opens")
    }

    fn segments(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.dir()).expect("there").map(|entry| entry.expect("readable").path());
        let mut files: Vec<_> = entries.collect();
        files.sort();
        files
    }
}

fn values(recorder: &Recorder, signal: &str, until: i64, seconds: i64, step: u32) -> Vec<Option<f32>> {
    let all = recorder.series(at(until - seconds), at(until), step, |name| name.ends_with("total"));
    all.into_iter().find(|series| series.signal == signal).map(|series| series.values).unwrap_or_default()
}

/// Adds rows of the number of their step, and takes them to the disk every 20 steps as the agent does.
fn rows(recorder: &mut Recorder, layout: &Layout, steps: std::ops::RangeInclusive<i64>) {
    for step in steps {
        let row = vec![step as f32; layout.series().len()];
        recorder.append(layout, moment(step), &row).expect("written");
        if step % 20 == 0 {
            recorder.flush().expect("written");
        }
    }
}

#[test]
fn remembers_across_a_crash_and_a_change_of_layout() {
    let place = Place::new();
    let mut recorder = place.open();
    rows(&mut recorder, &layout(&["a"]), 1..=44);
    rows(&mut recorder, &layout(&["a", "b"]), 45..=48);
    drop(recorder);
    let mut again = place.open();
    let expected: Vec<_> = (1..=48).map(|step| Some(step as f32)).collect();
    assert_eq!(values(&again, "a", 720, 720, 15), expected);
    assert_eq!(values(&again, "b", 720, 120, 15)[..5], [None, None, None, None, Some(45.0)]);
    assert_eq!(values(&place.peek(), "a", 720, 720, 15), expected, "as another process sees it");
    rows(&mut again, &layout(&["a", "b"]), 49..=49);
    assert_eq!(values(&again, "a", 735, 15, 15), [Some(49.0)]);
}

#[test]
fn a_power_cut_costs_what_was_not_yet_on_the_disk() {
    let place = Place::new();
    rows(&mut place.open(), &layout(&["a"]), 1..=55);
    fs::remove_dir_all(place.0.path().join("memory")).expect("there");
    let kept = values(&place.open(), "a", 55 * 15, 55 * 15, 15);
    assert_eq!(kept.iter().flatten().count(), 40);
}

#[test]
fn a_crash_between_disk_and_tail_doubles_nothing() {
    let place = Place::new();
    let mut recorder = place.open();
    rows(&mut recorder, &layout(&["total"]), 1..=10);
    let tail = fs::read(place.tail()).expect("there");
    recorder.flush().expect("written");
    drop(recorder);
    fs::write(place.tail(), tail).expect("as it was before");
    assert_eq!(values(&place.open(), "total", 150, 150, 150), [Some(55.0)]);
}

#[test]
fn longer_steps_are_means_and_for_counters_sums() {
    let place = Place::new();
    let mut recorder = place.open();
    rows(&mut recorder, &layout(&["gauge", "total"]), 1..=8);
    assert_eq!(values(&recorder, "gauge", 120, 120, 60), [Some(2.5), Some(6.5)]);
    assert_eq!(values(&recorder, "total", 120, 120, 60), [Some(10.0), Some(26.0)]);
}

#[test]
fn any_flipped_bit_costs_one_block_at_most() {
    let place = Place::new();
    rows(&mut place.open(), &layout(&["a"]), 1..=60);
    let file = place.segments().remove(0);
    let whole = fs::read(&file).expect("readable");
    let (_, head) = segment::read_head(&whole, 15).expect("a head");
    for bit in 0..whole.len() * 8 {
        let mut altered = whole.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        fs::write(&file, &altered).expect("written");
        let kept = values(&place.peek(), "a", 900, 900, 15).iter().flatten().count();
        assert!(if bit / 8 < head { kept == 0 || kept == 60 } else { kept == 40 }, "bit {bit}: {kept} rows");
    }
}

#[test]
fn a_file_that_is_cut_anywhere_gives_what_is_before_the_cut() {
    let place = Place::new();
    rows(&mut place.open(), &layout(&["a"]), 1..=60);
    let file = place.segments().remove(0);
    let whole = fs::read(&file).expect("readable");
    let mut most = 0;
    for cut in 0..whole.len() {
        fs::write(&file, &whole[..cut]).expect("cut");
        let kept = values(&place.peek(), "a", 900, 900, 15);
        let count = kept.iter().flatten().count();
        assert!(count.is_multiple_of(20) && count >= most, "cut at {cut}: {count} rows");
        assert!(kept[..count].iter().all(Option::is_some), "cut at {cut}");
        most = count;
    }
    fs::write(&file, &whole[..whole.len() - 3]).expect("torn");
    let mut again = place.open();
    rows(&mut again, &layout(&["a"]), 61..=80);
    let kept = values(&place.peek(), "a", 1200, 1200, 15);
    assert_eq!(kept.iter().flatten().count(), 60, "written on behind what is whole");
}

#[test]
fn a_tail_that_is_cut_anywhere_gives_what_is_before_the_cut() {
    let place = Place::new();
    rows(&mut place.open(), &layout(&["a"]), 1..=9);
    let whole = fs::read(place.tail()).expect("readable");
    let mut most = 0;
    for cut in 0..whole.len() {
        fs::write(place.tail(), &whole[..cut]).expect("cut");
        let count = values(&place.peek(), "a", 150, 150, 15).iter().flatten().count();
        assert!(count >= most && count <= 9, "cut at {cut}: {count}");
        most = count;
    }
    assert_eq!(most, 8);
}

#[test]
fn stays_within_its_bounds() {
    let place = Place::new();
    let small = Limits { bytes: 16 * 1024, age: Duration::from_hours(24) };
    let mut recorder = place.open_with(small);
    rows(&mut recorder, &layout(&["a", "b", "c"]), 1..=12_000);
    assert!(recorder.bytes() <= small.bytes + 4 * 1024, "{}", recorder.bytes());
    let place = Place::new();
    let mut recorder = place.open_with(Limits { age: Duration::from_hours(8), ..LIMITS });
    rows(&mut recorder, &layout(&["a"]), 1..=12_000);
    let kept = values(&recorder, "a", 180_000, 180_000, 15).iter().flatten().count();
    assert!((1920..1920 + 961).contains(&kept), "{kept} rows are eight hours and the segment that is written");
}

#[test]
fn a_clock_that_is_set_leaves_no_hole_and_nothing_twice() {
    for jump in [3600, -3600] {
        let place = Place::new();
        let mut recorder = place.open();
        let layout = layout(&["total"]);
        for step in 1..=480 {
            let clock = if step > 240 { jump } else { 0 };
            let moment = Moment { at: at(step * 15 + clock), ..moment(step) };
            recorder.append(&layout, moment, &[1.0]).expect("written");
            if step % 20 == 0 {
                recorder.flush().expect("written");
            }
        }
        let end = 480 * 15 + jump;
        let kept = values(&recorder, "total", end, 7200, 15);
        assert_eq!(kept, vec![Some(1.0); 480], "a jump of {jump} s");
        drop(recorder);
        assert_eq!(values(&place.peek(), "total", end, 7200, 15), kept);
        assert_eq!(values(&place.peek(), "total", end + 7200, 7200, 15), [], "nothing is in the future");
    }
}

#[test]
fn a_boot_does_not_move_the_one_before() {
    let place = Place::new();
    let mut recorder = place.open();
    let layout = layout(&["a"]);
    rows(&mut recorder, &layout, 1..=30);
    for step in 41..=50_i64 {
        let after = Moment { boot: 2, boot_ms: (step.unsigned_abs() - 40) * 15_000, at: at(step * 15) };
        recorder.append(&layout, after, &[step as f32]).expect("written");
    }
    let kept: Vec<_> = values(&recorder, "a", 750, 750, 15).into_iter().flatten().collect();
    let expected: Vec<_> = (1..=30).chain(41..=50).map(|step| step as f32).collect();
    assert_eq!(kept, expected);
}

#[test]
fn a_disk_that_refuses_costs_nothing_for_an_hour() {
    let place = Place::new();
    let mut recorder = place.open();
    fs::remove_dir(place.dir()).expect("removed");
    for step in 1..=200 {
        recorder.append(&layout(&["a"]), moment(step), &[1.0]).expect("the tail takes it");
        assert!(recorder.flush().is_err());
    }
    fs::create_dir(place.dir()).expect("made again");
    recorder.flush().expect("written");
    assert_eq!(values(&place.peek(), "a", 3000, 3000, 15).iter().flatten().count(), 200);
}

#[test]
fn without_memory_the_rows_of_a_minute_are_written_together() {
    let place = Place::new();
    let mut recorder = place.open();
    recorder.tail_is_free = false;
    let seen = |place: &Place| values(&place.peek(), "a", 300, 300, 15).iter().flatten().count();
    rows(&mut recorder, &layout(&["a"]), 1..=4);
    assert_eq!(seen(&place), 1);
    rows(&mut recorder, &layout(&["a"]), 5..=6);
    assert_eq!(seen(&place), 5);
}
