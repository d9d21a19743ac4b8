mod damage;
mod limits;
mod refusal;

use std::fs;

use firstline_diagnosis::vocabulary::{Layout, Mark, Sample, Series};
use tempfile::TempDir;

use super::*;

const BOOT: &str = "boot-1";
const MINUTE_MS: u64 = 60_000;

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

fn boot_ms(minute: i64) -> u64 {
    minute.unsigned_abs() * MINUTE_MS
}

/// A state directory with a spool in it.
struct Place {
    dir: TempDir,
    limits: Limits,
}

impl Place {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        // In memory, where a sync costs nothing.
        let memory = crate::os::native::memory_dirs().into_iter().find_map(|dir| tempfile::tempdir_in(dir).ok());
        let dir = memory.unwrap_or_else(|| tempfile::tempdir().expect("temporary directory"));
        fs::create_dir(dir.path().join("spool")).expect("made");
        Self { dir, limits }
    }

    fn spool_dir(&self) -> PathBuf {
        self.dir.path().join("spool")
    }

    fn tail(&self) -> PathBuf {
        self.dir.path().join("memory/spool.tail")
    }

    fn open(&self) -> Spool {
        let scratch = Scratch::on_disk(&self.dir.path().join("memory")).expect("made");
        let mut spool = Spool::open(&self.spool_dir(), &scratch, self.limits).expect("opens");
        spool.use_layout((&layout()).into());
        spool
    }

    /// A power cut: what was in memory is gone.
    fn lose_power(&self) {
        fs::remove_dir_all(self.dir.path().join("memory")).expect("there");
    }

    fn segments(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.spool_dir()).expect("there").map(|entry| entry.expect("readable").path());
        let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|one| one == "segment")).collect();
        files.sort();
        files
    }
}

fn append_samples(spool: &mut Spool, minutes: std::ops::Range<i64>) -> Vec<u64> {
    minutes.map(|minute| spool.append(at(minute), boot_ms(minute), BOOT, sample(minute))).collect()
}

fn mark(spool: &mut Spool, minute: i64) -> u64 {
    spool.append(at(minute), boot_ms(minute), BOOT, Body::Mark(Mark::NetworkChanged))
}

fn all(spool: &mut Spool) -> Vec<Frame> {
    let mut all: Vec<Frame> = Vec::new();
    loop {
        let portion = spool.read_after(all.last().map_or(0, |frame| frame.sequence), 1000, 1 << 20);
        if portion.is_empty() {
            return all;
        }
        all.extend(portion);
    }
}

fn sequences(spool: &mut Spool) -> Vec<u64> {
    all(spool).iter().map(|frame| frame.sequence).collect()
}

/// Records that the spool says, or will say with its next record, that it dropped.
fn told_dropped(spool: &mut Spool) -> u64 {
    let records = all(spool).into_iter().map(|frame| frame.record().expect("whole"));
    let told = records.filter_map(|record| match Record::try_from(record).expect("within bounds").body {
        Body::Dropped(dropped) => Some(dropped.samples + dropped.others),
        _ => None,
    });
    told.sum::<u64>() + spool.untold.map_or(0, |dropped| dropped.samples + dropped.others)
}

#[test]
fn gives_back_what_was_put_in_after_a_crash() {
    let place = Place::new();
    let mut spool = place.open();
    let put = append_samples(&mut spool, 0..12);
    drop(spool);
    let mut again = place.open();
    assert_eq!(sequences(&mut again), put);
    assert_eq!(again.layout(layout().fingerprint()).map(|known| known.series.len()), Some(1));
    assert!(again.next_sequence() > *put.last().expect("twelve"));
    let more = append_samples(&mut again, 12..14);
    drop(again);
    assert_eq!(sequences(&mut place.open()), [put, more].concat(), "also after a second one");
}

#[test]
fn a_power_cut_costs_five_minutes_of_samples_and_no_event() {
    let place = Place::new();
    let mut spool = place.open();
    let put = append_samples(&mut spool, 0..12);
    drop(spool);
    place.lose_power();
    let kept = sequences(&mut place.open());
    assert!(kept.len() >= 7 && kept == put[..kept.len()], "{kept:?} of {put:?}");
    let mut spool = place.open();
    append_samples(&mut spool, 20..22);
    let event = mark(&mut spool, 22);
    drop(spool);
    place.lose_power();
    let mut spool = place.open();
    assert_eq!(sequences(&mut spool).last(), Some(&event));
    assert!(append_samples(&mut spool, 23..24)[0] > event);
}

#[test]
fn an_agent_that_is_connected_writes_no_samples_to_disk() {
    let place = Place::new();
    let mut spool = place.open();
    for minute in 0..600 {
        let sequence = append_samples(&mut spool, minute..minute + 1)[0];
        spool.acknowledge(sequence);
    }
    assert_eq!(place.segments(), Vec::<PathBuf>::new());
    assert!(fs::metadata(place.tail()).expect("there").len() < 128 * 1024);
    assert_eq!(spool.fill().records, 0);
}

#[test]
fn only_what_is_acknowledged_goes() {
    let place = Place::new();
    let mut spool = place.open();
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
    let place = Place::with(Limits { bytes: 256 * 1024, ..Limits::default() });
    let mut spool = place.open();
    let put = append_samples(&mut spool, 0..301);
    assert!(place.segments().len() > 2);
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
fn skips_numbers_that_the_collector_has_seen() {
    let place = Place::new();
    let mut spool = place.open();
    spool.acknowledge(5000);
    assert_eq!(append_samples(&mut spool, 0..1), [5001]);
    assert_eq!(sequences(&mut spool), [5001]);
}

#[test]
fn a_crash_between_disk_and_tail_doubles_nothing() {
    let place = Place::new();
    let mut spool = place.open();
    let put = append_samples(&mut spool, 0..4);
    let tail = fs::read(place.tail()).expect("there");
    spool.close().expect("closes");
    drop(spool);
    fs::write(place.tail(), tail).expect("as it was before the disk was written");
    assert_eq!(sequences(&mut place.open()), put);
}
