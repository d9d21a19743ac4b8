use std::fs;

use firstline_diagnosis::vocabulary::{Layout, Mark, Sample, Series};
use proptest::prelude::*;

use super::*;

const BOOT: &str = "boot-1";

fn at(minute: i64) -> Timestamp {
    Timestamp(1_769_000_000_000 + minute * 60_000)
}

fn layout() -> Layout {
    Layout::new(vec![Series::new("system.cpu.utilization", [("cpu.mode", "user")])])
}

fn sample(minute: i64) -> Body {
    let values = vec![minute as f32];
    Body::Sample(Sample { at: at(minute), step_seconds: 60, layout: layout().fingerprint(), values, absences: vec![] })
}

fn open(dir: &Path, limits: Limits) -> Spool {
    let mut spool = Spool::open(dir, limits, at(0)).expect("opens");
    spool.use_layout((&layout()).into());
    spool
}

fn append_samples(spool: &mut Spool, minutes: std::ops::Range<i64>) -> Vec<u64> {
    minutes.map(|minute| spool.append(at(minute), 0, BOOT, sample(minute))).collect()
}

fn sequences(spool: &mut Spool) -> Vec<u64> {
    spool.read_after(0, usize::MAX, usize::MAX).iter().map(|frame| frame.sequence).collect()
}

fn segment_files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("there").map(|entry| entry.expect("readable").path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|one| one == "segment")).collect();
    files.sort();
    files
}

#[test]
fn gives_back_what_was_put_in_after_a_crash() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let mut spool = open(dir.path(), Limits::default());
    let put = append_samples(&mut spool, 0..10);
    drop(spool);
    let mut again = Spool::open(dir.path(), Limits::default(), at(11)).expect("opens");
    assert_eq!(sequences(&mut again), put);
    assert_eq!(again.layout(layout().fingerprint()).map(|known| known.series.len()), Some(1));
    assert!(again.next_sequence() > *put.last().expect("ten"));
}

#[test]
fn only_what_is_acknowledged_goes() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let mut spool = open(dir.path(), Limits::default());
    let put = append_samples(&mut spool, 0..10);
    spool.acknowledge(put[3]);
    assert_eq!(sequences(&mut spool), put[4..]);
    assert_eq!(spool.fill().records, 6);
    spool.acknowledge(put[9]);
    assert!(sequences(&mut spool).is_empty());
    assert_eq!(spool.fill().records, 0);
}

#[test]
fn reads_in_portions() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let mut spool = open(dir.path(), Limits { bytes: 256 * 1024, ..Limits::default() });
    let put = append_samples(&mut spool, 0..300);
    let (mut after, mut got) = (0, Vec::new());
    loop {
        let portion = spool.read_after(after, 7, 4096);
        let Some(last) = portion.last() else { break };
        after = last.sequence;
        got.extend(portion.iter().map(|frame| frame.sequence));
    }
    assert_eq!(got, put);
    assert_eq!(spool.read_after(put[4], 1, 4096)[0].sequence, put[5], "also when asked for an earlier place again");
}

#[test]
fn drops_samples_before_events_and_keeps_the_start_of_the_outage() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let limits = Limits { bytes: 64 * 1024, ..Limits::default() };
    let mut spool = open(dir.path(), limits);
    let mut marks = Vec::new();
    for minute in 0..4000 {
        if minute % 100 == 0 {
            marks.push(spool.append(at(minute), 0, BOOT, Body::Mark(Mark::NetworkChanged)));
        }
        append_samples(&mut spool, minute..minute + 1);
    }
    let kept = sequences(&mut spool);
    assert!(spool.fill().bytes <= limits.bytes + 4096);
    assert!(marks.iter().all(|mark| kept.contains(mark)), "every mark is kept");
    assert!((1..=20).all(|early| kept.contains(&early)), "the start of the outage is kept");
    let told: u64 = spool
        .read_after(0, usize::MAX, usize::MAX)
        .iter()
        .filter_map(|frame| match Record::try_from(frame.record().expect("whole")).expect("within bounds").body {
            Body::Dropped(dropped) => Some(dropped.samples + dropped.others),
            _ => None,
        })
        .sum();
    let total = spool.next_sequence() - 1;
    let untold = spool.untold.map_or(0, |dropped| dropped.samples + dropped.others);
    assert_eq!(told + untold + kept.len() as u64, total, "every number is there or told as dropped");
}

#[test]
fn drops_what_is_too_old() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let limits = Limits { bytes: 256 * 1024, age: Duration::from_hours(1) };
    let mut spool = open(dir.path(), limits);
    append_samples(&mut spool, 0..600);
    let oldest = spool.read_after(0, 1, 4096)[0].at;
    assert!(at(599).since(oldest) < Duration::from_hours(3), "one segment may stand over");
    assert!(spool.fill().dropped_records > 300);
}

#[test]
fn a_disk_that_refuses_is_outlived() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let inner = dir.path().join("spool");
    fs::create_dir(&inner).expect("made");
    let mut spool = open(&inner, Limits::default());
    // A directory that is gone refuses every new segment, like a full disk.
    fs::remove_dir_all(&inner).expect("removed");
    let put = append_samples(&mut spool, 0..5);
    assert!(spool.fill().trouble.is_some());
    assert_eq!(sequences(&mut spool), put, "what is in memory can be sent");
    fs::create_dir(&inner).expect("made again");
    let more = append_samples(&mut spool, 5..6);
    assert_eq!(spool.fill().trouble, None);
    assert_eq!(sequences(&mut spool), [put, more].concat());
    assert_eq!(segment_files(&inner).len(), 1);
}

#[test]
fn skips_numbers_that_the_collector_has_seen() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let mut spool = open(dir.path(), Limits::default());
    spool.acknowledge(5000);
    assert_eq!(append_samples(&mut spool, 0..1), [5001]);
    assert_eq!(sequences(&mut spool), [5001]);
}

#[test]
fn a_torn_tail_is_cut_wherever_it_tears() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let put = append_samples(&mut open(dir.path(), Limits::default()), 0..6);
    let file = segment_files(dir.path()).remove(0);
    let whole = fs::read(&file).expect("readable");
    for cut in 0..whole.len() {
        fs::write(&file, &whole[..cut]).expect("cut");
        let mut spool = Spool::open(dir.path(), Limits::default(), at(9)).expect("opens");
        let kept = sequences(&mut spool);
        assert_eq!(kept, put[..kept.len()], "cut at {cut}");
        let new = append_samples(&mut spool, 9..10);
        assert!(new[0] > *put.last().expect("six"), "a number was used twice after a cut at {cut}");
        drop(spool);
        for left in segment_files(dir.path()) {
            fs::remove_file(left).expect("removed");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_flipped_bit_costs_nothing_before_it(place in 0.0f64..1.0, bit in 0u8..8) {
        let dir = tempfile::tempdir().expect("temporary directory");
        let put = append_samples(&mut open(dir.path(), Limits::default()), 0..20);
        let file = segment_files(dir.path()).remove(0);
        let mut bytes = fs::read(&file).expect("readable");
        let index = (bytes.len() as f64 * place) as usize;
        let before = frames_before(&bytes, index);
        bytes[index] ^= 1 << bit;
        fs::write(&file, &bytes).expect("written");
        let mut spool = Spool::open(dir.path(), Limits::default(), at(30)).expect("opens");
        prop_assert_eq!(sequences(&mut spool), &put[..before]);
    }
}

/// How many records end at or before `index`.
fn frames_before(bytes: &[u8], index: usize) -> usize {
    let (mut offset, mut records) = (0, 0);
    while let Some(frame) = Frame::read_from(&bytes[offset..]) {
        offset += frame.len() as usize;
        if offset > index {
            break;
        }
        records += usize::from(frame.class != Class::Layout);
    }
    records
}
