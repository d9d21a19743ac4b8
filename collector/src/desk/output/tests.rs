use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use firstline_diagnosis::vocabulary::{Severity, Timestamp};
use serde_json::{Value, json};

use super::standin::SECRET;
use super::standin::events::Events;
use super::standin::hook::Hook;
use super::{DiagnosisEvent, Event, EventTicket, What};
use crate::alert::tests::{but, held, subject};
use crate::alert::{AlertEndpoint, AlertQuery, Held, outputs};
use crate::app::{App, Clock as _, ManualClock, fixture};
use crate::config::OutputSettings;
use crate::desk::conformance::Fault;
use crate::desk::outbox::{OutboxError, push_event};
use crate::desk::{Delivery, DeliveryState};
use crate::ticket::diagnosed::NewDiagnosis;
use crate::ticket::rich_text::RichText;
use crate::ticket::{NewNote, NewTicket};

/// A collector with an output.
struct Room {
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
    settings: OutputSettings,
    app: Arc<App>,
}

impl Room {
    /// One whose output is where `settings` say, which has been told of nothing yet.
    async fn open(clock: Arc<ManualClock>, settings: OutputSettings) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fixture::create(folder.path(), &*clock).await;
        std::fs::write(folder.path().join("secret"), SECRET).expect("written");
        let app = collector(folder.path(), &clock, &settings).await;
        let room = Self { folder, clock, settings, app };
        room.turn().await;
        room
    }

    async fn with_hook(change: impl FnOnce(&mut OutputSettings)) -> (Self, Hook) {
        let (clock, hook) = (Arc::new(ManualClock::at(Timestamp(1_769_000_000_000))), Hook::default());
        let mut settings = hook.serve(&clock).await;
        change(&mut settings);
        (Self::open(clock, settings).await, hook)
    }

    async fn with_events() -> (Self, Events) {
        let events = Events::default();
        let settings = events.serve().await;
        (Self::open(Arc::new(ManualClock::at(Timestamp(1_769_000_000_000))), settings).await, events)
    }

    /// The same collector, started again.
    async fn restart(&mut self) {
        self.app.store.close().await;
        self.app = collector(self.folder.path(), &self.clock, &self.settings).await;
    }

    /// Everybody does what is due.
    async fn turn(&self) {
        outputs::run(&self.app).await.expect("told");
        self.app.outbox.turn().await.expect("sent");
    }

    /// Lets so many seconds pass, and everybody do what is due.
    async fn after(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        self.turn().await;
    }

    async fn judge(&self, held: Vec<Held>) {
        self.app.alerts.judge(subject(), held).await.expect("judged");
        self.turn().await;
    }

    async fn in_state(&self, state: DeliveryState) -> Vec<Delivery> {
        self.app.outbox.list(Some(state), None, 500).await.expect("a list")
    }

    /// Puts an event for each of so many alerts into the outbox.
    async fn push_many(&self, count: usize) {
        let alert = self.app.alerts.list(&AlertQuery::default()).await.expect("a list").alerts.remove(0);
        let now = self.clock.now();
        let push = self.app.store.write(move |tx| {
            Box::pin(async move {
                for index in 0..count {
                    let mut event = super::AlertEvent::from(&alert);
                    event.fingerprint = format!("f{index}");
                    event.labels.insert("host".to_owned(), format!("PC-{index}"));
                    push_event(tx, "automation", &Event::new(What::Raised(event), now), now).await?;
                }
                Ok::<_, OutboxError>(())
            })
        });
        push.await.expect("pushed");
    }
}

async fn collector(folder: &Path, clock: &Arc<ManualClock>, settings: &OutputSettings) -> Arc<App> {
    let mut config = fixture::config(folder).await;
    config.alerts.announced_per_hundred_a_day = 100;
    config.output = vec![settings.clone()];
    App::open(folder, config, Arc::clone(clock) as _).await.expect("an app")
}

#[tokio::test]
async fn an_alert_is_told_once_when_it_is_raised_changed_and_over() {
    let (mut room, hook) = Room::with_hook(|_| {}).await;
    room.judge(vec![held("disk")]).await;
    room.restart().await;
    room.judge(vec![held("disk")]).await;
    let id = hook.held().events[0]["data"]["id"].as_str().expect("an id").to_owned();
    room.app.alerts.acknowledge(&id, "ada", "I look").await.expect("acknowledged");
    room.turn().await;
    room.restart().await;
    room.judge(Vec::new()).await;
    room.after(60).await;
    let taken = hook.held();
    assert_eq!(taken.types(), ["alert.raised", "alert.changed", "alert.resolved"]);
    let [raised, changed, resolved] = [0, 1, 2].map(|index| &taken.events[index]);
    assert_eq!(raised["schema"], "firstline.event/1");
    let labels = json!({ "alertname": "disk", "severity": "high", "category": "Storage/Capacity", "endpoint": "e1",
        "host": "lap-1", "instance": "/" });
    assert_eq!(raised["data"]["labels"], labels);
    assert_eq!((&raised["data"]["status"], &raised["data"]["endsAt"]), (&json!("firing"), &Value::Null));
    assert_eq!(raised["data"]["annotations"]["summary"], "1 GiB left on /");
    assert_eq!(changed["data"]["acknowledgedBy"], "ada");
    assert_eq!(
        (&resolved["data"]["status"], &resolved["data"]["fingerprint"]),
        (&json!("resolved"), &raised["data"]["fingerprint"])
    );
    assert!(resolved["data"]["endsAt"].is_string(), "{resolved}");
    assert!(taken.times.values().all(|times| *times == 1), "{:?}", taken.times);
}

#[tokio::test]
async fn only_what_an_output_means_is_told_and_nothing_of_before() {
    let (room, hook) = Room::with_hook(|output| {
        output.least_severity = Severity::High;
        output.categories = vec!["Storage".to_owned()];
    })
    .await;
    let low = but(held("low"), |finding| finding.severity = Severity::Medium);
    let network = but(held("net"), |finding| "Network/DNS".clone_into(&mut finding.category));
    room.judge(vec![low, network, held("disk")]).await;
    room.judge(Vec::new()).await;
    assert_eq!(hook.held().types(), ["alert.raised", "alert.resolved"]);

    let (clock, later) = (Arc::clone(&room.clock), Hook::default());
    let settings = OutputSettings { name: "later".to_owned(), ..later.serve(&clock).await };
    room.app.store.close().await;
    let app = collector(room.folder.path(), &clock, &settings).await;
    outputs::run(&app).await.expect("told");
    app.outbox.turn().await.expect("sent");
    assert!(later.held().events.is_empty(), "what was before is not told");
}

#[tokio::test]
async fn a_diagnosis_on_a_ticket_is_told() {
    let (room, hook) = Room::with_hook(|_| {}).await;
    let order = NewTicket { subject: "My computer is slow".to_owned(), ..NewTicket::default() };
    let ticket = room.app.desk.open(order, "tess").await.expect("opened");
    let event = DiagnosisEvent {
        ticket: EventTicket::from(&ticket),
        endpoint: AlertEndpoint { id: "e1".to_owned(), name: "lap-1".to_owned() },
        snapshot: "s1".to_owned(),
        taken_at: room.clock.now(),
        summary: "Your disk is full.".to_owned(),
        findings: vec![(&held("disk").finding).into()],
    };
    let [check, model, site, build] = ["disk", "T14", "north", "26100"].map(str::to_owned);
    let diagnosis = NewDiagnosis { check, model, site, build, event };
    for _ in 0..2 {
        let note = NewNote { body: RichText::paragraphs("Full."), ..NewNote::default() };
        room.app.desk.note_of_pull(&ticket.number, "p1", note, Some(diagnosis.clone())).await.expect("noted");
        room.turn().await;
    }
    let taken = hook.held();
    assert_eq!(taken.types(), ["diagnosis.attached"]);
    let data = &taken.events[0]["data"];
    assert_eq!((&data["ticket"]["number"], &data["summary"]), (&json!(ticket.number), &json!("Your disk is full.")));
    assert_eq!(data["findings"][0]["check"], "disk");
}

#[tokio::test]
async fn what_was_not_answered_is_sent_again_under_the_same_name_and_in_order() {
    let (mut room, hook) = Room::with_hook(|_| {}).await;
    hook.faults.next(Fault::LostAfter);
    room.judge(vec![held("disk")]).await;
    room.restart().await;
    room.judge(Vec::new()).await;
    room.after(5).await;
    assert_eq!(hook.held().types(), ["alert.raised", "alert.resolved"]);
    let times: Vec<usize> = hook.held().times.values().copied().collect();
    assert_eq!(times, [2, 1], "the receiver can tell that it had the first");
}

#[tokio::test]
async fn a_receiver_is_left_alone_for_as_long_as_it_says_and_loses_nothing_when_it_is_gone() {
    let (room, hook) = Room::with_hook(|_| {}).await;
    hook.faults.next(Fault::Refused(429, vec![("retry-after", "40")], "slow down"));
    room.judge(vec![held("disk")]).await;
    room.after(39).await;
    assert!(hook.held().events.is_empty(), "nobody asked");
    let view = room.app.outbox.outputs().await.expect("outputs").remove(0);
    assert_eq!((view.traffic.waiting, view.traffic.trouble.as_str()), (1, "429: slow down"));
    hook.faults.next(Fault::Refused(410, Vec::new(), "moved away"));
    room.after(1).await;
    assert_eq!(
        room.in_state(DeliveryState::Waiting).await.len(),
        1,
        "an address that is gone is no trouble with an event"
    );
    hook.faults.next(Fault::Refused(422, Vec::new(), "no such field"));
    room.after(600).await;
    let failed = room.in_state(DeliveryState::Failed).await.remove(0);
    assert_eq!((failed.kind.as_str(), failed.said.as_str()), ("event", "422: no such field"));
    assert_eq!(failed.words, "alert raised: The disk is full (lap-1)");
    room.app.outbox.retry(&failed.id).await.expect("again");
    room.turn().await;
    assert_eq!(hook.held().types(), ["alert.raised"]);
}

#[tokio::test]
async fn hundreds_of_events_with_a_fault_in_every_tenth_call_arrive_once_each_by_their_names() {
    const EVENTS: usize = 300;
    let (mut room, hook) = Room::with_hook(|_| {}).await;
    room.judge(vec![held("disk")]).await;
    room.push_many(EVENTS).await;
    let faults =
        [Fault::LostAfter, Fault::Refused(429, vec![("retry-after", "7")], ""), Fault::Refused(500, Vec::new(), "")];
    for fault in faults.iter().cycle().take(EVENTS / 9 + 10) {
        (0..9).for_each(|_| hook.faults.next(Fault::Nothing));
        hook.faults.next(fault.clone());
    }
    for round in 0..EVENTS {
        room.after(5).await;
        if round % 10 == 0 {
            room.restart().await;
        }
        if room.in_state(DeliveryState::Waiting).await.is_empty() {
            break;
        }
    }
    assert_eq!(hook.held().events.len(), 1 + EVENTS, "lost, or told apart by another name");
    assert_eq!(room.in_state(DeliveryState::Done).await.len(), 1 + EVENTS);
    let again = hook.held().times.values().filter(|times| **times > 1).count();
    assert!(again > 5, "some came twice, since their answers were lost: {again}");
}

#[tokio::test]
async fn a_wrong_secret_is_told_as_such_by_a_test() {
    let (room, hook) = Room::with_hook(|_| {}).await;
    assert!(room.app.outbox.try_out_output("automation").await.expect("tried").passed);
    assert_eq!(hook.held().types(), ["test"]);
    std::fs::write(room.folder.path().join("secret"), SECRET.replace('M', "N")).expect("written");
    room.app.store.close().await;
    let app = collector(room.folder.path(), &room.clock, &room.settings).await;
    let trial = app.outbox.try_out_output("automation").await.expect("tried");
    assert_eq!((trial.passed, trial.steps[0].said.as_str()), (false, "401: not signed"));
    let nowhere = app.outbox.try_out_output("automatoin").await.expect_err("no such output");
    assert_eq!(nowhere.to_string(), "there is no output \"automatoin\"");
}

#[tokio::test]
async fn an_alert_opens_and_clears_an_alert_of_event_management() {
    let (room, events) = Room::with_events().await;
    room.judge(vec![held("disk")]).await;
    let key = events.held().alerts.keys().next().cloned().expect("an alert");
    assert_eq!(events.held().alerts[&key], ("2".to_owned(), 1), "high is major");
    room.judge(Vec::new()).await;
    assert_eq!(events.held().alerts[&key], ("0".to_owned(), 2));
    assert!(room.app.outbox.try_out_output("automation").await.expect("tried").passed);
}

#[tokio::test]
async fn events_are_sent_by_the_hundreds_and_one_that_is_refused_holds_up_no_other() {
    let (room, events) = Room::with_events().await;
    room.judge(vec![held("disk")]).await;
    events.held().requests.clear();
    room.push_many(1200).await;
    "PC-700".clone_into(&mut events.held().refused_node);
    room.turn().await;
    {
        let held = events.held();
        assert_eq!(held.alerts.len(), 1 + 1199);
        assert!(held.alerts.values().all(|(_, times)| *times == 1), "doubled");
        assert!(held.requests.len() < 20 && held.requests[0] == 500, "{:?}", held.requests);
    }
    let failed = room.in_state(DeliveryState::Failed).await;
    assert_eq!(failed.len(), 1);
    assert_eq!((failed[0].said.as_str(), failed[0].words.contains("PC-700")), ("400: node is refused", true));
}

#[tokio::test]
async fn fewer_events_than_were_sent_is_no_success() {
    let (room, events) = Room::with_events().await;
    events.held().leaves_out = 1;
    room.judge(vec![held("disk")]).await;
    assert!(events.held().alerts.is_empty());
    let waiting = room.in_state(DeliveryState::Waiting).await.remove(0);
    assert_eq!(waiting.said, "it took 0 of 1 events");
    room.after(5).await;
    assert_eq!(events.held().alerts.len(), 1);
}

#[tokio::test]
async fn a_missing_role_is_named() {
    let (room, events) = Room::with_events().await;
    events.faults.next(Fault::Refused(403, Vec::new(), "{\"error\":{\"message\":\"Insufficient rights\"}}"));
    let trial = room.app.outbox.try_out_output("automation").await.expect("tried");
    assert_eq!(trial.steps[0].said, "403: Insufficient rights; needs the role evt_mgmt_integration");
}
