mod foresight;

use std::time::Duration;

use firstline_diagnosis::vocabulary::{Attributes, Layout, Mark, Reading, Sample, Series, Value};

use super::*;
use crate::alert::{AlertQuery, AlertState};
use crate::app::{App, ManualClock, fixture};
use crate::config::Config;
use crate::feed::{FeedItem, Watched};
use crate::store::fixture::{Enrolled, enrol};
use crate::store::{Body, RecordBatch, Row, StateValue, sql};

pub(crate) const ENDPOINT: &str = "0197c1a0-0000-7000-8000-000000000001";
const START: Timestamp = Timestamp(1_769_000_000_000);
const MINUTE: Duration = Duration::from_mins(1);
const GIB: f32 = 1_073_741_824.0;

/// A collector with one endpoint that has a data volume of 100 GiB.
pub(crate) struct Room {
    folder: tempfile::TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) app: Arc<App>,
    feed: crate::feed::Watch,
    sequence: u64,
}

impl Room {
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(ManualClock::at(START));
        let config = fixture::create(folder.path(), &*clock).await;
        let app = App::open(folder.path(), config, clock.clone()).await.expect("an app");
        enrol(&app.store, Enrolled { id: ENDPOINT, ..Enrolled::default() }).await;
        crate::ingest::Layouts::new(app.store.clone()).announce(layout(), START).await.expect("stored").expect("known");
        let feed = app.feed.subscribe();
        Self { folder, clock, app, feed, sequence: 0 }
    }

    pub(crate) async fn restart(self) -> Self {
        self.restart_with(|_| ()).await
    }

    /// The collector ends, and starts again with a configuration that differs in this.
    pub(crate) async fn restart_with(self, change: impl FnOnce(&mut Config)) -> Self {
        self.app.store.close().await;
        let mut config = fixture::config(self.folder.path()).await;
        change(&mut config);
        let app = App::open(self.folder.path(), config, self.clock.clone()).await.expect("an app");
        let feed = app.feed.subscribe();
        Self { app, feed, ..self }
    }

    /// A minute passes, at whose end the endpoint tells how much is free: stored, then judged, as ingest does it.
    pub(crate) async fn minute(&mut self, free_gib: f32) {
        self.clock.advance(MINUTE);
        self.tell(free_gib, self.clock.now()).await;
    }

    pub(crate) async fn minutes(&mut self, count: usize, free_gib: f32) {
        for _ in 0..count {
            self.minute(free_gib).await;
        }
    }

    async fn tell(&mut self, free_gib: f32, at: Timestamp) {
        self.tell_ahead(free_gib, at).await;
        self.app.detect.rebuild().await;
    }

    /// The same, before its turn to be rebuilt has come.
    async fn tell_ahead(&mut self, free_gib: f32, at: Timestamp) {
        let observation = self.store_sample(free_gib, at).await;
        self.app.detect.observe(ENDPOINT, &[observation]).await;
    }

    async fn store_sample(&mut self, free_gib: f32, at: Timestamp) -> Observation {
        let values = vec![free_gib * GIB, 100.0 * GIB];
        let layout = Arc::new(layout());
        let body = Body::Sample {
            layout: layout.fingerprint(),
            step_seconds: 60,
            row: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            absences: None,
        };
        self.store(body, at).await;
        let sample = Sample { at, step_seconds: 60, layout: layout.fingerprint(), values, absences: Vec::new() };
        Observation::Sample(layout, sample)
    }

    /// The endpoint tells of a turn in its day.
    async fn turn(&mut self, mark: Mark, at: Timestamp) {
        let body = Body::Mark(mark.name());
        self.store(body, at).await;
        self.app.detect.observe(ENDPOINT, &[Observation::Mark(at, mark)]).await;
        self.app.detect.rebuild().await;
    }

    /// A minute passes, and the endpoint tells how a service does.
    pub(crate) async fn service(&mut self, state: &str) {
        self.clock.advance(MINUTE);
        let (at, attributes) = (self.clock.now(), Attributes::from_iter([("service", "cron")]));
        let series = Series::new("endpoint.service.state", attributes.clone()).to_string();
        let outcome = format!(r#"{{"value":"{state}"}}"#);
        self.store(Body::Inventory(vec![StateValue { series, outcome, at_ms: at.unix_ms() }]), at).await;
        let reading = Reading::value("endpoint.service.state", attributes, Value::Text(state.into()), at);
        self.app.detect.observe(ENDPOINT, &[Observation::Reading(reading)]).await;
        self.app.detect.rebuild().await;
    }

    async fn store(&mut self, body: Body, at: Timestamp) {
        self.sequence += 1;
        let rows = vec![Row { sequence: self.sequence, at_ms: at.unix_ms(), body }];
        let known = self.app.fleet.known(ENDPOINT).await.expect("enrolled");
        let batch = RecordBatch {
            endpoint_key: known.key,
            received_ms: self.clock.now().unix_ms(),
            rows,
            ahead: false,
            epoch: None,
        };
        self.app.store.append(batch).await.expect("stored");
    }

    async fn run(&self, statement: &'static str) {
        let run = self.app.store.write(move |tx| {
            Box::pin(async move {
                sql::query(statement).execute(tx).await?;
                Ok::<_, StoreError>(())
            })
        });
        run.await.expect(statement);
    }

    /// The administrator lays a file over the checks.
    pub(crate) async fn lay_over(&self, text: &str) {
        let folder = self.folder.path().join("checks");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("mine.toml"), text).expect("a file");
        self.app.detect.reload().await.expect("in force");
    }

    async fn seconds(&self, count: u64) {
        self.clock.advance(Duration::from_secs(count));
        self.app.detect.tick().await;
    }

    async fn held(&self) -> Vec<String> {
        let findings = self.app.detect.findings(ENDPOINT).await.expect("readable");
        findings
            .into_iter()
            .map(|finding| format!("{} {} {}", finding.id, finding.instance, finding.state.name()))
            .collect()
    }

    async fn alerts(&self) -> Vec<(AlertState, u32)> {
        let alerts = self.app.alerts.list(&AlertQuery::default()).await.expect("readable").alerts;
        alerts.into_iter().map(|alert| (alert.state, alert.times_fired)).collect()
    }

    /// States of alerts that watchers heard of since the last call; the same state twice in a row is heard once.
    fn heard(&mut self) -> Vec<&'static str> {
        let watched = std::iter::from_fn(|| self.feed.ready());
        let mut states: Vec<_> = watched
            .filter_map(|watched| match watched {
                Watched::Entry(entry) => match &entry.item {
                    FeedItem::Alert(alert) => Some(alert.state.name()),
                    _ => None,
                },
                Watched::Lagged => Some("lagged"),
            })
            .collect();
        states.dedup();
        states
    }
}

fn layout() -> Layout {
    let volume = [("mountpoint", "/mnt/data"), ("role", "data"), ("type", "ext4")];
    let free = [("mountpoint", "/mnt/data"), ("role", "data"), ("state", "free"), ("type", "ext4")];
    Layout::new(vec![Series::new("system.filesystem.usage", free), Series::new("system.filesystem.limit", volume)])
}

#[tokio::test]
async fn a_full_volume_fires_within_a_minute_and_resolves_when_it_is_freed() {
    let mut room = Room::open().await;
    room.minutes(10, 50.0).await;
    assert!(room.held().await.is_empty());
    room.minute(0.1).await;
    assert!(room.heard().is_empty(), "its hold has not passed");
    room.seconds(25).await;
    assert_eq!(room.heard(), ["firing"]);
    assert_eq!(room.held().await, ["volume-full /mnt/data active"]);
    let endpoint = room.app.fleet.find(ENDPOINT).await.expect("there");
    assert_eq!(endpoint.worst_severity, Some(firstline_diagnosis::vocabulary::Severity::Medium));
    let alert = room.app.alerts.list(&AlertQuery::default()).await.expect("readable").alerts.remove(0);
    assert_eq!((alert.title.as_str(), alert.endpoint.name.as_str()), ("A volume is full", "lap-1"));
    assert!(!alert.finding.evidence.is_empty());

    room.minute(50.0).await;
    room.seconds(25).await;
    room.minute(50.0).await;
    assert_eq!(room.heard(), ["firing", "resolved"], "recovering, then resolved");
    assert!(room.held().await.is_empty());
    let endpoint = room.app.fleet.find(ENDPOINT).await.expect("there");
    assert_eq!(endpoint.worst_severity, None);
}

#[tokio::test]
async fn what_could_not_be_stored_when_it_was_judged_is_told_afterwards() {
    let mut room = Room::open().await;
    room.minutes(10, 50.0).await;
    room.minute(0.1).await;
    room.run("ALTER TABLE findings RENAME TO findings_elsewhere").await;
    room.seconds(25).await;
    assert!(room.heard().is_empty(), "nothing can be stored");
    room.run("ALTER TABLE findings_elsewhere RENAME TO findings").await;
    room.seconds(5).await;
    assert_eq!(room.heard(), ["firing"]);
    assert_eq!(room.held().await, ["volume-full /mnt/data active"]);

    room.minute(50.0).await;
    room.run("ALTER TABLE findings RENAME TO findings_elsewhere").await;
    room.seconds(25).await;
    room.minute(50.0).await;
    room.run("ALTER TABLE findings_elsewhere RENAME TO findings").await;
    room.seconds(5).await;
    assert_eq!(room.alerts().await, [(AlertState::Resolved, 1)]);
}

#[tokio::test]
async fn what_was_committed_without_a_word_is_judged_when_the_endpoint_is_back_and_tells_nothing_new() {
    let mut room = Room::open().await;
    room.minutes(10, 50.0).await;
    room.clock.advance(MINUTE);
    room.store_sample(0.1, room.clock.now()).await;
    room.app.detect.doubtful(ENDPOINT).await;
    room.app.detect.connected(ENDPOINT).await;
    room.app.detect.rebuild().await;
    room.seconds(25).await;
    assert_eq!(room.heard(), ["firing"]);
    room.minutes(2, 0.1).await;
    assert_eq!(room.alerts().await, [(AlertState::Firing, 1)], "once");
}

#[tokio::test]
async fn a_restart_neither_fires_again_nor_forgets() {
    let mut room = Room::open().await;
    room.minutes(10, 50.0).await;
    room.minutes(3, 0.1).await;
    assert_eq!(room.heard(), ["firing"]);
    let mut room = room.restart().await;
    assert_eq!(room.held().await, ["volume-full /mnt/data active"], "known before it is heard");
    room.minutes(3, 0.1).await;
    assert!(room.heard().is_empty());
    assert_eq!(room.alerts().await, [(AlertState::Firing, 1)]);
    room.minutes(3, 50.0).await;
    assert_eq!(room.heard(), ["firing", "resolved"], "recovering, then resolved");
    let mut room = room.restart().await;
    room.minutes(3, 50.0).await;
    assert!(room.heard().is_empty(), "what was over before the restart stays over");
    assert_eq!(room.alerts().await, [(AlertState::Resolved, 1)]);
}

#[tokio::test]
async fn a_hold_that_began_before_a_restart_ends_after_it() {
    let mut room = Room::open().await;
    room.minutes(10, 50.0).await;
    room.minute(0.1).await;
    let mut room = room.restart().await;
    room.clock.advance(Duration::from_secs(10));
    room.tell(0.1, room.clock.now()).await;
    assert!(room.heard().is_empty());
    room.seconds(12).await;
    assert_eq!(room.heard(), ["firing"]);
}

#[tokio::test]
async fn old_data_that_comes_late_fires_nothing() {
    let mut room = Room::open().await;
    room.minutes(10, 50.0).await;
    for age in (2..9).rev() {
        room.tell(0.1, room.clock.now() - MINUTE * age - Duration::from_secs(30)).await;
    }
    room.minutes(2, 50.0).await;
    room.seconds(30).await;
    assert!(room.heard().is_empty(), "{:?}", room.held().await);
}

#[tokio::test]
async fn silence_makes_a_finding_stale_and_never_clears_it() {
    let mut room = Room::open().await;
    room.minutes(5, 50.0).await;
    room.minutes(3, 0.1).await;
    assert_eq!(room.heard(), ["firing"]);
    for _ in 0..60 {
        room.seconds(60).await;
    }
    assert_eq!(room.held().await, ["volume-full /mnt/data stale"]);
    assert!(!room.heard().contains(&"resolved"));
}

#[tokio::test]
async fn diagnoses_an_endpoint_that_is_not_watched_from_its_stored_past() {
    let mut room = Room::open().await;
    room.minutes(5, 50.0).await;
    room.minutes(3, 0.1).await;
    let room = room.restart().await;
    let diagnosis = room.app.detect.diagnose(ENDPOINT, Some("disk full")).await.expect("an answer");
    assert_eq!(diagnosis.primary.as_deref(), Some("volume-full"));
    assert!(matches!(room.app.detect.diagnose("none", None).await, Err(DetectError::Endpoint(_))));
}

#[tokio::test]
async fn a_reload_with_a_bad_file_changes_nothing_and_one_with_a_good_file_keeps_holds() {
    let mut room = Room::open().await;
    room.minutes(5, 50.0).await;
    room.minutes(3, 0.1).await;
    let before = room.app.detect.catalogues().current().version().to_owned();
    let folder = room.folder.path().join("checks");
    std::fs::create_dir(&folder).expect("a folder");
    let write = |text: &str| std::fs::write(folder.join("mine.toml"), text).expect("a file");
    write("[[check]]\nid = \"volume-full\"\nwhen = \"fre < 1 GiB\"\n");
    let error = room.app.detect.reload().await.expect_err("refused").to_string();
    assert!(error.contains("checks/mine.toml:"), "{error}");
    assert_eq!(room.app.detect.catalogues().current().version(), before);
    write("[[check]]\nid = \"volume-full\"\ntitle = \"Our volume is full\"\n");
    let after = room.app.detect.reload().await.expect("in force");
    assert_ne!(after, before);
    room.minute(0.1).await;
    assert_eq!(room.held().await, ["volume-full /mnt/data active"]);
    assert_eq!(room.alerts().await, [(AlertState::Firing, 1)]);
}

#[tokio::test]
async fn what_comes_late_is_stored_and_not_told_as_new() {
    let mut room = Room::open().await;
    room.minutes(3, 50.0).await;
    // The volume was full for an hour yesterday, while nobody could be told, and has room now.
    let yesterday = room.clock.now() - Duration::from_hours(20);
    for minute in 0..60 {
        room.tell(0.1, yesterday + MINUTE * minute).await;
    }
    room.minutes(3, 50.0).await;
    assert_eq!((room.held().await, room.alerts().await), (Vec::<String>::new(), Vec::new()));
    // Whoever rebuilds yesterday sees it go by, and tells nobody.
    let mut room = room.restart().await;
    room.minutes(20, 50.0).await;
    assert_eq!((room.held().await, room.alerts().await), (Vec::<String>::new(), Vec::new()));
}

#[tokio::test]
async fn what_was_stored_and_not_judged_when_the_collector_was_killed_fires_once() {
    let mut room = Room::open().await;
    room.minutes(10, 50.0).await;
    for _ in 0..2 {
        room.clock.advance(MINUTE);
        room.store_sample(0.1, room.clock.now()).await;
    }
    let mut room = room.restart().await;
    room.minutes(2, 0.1).await;
    assert_eq!(room.heard(), ["firing"]);
    let mut room = room.restart().await;
    room.minutes(2, 0.1).await;
    assert!(room.heard().is_empty());
    assert_eq!(room.alerts().await, [(AlertState::Firing, 1)]);
}

#[tokio::test]
async fn what_is_told_before_the_turn_to_be_rebuilt_is_not_lost() {
    let mut room = Room::open().await;
    room.minutes(10, 50.0).await;
    let mut room = room.restart().await;
    for _ in 0..3 {
        room.clock.advance(MINUTE);
        room.tell_ahead(0.1, room.clock.now()).await;
    }
    assert!(room.heard().is_empty());
    room.app.detect.rebuild().await;
    assert_eq!(room.held().await, ["volume-full /mnt/data active"]);
    assert_eq!(room.heard(), ["firing"]);
}

#[tokio::test]
async fn a_finding_stands_over_a_weekend_of_which_nothing_is_known() {
    let mut room = Room::open().await;
    room.minutes(5, 50.0).await;
    room.minutes(3, 0.1).await;
    assert_eq!(room.heard(), ["firing"]);
    room.turn(Mark::Pausing, room.clock.now()).await;
    for _ in 0..60 {
        room.seconds(3600).await;
    }
    room.turn(Mark::Resumed, room.clock.now()).await;
    room.minutes(2, 0.1).await;
    assert!(!room.heard().contains(&"resolved"));
    assert_eq!(room.alerts().await, [(AlertState::Firing, 1)]);
    room.minutes(3, 50.0).await;
    assert_eq!(room.alerts().await, [(AlertState::Resolved, 1)]);
}

#[tokio::test]
async fn an_endpoint_that_is_quiet_takes_no_memory_and_comes_back_as_it_was() {
    let mut room = Room::open().await;
    room.minutes(5, 50.0).await;
    room.minutes(3, 0.1).await;
    for _ in 0..70 {
        room.seconds(60).await;
    }
    assert!(room.app.detect.watches().is_empty());
    assert_eq!(room.held().await, ["volume-full /mnt/data stale"]);
    room.minutes(2, 0.1).await;
    assert_eq!(room.held().await, ["volume-full /mnt/data active"]);
    assert_eq!(room.alerts().await, [(AlertState::Firing, 1)]);
}

#[tokio::test]
async fn a_hold_goes_on_over_a_reload() {
    let mut room = Room::open().await;
    room.minutes(10, 50.0).await;
    room.minute(0.1).await;
    room.lay_over("[[check]]\nid = \"volume-full\"\ntitle = \"Our volume is full\"\n").await;
    room.seconds(25).await;
    assert_eq!(room.heard(), ["firing"]);
}

#[tokio::test]
async fn a_trouble_of_the_past_is_not_told_while_the_rest_is_on_its_way() {
    let mut room = Room::open().await;
    room.lay_over("[[check]]\nid = \"volume-full\"\nhold = \"0s\"\n").await;
    room.minutes(5, 50.0).await;
    // Two hours without a network. The volume was full when the machine was put to sleep, and was freed when it woke.
    room.clock.advance(MINUTE * 120);
    let ago = |room: &Room, minutes: u32| room.clock.now() - MINUTE * minutes;
    for minutes in (91..110).rev() {
        room.tell(0.1, ago(&room, minutes)).await;
    }
    room.turn(Mark::Pausing, ago(&room, 90)).await;
    assert!(room.held().await.is_empty(), "the last that is known so far is a full volume");
    room.turn(Mark::Resumed, ago(&room, 10)).await;
    for minutes in (0..9).rev() {
        room.tell(50.0, ago(&room, minutes)).await;
    }
    room.seconds(30).await;
    assert_eq!((room.held().await, room.alerts().await), (Vec::<String>::new(), Vec::new()));
}

#[tokio::test]
async fn alerts_of_an_endpoint_that_is_no_more_end_and_do_not_come_back() {
    let mut room = Room::open().await;
    room.minutes(2, 0.1).await;
    assert_eq!(room.alerts().await, [(AlertState::Firing, 1)]);
    room.app.fleet.decommission(ENDPOINT, false, "tests").await.expect("it left");
    room.app.detect.end(ENDPOINT).await.expect("ended");
    assert_eq!(room.alerts().await, [(AlertState::Resolved, 1)]);
    // What was still on its way is judged, and told to nobody.
    room.minutes(3, 0.1).await;
    assert_eq!(room.alerts().await, [(AlertState::Resolved, 1)]);
}

/// A state is told when it changes, and now and then again; of its past the newest moment is all that is stored.
#[tokio::test]
async fn a_finding_about_a_state_outlives_a_restart() {
    let mut room = Room::open().await;
    room.service("running").await;
    room.service("stopped").await;
    for _ in 0..10 {
        room.seconds(60).await;
    }
    assert_eq!(room.heard(), ["firing"]);
    let onset = room.app.detect.findings(ENDPOINT).await.expect("readable")[0].onset;
    // Told once more, unchanged, just before the collector is started anew.
    room.service("stopped").await;
    let mut room = room.restart().await;
    room.service("stopped").await;
    room.seconds(60).await;
    assert!(room.heard().is_empty(), "nothing is over, and nothing is new");
    let findings = room.app.detect.findings(ENDPOINT).await.expect("readable");
    assert_eq!((findings[0].id.as_str(), findings[0].onset), ("service-not-running", onset));
    room.service("running").await;
    for _ in 0..6 {
        room.seconds(60).await;
    }
    assert_eq!(room.alerts().await, [(AlertState::Resolved, 1)]);
}
