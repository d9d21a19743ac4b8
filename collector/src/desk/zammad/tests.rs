use firstline_diagnosis::vocabulary::Priority;

use super::standin::{StandIn, TOKEN};
use super::*;
use crate::desk::trouble::TroubleKind;
use crate::ticket::rich_text::{Block, RichText};
use crate::ticket::{NewFile, TicketState};

struct Room {
    standin: StandIn,
    desk: Zammad,
    _folder: tempfile::TempDir,
}

async fn room_with(token: &str) -> Room {
    rustls::crypto::ring::default_provider().install_default().ok();
    let (standin, folder) = (StandIn::default(), tempfile::tempdir().expect("a folder"));
    std::fs::write(folder.path().join("token"), token).expect("written");
    let settings = DeskSettings {
        name: "helpdesk".to_owned(),
        url: standin.serve().await,
        token_file: "token".into(),
        queues: vec!["Users".to_owned()],
        device_field: "device".to_owned(),
        ..DeskSettings::default()
    };
    let desk = Zammad::new(&settings, folder.path()).expect("a desk");
    Room { standin, desk, _folder: folder }
}

fn note(mark: &str, files: Vec<NewFile>) -> OutgoingNote {
    let body = RichText(vec![Block::heading("Why"), Block::paragraph("<b>It is full.</b>")]);
    OutgoingNote { mark: mark.to_owned(), title: "Firstline FL-1001".to_owned(), body, public: false, files }
}

fn file(name: &str, bytes: &[u8]) -> NewFile {
    NewFile { name: name.to_owned(), media_type: "application/json".to_owned(), bytes: bytes.to_vec() }
}

#[tokio::test]
async fn a_ticket_is_found_by_its_number_and_nothing_else_is_taken_for_it() {
    let room = room_with(TOKEN).await;
    room.standin.ticket("22018", "About ticket 22019", "");
    let id = room.standin.ticket("22019", "Outlook hangs", "<p>since <b>10:40</b></p>");
    let found = room.desk.find("#22019").await.expect("an answer").expect("found");
    assert_eq!((found.ticket.api_id, found.ticket.display_number.as_str()), (id.to_string(), "22019"));
    assert_eq!((found.text.as_str(), found.device.as_str()), ("since 10:40", "PC-17"));
    assert_eq!((found.requester.name.as_str(), found.requester.sign_in.as_str()), ("Ana Silva", ""));
    assert!(room.desk.find("2201").await.expect("an answer").is_none(), "a part of a number is another one");
    assert!(room.desk.find("22019 OR 1").await.expect("an answer").is_none());
}

#[tokio::test]
async fn a_note_is_private_and_its_files_are_read_back() {
    let room = room_with(TOKEN).await;
    room.standin.ticket("22019", "Outlook hangs", "");
    let ticket = room.desk.find("22019").await.expect("an answer").expect("found").ticket;
    let note = note("m1", vec![file("a.json", b"{\"a\":1}")]);
    assert_eq!(room.desk.noted(&ticket, &note).await.expect("an answer"), None);
    let noted = room.desk.note(&ticket, &note).await.expect("noted");
    assert_eq!(noted.files[0].problem, None);
    assert_eq!(room.desk.noted(&ticket, &note).await.expect("an answer"), Some(noted));
    let article = room.standin.side().articles.last().cloned().expect("an article");
    assert_eq!((&article["internal"], &article["type"]), (&json!(true), &json!("note")));
    assert_eq!(article["body"], "<h3>Why</h3><p>&lt;b&gt;It is full.&lt;/b&gt;</p>");
}

#[tokio::test]
async fn a_file_that_is_refused_after_the_note_was_stored_is_told_and_the_note_counts() {
    let room = room_with(TOKEN).await;
    room.standin.ticket("22019", "Outlook hangs", "");
    let ticket = room.desk.find("22019").await.expect("an answer").expect("found").ticket;
    let noted = room.desk.note(&ticket, &note("m1", vec![file("empty.json", b"")])).await.expect("noted");
    assert_eq!(noted.files[0].problem.as_deref(), Some("it is not there"));
    assert_eq!(room.standin.side().articles.len(), 2, "once");
}

#[tokio::test]
async fn an_answer_that_was_lost_leaves_it_unclear_and_the_mark_is_found() {
    let room = room_with(TOKEN).await;
    room.standin.ticket("22019", "Outlook hangs", "");
    let ticket = room.desk.find("22019").await.expect("an answer").expect("found").ticket;
    room.standin.side().lost = 1;
    let note = note("m1", Vec::new());
    let trouble = room.desk.note(&ticket, &note).await.expect_err("lost");
    assert!(trouble.unclear && trouble.passes(), "{trouble:?}");
    assert!(room.desk.noted(&ticket, &note).await.expect("an answer").is_some());
    let order = OutgoingTicket {
        mark: "m2".to_owned(),
        queue: String::new(),
        subject: "A test".to_owned(),
        body: RichText::default(),
        requester: Requester::default(),
    };
    room.standin.side().lost = 1;
    assert!(room.desk.create(&order).await.expect_err("lost").unclear);
    assert!(room.desk.created("m2").await.expect("an answer").is_some());
    assert_eq!(room.desk.created("m3").await.expect("an answer"), None);
}

#[tokio::test]
async fn fields_change_in_its_own_words_and_what_is_ignored_is_noticed() {
    let room = room_with(TOKEN).await;
    room.standin.ticket("22019", "Outlook hangs", "");
    let ticket = room.desk.find("22019").await.expect("an answer").expect("found").ticket;
    let change = Change { state: Some(TicketState::Resolved), priority: Some(Priority::P1), ..Change::default() };
    room.desk.change(&ticket, &change).await.expect("changed");
    let now = room.standin.side().tickets[0].clone();
    assert_eq!((&now["state"], &now["priority"]), (&json!("closed"), &json!("3 high")));
    let moved = Change { queue: Some("Nowhere".to_owned()), ..Change::default() };
    let refused = room.desk.change(&ticket, &moved).await.expect_err("no such group");
    assert_eq!(refused.said, "422: No lookup value found for 'group': \"Nowhere\"");
    let mut desk = room.desk;
    desk.settings.category_field = "nobody_made_this".to_owned();
    let sorted = Change { category: Some("Storage".to_owned()), ..Change::default() };
    let ignored = desk.change(&ticket, &sorted).await.expect_err("ignored");
    assert_eq!(ignored.said, "it answered with success, and nobody_made_this is null, not \"Storage\"");
}

#[tokio::test]
async fn only_new_tickets_of_its_groups_come_in_oldest_first() {
    let room = room_with(TOKEN).await;
    room.standin.ticket("22019", "Old", "");
    let first = room.desk.arrivals(None).await.expect("an answer");
    assert_eq!((first.tickets.len(), first.mark.as_str()), (0, "3"));
    for (number, title) in [("22020", "One"), ("22021", "Elsewhere"), ("22022", "Two"), ("22023", "Over")] {
        room.standin.ticket(number, title, "");
    }
    room.standin.side().tickets[2]["group"] = json!("Second");
    room.standin.side().tickets[4]["state"] = json!("closed");
    let next = room.desk.arrivals(Some("3")).await.expect("an answer");
    let titles: Vec<&str> = next.tickets.iter().map(|found| found.subject.as_str()).collect();
    assert_eq!((titles, next.mark.as_str()), (vec!["One", "Two"], "7"));
}

#[tokio::test]
async fn a_wrong_token_is_told_in_its_own_terms() {
    let room = room_with("wrong").await;
    let trouble = room.desk.verify().await.expect_err("refused");
    assert_eq!(trouble.kind, TroubleKind::Unauthorized);
    assert!(trouble.said.starts_with("401: Can't find User for Token; the token is wrong"), "{}", trouble.said);
    let good = room_with(TOKEN).await;
    assert_eq!(good.desk.verify().await.expect("there").seen, ["signed in as firstline@desk.example"]);
}
