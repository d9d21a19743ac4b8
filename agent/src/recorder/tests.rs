use std::fs;

use firstline_diagnosis::vocabulary::{Attributes, Series, Timestamp};
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
fn programs_that_come_and_go_cost_a_name_each_and_no_segment() {
    let place = Place::new();
    let mut recorder = place.open();
    let names: Vec<String> = (0..240).map(|number| format!("program.{number}.running.for.a.while")).collect();
    for step in 1..=240_i64 {
        // Every program runs for ten steps.
        let from = usize::try_from(step - 1).expect("positive");
        let running: Vec<&str> = names.iter().skip(from).take(10).map(String::as_str).collect();
        rows(&mut recorder, &layout(&running), step..=step);
    }
    assert_eq!(place.segments().len(), 1);
    let bytes = recorder.bytes();
    assert!(bytes < 80 * 240, "{bytes} bytes for 240 names of 35 letters and 2400 numbers");
    for recorder in [recorder, place.peek(), place.open()] {
        let all = recorder.series(at(0), at(240 * 15), 15, |_| false);
        assert_eq!(all.len(), 240);
        let values: Vec<f32> = all.iter().flat_map(|series| series.values.iter().flatten().copied()).collect();
        assert_eq!(values.len(), (1..=240).map(|step: usize| 10.min(241 - step)).sum::<usize>());
    }
}

#[test]
fn what_came_before_a_crash_is_told_from_what_came_after() {
    let place = Place::new();
    let mut recorder = place.open();
    rows(&mut recorder, &layout(&["a", "b"]), 1..=25);
    rows(&mut recorder, &layout(&["c", "a"]), 26..=27);
    drop(recorder);
    let mut again = place.open();
    rows(&mut again, &layout(&["b", "c", "d"]), 28..=45);
    assert_eq!(place.segments().len(), 1, "it goes on where it was");
    for recorder in [again, place.peek()] {
        let steps = |name: &str| {
            let values = values(&recorder, name, 675, 675, 15);
            values.into_iter().flatten().map(|value| value as i64).collect::<Vec<_>>()
        };
        assert_eq!(steps("a"), (1..=27).collect::<Vec<_>>());
        assert_eq!(steps("b"), (1..=25).chain(28..=45).collect::<Vec<_>>());
        assert_eq!(steps("c"), (26..=45).collect::<Vec<_>>());
        assert_eq!(steps("d"), (28..=45).collect::<Vec<_>>());
    }
}

#[test]
fn a_bit_in_the_names_costs_their_history_and_no_other() {
    let place = Place::new();
    let mut recorder = place.open();
    rows(&mut recorder, &layout(&["a"]), 1..=20);
    rows(&mut recorder, &layout(&["a", "b"]), 21..=40);
    drop(recorder);
    let file = place.segments().remove(0);
    let whole = fs::read(&file).expect("readable");
    let later = frame::frames(&whole, segment::HEAD_BYTES).filter(|frame| frame.kind == frame::Kind::Names).nth(1);
    let later = later.expect("b came later");
    for bit in later.at * 8..later.end() * 8 {
        let mut altered = whole.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        fs::write(&file, &altered).expect("written");
        let kept = |name| values(&place.peek(), name, 600, 600, 15).iter().flatten().count();
        assert_eq!((kept("a"), kept("b")), (40, 0), "bit {bit}");
    }
    let mut again = place.open();
    rows(&mut again, &layout(&["a", "b"]), 41..=60);
    assert_eq!(values(&place.peek(), "b", 900, 300, 15).iter().flatten().count(), 20, "a new segment has all names");
}

#[test]
fn files_of_another_version_are_deleted() {
    let place = Place::new();
    fs::write(place.dir().join("00000000000000000000.blocks"), b"FLREC\x02\0\0\x0f\0\0\0rows of long ago")
        .expect("there");
    fs::create_dir_all(place.0.path().join("memory")).expect("made");
    fs::write(place.tail(), b"FLREC\x02\0\0\x0f\0\0\0rows of long ago").expect("there");
    let mut recorder = place.open();
    assert!(place.segments().is_empty());
    rows(&mut recorder, &layout(&["a"]), 1..=21);
    assert_eq!(values(&place.peek(), "a", 315, 315, 15).iter().flatten().count(), 21);
}

#[test]
fn when_there_is_no_room_for_names_a_segment_begins() {
    let place = Place::new();
    let mut recorder = place.open();
    for round in 0..5 {
        let names: Vec<String> = (0..4096).map(|number| format!("n.{round}.{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        rows(&mut recorder, &layout(&names), round + 1..=round + 1);
    }
    recorder.flush().expect("written");
    assert_eq!(place.segments().len(), 2);
    let all = place.peek().series(at(0), at(75), 15, |_| false);
    assert_eq!(all.len(), 5 * 4096);
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
    let names = frame::frames(&whole, segment::HEAD_BYTES).next().expect("names");
    assert_eq!(names.kind, frame::Kind::Names);
    let head = names.end();
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
