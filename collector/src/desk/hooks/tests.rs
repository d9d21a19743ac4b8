use http::HeaderMap;

use super::*;
use crate::config::{DeskSettings, HookSignature};
use crate::desk::standin::{StandIn, install};
use crate::pull::tests::room::Room;
use crate::ticket::TicketState;

const SECRET: &str = "s3cr3t-key";
const BODY: &[u8] = br#"{"ticket":{"id":42}}"#;

/// A collector whose desk calls as Zammad does.
async fn room() -> (Room, StandIn) {
    let mut room = Room::open().await;
    let desk = StandIn::default();
    std::fs::write(room.folder.path().join("hook.secret"), SECRET).expect("written");
    let hook = HookSettings {
        signature: HookSignature::Zammad,
        secret_file: "hook.secret".into(),
        secret_variable: String::new(),
    };
    let settings = DeskSettings {
        name: "helpdesk".to_owned(),
        queues: vec!["Workstations".to_owned()],
        poll_seconds: 3600,
        hook: Some(hook),
        ..DeskSettings::default()
    };
    install(&mut room.app, settings, &desk);
    Box::pin(room.app.outbox.look_for_arrivals(&room.app.pulls)).await.expect("looked");
    (room, desk)
}

async fn call(room: &Room, desk: &str, signature: &str) -> StatusCode {
    let mut headers = HeaderMap::new();
    headers.insert("x-hub-signature", signature.parse().expect("a value"));
    let answer = called(State(Arc::clone(&room.app)), Path(desk.to_owned()), headers, Bytes::from_static(BODY));
    answer.await.status()
}

const GOOD: &str = "sha1=8e9f2d365e248fc753bdc2097da72df4ff6ec7ed";

async fn numbers(room: &Room) -> usize {
    Box::pin(room.app.outbox.look_for_arrivals(&room.app.pulls)).await.expect("looked");
    room.app.desk.list(&crate::ticket::TicketQuery::default()).await.expect("a list").tickets.len()
}

#[tokio::test]
async fn a_call_of_the_desk_makes_it_be_asked_now_and_only_once() {
    let (room, desk) = room().await;
    desk.open("41", "No sound");
    room.clock.advance(Duration::from_secs(5));
    assert_eq!(numbers(&room).await, 0, "its time has not come");
    assert_eq!(call(&room, "helpdesk", "sha1=00").await, StatusCode::UNAUTHORIZED);
    assert_eq!(call(&room, "nodesk", GOOD).await, StatusCode::NOT_FOUND);
    assert_eq!(numbers(&room).await, 0);
    assert_eq!(call(&room, "helpdesk", GOOD).await, StatusCode::NO_CONTENT);
    assert_eq!(numbers(&room).await, 1);
    desk.open("43", "No picture");
    room.clock.advance(Duration::from_secs(5));
    assert_eq!(call(&room, "helpdesk", GOOD).await, StatusCode::OK, "it was taken before");
    assert_eq!(numbers(&room).await, 1);
}

#[tokio::test]
async fn the_ticket_that_a_call_names_is_read_and_what_the_call_says_of_it_is_not_believed() {
    let (room, desk) = room().await;
    desk.open("42", "No sound");
    let here = room.app.outbox.bring("helpdesk", "42", "tess").await.expect("brought").number;
    room.clock.advance(Duration::from_mins(2));
    room.app.outbox.follow().await.expect("read");
    desk.side().tickets.get_mut("42").expect("there").state = "resolved".to_owned();
    room.clock.advance(Duration::from_mins(2));
    room.app.outbox.follow().await.expect("read");
    assert_eq!(room.app.desk.show(&here).await.expect("there").state, TicketState::New, "its time has not come");
    assert_eq!(call(&room, "helpdesk", GOOD).await, StatusCode::NO_CONTENT);
    room.app.outbox.follow().await.expect("read");
    assert_eq!(room.app.desk.show(&here).await.expect("there").state, TicketState::Resolved);
}

#[tokio::test]
async fn a_flood_of_calls_is_told_to_come_later() {
    let (room, _desk) = room().await;
    for _ in 0..CALLS {
        assert_eq!(call(&room, "helpdesk", "sha1=00").await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(call(&room, "helpdesk", GOOD).await, StatusCode::TOO_MANY_REQUESTS);
    room.clock.advance(WITHIN);
    assert_eq!(call(&room, "helpdesk", GOOD).await, StatusCode::NO_CONTENT);
}
