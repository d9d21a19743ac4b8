//! The stories, each with a desk of its own.

use std::collections::BTreeSet;
use std::time::Duration;

use super::faults::{certificate, stranger};
use super::{Fault, Room, Side};
use crate::config::DeskSettings;
use crate::desk::contract::{Change, Found, OutgoingNote, OutgoingTicket, TicketRef};
use crate::desk::trouble::TroubleKind;
use crate::ticket::rich_text::{Block, RichText};
use crate::ticket::{NewFile, Requester, TicketState};

/// A note with all that desks could stumble over.
pub(crate) fn note(mark: &str, files: Vec<NewFile>) -> OutgoingNote {
    let body = RichText(vec![Block::heading("Why"), Block::paragraph("<b>It is full.</b> {code} & \u{e9}")]);
    OutgoingNote { mark: mark.to_owned(), title: "Firstline FL-1001".to_owned(), body, public: false, files }
}

pub(crate) fn file(name: &str, bytes: &[u8]) -> NewFile {
    NewFile { name: name.to_owned(), media_type: "application/json".to_owned(), bytes: bytes.to_vec() }
}

pub(crate) fn order(mark: &str) -> OutgoingTicket {
    OutgoingTicket {
        mark: mark.to_owned(),
        queue: String::new(),
        subject: "Disk of PC-17 fails".to_owned(),
        body: RichText(vec![Block::paragraph("It fails.")]),
        requester: Requester::default(),
    }
}

/// A ticket that a person has just opened.
pub(crate) async fn ticket(room: &Room) -> TicketRef {
    opened(room, "Outlook hangs").await.ticket
}

/// A stand-in, the way to it with `more` told, and a ticket that a person has just opened.
pub(crate) async fn with_ticket<S>(standin: S, more: impl FnOnce(&mut DeskSettings)) -> (S, Room, TicketRef)
where
    S: Side + Clone + 'static,
{
    let room = Room::with(standin.clone(), more).await;
    let ticket = ticket(&room).await;
    (standin, room, ticket)
}

pub(crate) async fn opened(room: &Room, subject: &str) -> Found {
    let number = room.side.opens(subject, "since 10:40");
    room.desk.find(&number).await.expect("an answer").expect("found")
}

pub(crate) async fn a_number_finds_its_ticket_and_nothing_else_is_taken_for_it(room: Room) {
    let other = opened(&room, "The printer is gone").await;
    let number = room.side.opens(&format!("As {}, Outlook hangs", other.ticket.display_number), "since 10:40");
    let found = room.desk.find(&format!(" {number} ")).await.expect("an answer").expect("found");
    assert_eq!(found.ticket.display_number, number);
    assert!(found.subject.ends_with("Outlook hangs"), "{found:?}");
    assert!(found.text.contains("since 10:40"), "{found:?}");
    assert!(found.url.starts_with("http"), "{found:?}");
    assert_ne!(found.ticket.api_id, other.ticket.api_id);
    for odd in ["", "0", "999999999", "4711 OR 1=1", "../users/1", "\u{e9}", "INC9999999", "XX-99999"] {
        assert_eq!(room.desk.find(odd).await.expect(odd), None, "{odd:?} is no ticket");
    }
}

pub(crate) async fn a_ticket_tells_who_complains_and_about_which_device(room: Room) {
    let number = room.side.opens("Outlook hangs", "since 10:40");
    let found = room.desk.find(&number.to_lowercase()).await.expect("an answer").expect("found");
    assert_eq!((found.device.as_str(), found.requester.name.as_str()), ("PC-17", "Ana Silva"));
    assert!(found.requester.email == "ana@corp.example" || found.requester.sign_in == "ana", "{found:?}");
    assert_eq!(Some(&found.queue), room.settings.queues.first());
}

pub(crate) async fn a_note_is_private_and_its_files_are_there(room: Room) {
    let found = opened(&room, "Outlook hangs").await;
    let note = note("m1", vec![file("report.json", b"{\"a\":1}"), file("snapshot.json", &[b'x'; 70_000])]);
    assert_eq!(room.desk.noted(&found.ticket, &note).await.expect("an answer"), None);
    let noted = room.desk.note(&found.ticket, &note).await.expect("noted");
    let problems: Vec<&str> = noted.files.iter().filter_map(|one| one.problem.as_deref()).collect();
    assert_eq!((noted.files.len(), problems), (2, Vec::new()));
    assert_eq!(room.desk.noted(&found.ticket, &note).await.expect("an answer"), Some(noted));
    let notes = room.side.notes(&found.ticket.display_number);
    assert!(notes.iter().all(|one| !one.public), "nothing of it is for the requester: {notes:?}");
    let said = notes.iter().filter(|one| one.text.contains("It is full.")).count();
    assert_eq!(said, 1, "{notes:?}");
    let mut files: Vec<(String, Vec<u8>)> = notes.into_iter().flat_map(|one| one.files).collect();
    files.sort();
    let sent: Vec<(String, Vec<u8>)> = note.files.iter().map(|one| (one.name.clone(), one.bytes.clone())).collect();
    assert_eq!(files, sent);
}

pub(crate) async fn a_public_note_is_public(room: Room) {
    let found = opened(&room, "Outlook hangs").await;
    let note = OutgoingNote { public: true, ..note("m1", Vec::new()) };
    room.desk.note(&found.ticket, &note).await.expect("noted");
    let notes = room.side.notes(&found.ticket.display_number);
    assert_eq!(notes.iter().filter(|one| one.public).count(), 1, "{notes:?}");
}

pub(crate) async fn an_answer_that_was_lost_leaves_it_unclear_and_the_mark_is_found(room: Room) {
    let found = opened(&room, "Outlook hangs").await;
    for (count, fault) in [Fault::LostAfter, Fault::Broken, Fault::Late].into_iter().enumerate() {
        let note = note(&format!("m{count}"), Vec::new());
        assert_eq!(room.desk.noted(&found.ticket, &note).await.expect("an answer"), None, "another mark");
        room.side.faults().next(fault.clone());
        let trouble = room.desk.note(&found.ticket, &note).await.expect_err("lost");
        assert!(trouble.unclear && trouble.passes(), "{fault:?}: {trouble:?}");
        assert!(room.desk.noted(&found.ticket, &note).await.expect("an answer").is_some(), "{fault:?}");
        assert_eq!(room.side.notes(&found.ticket.display_number).len(), count + 1);
    }
}

pub(crate) async fn a_ticket_that_was_opened_without_an_answer_is_found(room: Room) {
    let mut opened = Vec::new();
    for (mark, fault) in [("m1", Fault::LostAfter), ("m2", Fault::Broken), ("m3", Fault::Late)] {
        assert_eq!(room.desk.created(mark).await.expect("an answer"), None, "another mark");
        room.side.faults().next(fault.clone());
        let trouble = room.desk.create(&order(mark)).await.expect_err("lost");
        assert!(trouble.unclear && trouble.passes(), "{fault:?}: {trouble:?}");
        opened.push(room.desk.created(mark).await.expect("an answer").expect("it was opened"));
    }
    let made = room.desk.create(&order("m4")).await.expect("opened");
    opened.push(made.clone());
    let apart: BTreeSet<&str> = opened.iter().map(|ticket| ticket.api_id.as_str()).collect();
    assert_eq!((apart.len(), room.side.tickets()), (4, 4), "{opened:?}");
    let read = room.desk.find(&made.display_number).await.expect("an answer").expect("found");
    assert_eq!((read.subject.as_str(), &read.ticket), ("Disk of PC-17 fails", &made));
}

pub(crate) async fn what_was_refused_before_it_was_done_leaves_no_trace(room: Room) {
    let found = opened(&room, "Outlook hangs").await;
    room.side.faults().next(Fault::Refused(400, Vec::new(), "{\"message\":\"no such thing\"}"));
    let trouble = room.desk.note(&found.ticket, &note("m1", Vec::new())).await.expect_err("refused");
    assert_eq!((trouble.kind, trouble.unclear), (TroubleKind::Refused, false), "{trouble:?}");
    assert!(trouble.said.contains("no such thing"), "in its own words: {trouble:?}");
    assert!(room.side.notes(&found.ticket.display_number).is_empty());
}

pub(crate) async fn a_desk_that_wants_to_be_left_alone_says_how_long(room: Room) {
    let found = opened(&room, "Outlook hangs").await;
    room.side.faults().next(Fault::Refused(429, vec![("retry-after", "17")], "Slow down"));
    let trouble = room.desk.note(&found.ticket, &note("m1", Vec::new())).await.expect_err("too many");
    assert_eq!((trouble.kind, trouble.wait), (TroubleKind::RateLimited, Some(Duration::from_secs(17))));
    assert!(!trouble.unclear, "nothing was done: {trouble:?}");
    assert!(room.side.notes(&found.ticket.display_number).is_empty());
}

pub(crate) async fn a_page_instead_of_an_answer_is_no_success(room: Room) {
    let found = opened(&room, "Outlook hangs").await;
    room.side.faults().next(Fault::Page);
    let trouble = room.desk.note(&found.ticket, &note("m1", Vec::new())).await.expect_err("a page");
    assert_eq!((trouble.kind, trouble.unclear), (TroubleKind::Odd, true), "{trouble:?}");
}

pub(crate) async fn a_page_instead_of_a_ticket_is_no_ticket(room: Room) {
    let found = opened(&room, "Outlook hangs").await;
    room.side.faults().next_read(Fault::Page);
    let trouble = room.desk.find(&found.ticket.display_number).await.expect_err("a page");
    assert_eq!((trouble.kind, trouble.unclear), (TroubleKind::Odd, false), "{trouble:?}");
}

pub(crate) async fn an_error_page_is_told_in_words_and_not_in_markup(room: Room) {
    let found = opened(&room, "Outlook hangs").await;
    room.side.faults().next(Fault::Refused(500, Vec::new(), "<html><body><h1>Oops</h1></body></html>"));
    let trouble = room.desk.note(&found.ticket, &note("m1", Vec::new())).await.expect_err("an error");
    assert_eq!((trouble.kind, trouble.unclear), (TroubleKind::Away, true), "{trouble:?}");
    assert!(trouble.said.starts_with("500: Internal Server Error"), "{trouble:?}");
    assert!(!trouble.said.contains('<'), "{trouble:?}");
}

pub(crate) async fn what_the_account_may_not_do_is_told_as_such(room: Room) {
    let found = opened(&room, "Outlook hangs").await;
    room.side.faults().next(Fault::Refused(403, Vec::new(), "{\"message\":\"Not yours\"}"));
    let trouble = room.desk.note(&found.ticket, &note("m1", Vec::new())).await.expect_err("denied");
    assert_eq!((trouble.kind, trouble.unclear), (TroubleKind::Forbidden, false), "{trouble:?}");
    assert!(trouble.said.contains("Not yours") && trouble.said.contains("; "), "with what it takes: {trouble:?}");
    assert!(room.side.notes(&found.ticket.display_number).is_empty());
}

pub(crate) async fn files_that_are_too_long_keep_no_note_away(room: Room) {
    let found = opened(&room, "Outlook hangs").await;
    room.side.faults().next(Fault::Refused(413, Vec::new(), "<html><h1>413 Request Entity Too Large</h1></html>"));
    let noted = room.desk.note(&found.ticket, &note("m1", vec![file("a.json", b"{}")])).await.expect("noted");
    let notes = room.side.notes(&found.ticket.display_number);
    let said = notes.iter().filter(|one| one.text.contains("It is full.")).count();
    assert_eq!(said, 1, "{notes:?}");
    let there = notes.iter().any(|one| !one.files.is_empty());
    assert_eq!(noted.files[0].problem.is_none(), there, "{noted:?}");
    let words = noted.files[0].problem.as_deref().unwrap_or("413: it came by itself");
    assert!(words.starts_with("413: "), "in its own words: {words}");
}

pub(crate) async fn what_is_open_is_closed_and_opened_anew_when_it_is_needed(room: Room) {
    let found = opened(&room, "Outlook hangs").await;
    for _ in 0..2 {
        room.desk.close().await;
        assert_eq!(room.side.sessions(), 0);
    }
    room.desk.note(&found.ticket, &note("m1", Vec::new())).await.expect("noted");
    assert_eq!(room.side.notes(&found.ticket.display_number).len(), 1);
}

pub(crate) async fn a_certificate_that_nobody_vouches_for_is_not_believed(standin: impl Side + 'static) {
    let (address, folder) = (stranger().await, tempfile::tempdir().expect("a folder"));
    let other = folder.path().join("other.pem");
    std::fs::write(&other, certificate().cert.pem()).expect("written");
    let more = |settings: &mut DeskSettings| {
        settings.url = format!("https://{address}");
        settings.ca_file = other;
    };
    let trouble = Room::with(standin, more).await.desk.verify().await.expect_err("not believed");
    assert_eq!((trouble.kind, trouble.unclear), (TroubleKind::Away, false), "{trouble:?}");
    assert!(trouble.said.contains("certificate"), "{trouble:?}");
}

pub(crate) async fn a_resolved_ticket_is_read_back(room: Room) {
    let found = opened(&room, "Outlook hangs").await;
    let change = Change { state: Some(TicketState::Resolved), ..Change::default() };
    room.desk.change(&found.ticket, &change).await.expect("resolved");
    room.desk.change(&found.ticket, &change).await.expect("asking twice is as asking once");
    let now = room.desk.find(&found.ticket.display_number).await.expect("an answer").expect("found").state;
    assert_ne!(now, found.state);
    assert_eq!(now, room.side.state(&found.ticket.display_number));
}

pub(crate) async fn only_new_tickets_come_in_oldest_first(room: Room) {
    room.side.opens("Old", "");
    let first = room.desk.arrivals(None).await.expect("an answer");
    assert!(first.tickets.is_empty(), "what was there before is left alone");
    let second = room.desk.arrivals(Some(&first.mark)).await.expect("an answer");
    assert!(second.tickets.is_empty(), "nothing is new: {second:?}");
    let numbers = ["One", "Two", "Three"].map(|subject| room.side.opens(subject, "since 10:40"));
    let news = room.desk.arrivals(Some(&second.mark)).await.expect("an answer");
    let came: Vec<&str> = news.tickets.iter().map(|found| found.ticket.display_number.as_str()).collect();
    assert_eq!(came, numbers);
    let again = room.desk.arrivals(Some(&news.mark)).await.expect("an answer");
    assert!(again.tickets.is_empty(), "each comes once: {again:?}");
}

pub(crate) async fn wrong_credentials_are_told_as_such(room: Room) {
    let trouble = room.desk.verify().await.expect_err("refused");
    assert_eq!(trouble.kind, TroubleKind::Unauthorized, "{trouble:?}");
}
