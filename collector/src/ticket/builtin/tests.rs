use std::time::Duration;

use super::*;
use crate::app::ManualClock;
use crate::app::fixture::Ground;
use crate::feed::Watched;
use crate::store::fixture;
use crate::store::fixture::Enrolled;
use crate::store::{StoreError, sql};
use crate::ticket::rich_text::RichText;
use crate::ticket::{ClosingCode, Requester, TicketState, Visibility};

struct Room {
    _folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
    feed: Feed,
    desk: BuiltinDesk,
}

impl Room {
    async fn open() -> Self {
        let Ground { folder, store, clock, feed } = Ground::new().await;
        let desk = BuiltinDesk::new(store, clock.clone(), feed.clone());
        Self { _folder: folder, clock, feed, desk }
    }

    async fn endpoint(&self, id: &str, name: &str, users: &str) {
        fixture::enrol(&self.desk.store, Enrolled { id, name, users, ..Enrolled::default() }).await;
    }
}

fn order(subject: &str) -> NewTicket {
    NewTicket {
        requester: Requester {
            name: "Ana Silva".to_owned(),
            email: "ana@corp.example".to_owned(),
            sign_in: "CORP\\ana".to_owned(),
        },
        subject: subject.to_owned(),
        text: "It is slow since this morning.".to_owned(),
        endpoint: None,
    }
}

fn note(text: &str, key: &str) -> NewNote {
    NewNote {
        author: "tess".to_owned(),
        visibility: Visibility::Public,
        body: RichText::paragraphs(text),
        files: Vec::new(),
        key: key.to_owned(),
    }
}

fn file(name: &str, bytes: Vec<u8>) -> NewFile {
    NewFile { name: name.to_owned(), media_type: "text/plain".to_owned(), bytes }
}

#[tokio::test]
async fn a_ticket_goes_from_new_to_resolved() {
    let room = Room::open().await;
    let mut watch = room.feed.subscribe();
    let ticket = room.desk.open(order("My computer is slow"), "tess").await.expect("opened");
    assert_eq!((ticket.number.as_str(), ticket.state), ("FL-1001", TicketState::New));
    assert!(matches!(watch.ready(), Some(Watched::Entry(_))), "watchers hear of it");

    room.clock.advance(Duration::from_mins(5));
    let result = room.desk.note("fl-1001", note("Looking at it.", "")).await.expect("noted");
    assert!(!result.repeated);
    let ticket = room.desk.show("1001").await.expect("there");
    assert_eq!(ticket.notes[0].text, "Looking at it.");
    assert_eq!(ticket.updated_at.since(ticket.opened_at), Duration::from_mins(5));

    let update = TicketUpdate { state: Some(TicketState::Resolved), ..TicketUpdate::default() };
    let ticket = room.desk.update("FL-1001", update, "tess").await.expect("resolved");
    assert_eq!((ticket.state, ticket.notes.len()), (TicketState::Resolved, 1));
}

#[tokio::test]
async fn a_closing_code_goes_with_the_end_of_a_ticket() {
    let room = Room::open().await;
    let ticket = room.desk.open(order("Slow"), "tess").await.expect("opened").number;
    let update = async |state: Option<TicketState>, closing: Option<ClosingCode>| {
        room.desk.update(&ticket, TicketUpdate { state, closing, ..TicketUpdate::default() }, "tess").await
    };
    let early = update(None, Some(ClosingCode::Solved)).await.expect_err("it is open").to_string();
    assert_eq!(early, "FL-1001 is new: a closing code goes with the state resolved or closed");
    let closed = update(Some(TicketState::Closed), Some(ClosingCode::Nothing)).await.expect("closed");
    assert_eq!((closed.state, closed.closing), (TicketState::Closed, Some(ClosingCode::Nothing)));
    let other = update(None, Some(ClosingCode::Accepted)).await.expect("it is over");
    assert_eq!(other.closing, Some(ClosingCode::Accepted), "somebody thought again");
    let again = update(Some(TicketState::Open), None).await.expect("opened again");
    assert_eq!((again.state, again.closing), (TicketState::Open, None), "it has not ended");
}

#[tokio::test]
async fn a_note_with_the_same_key_is_written_once() {
    let room = Room::open().await;
    let ticket = room.desk.open(order("Slow"), "tess").await.expect("opened");
    let with_file = || NewNote { files: vec![file("a.txt", b"abc".to_vec())], ..note("Found it.", "pull:1") };
    let first = room.desk.note(&ticket.number, with_file()).await.expect("first");
    let second = room.desk.note(&ticket.number, with_file()).await.expect("second");
    assert!(second.repeated);
    assert_eq!((first.note_id, first.files), (second.note_id, second.files));
    let ticket = room.desk.show(&ticket.number).await.expect("there");
    assert_eq!((ticket.notes.len(), ticket.attachments.len()), (1, 1));
}

#[tokio::test]
async fn a_file_that_is_too_large_is_refused_and_the_note_stays() {
    let room = Room::open().await;
    let ticket = room.desk.open(order("Slow"), "tess").await.expect("opened");
    let files = vec![file("big", vec![0; FILE_BYTES + 1]), file("../small.txt", b"abc".to_vec())];
    let result = room.desk.note(&ticket.number, NewNote { files, ..note("Two files.", "") }).await.expect("noted");
    assert!(result.files[0].refused.contains("at most 20 MiB"), "{:?}", result.files[0]);
    let small = result.files[1].attachment.clone().expect("stored");
    assert_eq!(small.name, "small.txt");
    assert_eq!(small.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    let content = room.desk.attachment(&small.id).await.expect("content");
    assert_eq!((content.bytes.as_slice(), content.ticket.as_str()), (&b"abc"[..], "FL-1001"));
}

#[tokio::test]
async fn hostile_texts_are_kept_as_texts() {
    let room = Room::open().await;
    let nasty = "<img src=x onerror=alert(1)>\u{0}\u{1b}[2J\u{202e}' OR 1=1 --";
    let mut hostile = order(nasty);
    hostile.text = format!("{nasty}\n{nasty}");
    hostile.requester = Requester { name: nasty.to_owned(), email: nasty.to_owned(), sign_in: nasty.to_owned() };
    let ticket = room.desk.open(hostile, nasty).await.expect("opened");
    room.desk.note(&ticket.number, NewNote { author: nasty.to_owned(), ..note(nasty, "") }).await.expect("noted");
    let ticket = room.desk.show(&ticket.number).await.expect("there");
    assert_eq!(ticket.subject, "<img src=x onerror=alert(1)>[2J' OR 1=1 --");
    assert!(!ticket.notes[0].body.to_html().contains("<img"), "{}", ticket.notes[0].body.to_html());
    let page = serde_json::to_string(&ticket).expect("a document");
    assert!(!page.contains("\\u0000") && !page.contains("\\u001b") && !page.contains('\u{202e}'), "{page}");
}

#[tokio::test]
async fn empty_and_endless_texts_are_refused_with_a_reason() {
    let room = Room::open().await;
    for subject in ["", " \u{7} ", &"x".repeat(SUBJECT_LETTERS + 1)] {
        assert!(matches!(room.desk.open(order(subject), "tess").await, Err(DeskError::Refused(_))), "{subject:?}");
    }
    let ticket = room.desk.open(order("Slow"), "tess").await.expect("opened");
    assert!(matches!(room.desk.note(&ticket.number, note(" ", "")).await, Err(DeskError::Refused(_))));
    assert!(matches!(room.desk.note("FL-9", note("x", "")).await, Err(DeskError::NotFound(_))));
}

#[tokio::test]
async fn lists_are_paged_and_searched() {
    let room = Room::open().await;
    for subject in ["Printer is out", "100 % full_disk", "Mail!"] {
        room.desk.open(order(subject), "tess").await.expect("opened");
    }
    let page = room.desk.list(&TicketQuery { limit: Some(2), ..TicketQuery::default() }).await.expect("a page");
    assert_eq!((page.tickets.len(), page.next.as_deref()), (2, Some("FL-1002")));
    let rest = room.desk.list(&TicketQuery { after: page.next, ..TicketQuery::default() }).await.expect("a page");
    assert_eq!((rest.tickets.len(), rest.next), (1, None));
    for (words, found) in
        [("printer", 1), ("full_disk", 1), ("0 %", 1), ("mail!", 1), ("fl-1001", 1), ("ana", 3), ("_", 1)]
    {
        let query = TicketQuery { search: Some(words.to_owned()), ..TicketQuery::default() };
        assert_eq!(room.desk.list(&query).await.expect("a page").tickets.len(), found, "{words}");
    }
}

#[tokio::test]
async fn suggests_the_machine_where_the_requester_is_signed_in_and_says_so() {
    let room = Room::open().await;
    room.endpoint("e1", "lap-ana", r#"["ana"]"#).await;
    room.endpoint("e2", "lap-bob.corp.example", r#"["bob"]"#).await;
    let ticket = room.desk.open(order("My computer is slow"), "tess").await.expect("opened");
    let suggestions = room.desk.suggest(&ticket.number).await.expect("suggestions");
    assert_eq!(suggestions.len(), 1);
    assert_eq!((suggestions[0].endpoint.name.as_str(), suggestions[0].confidence), ("lap-ana", 0.9));
    assert_eq!(suggestions[0].reason, "The requester (ana) is signed in there and nowhere else.");
}

#[tokio::test]
async fn a_host_name_in_the_text_counts_only_as_a_word() {
    let room = Room::open().await;
    room.endpoint("e1", "lap-7", "[]").await;
    room.endpoint("e2", "lap-77.corp.example", "[]").await;
    let ticket = room.desk.open(order("LAP-77 is slow"), "tess").await.expect("opened");
    let suggestions = room.desk.suggest(&ticket.number).await.expect("suggestions");
    assert_eq!(suggestions.iter().map(|one| one.endpoint.id.as_str()).collect::<Vec<_>>(), ["e2"]);
}

#[tokio::test]
async fn a_serial_number_in_the_text_names_its_machine_although_nobody_here_knows_it() {
    let room = Room::open().await;
    room.endpoint("e1", "lap-7", "[]").await;
    room.endpoint("e2", "lap-8", "[]").await;
    let written = room.desk.store.write(|tx| {
        Box::pin(async move {
            let root = "INSERT INTO authority_roots (key, root, changed_at_ms) VALUES (1, $1, 0)";
            sql::query(root).bind(b"root".to_vec()).execute(&mut *tx).await?;
            let hash = "INSERT INTO hardware_keys (kind, value, endpoint_key) SELECT 'serial', $1, key FROM endpoints WHERE id = 'e2'";
            sql::query(hash).bind("ai5chvujb2hg772").execute(tx).await?;
            Ok::<_, StoreError>(())
        })
    });
    written.await.expect("rows");
    let ticket = room.desk.open(order("Slow (S/N: PF-3ABC12)"), "tess").await.expect("opened");
    let suggestions = room.desk.suggest(&ticket.number).await.expect("suggestions");
    assert_eq!(suggestions.iter().map(|one| one.endpoint.id.as_str()).collect::<Vec<_>>(), ["e2"]);
    assert_eq!(
        (suggestions[0].reason.as_str(), suggestions[0].confidence),
        ("The text names its serial number.", 0.95)
    );
}

#[tokio::test]
async fn an_earlier_ticket_is_a_sign_and_a_link_is_proof() {
    let room = Room::open().await;
    room.endpoint("e1", "lap-1", "[]").await;
    room.endpoint("e2", "lap-2", "[]").await;
    let linked = NewTicket { endpoint: Some("e1".to_owned()), ..order("First") };
    room.desk.open(linked, "tess").await.expect("opened");
    let again = room.desk.open(order("Again"), "tess").await.expect("opened");
    let suggestions = room.desk.suggest(&again.number).await.expect("suggestions");
    assert_eq!(suggestions[0].reason, "The requester's last ticket FL-1001 was about it.");
    let update = TicketUpdate { endpoint: Some("e2".to_owned()), ..TicketUpdate::default() };
    room.desk.update(&again.number, update, "tess").await.expect("linked");
    let suggestions = room.desk.suggest(&again.number).await.expect("suggestions");
    assert_eq!((suggestions[0].endpoint.id.as_str(), suggestions[0].confidence), ("e2", 1.0));
}
