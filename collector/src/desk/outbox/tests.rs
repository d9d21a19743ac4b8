use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::app::ManualClock;
use crate::config::DeskSettings;
use crate::desk::standin::{Fault, StandIn};
use crate::desk::{Configured, DeliveryState};
use crate::store::fixture;
use crate::ticket::rich_text::RichText;
use crate::ticket::{NewFile, NewNote, Ticket, TicketState, TicketUpdate};

/// Faults that pass by themselves.
const PASSING: [Fault; 6] =
    [Fault::Limited(7), Fault::Unreached, Fault::LostAfter, Fault::LostBefore, Fault::Page, Fault::Unauthorized];

struct Room {
    _folder: tempfile::TempDir,
    store: Store,
    clock: Arc<ManualClock>,
    feed: Feed,
    desk: StandIn,
    builtin: BuiltinDesk,
    outbox: Outbox,
}

impl Room {
    async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = fixture::open(folder.path()).await;
        let clock = Arc::new(ManualClock::at(Timestamp(1_769_000_000_000)));
        let feed = Feed::new(clock.now());
        let builtin = BuiltinDesk::new(store.clone(), clock.clone(), feed.clone());
        let desk = StandIn::default();
        let outbox = outbox(&store, &clock, &feed, &desk, &builtin);
        Self { _folder: folder, store, clock, feed, desk, builtin, outbox }
    }

    /// The outbox of the collector's next run.
    fn restart(&mut self) {
        self.outbox = outbox(&self.store, &self.clock, &self.feed, &self.desk, &self.builtin);
    }

    async fn ticket(&self, number: &str) -> Ticket {
        self.desk.open(number, "My computer is slow");
        self.outbox.bring("helpdesk", number, "tess").await.expect("brought")
    }

    async fn note(&self, ticket: &Ticket, text: &str) {
        let note = NewNote {
            author: crate::ticket::AUTHOR.to_owned(),
            body: RichText::paragraphs(text),
            ..NewNote::default()
        };
        self.builtin.note(&ticket.number, note).await.expect("noted");
    }

    async fn in_state(&self, state: DeliveryState) -> Vec<Delivery> {
        self.outbox.list(Some(state), None, 500).await.expect("list")
    }

    /// Lets time pass and the outbox work until nothing waits any more.
    async fn empty(&self) {
        for _ in 0..10_000 {
            self.outbox.turn().await.expect("turn");
            if self.in_state(DeliveryState::Waiting).await.is_empty() {
                return;
            }
            self.clock.advance(Duration::from_secs(5));
        }
        panic!("something waits for ever: {:?}", self.in_state(DeliveryState::Waiting).await);
    }
}

fn outbox(store: &Store, clock: &Arc<ManualClock>, feed: &Feed, desk: &StandIn, builtin: &BuiltinDesk) -> Outbox {
    let settings = DeskSettings { name: "helpdesk".to_owned(), ..DeskSettings::default() };
    let desks = Desks::of(vec![Configured { settings, desk: Ok(Box::new(desk.clone())) }]);
    Outbox::new(store.clone(), clock.clone(), feed.clone(), Replicas::alone(), desks, builtin.clone())
}

#[tokio::test]
async fn what_is_written_here_goes_out_in_order_with_its_files() {
    let room = Room::open().await;
    let ticket = room.ticket("12").await;
    assert_eq!(ticket.outside.as_ref().map(|outside| outside.number.as_str()), Some("12"));
    room.note(&ticket, "First.").await;
    let files = vec![NewFile { name: "a.txt".to_owned(), media_type: "text/plain".to_owned(), bytes: vec![7; 9] }];
    let note =
        NewNote { author: "tess".to_owned(), body: RichText::paragraphs("Second."), files, ..NewNote::default() };
    room.builtin.note(&ticket.number, note).await.expect("noted");
    let update = TicketUpdate { state: Some(TicketState::Resolved), ..TicketUpdate::default() };
    room.builtin.update(&ticket.number, update, "tess").await.expect("resolved");
    room.outbox.turn().await.expect("turn");
    let side = room.desk.side();
    let texts: Vec<&str> = side.notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!(texts, ["First.", "tess, in Firstline:\n\nSecond."]);
    assert_eq!(side.notes[1].files, 1);
    assert_eq!(side.changes[0].1.state, Some(TicketState::Resolved));
}

#[tokio::test]
async fn a_ticket_is_brought_once_and_one_of_our_own_goes_nowhere() {
    let room = Room::open().await;
    let ticket = room.ticket("12").await;
    assert_eq!(room.ticket("12").await.number, ticket.number);
    let order = crate::ticket::NewTicket { subject: "Mine".to_owned(), ..Default::default() };
    let own = room.builtin.open(order, "tess").await.expect("opened");
    room.note(&own, "For us.").await;
    assert!(room.outbox.list(None, None, 10).await.expect("list").is_empty());
    let missing = room.outbox.bring("helpdesk", "99", "tess").await.expect_err("no such ticket");
    assert_eq!(missing.to_string(), "there is no ticket \"99\" at desk helpdesk");
    let nowhere = room.outbox.bring("helpdsk", "12", "tess").await.expect_err("no such desk");
    assert_eq!(nowhere.to_string(), "there is no desk \"helpdsk\"; there are: helpdesk");
}

#[tokio::test]
async fn a_desk_that_wants_to_be_left_alone_is_left_alone_for_as_long_as_it_says() {
    let room = Room::open().await;
    let ticket = room.ticket("12").await;
    room.note(&ticket, "Hello.").await;
    room.desk.side().faults.insert(1, Fault::Limited(40));
    room.outbox.turn().await.expect("turn");
    let standing = room.outbox.standing().await.expect("standing").remove(0);
    assert_eq!((standing.waiting, standing.trouble.as_str()), (1, "429: slow down"));
    room.clock.advance(Duration::from_secs(39));
    room.outbox.turn().await.expect("turn");
    assert_eq!(room.desk.side().calls, 1, "nobody asked");
    room.clock.advance(Duration::from_secs(1));
    room.outbox.turn().await.expect("turn");
    assert_eq!(room.desk.side().notes.len(), 1);
    assert_eq!(room.outbox.standing().await.expect("standing").remove(0).trouble, "");
}

#[tokio::test]
async fn what_is_refused_waits_for_a_person_and_holds_up_nothing() {
    let room = Room::open().await;
    let ticket = room.ticket("12").await;
    for text in ["One.", "Two.", "Three."] {
        room.note(&ticket, text).await;
    }
    room.desk.side().faults.extend([(1, Fault::Forbidden), (2, Fault::Forbidden)]);
    room.outbox.turn().await.expect("turn");
    let failed = room.in_state(DeliveryState::Failed).await;
    assert_eq!(failed.len(), 2);
    assert!(failed.iter().all(|one| one.said == "403: no right to comment"), "{failed:?}");
    assert_eq!(room.desk.side().notes.len(), 1);
    room.outbox.retry(&failed[0].id).await.expect("again");
    room.outbox.drop(&failed[1].id).await.expect("given up");
    room.outbox.turn().await.expect("turn");
    let texts: Vec<String> = room.desk.side().notes.iter().map(|note| note.text.clone()).collect();
    assert_eq!(texts, ["Three.", "Two."]);
    let done = room.outbox.retry(&failed[0].id).await.expect_err("it is there");
    assert!(done.to_string().contains("the delivery is done"), "{done}");
}

#[tokio::test]
async fn files_that_were_cut_are_told_on_the_ticket_once() {
    let room = Room::open().await;
    let ticket = room.ticket("12").await;
    room.desk.side().cut = Some(5);
    let files =
        vec![NewFile { name: "a.json".to_owned(), media_type: "application/json".to_owned(), bytes: vec![7; 9] }];
    let note = NewNote { body: RichText::paragraphs("With a file."), files, ..NewNote::default() };
    room.builtin.note(&ticket.number, note).await.expect("noted");
    room.empty().await;
    let notes = room.desk.side().notes.clone();
    assert_eq!(notes.len(), 2);
    assert!(notes[1].text.contains("a.json: only 5 of 9 bytes were stored"), "{}", notes[1].text);
    let done = room.in_state(DeliveryState::Done).await;
    assert_eq!(done[1].said, "a.json: only 5 of 9 bytes were stored");
}

#[tokio::test]
async fn a_collector_that_ends_in_the_middle_of_a_post_has_written_once() {
    for fault in [Fault::Hangs, Fault::LostBefore] {
        let mut room = Room::open().await;
        let ticket = room.ticket("12").await;
        room.note(&ticket, "Hello.").await;
        room.desk.side().faults.insert(1, fault);
        let run = room.outbox.clone();
        let turn = tokio::spawn(async move { run.send_next("helpdesk").await });
        let reached = async {
            while room.desk.side().calls == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), reached).await.expect("asked");
        turn.abort();
        let _ = turn.await;
        room.restart();
        room.empty().await;
        assert_eq!(room.desk.side().notes.len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_desk_that_left_the_configuration_keeps_its_rows() {
    let room = Room::open().await;
    let ticket = room.ticket("12").await;
    room.note(&ticket, "Hello.").await;
    let parts = (room.store.clone(), room.clock.clone(), room.feed.clone(), room.builtin.clone());
    let gone = Outbox::new(parts.0, parts.1, parts.2, Replicas::alone(), Desks::default(), parts.3);
    gone.turn().await.expect("turn");
    let waiting = room.in_state(DeliveryState::Waiting).await;
    assert_eq!(waiting[0].said, "the configuration has no desk called \"helpdesk\"");
    room.empty().await;
    assert_eq!(room.desk.side().notes.len(), 1);
}

#[tokio::test]
async fn a_thousand_deliveries_with_a_fault_in_every_tenth_call_arrive_once_each() {
    const DELIVERIES: usize = 1000;
    let mut room = Room::open().await;
    let mut tickets = Vec::new();
    for number in 10..30 {
        tickets.push(room.ticket(&number.to_string()).await);
    }
    let faults = (1..400).map(|turn| (turn * 10, PASSING[turn % PASSING.len()]));
    room.desk.side().faults = faults.collect();
    for index in 0..DELIVERIES {
        room.note(&tickets[index % tickets.len()], &format!("note {index}")).await;
        if index % 250 == 249 {
            room.outbox.turn().await.expect("turn");
            room.restart();
        }
    }
    room.empty().await;
    let side = room.desk.side();
    let texts: BTreeSet<&str> = side.notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!((texts.len(), side.notes.len()), (DELIVERIES, DELIVERIES), "lost or doubled");
    assert!(side.calls > DELIVERIES + DELIVERIES / 20, "faults happened: {} calls", side.calls);
    for ticket in &tickets {
        let number = &ticket.outside.as_ref().expect("outside").number;
        let order = side.notes.iter().filter(|note| note.ticket == *number).map(|note| index_of(&note.text));
        assert!(order.is_sorted(), "in order on ticket {number}");
    }
}

fn index_of(text: &str) -> usize {
    text.rsplit(' ').next().and_then(|index| index.parse().ok()).expect("a number")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn whatever_goes_wrong_every_note_arrives_once(
        faults in proptest::collection::btree_map(1usize..40, 0usize..PASSING.len(), 0..25),
        restarts in proptest::collection::vec(any::<bool>(), 12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        let counted: Result<(), TestCaseError> = runtime.block_on(async {
            let mut room = Room::open().await;
            let ticket = room.ticket("12").await;
            room.desk.side().faults = faults.iter().map(|(call, fault)| (*call, PASSING[*fault])).collect::<BTreeMap<_, _>>();
            for (index, restart) in restarts.iter().enumerate() {
                room.note(&ticket, &format!("note {index}")).await;
                room.outbox.turn().await.expect("turn");
                if *restart {
                    room.restart();
                }
                room.clock.advance(Duration::from_secs(3));
            }
            room.empty().await;
            let side = room.desk.side();
            let order: Vec<usize> = side.notes.iter().map(|note| index_of(&note.text)).collect();
            prop_assert_eq!(order, (0..restarts.len()).collect::<Vec<_>>());
            Ok(())
        });
        counted?;
    }
}
