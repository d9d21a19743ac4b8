use firstline_diagnosis::vocabulary::Priority;

use super::standin::StandIn;
use super::*;
use crate::desk::conformance::{Room, conforms, file, note, with_ticket};
use crate::desk::trouble::TroubleKind;
use crate::ticket::TicketState;

conforms!(StandIn::default());

#[tokio::test]
async fn a_ticket_tells_what_was_said_without_markup() {
    let standin = StandIn::default();
    let room = Room::of(standin.clone()).await;
    let id = standin.ticket("22019", "Outlook hangs", "<p>since <b>10:40</b></p>");
    let found = room.desk.find("#22019").await.expect("an answer").expect("found");
    assert_eq!((found.ticket.api_id, found.text.as_str()), (id.to_string(), "since 10:40"));
    assert_eq!(found.device, "PC-17");
    assert_eq!((found.requester.name.as_str(), found.requester.sign_in.as_str()), ("Ana Silva", ""));
}

#[tokio::test]
async fn a_note_is_an_article_in_html_and_holds_no_markup_of_others() {
    let (standin, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    room.desk.note(&ticket, &note("m1", Vec::new())).await.expect("noted");
    let article = standin.held().articles.last().cloned().expect("an article");
    assert_eq!((&article["internal"], &article["type"]), (&json!(true), &json!("note")));
    assert_eq!(article["body"], "<h3>Why</h3><p>&lt;b&gt;It is full.&lt;/b&gt; {code} &amp; \u{e9}</p>");
}

#[tokio::test]
async fn a_file_that_is_refused_after_the_note_was_stored_is_told_and_the_note_counts() {
    let (standin, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    let noted = room.desk.note(&ticket, &note("m1", vec![file("empty.json", b"")])).await.expect("noted");
    assert_eq!(noted.files[0].problem.as_deref(), Some("it is not there"));
    assert_eq!(standin.held().articles.len(), 2, "once");
}

#[tokio::test]
async fn fields_change_in_its_own_words_and_what_is_ignored_is_noticed() {
    let (standin, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    let change = Change { state: Some(TicketState::Resolved), priority: Some(Priority::P1), ..Change::default() };
    room.desk.change(&ticket, &change).await.expect("changed");
    let now = standin.held().tickets[0].clone();
    assert_eq!((&now["state"], &now["priority"]), (&json!("closed"), &json!("3 high")));
    let moved = Change { queue: Some("Nowhere".to_owned()), ..Change::default() };
    let refused = room.desk.change(&ticket, &moved).await.expect_err("no such group");
    assert_eq!(refused.said, "422: No lookup value found for 'group': \"Nowhere\"");
    let room = Room::with(standin, |settings| settings.category_field = "nobody_made_this".to_owned()).await;
    let sorted = Change { category: Some("Storage".to_owned()), ..Change::default() };
    let ignored = room.desk.change(&ticket, &sorted).await.expect_err("ignored");
    assert_eq!(ignored.said, "it answered with success, and nobody_made_this is null, not \"Storage\"");
}

#[tokio::test]
async fn how_a_ticket_ended_stands_in_the_attribute_that_is_named() {
    let (standin, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    assert_eq!(room.desk.closing(&ticket).await.expect("an answer"), "", "none is");
    standin.held().tickets[0]["close_code"] = json!("False alarm");
    assert_eq!(room.desk.closing(&ticket).await.expect("an answer"), "False alarm");
    let room = Room::with(standin, |settings| settings.closing_field = String::new()).await;
    assert_eq!(room.desk.closing(&ticket).await.expect("an answer"), "", "none is named");
}

#[tokio::test]
async fn tickets_of_other_groups_and_those_that_are_over_do_not_come_in() {
    let standin = StandIn::default();
    let room = Room::of(standin.clone()).await;
    standin.ticket("22019", "Old", "");
    let first = room.desk.arrivals(None).await.expect("an answer");
    assert_eq!((first.tickets.len(), first.mark.as_str()), (0, "3"));
    for (number, title) in [("22020", "One"), ("22021", "Elsewhere"), ("22022", "Two"), ("22023", "Over")] {
        standin.ticket(number, title, "");
    }
    standin.held().tickets[2]["group"] = json!("Second");
    standin.held().tickets[4]["state"] = json!("closed");
    let next = room.desk.arrivals(Some("3")).await.expect("an answer");
    let titles: Vec<&str> = next.tickets.iter().map(|found| found.subject.as_str()).collect();
    assert_eq!((titles, next.mark.as_str()), (vec!["One", "Two"], "7"));
}

#[tokio::test]
async fn a_wrong_token_is_told_in_its_own_terms() {
    let wrong = Room::open(StandIn::default(), "wrong", |_| ()).await;
    let trouble = wrong.desk.verify().await.expect_err("refused");
    assert_eq!(trouble.kind, TroubleKind::Unauthorized);
    assert!(trouble.said.starts_with("401: Can't find User for Token; the token is wrong"), "{}", trouble.said);
    let good = Room::of(StandIn::default()).await;
    assert_eq!(good.desk.verify().await.expect("there").seen, ["signed in as firstline@desk.example"]);
}

#[tokio::test]
async fn a_merged_ticket_is_the_one_that_it_became_however_often_it_was_merged() {
    let (standin, room, first) = with_ticket(StandIn::default(), |_| ()).await;
    let ids: Vec<u64> = ["Second", "Third"].map(|title| standin.ticket(title, title, "")).to_vec();
    {
        let mut held = standin.held();
        held.tickets[0]["state"] = json!("merged");
        held.tickets[1]["state"] = json!("merged");
        let first: u64 = first.api_id.parse().expect("a number");
        held.merged.extend([(first, ids[0]), (ids[0], ids[1])]);
    }
    let found = room.desk.find(&first.display_number).await.expect("an answer").expect("found");
    assert_eq!((found.ticket.display_number.as_str(), found.ticket.api_id.clone()), ("Third", ids[1].to_string()));
    assert_eq!(room.desk.present(&first).await.expect("an answer"), found.ticket);
    standin.held().merged.clear();
    let lost = room.desk.present(&first).await.expect_err("nobody says which");
    assert!(lost.said.ends_with("was merged, and its links do not say which one it became"), "{}", lost.said);
}

#[tokio::test]
async fn its_groups_and_states_are_told_and_what_it_keeps_to_itself_is_not_judged() {
    let known = Room::of(StandIn::default()).await.desk.known().await.expect("an answer");
    let counts: Vec<(WordMap, usize)> = known.iter().map(|one| (one.map, one.words.len())).collect();
    assert_eq!(counts, [(WordMap::Queues, 2), (WordMap::States, 4), (WordMap::Priorities, 0)]);
}
