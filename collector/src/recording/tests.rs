//! A recording of what was stored moves as detection did, and a rehearsal says what a check would have said.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use firstline_diagnosis::catalogue::Catalogue;
use firstline_diagnosis::document::FindingState;
use firstline_diagnosis::recording::{Replay, Replayed};
use firstline_diagnosis::vocabulary::Timestamp;
use tokio::sync::mpsc;

use super::*;
use crate::detect::tests::{ENDPOINT, Room};
use crate::store::sql;

const CHECK: &str = "volume-full";

/// What the endpoint told so far, as a recording.
async fn recorded(room: &Room, from: Timestamp) -> Vec<String> {
    let known = room.app.fleet.known(ENDPOINT).await.expect("enrolled");
    let wanted = Wanted { from, to: room.app.clock.now(), all: false };
    let (sender, mut pieces) = mpsc::channel::<Bytes>(4);
    let store = room.app.store.clone();
    let writing = tokio::spawn(async move {
        export(&store, &known, &Catalogue::builtin(), wanted, &sender).await.expect("written");
    });
    let mut all = Vec::new();
    while let Some(piece) = pieces.recv().await {
        all.extend_from_slice(&piece);
    }
    writing.await.expect("ended");
    String::from_utf8(all).expect("text").lines().map(str::to_owned).collect()
}

fn replayed(lines: &[String]) -> Replayed {
    let mut replay = Replay::new(Catalogue::builtin(), None);
    for line in lines {
        replay.line(line).unwrap_or_else(|fault| panic!("{line}: {fault}"));
    }
    replay.finish(None)
}

async fn rehearsed(room: &Room, catalogue: Catalogue, from: Timestamp) -> Report {
    let rehearsal = Rehearsal { catalogue: Arc::new(catalogue), from, to: room.app.clock.now() };
    let ids = vec![ENDPOINT.to_owned()];
    let report = rehearse(&room.app.store, &room.app.fleet, &rehearsal, &ids, |_| true).await;
    report.expect("rehearsed")
}

fn alone() -> Catalogue {
    Catalogue::rehearsed(&[], &[CHECK.to_owned()]).expect("the embedded catalogue")
}

/// An hour in which a volume fills up for half an hour.
async fn eventful(room: &mut Room) -> Timestamp {
    let start = room.app.clock.now();
    room.minutes(20, 50.0).await;
    room.minutes(30, 0.5).await;
    room.minutes(30, 50.0).await;
    start
}

#[tokio::test]
async fn what_was_stored_can_be_recorded_and_moves_as_it_did() {
    let mut room = Room::open().await;
    let start = eventful(&mut room).await;
    let lines = recorded(&room, start).await;
    assert!(lines[0].contains(r#""kind":"endpoint""#), "{}", lines[0]);
    let replayed = replayed(&lines);
    let moves: Vec<_> = replayed.timeline.iter().filter(|moved| moved.finding == CHECK).map(|moved| moved.to).collect();
    use FindingState::{Active, Ok, Pending, Recovering};
    assert_eq!(moves, [Pending, Active, Recovering, Ok]);
    assert!(replayed.notes.is_empty(), "{:?}", replayed.notes);
    let raised: (i64,) = sql::query_as("SELECT MIN(fired_at_ms) FROM alerts WHERE check_id = $1")
        .bind(CHECK)
        .fetch_one(room.app.store.reads())
        .await
        .expect("an alert");
    let active = replayed.timeline.iter().find(|moved| moved.to == Active).expect("raised");
    let later = Timestamp(raised.0).since(active.at);
    assert!(later < Duration::from_mins(1), "this room judges by the minute, and so raised it {later:?} later");
}

#[tokio::test]
async fn a_rehearsal_says_how_often_and_for_how_long_a_check_would_have_fired() {
    let mut room = Room::open().await;
    let start = eventful(&mut room).await;
    let report = rehearsed(&room, alone(), start).await;
    assert_eq!((report.endpoints, report.endpoints_heard), (1, 1));
    let check = &report.checks[0];
    assert_eq!((check.id.as_str(), check.times, check.endpoints, check.tickets), (CHECK, 1, 1, 1));
    assert_eq!(check.by_day, [1]);
    let episode = &report.episodes[0];
    assert_eq!(episode.name, "lap-1");
    let lasted = episode.to.expect("it was over").since(episode.from);
    assert!((Duration::from_mins(20)..Duration::from_mins(45)).contains(&lasted), "{lasted:?}");
    assert_eq!(report, rehearsed(&room, alone(), start).await, "the same past gives the same report");
}

#[tokio::test]
async fn a_rehearsal_of_what_is_no_longer_kept_by_the_minute_sees_longer_steps() {
    let mut room = Room::open().await;
    let start = room.app.clock.now();
    room.minutes(120, 0.5).await;
    room.clock.advance(Duration::from_hours(24 * 7));
    let now = room.app.clock.now();
    room.app.history.seal(now).await.expect("sealed");
    room.app.history.roll_up(now).await.expect("rolled up");
    room.app.history.forget(now).await.expect("forgotten");
    let report = rehearsed(&room, alone(), start).await;
    assert_eq!(report.checks[0].times, 1, "{report:?}");
    let lines = recorded(&room, start).await;
    assert!(lines.iter().any(|line| line.contains(r#""step_seconds":300"#)), "{lines:?}");
}

#[tokio::test]
async fn what_changed_since_was_otherwise_then() {
    let mut room = Room::open().await;
    room.service("running").await;
    let then = room.app.clock.now();
    room.service("failed").await;
    let key = room.app.fleet.known(ENDPOINT).await.expect("enrolled").key;
    let state = async |at| {
        let states = past::states_at(&room.app.store, key, at).await.expect("readable");
        states.into_iter().map(|reading| reading.outcome.expect("known")).collect::<Vec<_>>()
    };
    assert_eq!(state(then).await, ["running".into()]);
    assert_eq!(state(room.app.clock.now()).await, ["failed".into()]);
}
