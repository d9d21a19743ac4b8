//! The agent's spool on a real file system that is full, read-only, or gone.

use std::path::{Path, PathBuf};

use firstline_agent::spool::{Limits, Spool};
use firstline_agent::state::Scratch;
use firstline_diagnosis::vocabulary::{Mark, Sample, Timestamp};
use firstline_proto::convert::{Body, Record};
use firstline_tests::Volume;
use firstline_tests::wire::records;

/// A spool on a volume of its own, its memory elsewhere, and a clock.
struct Story {
    volume: Volume,
    memory: PathBuf,
    spool: Spool,
    minute: u64,
    put: Vec<u64>,
    _folder: tempfile::TempDir,
}

fn open(volume: &Path, memory: &Path) -> Spool {
    let scratch = Scratch::on_disk(memory).unwrap();
    let mut spool = Spool::open(&volume.join("spool"), &scratch, Limits::default()).unwrap();
    spool.use_layout((&records::layout()).into());
    spool
}

impl Story {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let volume = Volume::mount(folder.path(), "disk", 24);
        std::fs::create_dir(volume.path().join("spool")).unwrap();
        let memory = folder.path().join("memory");
        let spool = open(volume.path(), &memory);
        Self { volume, memory, spool, minute: 0, put: Vec::new(), _folder: folder }
    }

    /// So many minutes pass, with a turn in the day each quarter of an hour.
    fn live(&mut self, minutes: u64) {
        for _ in 0..minutes {
            self.minute += 1;
            let at = Timestamp(1_769_000_000_000 + i64::try_from(self.minute).unwrap() * 60_000);
            let values = vec![0.1, 0.2, 0.7];
            let layout = records::layout().fingerprint();
            let sample = Body::Sample(Sample { at, step_seconds: 60, layout, values, absences: vec![] });
            let mark = self.minute.is_multiple_of(15).then_some(Body::Mark(Mark::NetworkChanged));
            for body in [Some(sample), mark].into_iter().flatten() {
                self.put.push(self.spool.append(at, self.minute * 60_000, "boot", body));
            }
            self.spool.tick(self.minute * 60_000 + 15_000);
        }
    }

    fn trouble(&self) -> Option<String> {
        self.spool.fill().trouble
    }
}

/// Numbers of all records, and how many others they say were dropped.
fn all(spool: &mut Spool) -> (Vec<u64>, u64) {
    let (mut numbers, mut dropped) = (Vec::new(), 0);
    loop {
        let portion = spool.read_after(numbers.last().copied().unwrap_or(0), 500, 1 << 20);
        if portion.is_empty() {
            return (numbers, dropped);
        }
        for frame in portion {
            numbers.push(frame.sequence);
            if let Body::Dropped(told) = Record::try_from(frame.record().unwrap()).unwrap().body {
                dropped += told.samples + told.others;
            }
        }
    }
}

#[test]
fn a_full_disk_is_said_outlived_and_made_up_for() {
    let mut story = Story::new();
    story.live(60);
    assert_eq!(story.trouble(), None);
    story.volume.fill();
    story.live(600);
    let said = story.trouble().expect("it is said");
    assert!(said.contains("No space left"), "{said}");
    assert_eq!(all(&mut story.spool), (story.put.clone(), 0), "everything can be sent meanwhile");
    story.volume.free();
    story.live(10);
    assert_eq!(story.trouble(), None);
    assert_eq!(all(&mut story.spool), (story.put.clone(), 0));
    story.spool.close().unwrap();
    std::fs::remove_dir_all(&story.memory).unwrap();
    let mut after_power_cut = open(story.volume.path(), &story.memory);
    assert_eq!(all(&mut after_power_cut), (story.put, 0), "in order, once, on the disk");
}

#[test]
fn a_disk_that_turned_read_only_is_said_outlived_and_made_up_for() {
    let mut story = Story::new();
    story.live(60);
    story.volume.set_writable(false);
    story.live(300);
    let said = story.trouble().expect("it is said");
    assert!(said.contains("Read-only"), "{said}");
    assert_eq!(all(&mut story.spool), (story.put.clone(), 0));
    let mut killed_and_started = open(story.volume.path(), &story.memory);
    assert_eq!(all(&mut killed_and_started), (story.put.clone(), 0), "also after kill -9");
    drop(killed_and_started);
    story.volume.set_writable(true);
    story.live(10);
    assert_eq!(story.trouble(), None);
    story.spool.close().unwrap();
    std::fs::remove_dir_all(&story.memory).unwrap();
    assert_eq!(all(&mut open(story.volume.path(), &story.memory)), (story.put, 0));
}

#[test]
fn a_disk_that_dies_costs_what_was_on_it_at_most_and_every_record_is_accounted_for() {
    let mut story = Story::new();
    story.live(60);
    story.volume.break_disk();
    story.live(60);
    let said = story.trouble().expect("it is said");
    assert!(said.contains("rror") || said.contains("Read-only"), "{said}");
    // What is on the dead disk holds up what is in memory for ten minutes.
    let _ = all(&mut story.spool);
    story.live(12);
    let _ = all(&mut story.spool);
    // The next record tells what was lost.
    story.live(1);
    let (numbers, dropped) = all(&mut story.spool);
    let kept_since = story.put.len() - story.put.iter().position(|one| numbers.contains(one)).unwrap();
    assert!(kept_since >= 73, "what came after the disk died is there: {kept_since} records");
    assert!(numbers.is_sorted_by(|one, next| one < next), "in order, once");
    let given = story.spool.next_sequence() - 1;
    assert_eq!(numbers.len() as u64 + dropped, given, "{dropped} were told as lost");
    println!("{given} records, {} kept, {dropped} lost with the disk and told", numbers.len());
}
