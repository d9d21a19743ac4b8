use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::app::ManualClock;
use crate::app::fixture::Ground;
use crate::config::DeskSettings;
use crate::desk::standin::{Fault, StandIn};
use crate::desk::{Configured, DeliveryState};
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
        let Ground { folder, store, clock, feed } = Ground::new().await;
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
    outbox_of(Replicas::alone(), store, clock, feed, desk, builtin)
}

fn outbox_of(
    replicas: Replicas,
    store: &Store,
    clock: &Arc<ManualClock>,
    feed: &Feed,
    desk: &StandIn,
    builtin: &BuiltinDesk,
) -> Outbox {
    let settings = DeskSettings { name: "helpdesk".to_owned(), ..DeskSettings::default() };
    let desks = Desks::of(vec![Configured { settings, desk: Ok(Box::new(desk.clone())) }]);
    let (store, clock, feed, builtin) = (store.clone(), clock.clone(), feed.clone(), builtin.clone());
    Outbox::new(OutboxParts { store, clock, feed, replicas, desks, builtin })
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
    assert_eq!((standing.traffic.waiting, standing.traffic.trouble.as_str()), (1, "429: slow down"));
    room.clock.advance(Duration::from_secs(39));
    room.outbox.turn().await.expect("turn");
    assert_eq!(room.desk.side().calls, 1, "nobody asked");
    room.clock.advance(Duration::from_secs(1));
    room.outbox.turn().await.expect("turn");
    assert_eq!(room.desk.side().notes.len(), 1);
    assert_eq!(room.outbox.standing().await.expect("standing").remove(0).traffic.trouble, "");
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
        reached(&room.desk, |side| side.calls > 0).await;
        turn.abort();
        let _ = turn.await;
        room.restart();
        room.empty().await;
        assert_eq!(room.desk.side().notes.len(), 1, "{fault:?}");
    }
}

/// A ticket that is to be at the desk, too, and a note for it.
async fn opening(room: &Room) -> Ticket {
    let order = crate::ticket::NewTicket { subject: "The disk is full".to_owned(), ..Default::default() };
    let ticket = room.builtin.open(order, crate::ticket::AUTHOR).await.expect("opened here");
    let number = ticket.api_id.parse().expect("a number");
    let order = crate::desk::OutgoingTicket {
        mark: String::new(),
        queue: "Workstations".to_owned(),
        subject: ticket.subject.clone(),
        body: RichText::paragraphs("1 GiB left."),
        requester: crate::ticket::Requester::default(),
    };
    let now = room.clock.now();
    let push = room.store.write(move |tx| {
        Box::pin(async move { Ok::<_, OutboxError>(push_opening(tx, number, "helpdesk", &order, now).await?) })
    });
    push.await.expect("pushed");
    room.note(&ticket, "And a note.").await;
    ticket
}

#[tokio::test]
async fn a_ticket_that_the_desk_does_not_find_yet_is_not_opened_twice() {
    for fault in [Fault::LostAfter, Fault::LostBefore, Fault::Page, Fault::Unreached] {
        let mut room = Room::open().await;
        let ticket = opening(&room).await;
        room.desk.side().lags = true;
        room.desk.side().faults.insert(1, fault);
        room.outbox.turn().await.expect("turn");
        room.restart();
        room.clock.advance(Duration::from_mins(2));
        room.outbox.turn().await.expect("turn");
        room.desk.side().lags = false;
        room.empty().await;
        let outside = room.builtin.show(&ticket.number).await.expect("there").outside.expect("at the desk");
        assert_eq!((outside.number.as_str(), outside.api_id.as_str()), ("1000", "id-1000"), "{fault:?}");
        let side = room.desk.side();
        assert_eq!((side.opened.len(), side.notes.len()), (1, 1), "{fault:?}");
        assert_eq!(side.notes[0].ticket, "1000");
    }
}

#[tokio::test]
async fn a_ticket_that_was_brought_while_it_was_being_opened_has_one_page() {
    let room = Room::open().await;
    let ticket = opening(&room).await;
    room.desk.side().faults.insert(1, Fault::LostAfter);
    room.outbox.turn().await.expect("turn");
    let brought = room.outbox.bring("helpdesk", "1000", "tess").await.expect("brought");
    room.empty().await;
    assert_eq!(room.desk.side().opened.len(), 1);
    assert_eq!(room.desk.side().notes.len(), 1, "the note goes where the ticket is");
    let ours = room.builtin.show(&ticket.number).await.expect("there");
    assert_eq!((ours.outside, ours.state), (None, TicketState::Closed));
    let on = room.outbox.list(None, Some(&brought.number), 10).await.expect("a list");
    assert_eq!(on.len(), 2, "what was under way goes on there: {on:?}");
}

#[tokio::test]
async fn a_ticket_that_is_not_opened_after_all_stays_here_and_nothing_goes_out_from_it() {
    let room = Room::open().await;
    let ticket = opening(&room).await;
    room.desk.side().faults.insert(1, Fault::Forbidden);
    room.outbox.turn().await.expect("turn");
    let failed = room.in_state(DeliveryState::Failed).await.remove(0);
    assert_eq!((failed.kind.as_str(), failed.said.as_str()), ("opening", "403: no right to comment"));
    room.outbox.turn().await.expect("turn");
    assert!(room.desk.side().notes.is_empty(), "a note for no ticket");
    room.outbox.drop(&failed.id).await.expect("given up");
    assert_eq!(room.in_state(DeliveryState::Dropped).await.len(), 2);
    assert_eq!(room.builtin.show(&ticket.number).await.expect("there").outside, None);
}

#[tokio::test]
async fn where_tickets_stand_there_is_read_back() {
    let room = Room::open().await;
    let ticket = room.ticket("12").await;
    room.clock.advance(Duration::from_mins(11));
    {
        let mut side = room.desk.side();
        let there = side.tickets.get_mut("12").expect("there");
        there.state = "Solved".to_owned();
        there.queue = "Network".to_owned();
    }
    room.outbox.follow().await.expect("read");
    let read = room.builtin.show(&ticket.number).await.expect("there");
    assert_eq!(read.state, TicketState::Resolved);
    let outside = read.outside.expect("at the desk");
    assert_eq!((outside.state.as_str(), outside.queue.as_str()), ("Solved", "Network"));
    assert!(room.outbox.list(None, None, 10).await.expect("a list").is_empty(), "what was read does not go out");
}

#[tokio::test]
async fn what_is_for_a_merged_ticket_goes_to_the_one_that_it_became_and_says_so() {
    let room = Room::open().await;
    let ticket = room.ticket("12").await;
    room.desk.open("14", "The same");
    room.desk.side().merged.insert("12".to_owned(), "14".to_owned());
    room.note(&ticket, "Hello.").await;
    room.note(&ticket, "Again.").await;
    room.empty().await;
    assert!(room.desk.side().notes.iter().all(|note| note.ticket == "14"));
    let said: Vec<String> = room.in_state(DeliveryState::Done).await.into_iter().rev().map(|one| one.said).collect();
    assert_eq!(said, ["its ticket has become 14, and it is there", ""], "once");
    let outside = room.builtin.show(&ticket.number).await.expect("there").outside.expect("at the desk");
    assert_eq!((outside.number.as_str(), outside.api_id.as_str()), ("14", "id-14"));
}

#[tokio::test]
async fn a_merged_ticket_whose_other_half_has_a_page_keeps_its_own() {
    let room = Room::open().await;
    let (ticket, other) = (room.ticket("12").await, room.ticket("14").await);
    room.desk.side().merged.insert("12".to_owned(), "14".to_owned());
    room.note(&ticket, "Hello.").await;
    room.clock.advance(Duration::from_mins(11));
    room.outbox.follow().await.expect("read");
    room.empty().await;
    assert_eq!(room.desk.side().notes[0].ticket, "14");
    for (page, number) in [(ticket, "12"), (other, "14")] {
        let outside = room.builtin.show(&page.number).await.expect("there").outside.expect("at the desk");
        assert_eq!(outside.number, number);
    }
}

#[tokio::test]
async fn a_desk_that_left_the_configuration_keeps_its_rows() {
    let room = Room::open().await;
    let ticket = room.ticket("12").await;
    room.note(&ticket, "Hello.").await;
    let gone = Outbox::new(OutboxParts { desks: Desks::default(), ..room.outbox.parts().clone() });
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

/// Waits until a desk is in a state.
async fn reached(desk: &StandIn, state: impl Fn(&crate::desk::standin::Side) -> bool) {
    let reached = async {
        while !state(&desk.side()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reached).await.expect("in time");
}

/// Two replicas share a desk and a database, which only PostgreSQL is.
#[tokio::test]
async fn a_replica_that_stood_still_between_looking_and_sending_sends_nothing_that_another_has_sent() {
    for is_given_up in [false, true] {
        let Ground { folder, clock, feed, .. } = Ground::new().await;
        let Some(pair) = crate::replica::tests::pair(folder.path()).await else { return };
        let desk = StandIn::default();
        let [one, two] = pair.members().map(|(store, replicas)| {
            let builtin = BuiltinDesk::new(store.clone(), clock.clone(), feed.clone());
            outbox_of(replicas, &store, &clock, &feed, &desk, &builtin)
        });
        desk.open("12", "My computer is slow");
        let ticket = one.bring("helpdesk", "12", "tess").await.expect("brought");
        for index in 0..20 {
            let note = NewNote { body: RichText::paragraphs(&format!("note {index}")), ..NewNote::default() };
            one.builtin().note(&ticket.number, note).await.expect("noted");
        }
        // After an answer that was lost it is looked for; whoever looks stands still.
        desk.side().faults.insert(1, Fault::LostBefore);
        one.turn().await.expect("turn");
        clock.advance(Duration::from_secs(5));
        let (thaw, frozen) = tokio::sync::oneshot::channel();
        desk.side().frozen = Some(frozen);
        let stands_still = one.clone();
        let still = tokio::spawn(async move { stands_still.turn().await });
        reached(&desk, |side| side.frozen.is_none()).await;

        two.turn().await.expect("seen");
        assert!(desk.side().notes.is_empty(), "it may be alive");
        if is_given_up {
            pair.second_takes_over().await;
        }
        clock.advance(LEASE);
        two.turn().await.expect("turn");
        assert_eq!(desk.side().notes.len(), 20, "the other goes on");
        thaw.send(()).expect("it stands still");
        still.await.expect("it goes on").ok();
        clock.advance(Duration::from_mins(20));
        one.turn().await.ok();
        two.turn().await.expect("turn");
        let order: Vec<usize> = desk.side().notes.iter().map(|note| index_of(&note.text)).collect();
        assert_eq!(order, (0..20).collect::<Vec<_>>(), "once each, whether it was given up ({is_given_up}) or not");
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
