//! An agent that is killed while it takes in what happened.

use serde_json::Value as Json;

use super::*;
use crate::bookmarks::{self, Bookmark};

/// A state directory, and an agent over it that has neither stopped nor said goodbye.
struct Agent {
    intake: Intake,
    outbox: Arc<Outbox>,
    _settings: watch::Sender<Settings>,
}

impl Agent {
    fn start(dir: &Path) -> Self {
        let state = StateDir::open(dir).expect("a state directory");
        let scratch = Scratch::on_disk(&dir.join("scratch")).expect("a scratch directory");
        let spool = Spool::open(&state.dir("spool").expect("made"), &scratch, Limits::default()).expect("a spool");
        let (outbox, (settings, seen)) = (Arc::new(Outbox::new(spool)), watch::channel(Settings::default()));
        let clock = Arc::new(Clocks::default()) as Arc<dyn Clock>;
        let (config, vitals) = (Config::default(), Arc::default());
        let intake = Intake::open(&state, &scratch, &config, Arc::clone(&outbox), clock, vitals, seen);
        let mut intake = intake.expect("opens").0;
        let nothing = crate::schedule::SectionReadings {
            section: Section::Identity,
            readings: Vec::new(),
            events: Vec::new(),
            bookmarks: Vec::new(),
            missing: Vec::new(),
            elapsed: Duration::ZERO,
        };
        intake.introduce(nothing);
        Self { intake, outbox, _settings: settings }
    }

    /// How often each event in the spool happened, oldest first.
    fn told(&self) -> Vec<u32> {
        let frames = self.outbox.spool().read_after(0, 100, usize::MAX);
        let records = frames.iter().map(|frame| v1_record(&frame.payload));
        let events = records.filter_map(|record| match record.body {
            Body::Event(event) => Some(event.count),
            _ => None,
        });
        events.collect()
    }
}

fn v1_record(payload: &[u8]) -> Record {
    use firstline_proto::Message;
    Record::try_from(firstline_proto::v1::Record::decode(payload).expect("a record")).expect("within its bounds")
}

fn found(place: u64) -> (Vec<Event>, Vec<Bookmark>) {
    let attributes = [("kind", "io"), ("system.device", "sda"), ("place", "internal")];
    let series = Series::new("endpoint.disk.errors", attributes);
    let event = Event { series, at: TEN_O_CLOCK, fields: std::collections::BTreeMap::new(), count: 1 };
    (vec![event], vec![Bookmark { name: "log", place: place.into(), turn: place }])
}

#[tokio::test]
async fn what_was_told_is_not_told_again_and_what_was_counted_is_told_by_the_next_run() {
    let dir = tempfile::tempdir().expect("a directory");
    let place = || bookmarks::recall(&dir.path().join("remembered"), "log").and_then(|place: Json| place.as_u64());
    let mut first = Agent::start(dir.path());
    for turn in 1..=3 {
        let (events, bookmarks) = found(turn);
        first.intake.events(events, bookmarks);
    }
    assert_eq!((first.told(), place()), (vec![1], Some(3)), "the first is told, two are counted");
    drop(first);

    let mut second = Agent::start(dir.path());
    assert_eq!(second.told(), [1]);
    let (events, bookmarks) = found(4);
    second.intake.events(events, bookmarks);
    assert_eq!((second.told(), place()), (vec![1], Some(4)), "it goes on counting");
    drop(second);

    let mut third = Agent::start(dir.path());
    third.intake.finish();
    assert_eq!(third.told(), [1, 3], "none is lost, and none is told twice");
}
