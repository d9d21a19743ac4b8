//! Tickets that say when it was. It is 12:53 UTC, and the disk was full until 12:13.

use firstline_diagnosis::document::Snapshot;
use firstline_diagnosis::vocabulary::Value;
use firstline_proto::v1::collector_frame::Frame;

use super::room::{ENDPOINT, Room, START, full_disk};
use crate::alert::tests::{but, held, subject};
use crate::alert::{Held, Subject};
use crate::pull::{Pull, PullError, PullOrder};
use crate::ticket::NewTicket;

const MINUTE_MS: i64 = 60_000;

fn full_until_forty_minutes_ago() -> Snapshot {
    let mut snapshot = full_disk();
    snapshot.series[0].values[20..].fill(Some(5.0e10));
    snapshot.readings[0].value = Some(Value::Number(5.0e10));
    snapshot
}

async fn said(room: &Room, text: &str) -> String {
    let order = NewTicket { subject: "Trouble".to_owned(), text: text.to_owned(), ..NewTicket::default() };
    room.app.desk.open(order, "tess").await.expect("a ticket").number
}

async fn order(room: &Room, ticket: &str, around: Option<&str>) -> Result<Pull, PullError> {
    let order = PullOrder {
        endpoint: "lap-ana".to_owned(),
        ticket: Some(ticket.to_owned()),
        around: around.map(str::to_owned),
        ..PullOrder::default()
    };
    room.app.pulls.start(order).await
}

fn minutes_ago(pull: &Pull) -> Option<i64> {
    pull.around.as_ref().map(|stated| (START.0 - stated.at.0) / MINUTE_MS)
}

#[tokio::test]
async fn a_ticket_that_says_when_gets_what_was_then() {
    let room = Room::open().await;
    let ticket = said(&room, "It froze about 12:05, nothing could be saved.").await;
    let mut stream = room.connect().await;
    let pull = order(&room, &ticket, None).await.expect("ordered");
    let Some(Frame::PullRequest(request)) = stream.frames.try_recv().expect("asked").frame else { panic!("a pull") };
    let stated = pull.around.as_ref().expect("the ticket names it");
    assert_eq!((stated.words.as_str(), request.around_unix_ms), ("about 12:05", Some(stated.at.0)));
    room.send(&pull.id, &room.signed(full_until_forty_minutes_ago())).await;

    let done = room.show(&pull).await;
    let headline = done.headline.expect("an answer").text;
    assert!(headline.starts_with("It is over now, but around 2026-01-21 12:05 UTC (\"about 12:05\")"), "{headline}");
    let noted = room.app.desk.show(&ticket).await.expect("there");
    let [note] = noted.notes.as_slice() else { panic!("one note, not {}", noted.notes.len()) };
    assert!(note.text.starts_with(&headline), "{}", note.text);
    let around = note.text.find("AROUND 2026-01-21 12:05 UTC").expect("a part of its own");
    assert!(note.text[around..].contains("The system disk is full (/), from"), "{}", note.text);
    let report = room.app.desk.attachment(&note.attachments[0].id).await.expect("there");
    let report = String::from_utf8(report.bytes).expect("text");
    assert!(report.contains("<line x1="), "a picture with a line at the moment");
}

#[tokio::test]
async fn what_was_raised_then_is_told_also_when_the_machine_does_not_remember_it() {
    let room = Room::open().await;
    let here = Subject { id: ENDPOINT.to_owned(), ..subject() };
    let fan = but(held("fan-failure"), |finding| finding.texts.tech = "The fan stands still at 91 °C.".to_owned());
    let fan = Held { title: "The fan does not turn".to_owned(), ..fan };
    room.app.alerts.judge(here.clone(), vec![fan]).await.expect("judged");
    room.app.alerts.judge(here, Vec::new()).await.expect("judged");
    for (words, is_told) in [("It froze about 12:50", true), ("It froze about 12:05", false)] {
        let ticket = said(&room, words).await;
        let stream = room.connect().await;
        let pull = order(&room, &ticket, None).await.expect("ordered");
        room.send(&pull.id, &room.signed(full_until_forty_minutes_ago())).await;
        let noted = room.app.desk.show(&ticket).await.expect("there");
        let text = &noted.notes[0].text;
        let alert = "until 2026-01-21 12:53 UTC: The fan stands still at 91 °C.";
        assert_eq!(text.contains(alert), is_told, "{text}");
        room.disconnect(stream).await;
    }
}

#[tokio::test]
async fn a_time_is_read_by_the_clock_at_the_machine() {
    let room = Room::open().await;
    let ticket = said(&room, "It froze about 14:05").await;
    assert_eq!(
        minutes_ago(&order(&room, &ticket, None).await.expect("ordered")),
        Some(22 * 60 + 48),
        "yesterday, by UTC"
    );
    room.alter(
        "INSERT INTO inventory (endpoint_key, series, outcome, at_ms) \
         SELECT key, 'endpoint.clock.utc_offset', '{\"value\": 7200.0}', 0 FROM endpoints",
    )
    .await;
    let ticket = said(&room, "It froze about 14:05").await;
    assert_eq!(minutes_ago(&order(&room, &ticket, None).await.expect("ordered")), Some(48));
}

#[tokio::test]
async fn who_asks_says_more_than_the_ticket_and_is_told_what_is_no_time() {
    let room = Room::open().await;
    let ticket = said(&room, "It froze about 12:05").await;
    let refused = order(&room, &ticket, Some("when it rained")).await.expect_err("no time");
    assert!(refused.to_string().contains("when it rained") && refused.to_string().contains("10:40"), "{refused}");
    assert_eq!(minutes_ago(&order(&room, &ticket, Some("12:20")).await.expect("ordered")), Some(33));
    let ticket = said(&room, "Slow for days").await;
    let pull = order(&room, &ticket, None).await.expect("ordered");
    assert_eq!(pull.around, None, "who names no time is asked for none");
}
