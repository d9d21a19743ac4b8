use firstline_diagnosis::vocabulary::Priority;

use super::standin::StandIn;
use super::*;
use crate::desk::OutgoingNote;
use crate::desk::conformance::{Room, Side as _, conforms, file, note, order, ticket, with_ticket};
use crate::ticket::TicketState;
use crate::ticket::rich_text::{Block, RichText};

conforms!(StandIn::default());

#[tokio::test]
async fn a_term_that_is_left_out_of_a_query_makes_no_ticket_another_one() {
    let standin = StandIn::default();
    let room = Room::of(standin.clone()).await;
    ticket(&room).await;
    for row in standin.held().tables.get_mut("incident").expect("incidents") {
        row.as_object_mut().expect("a row").remove("correlation_id");
    }
    let trouble = room.desk.created("m1").await.expect_err("any incident came");
    assert_eq!(trouble.kind, TroubleKind::Odd);
    assert!(trouble.said.contains("correlation_id"), "{trouble:?}");
}

#[tokio::test]
async fn a_note_is_html_that_nothing_in_it_ends() {
    let (standin, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    let body = RichText(vec![Block::paragraph("[/code] <b>full</b>")]);
    let note = OutgoingNote { body, ..note("m1", Vec::new()) };
    room.desk.note(&ticket, &note).await.expect("noted");
    assert_eq!(
        standin.notes(&ticket.display_number)[0].text,
        "[code]<p>Firstline FL-1001 &#91;firstline m1]</p><p>&#91;/code] &lt;b&gt;full&lt;/b&gt;</p>[/code]"
    );
}

#[tokio::test]
async fn files_are_not_sent_twice_and_one_that_is_refused_is_told() {
    let (standin, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    for hashes in [true, false] {
        standin.held().hashes = hashes;
        let noted = room.desk.note(&ticket, &note("m1", vec![file("a.json", b"{}"), file("b.exe", b"MZ")])).await;
        let files = noted.expect("noted").files;
        assert_eq!(files[0].problem, None);
        let said = files[1].problem.as_deref().expect("refused");
        assert!(said.contains("File type is not allowed"), "{said}");
    }
    assert_eq!(standin.held().files.len(), 1);
}

#[tokio::test]
async fn a_change_comes_with_what_it_wants_to_be_told_and_is_read_back() {
    let (standin, room, ticket) =
        with_ticket(StandIn::default(), |settings| settings.category_field = "nobody_made_this".to_owned()).await;
    let queue = Some("Second ^ Level".to_owned());
    let resolved = Change { state: Some(TicketState::Resolved), ..Change::default() };
    room.desk.change(&ticket, &resolved).await.expect("resolved");
    assert_eq!(room.desk.closing(&ticket).await.expect("an answer"), "Solution provided");
    let change = Change { state: Some(TicketState::Pending), priority: Some(Priority::P2), queue, category: None };
    room.desk.change(&ticket, &change).await.expect("changed");
    let row = standin.held().tables["incident"][0].clone();
    let now = ["state", "hold_reason", "impact", "urgency", "assignment_group"].map(|name| row[name].clone());
    assert_eq!(now, ["3", "1", "1", "2", "9b"]);
    let moved = Change { queue: Some("Nowhere".to_owned()), ..Change::default() };
    let trouble = room.desk.change(&ticket, &moved).await.expect_err("no such group");
    assert!(trouble.said.contains("no group \"Nowhere\""), "{trouble:?}");
    let sorted = Change { category: Some("Storage".to_owned()), ..Change::default() };
    let ignored = room.desk.change(&ticket, &sorted).await.expect_err("ignored");
    assert_eq!(ignored.said, "it answered with success, and nobody_made_this is \"\", not \"Storage\"");
}

#[tokio::test]
async fn a_close_code_that_does_not_exist_is_told() {
    let (_, room, ticket) = with_ticket(StandIn::default(), |settings| settings.close_code = "Magic".to_owned()).await;
    assert_eq!(room.desk.closing(&ticket).await.expect("an answer"), "");
    let change = Change { state: Some(TicketState::Resolved), ..Change::default() };
    let trouble = room.desk.change(&ticket, &change).await.expect_err("refused");
    assert_eq!(trouble.kind, TroubleKind::Forbidden);
    assert!(trouble.said.contains("Resolution code and notes are mandatory"), "{trouble:?}");
}

#[tokio::test]
async fn a_key_opens_it_and_so_does_a_client_whose_token_is_renewed_once_when_it_has_run_out() {
    let by_key = Room::with(StandIn::default(), |settings| settings.user.clear()).await;
    assert_eq!(by_key.desk.verify().await.expect("there").seen[0], "signed in as firstline");
    let standin = StandIn::default();
    let client = |settings: &mut DeskSettings| {
        settings.user.clear();
        settings.client_id = "c1".to_owned();
    };
    let room = Room::with(standin.clone(), client).await;
    let ticket = ticket(&room).await;
    standin.held().tokens.clear();
    room.desk.note(&ticket, &note("m1", Vec::new())).await.expect("noted within a new session");
    room.desk.create(&order("m2")).await.expect("opened within the same");
    assert_eq!(standin.held().sign_ins, 2);
    let wrong = Room::open(standin.clone(), "wr0ng", client).await;
    let trouble = wrong.desk.verify().await.expect_err("refused");
    assert_eq!(trouble.kind, TroubleKind::Unauthorized);
    assert!(trouble.said.contains("access_denied"), "in its own words: {trouble:?}");
}

#[tokio::test]
async fn what_the_installation_has_is_told_in_its_values_and_words() {
    let known = Room::of(StandIn::default()).await.desk.known().await.expect("an answer");
    let word = |place: usize, word: usize| (known[place].words[word].0.as_str(), known[place].words[word].1.as_str());
    assert_eq!(word(0, 0), ("Second ^ Level", "Second ^ Level"));
    assert_eq!(word(1, 3), ("6", "Resolved"));
    assert_eq!((known[2].words.len(), word(2, 1)), (9, ("1, 2", "High, Medium")));
    assert!(known[3].words.is_empty(), "there is no field for categories");
}
