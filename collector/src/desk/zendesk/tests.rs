use firstline_diagnosis::vocabulary::Priority;

use super::standin::{FILE_BYTES, StandIn, UPDATES};
use super::*;
use crate::desk::conformance::{Room, Side, conforms, file, note, order, with_ticket};
use crate::ticket::{Requester, TicketState};

conforms!(StandIn::default());

#[tokio::test]
async fn a_ticket_tells_what_was_said_and_when_it_is_due() {
    let (_, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    let found = room.desk.find(&format!("#{}", ticket.display_number)).await.expect("an answer").expect("found");
    assert_eq!((found.text.as_str(), found.device.as_str()), ("since 10:40", "PC-17"));
    assert_eq!((found.requester.name.as_str(), found.requester.email.as_str()), ("Ana Silva", "ana@corp.example"));
    assert_eq!((found.queue.as_str(), found.state.as_str()), ("Support", "new"));
    assert!(found.due.is_some());
}

#[tokio::test]
async fn a_note_is_a_comment_in_html_that_ends_with_its_mark() {
    let (standin, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    room.desk.note(&ticket, &note("m1", Vec::new())).await.expect("noted");
    let comment = standin.held().comments.last().cloned().expect("a comment");
    let body =
        "<h3>Why</h3><p>&lt;b&gt;It is full.&lt;/b&gt; {code} &amp; \u{e9}</p><p>Firstline FL-1001 [firstline m1]</p>";
    assert_eq!(comment["html_body"], body);
}

#[tokio::test]
async fn a_file_that_is_too_long_is_told_and_the_rest_is_there() {
    let (standin, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    let files = vec![file("small.json", b"{}"), file("long.json", &[b'x'; FILE_BYTES + 1])];
    let noted = room.desk.note(&ticket, &note("m1", files)).await.expect("noted");
    assert_eq!(noted.files[0].problem, None);
    let problem = noted.files[1].problem.as_deref().expect("a problem");
    assert!(problem.starts_with("413: AttachmentTooBig"), "{problem}");
    assert_eq!(standin.notes(&ticket.display_number).len(), 1);
}

#[tokio::test]
async fn the_same_order_opens_one_ticket_however_often_it_arrives() {
    let (standin, room, _) = with_ticket(StandIn::default(), |_| ()).await;
    let requester = Requester { email: "ben@corp.example".to_owned(), ..Requester::default() };
    let order = OutgoingTicket { requester, ..order("m1") };
    let first = room.desk.create(&order).await.expect("opened");
    assert_eq!(room.desk.create(&order).await.expect("opened"), first);
    assert_eq!(standin.tickets(), 2);
    let other = OutgoingTicket { subject: "Another".to_owned(), ..order };
    let refused = room.desk.create(&other).await.expect_err("another order under the same mark");
    assert_eq!((refused.kind, refused.unclear), (TroubleKind::Refused, false), "{refused:?}");
}

#[tokio::test]
async fn fields_change_in_its_own_words_and_what_is_so_already_costs_no_update() {
    let (standin, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    let change = Change {
        state: Some(TicketState::Resolved),
        priority: Some(Priority::P1),
        category: Some("Storage".to_owned()),
        queue: Some("Second line".to_owned()),
    };
    for _ in 0..=UPDATES {
        room.desk.change(&ticket, &change).await.expect("changed");
    }
    let now = standin.held().tickets[0].clone();
    assert_eq!(
        (&now["status"], &now["priority"], &now["group_id"]),
        (&json!("solved"), &json!("urgent"), &json!(360_002))
    );
    assert_eq!(now["custom_fields"][1]["value"], "Storage");
    assert_eq!(room.desk.closing(&ticket).await.expect("an answer"), "Storage");
    let moved = Change { queue: Some("Nowhere".to_owned()), ..Change::default() };
    let refused = room.desk.change(&ticket, &moved).await.expect_err("no such group");
    assert_eq!(refused.said, "there is no group \"Nowhere\" that its user sees; there are: Support, Second line");
}

#[tokio::test]
async fn a_ticket_that_had_too_many_updates_is_left_alone() {
    let (_, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    for index in 0..UPDATES {
        room.desk.note(&ticket, &note(&format!("m{index}"), Vec::new())).await.expect("noted");
    }
    let limited = room.desk.note(&ticket, &note("last", Vec::new())).await.expect_err("too many");
    assert_eq!((limited.kind, limited.wait.map(|wait| wait.as_secs())), (TroubleKind::RateLimited, Some(93)));
    assert!(limited.said.starts_with("429: Rate limit for ticket updates exceeded"), "{}", limited.said);
}

#[tokio::test]
async fn a_closed_ticket_says_that_it_takes_nothing_more() {
    let (standin, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    standin.held().tickets[0]["status"] = json!("closed");
    let refused = room.desk.note(&ticket, &note("m1", Vec::new())).await.expect_err("closed");
    assert!(refused.said.contains("Status: closed prevents ticket update"), "{}", refused.said);
    assert!(!refused.passes() && !refused.unclear, "{refused:?}");
}

#[tokio::test]
async fn a_merged_ticket_is_followed_when_both_name_each_other_and_else_says_so() {
    let (standin, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    let [second, third] = ["Two", "Three"].map(|subject| standin.opens(subject, ""));
    room.desk.note(&ticket, &note("m1", Vec::new())).await.expect("noted");
    let number = |text: &str| text.parse::<u64>().expect("a number");
    let (from, into, last) = (number(&ticket.display_number), number(&second), number(&third));
    // Whatever language it is in, and whatever other numbers stand there.
    standin.held().merge(
        from,
        &format!("Anfrage \"PC-17, 4711\" wurde mit #{into} zusammengef\u{fc}hrt."),
        into,
        &format!("Anfrage #{from} wurde hiermit zusammengef\u{fc}hrt."),
    );
    standin.held().merge(into, &format!("Merged into #{last}."), last, &format!("#{into} was merged into this."));
    let present = room.desk.present(&ticket).await.expect("an answer");
    assert_eq!(present.api_id, third);
    let found = room.desk.find(&ticket.display_number).await.expect("an answer").expect("found");
    assert_eq!((found.ticket, found.state.as_str()), (present, "new"));
    assert_eq!(room.desk.closing(&ticket).await.expect("an answer"), "closed_by_merge");
}

#[tokio::test]
async fn a_merged_ticket_whose_other_half_is_not_sure_takes_nothing_and_tells_what_people_said() {
    let (standin, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    let other = standin.opens("Another matter", "");
    let number = |text: &str| text.parse::<u64>().expect("a number");
    standin.held().merge(
        number(&ticket.display_number),
        &format!("Same as #{other}?"),
        number(&other),
        "The fan is loud.",
    );
    let unknown = room.desk.present(&ticket).await.expect_err("nobody says which");
    assert!(unknown.said.contains(&format!("\"Same as #{other}?\"")), "{}", unknown.said);
    assert!(!unknown.passes() && !unknown.unclear, "a person decides: {unknown:?}");
    let found = room.desk.find(&ticket.display_number).await.expect("an answer").expect("found");
    assert_eq!((found.ticket, found.state.as_str()), (ticket, "closed"), "it is shown as it is");
}

#[tokio::test]
async fn tickets_of_other_groups_and_those_that_are_over_do_not_come_in() {
    let (standin, room, _) = with_ticket(StandIn::default(), |_| ()).await;
    let mark = room.desk.arrivals(None).await.expect("an answer").mark;
    for subject in ["One", "Elsewhere", "Two", "Over"] {
        standin.opens(subject, "");
    }
    standin.held().tickets[2]["group_id"] = json!(360_002);
    standin.held().tickets[4]["status"] = json!("solved");
    let next = room.desk.arrivals(Some(&mark)).await.expect("an answer");
    let subjects: Vec<&str> = next.tickets.iter().map(|found| found.subject.as_str()).collect();
    assert_eq!((subjects, next.mark.as_str()), (vec!["One", "Two"], "35440"));
}

#[tokio::test]
async fn its_standing_says_who_is_signed_in_and_which_groups_are_seen() {
    let seen = Room::of(StandIn::default()).await.desk.verify().await.expect("there").seen;
    assert_eq!(seen, ["signed in as firstline@desk.example (agent)", "group Support is seen"]);
    let wrong = Room::open(StandIn::default(), "wr0ng", |_| ()).await.desk.verify().await.expect_err("refused");
    assert!(wrong.said.starts_with("401: Couldn't authenticate you; user must be"), "{}", wrong.said);
}
