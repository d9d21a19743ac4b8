use std::time::Duration;

use super::{AGES, DAY};
use crate::config::DeskSettings;
use crate::desk::standin::{Fault, StandIn, install};
use crate::pull::tests::room;
use crate::ticket::rich_text::RichText;
use crate::ticket::{NewNote, TicketState};

/// A collector, and the helpdesk whose tickets it follows.
struct Room {
    collector: room::Room,
    desk: StandIn,
}

impl Room {
    async fn open() -> Self {
        let (mut collector, desk) = (room::Room::open().await, StandIn::default());
        let settings = DeskSettings { name: "helpdesk".to_owned(), ..DeskSettings::default() };
        install(&mut collector.app, settings, &desk);
        Self { collector, desk }
    }

    /// A ticket of a person; its number here.
    async fn ticket(&self, number: &str) -> String {
        self.desk.open(number, "My computer is slow");
        let ticket = self.collector.app.outbox.bring("helpdesk", number, "tess").await.expect("brought").number;
        self.desk.side().read.clear();
        ticket
    }

    /// The numbers that are read when so much time has passed.
    async fn read_after(&self, time: Duration) -> Vec<String> {
        self.collector.clock.advance(time);
        self.collector.app.outbox.follow().await.expect("read");
        std::mem::take(&mut self.desk.side().read)
    }

    async fn state(&self, ticket: &str) -> TicketState {
        self.collector.app.desk.show(ticket).await.expect("there").state
    }

    fn stands(&self, number: &str, state: &str) {
        state.clone_into(&mut self.desk.side().tickets.get_mut(number).expect("there").state);
    }

    /// Checks, and how useful they were.
    async fn counts(&self) -> Vec<(String, u64, u64)> {
        let app = &self.collector.app;
        let list = app.alerts.usefulness(&app.config.desk, None).await.expect("counts").checks;
        list.into_iter().map(|one| (one.check, one.useful, one.not_useful)).collect()
    }
}

#[tokio::test]
async fn a_ticket_is_read_less_often_the_longer_nothing_happens_on_it_and_not_for_ever() {
    let room = Room::open().await;
    let ticket = room.ticket("12").await;
    let (second, mut age) = (Duration::from_secs(1), Duration::ZERO);
    for (until, every) in AGES {
        let (almost, last) = (every.saturating_sub(second), until.saturating_sub(second));
        assert_eq!(room.read_after(every).await, ["12"], "until it has stood still for {until:?}");
        assert!(room.read_after(almost).await.is_empty(), "every {every:?}");
        assert_eq!(room.read_after(last.saturating_sub(age + every + almost)).await, ["12"], "its time came meanwhile");
        age = last;
    }
    assert!(room.read_after(DAY * 400).await.is_empty(), "it is left alone");
    let note = NewNote { body: RichText::paragraphs("Still?"), ..NewNote::default() };
    room.collector.app.desk.note(&ticket, note).await.expect("noted");
    assert_eq!(room.read_after(Duration::from_mins(1)).await, ["12"], "something happened to it");
}

#[tokio::test]
async fn a_ticket_that_is_opened_again_is_seen_for_a_month() {
    let room = Room::open().await;
    let ticket = room.ticket("12").await;
    room.stands("12", "closed");
    assert_eq!(room.read_after(Duration::from_mins(10)).await, ["12"]);
    assert_eq!(room.state(&ticket).await, TicketState::Closed);
    assert!(room.read_after(Duration::from_hours(23)).await.is_empty());
    room.stands("12", "Waiting for support");
    assert_eq!(room.read_after(Duration::from_hours(1)).await, ["12"]);
    assert_eq!(room.state(&ticket).await, TicketState::Open);
    room.stands("12", "closed");
    room.read_after(Duration::from_mins(10)).await;
    for day in 1..30 {
        assert_eq!(room.read_after(DAY).await, ["12"], "day {day}");
    }
    assert!(room.read_after(DAY).await.is_empty(), "it is over");
}

#[tokio::test]
async fn a_desk_that_wants_fewer_orders_is_neither_read_nor_written_to_meanwhile() {
    let room = Room::open().await;
    let outbox = &room.collector.app.outbox;
    let ticket = room.ticket("12").await;
    room.desk.side().unreadable.push_back(Fault::Limited(40));
    assert_eq!(room.read_after(Duration::from_mins(10)).await, ["12"]);
    let note = NewNote { body: RichText::paragraphs("Hello."), ..NewNote::default() };
    room.collector.app.desk.note(&ticket, note).await.expect("noted");
    assert!(room.read_after(Duration::from_secs(39)).await.is_empty(), "it is left alone");
    outbox.turn().await.expect("turn");
    assert_eq!(room.desk.side().calls, 0, "for whatever there is");
    let standing = outbox.standing().await.expect("standing").remove(0);
    assert_eq!(standing.traffic.trouble, "429: slow down");
    assert_eq!(room.read_after(Duration::from_secs(1)).await, ["12"]);
    outbox.turn().await.expect("turn");
    assert_eq!(room.desk.side().notes.len(), 1);
    assert!(outbox.standing().await.expect("standing").remove(0).traffic.trouble.is_empty());
}

#[tokio::test]
async fn an_answer_that_is_none_keeps_no_other_ticket_from_being_read() {
    let room = Room::open().await;
    for number in ["12", "14"] {
        room.ticket(number).await;
    }
    room.desk.side().unreadable.push_back(Fault::Page);
    assert_eq!(room.read_after(Duration::from_mins(10)).await, ["12"]);
    assert!(room.read_after(Duration::from_secs(1)).await.is_empty(), "the desk is left alone for a while");
    assert_eq!(room.read_after(Duration::from_secs(9)).await, ["14"]);
}

#[tokio::test]
async fn of_two_tickets_that_were_merged_one_judges_the_answer_and_words_that_come_later_count() {
    let room = Room::open().await;
    for number in ["12", "14"] {
        room.ticket(number).await;
    }
    let diagnosed =
        "INSERT INTO diagnoses (pull_id, ticket, endpoint_id, at_ms, check_id, model, site, build, document)
        SELECT 'p' || number, number, 'e1', opened_at_ms, 'volume-full', '', '', '', '{}' FROM tickets";
    room.collector.alter(diagnosed).await;
    room.desk.side().merged.insert("12".to_owned(), "14".to_owned());
    room.stands("14", "resolved");
    room.read_after(Duration::from_mins(10)).await;
    assert_eq!(room.counts().await, [("volume-full".to_owned(), 1, 0)], "the other one is part of it");
    room.desk.side().closing = "No fault found".to_owned();
    room.read_after(DAY).await;
    assert_eq!(room.counts().await, [("volume-full".to_owned(), 0, 1)], "somebody thought again");
}
