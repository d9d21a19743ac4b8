use std::collections::BTreeMap;
use std::time::Duration;

use firstline_diagnosis::document::EndpointState;
use firstline_diagnosis::vocabulary::Severity;
use firstline_proto::v1::agent_frame::Frame;
use firstline_proto::v1::{self, CollectorFrame};

mod roots;

use super::{Agent, FleetError, ListQuery, NotConnected, Sort};
use crate::app::Clock as _;
use crate::app::fixture::{Collector, description};

async fn names(collector: &Collector, query: ListQuery) -> Vec<String> {
    let list = collector.app.fleet.list(query).await.expect("list");
    list.endpoints.into_iter().map(|endpoint| endpoint.name).collect()
}

async fn state(collector: &Collector, name: &str) -> EndpointState {
    collector.app.fleet.find(name).await.expect("found").state
}

#[tokio::test]
async fn pages_search_and_sort() {
    let collector = Collector::start().await;
    let mut ids = BTreeMap::new();
    for name in ["delta", "alpha", "charlie", "bravo_1", "echo"] {
        ids.insert(name, collector.machine(name).await.id);
    }
    let first = ListQuery { limit: Some(2), ..ListQuery::default() };
    let page = collector.app.fleet.list(first.clone()).await.expect("page");
    let next = ListQuery { after: page.next, ..first.clone() };
    assert_eq!(names(&collector, next.clone()).await, ["charlie", "delta"]);
    let page = collector.app.fleet.list(next).await.expect("page");
    let last = collector.app.fleet.list(ListQuery { after: page.next, ..first }).await.expect("page");
    assert_eq!((last.endpoints.len(), last.next), (1, None));
    let search = |text: &str| ListQuery { search: Some(text.to_owned()), ..ListQuery::default() };
    assert_eq!(names(&collector, search("LPH")).await, ["alpha"]);
    assert_eq!(names(&collector, search("o_1")).await, ["bravo_1"]);
    assert_eq!(names(&collector, search("o%1")).await, [""; 0]);
    assert_eq!(names(&collector, search(&ids["echo"])).await, ["echo"]);
    collector.app.fleet.note_worst_severity(&ids["charlie"], Some(Severity::High)).await.expect("noted");
    collector.app.fleet.note_worst_severity(&ids["echo"], Some(Severity::Critical)).await.expect("noted");
    let worst = ListQuery { sort: Sort::Severity, limit: Some(3), ..ListQuery::default() };
    let page = collector.app.fleet.list(worst.clone()).await.expect("page");
    let worst_names: Vec<&str> = page.endpoints.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(worst_names[..2], ["echo", "charlie"]);
    assert_eq!(page.endpoints[0].worst_severity, Some(Severity::Critical));
    assert_eq!(names(&collector, ListQuery { after: page.next, ..worst }).await.len(), 2);
}

#[tokio::test]
async fn finds_by_id_and_by_a_name_that_only_one_has() {
    let collector = Collector::start().await;
    let one = collector.machine("Laptop").await;
    assert_eq!(collector.app.fleet.find("laptop").await.expect("by name").id, one.id);
    let by_id = collector.app.fleet.find(&one.id).await.expect("by id");
    assert_eq!((by_id.name.as_str(), by_id.short_id), ("Laptop", None));
    assert!(matches!(collector.app.fleet.find("nobody").await, Err(FleetError::Unknown(_))));
    let two = collector.machine("laptop").await;
    let Err(FleetError::Ambiguous { candidates, .. }) = collector.app.fleet.find("laptop").await else {
        panic!("two machines have this name");
    };
    for machine in [&one, &two] {
        let letters = collector.app.fleet.find(&machine.id).await.expect("by id").short_id.expect("told apart");
        assert!(candidates.contains(&letters), "{candidates}");
        assert_eq!(collector.app.fleet.find(&letters).await.expect("by its letters").id, machine.id);
    }
    assert!(collector.app.fleet.list(ListQuery::default()).await.expect("list").endpoints[0].short_id.is_some());
    collector.app.fleet.revoke(&one.id, "tests").await.expect("revoked");
    assert_eq!(collector.app.fleet.find("laptop").await.expect("the one in use").id, two.id);
}

#[tokio::test]
async fn who_is_revoked_while_a_stream_opens_gets_none() {
    let collector = Collector::start().await;
    let machine = collector.machine("m").await;
    let fleet = &collector.app.fleet;
    let known = fleet.known(&machine.id).await.expect("known");
    fleet.revoke("m", "tests").await.expect("revoked");
    let machine_says = description("m").try_into().expect("a machine");
    let connected = fleet.connect(&known, machine_says, Agent::default()).await;
    assert!(matches!(connected, Err(FleetError::Unknown(_))), "{connected:?}");
    assert!(!fleet.is_connected(&machine.id));
    assert_eq!(state(&collector, "m").await, EndpointState::Revoked);
}

#[tokio::test]
async fn who_is_revoked_was_last_seen_when_it_was_heard_last() {
    let collector = Collector::start().await;
    let machine = collector.machine("m").await;
    let (mut talk, _) = machine.connect(&collector).await;
    collector.clock.advance(Duration::from_secs(40));
    talk.say(Frame::Beat(v1::Beat::default())).await;
    talk.hear().await.expect("reply");
    let heard = collector.clock.now();
    let before = collector.app.fleet.find("m").await.expect("found").last_seen;
    let revoked = collector.app.fleet.revoke("m", "tests").await.expect("revoked");
    assert_eq!((before, revoked.last_seen), (Some(heard), Some(heard)));
    let row = collector.app.fleet.known(&machine.id).await.expect("known");
    assert_eq!(row.endpoint.last_seen, Some(heard), "it is not in memory only, which goes with the stream");
}

#[tokio::test]
async fn the_state_follows_stream_mark_and_time() {
    let collector = Collector::start().await;
    let machine = collector.machine("m").await;
    let mut feed = collector.app.feed.subscribe();
    let (talk, _) = machine.connect(&collector).await;
    assert_eq!(state(&collector, "m").await, EndpointState::Online);
    assert!(feed.next().await.is_some());
    let mut talk = talk;
    talk.say(Frame::Beat(v1::Beat { mark: v1::MarkKind::Pausing.into(), ..Default::default() })).await;
    talk.hear().await.expect("reply");
    collector.app.fleet.settle().await.expect("settled");
    assert_eq!(state(&collector, "m").await, EndpointState::Asleep);
    talk.say(Frame::Beat(v1::Beat::default())).await;
    talk.hear().await.expect("reply");
    assert_eq!(collector.app.fleet.settle().await.expect("settled"), 1);
    assert_eq!(collector.app.fleet.settle().await.expect("again"), 0, "a second run changes nothing");
    assert_eq!(state(&collector, "m").await, EndpointState::Online);
    drop(talk);
    while state(&collector, "m").await != EndpointState::Silent {
        feed.next().await;
    }
    collector.clock.advance(Duration::from_hours(24));
    collector.app.fleet.settle().await.expect("settled");
    assert_eq!(state(&collector, "m").await, EndpointState::Offline);
}

#[tokio::test]
async fn who_signs_in_while_connected_is_known_at_once() {
    let collector = Collector::start().await;
    let machine = collector.machine("m").await;
    let (mut talk, _) = machine.connect(&collector).await;
    let users = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let now = v1::Machine { users: users(&["ada", "grace"]), ..description("m2") };
    talk.say(Frame::Beat(v1::Beat { machine: Some(now.clone()), ..Default::default() })).await;
    talk.hear().await.expect("reply");
    let endpoint = collector.app.fleet.find("m2").await.expect("renamed");
    assert_eq!((endpoint.users, endpoint.state), (users(&["ada", "grace"]), EndpointState::Online));
    talk.say(Frame::Beat(v1::Beat::default())).await;
    talk.hear().await.expect("reply");
    assert_eq!(
        collector.app.fleet.find("m2").await.expect("there").users.len(),
        2,
        "a plain beat says nothing of them"
    );
    let bad = v1::Machine { os_type: "toaster".to_owned(), ..now };
    talk.say(Frame::Beat(v1::Beat { machine: Some(bad), ..Default::default() })).await;
    assert!(talk.hear().await.expect_err("refused").message().contains("beat.machine.os_type"));
}

#[tokio::test]
async fn sends_to_who_is_there_only() {
    let collector = Collector::start().await;
    let machine = collector.machine("m").await;
    let cancel = v1::collector_frame::Frame::PullCancel(v1::PullCancel { pull_id: "p".to_owned() });
    let frame = CollectorFrame { frame: Some(cancel.clone()) };
    assert_eq!(collector.app.fleet.send(&machine.id, frame.clone()), Err(NotConnected));
    let (mut talk, _) = machine.connect(&collector).await;
    assert_eq!(collector.app.fleet.send(&machine.id, frame), Ok(()));
    assert_eq!(talk.hear().await.expect("frame"), cancel);
}

#[tokio::test]
async fn a_running_collector_takes_new_settings_to_who_is_there() {
    let collector = Collector::start().await;
    let (mut talk, welcome) = collector.machine("m").await.connect(&collector).await;
    let before = welcome.settings.expect("settings");
    let mut config = (*collector.app.config).clone();
    config.agents.denied_signals = vec!["endpoint.session.users".to_owned()];
    collector.reload(&config).await;
    let Ok(v1::collector_frame::Frame::Settings(settings)) = talk.hear().await else { panic!("no settings") };
    assert_eq!(settings.revision, before.revision + 1);
    assert_eq!(settings.denied_signals, ["endpoint.session.users"]);
    assert!(collector.app.fleet.find("m").await.expect("m").last_seen <= Some(collector.clock.now()));
}
