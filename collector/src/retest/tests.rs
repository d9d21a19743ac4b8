//! A volume was full, was emptied, and is looked at again.

use super::*;
use crate::detect::tests::{ENDPOINT, Room};
use crate::pull::{PullEndpoint, PullState};
use crate::ticket::NewTicket;

const MINUTE: Duration = Duration::from_mins(1);

/// A ticket on which a pull has just shown that the volume is no longer full.
async fn mended(room: &Room) -> String {
    pulled(room, OutcomeResult::Gone).await
}

/// A ticket on which a pull has just shown what became of a volume that was full.
async fn pulled(room: &Room, became: OutcomeResult) -> String {
    let order = NewTicket { subject: "No room".to_owned(), ..NewTicket::default() };
    let ticket = room.app.desk.open(order, "ada").await.expect("opened").number;
    let now = room.app.clock.now();
    let outcome = Outcome {
        id: "volume-full".to_owned(),
        title: "A volume is full".to_owned(),
        instance: "/mnt/data".to_owned(),
        result: OutcomeResult::Gone,
        then: "512 MiB free".to_owned(),
        now: String::new(),
    };
    let then = Compared { before: now - MINUTE, outcomes: vec![outcome] };
    let compared = room.app.detect.retest(ENDPOINT, &then).await.expect("judged");
    assert_eq!(compared.outcomes[0].result, became, "{compared:?}");
    let promised = promise(&compared).expect("it is looked at again");
    assert!(promised.contains("again after 1 hour, 24 hours and 7 days"), "{promised}");
    let mut diagnosis = room.app.detect.diagnose(ENDPOINT, None).await.expect("diagnosed");
    diagnosis.compared = Some(compared);
    let pull = pull(&ticket, now);
    let planned: Result<(), StoreError> =
        room.app.store.write(move |tx| Box::pin(async move { plan(tx, &pull, &diagnosis, now).await })).await;
    planned.expect("planned");
    ticket
}

fn pull(ticket: &str, now: Timestamp) -> Pull {
    Pull {
        id: "p1".to_owned(),
        endpoint: PullEndpoint { id: ENDPOINT.to_owned(), name: "lap-1".to_owned() },
        ticket: Some(ticket.to_owned()),
        symptom: None,
        around: None,
        requested_by: "ada".to_owned(),
        requested_at: now,
        expires_at: now,
        state: PullState::Done,
        why: String::new(),
        attempts: 1,
        sections: Vec::new(),
        received_bytes: 0,
        total_bytes: 0,
        finished_at: Some(now),
        snapshot_id: None,
        headline: None,
        error: None,
    }
}

/// The first lines of the notes so far.
async fn notes(room: &Room, ticket: &str) -> Vec<String> {
    run(&room.app).await.expect("run");
    let ticket = room.app.desk.show(ticket).await.expect("a ticket");
    ticket.notes.iter().map(|note| note.text.lines().next().unwrap_or_default().to_owned()).collect()
}

/// The collector notes when it hears an endpoint; here somebody has to.
async fn heard(room: &Room) {
    let now = room.app.clock.now().unix_ms();
    let write = room.app.store.write(move |tx| {
        Box::pin(async move {
            let statement = sql::query("UPDATE endpoints SET last_seen_ms = $1 WHERE id = $2");
            statement.bind(now).bind(ENDPOINT).execute(tx).await?;
            Ok::<_, StoreError>(())
        })
    });
    write.await.expect("written");
}

#[tokio::test]
async fn what_stays_mended_is_noted_after_an_hour_and_once() {
    let mut room = Room::open().await;
    room.minutes(5, 50.0).await;
    let ticket = mended(&room).await;
    assert_eq!(notes(&room, &ticket).await, [""; 0], "nothing is due");
    room.minutes(61, 50.0).await;
    heard(&room).await;
    assert_eq!(notes(&room, &ticket).await, ["Looked again after 1 hour: still mended."]);
    assert_eq!(notes(&room, &ticket).await.len(), 1, "noted once");
}

#[tokio::test]
async fn what_was_clearing_when_the_pull_looked_is_looked_at_again() {
    let mut room = Room::open().await;
    room.minutes(5, 0.5).await;
    room.minutes(1, 50.0).await;
    let ticket = pulled(&room, OutcomeResult::Clearing).await;
    room.minutes(61, 50.0).await;
    heard(&room).await;
    assert_eq!(notes(&room, &ticket).await, ["Looked again after 1 hour: still mended."]);
}

#[tokio::test]
async fn what_comes_back_is_noted_with_its_numbers() {
    let mut room = Room::open().await;
    room.minutes(5, 50.0).await;
    let ticket = mended(&room).await;
    room.minutes(61, 0.5).await;
    heard(&room).await;
    assert_eq!(notes(&room, &ticket).await, ["Looked again after 1 hour: 1 of 1 is back."]);
    let ticket = room.app.desk.show(&ticket).await.expect("a ticket");
    assert!(ticket.notes[0].text.contains("512 MiB"), "{}", ticket.notes[0].text);
}

#[tokio::test]
async fn an_endpoint_that_is_away_is_waited_for_a_day_and_does_not_count_as_mended() {
    let mut room = Room::open().await;
    room.minutes(5, 50.0).await;
    heard(&room).await;
    let ticket = mended(&room).await;
    room.clock.advance(Duration::from_hours(5));
    assert_eq!(notes(&room, &ticket).await, [""; 0], "it may come back");
    room.clock.advance(Duration::from_hours(20));
    assert_eq!(notes(&room, &ticket).await, ["Looked again after 1 hour: could not be checked."]);
}
