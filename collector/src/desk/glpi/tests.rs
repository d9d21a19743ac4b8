use firstline_diagnosis::vocabulary::{Priority, Timestamp};

use super::standin::StandIn;
use super::*;
use crate::desk::conformance::{Fault, Room, Side as _, conforms, file, note, order, ticket, with_ticket};

conforms!(StandIn::default());

#[tokio::test]
async fn a_ticket_tells_what_was_said_and_the_address_that_is_used() {
    let (_, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    let number = ticket.display_number;
    let found = room.desk.find(&format!("#000{number}")).await.expect("an answer").expect("found");
    assert_eq!((found.device.as_str(), found.queue.as_str(), found.state.as_str()), ("PC-17", "Service Desk", "New"));
    assert_eq!((found.requester.name.as_str(), found.requester.sign_in.as_str()), ("Ana Silva", "ana"));
    assert_eq!((found.requester.email.as_str(), found.text.as_str()), ("ana@corp.example", "since 10:40"));
}

#[tokio::test]
async fn one_who_wrote_a_mail_and_has_no_account_is_known_by_the_address() {
    let standin = StandIn::default();
    let room = Room::of(standin.clone()).await;
    let number = ticket(&room).await.display_number;
    let link = &mut standin.held().items.get_mut("Ticket_User").expect("people")[0].clone();
    link["users_id"] = json!(0);
    link["alternative_email"] = json!("bob@corp.example");
    standin.held().items.insert("Ticket_User", vec![link.clone()]);
    let found = room.desk.find(&number).await.expect("an answer").expect("found");
    assert_eq!(found.requester, Requester { email: "bob@corp.example".to_owned(), ..Requester::default() });
}

#[tokio::test]
async fn a_merged_ticket_is_the_one_that_it_became_and_one_that_only_lies_in_the_bin_is_refused() {
    let (standin, room, one) = with_ticket(StandIn::default(), |_| ()).await;
    let other = ticket(&room).await;
    standin.held().add("Ticket_Ticket", json!({ "tickets_id_1": 1, "tickets_id_2": 2, "link": 3 }));
    standin.held().items.get_mut("Ticket").expect("tickets")[0]["is_deleted"] = json!(1);
    let trouble = room.desk.find(&one.display_number).await.expect_err("in the bin");
    assert!(trouble.said.ends_with(&format!("linked with: {}", other.api_id)), "{trouble:?}");
    standin.held().items.get_mut("Ticket").expect("tickets")[0]["status"] = json!(6);
    let found = room.desk.find(&one.display_number).await.expect("an answer").expect("found");
    assert_eq!((&found.ticket, found.ticket.clone()), (&other, room.desk.present(&one).await.expect("an answer")));
}

#[tokio::test]
async fn due_times_are_told_where_their_time_zone_is_known() {
    let standin = StandIn::default();
    for (zone, due) in [("", None), ("Europe/Berlin", Some(Timestamp(1_784_104_830_000)))] {
        let (standin, room, ticket) =
            with_ticket(standin.clone(), |settings| settings.time_zone = zone.to_owned()).await;
        let place = standin.held().items["Ticket"].len() - 1;
        standin.held().items.get_mut("Ticket").expect("tickets")[place]["time_to_resolve"] =
            json!("2026-07-15 10:40:30");
        assert_eq!(room.desk.find(&ticket.display_number).await.expect("an answer").expect("found").due, due);
    }
}

#[tokio::test]
async fn the_solution_that_counts_says_how_a_ticket_ended() {
    let (standin, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    assert_eq!(room.desk.closing(&ticket).await.expect("an answer"), "");
    let number: u64 = ticket.api_id.parse().expect("a number");
    {
        let mut held = standin.held();
        let kinds = ["Repaired", "No fault found"].map(|name| held.add("SolutionType", json!({ "name": name })));
        for (kind, status) in [(kinds[0], 2), (kinds[1], 3), (kinds[0], 4)] {
            let solution =
                json!({ "itemtype": "Ticket", "items_id": number, "solutiontypes_id": kind, "status": status });
            held.add("ITILSolution", solution);
        }
    }
    assert_eq!(room.desk.closing(&ticket).await.expect("an answer"), "No fault found");
}

#[tokio::test]
async fn a_session_that_does_not_end_harms_nothing() {
    let (standin, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    standin.faults().next_read(Fault::Refused(500, Vec::new(), "<html>"));
    room.desk.close().await;
    assert_eq!(standin.sessions(), 1, "it is left behind");
    room.desk.note(&ticket, &note("m1", Vec::new())).await.expect("noted within another");
}

#[tokio::test]
async fn a_session_that_has_run_out_is_renewed_once() {
    let (standin, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    standin.held().session = None;
    let noted =
        room.desk.note(&ticket, &note("m1", vec![file("a.json", b"{}")])).await.expect("noted within a new session");
    assert_eq!(noted.files[0].problem, None);
    room.desk.create(&order("m2")).await.expect("opened within the same");
    assert_eq!(standin.held().sessions, 2);
}

#[tokio::test]
async fn credentials_are_told_apart() {
    let named = Room::with(StandIn::default(), |settings| settings.user = "firstline".to_owned()).await;
    let seen = named.desk.verify().await.expect("there").seen;
    assert_eq!(seen, ["signed in with the profile Technician", "group Service Desk is seen"]);
    let nameless = Room::with(StandIn::default(), |settings| settings.app_token_file = "".into()).await;
    let trouble = nameless.desk.verify().await.expect_err("refused");
    assert_eq!(trouble.kind, TroubleKind::Unauthorized);
    assert!(trouble.said.contains("ERROR_APP_TOKEN_PARAMETERS_MISSING"), "{trouble:?}");
    assert!(trouble.said.ends_with("app_token_file must hold the token of the API client"), "{trouble:?}");
}

#[tokio::test]
async fn a_file_that_is_there_under_another_name_is_not_sent_again_and_one_that_is_refused_is_told() {
    let (standin, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    room.desk.note(&ticket, &note("m1", vec![file("old.json", b"{}")])).await.expect("noted");
    let noted =
        room.desk.note(&ticket, &note("m2", vec![file("new.json", b"{}"), file("b.exe", b"MZ")])).await.expect("noted");
    assert_eq!(noted.files[0].problem, None);
    let said = noted.files[1].problem.as_deref().expect("refused");
    assert!(said.contains("File type is not allowed"), "{said}");
    assert_eq!(standin.held().items["Document_Item"].len(), 1);
}

#[tokio::test]
async fn fields_and_groups_change_and_a_success_that_changed_nothing_is_noticed() {
    let (standin, room, ticket) =
        with_ticket(StandIn::default(), |settings| settings.category_field = "itilcategories_id".to_owned()).await;
    let change = Change {
        state: Some(TicketState::Pending),
        priority: Some(Priority::P2),
        queue: Some("Second Level".to_owned()),
        category: None,
    };
    room.desk.change(&ticket, &change).await.expect("changed");
    let found = room.desk.find(&ticket.display_number).await.expect("an answer").expect("found");
    assert_eq!((found.queue.as_str(), found.state.as_str()), ("Second Level", "Pending"));
    let row = standin.held().items["Ticket"][0].clone();
    assert_eq!((&row["impact"], &row["urgency"]), (&json!(4), &json!(4)));
    standin.held().is_frozen = true;
    let again = Change { state: Some(TicketState::Open), ..Change::default() };
    let trouble = room.desk.change(&ticket, &again).await.expect_err("not done");
    assert_eq!(trouble.said, "it answered with success, and status is 4, not 2; You may not");
    let sorted = Change { category: Some("Storage".to_owned()), ..Change::default() };
    let trouble = room.desk.change(&ticket, &sorted).await.expect_err("no number");
    assert!(trouble.said.starts_with("categories: \"Storage\" is no number"), "{trouble:?}");
}

#[tokio::test]
async fn tickets_of_other_groups_and_those_that_are_over_do_not_come_in() {
    let standin = StandIn::default();
    let room = Room::of(standin.clone()).await;
    for subject in ["One", "Elsewhere", "Two", "Over"] {
        standin.opens(subject, "");
    }
    standin.held().items.get_mut("Group_Ticket").expect("links")[1]["groups_id"] = json!(2);
    standin.held().items.get_mut("Ticket").expect("tickets")[3]["status"] = json!(6);
    let news = room.desk.arrivals(Some("0")).await.expect("an answer");
    let subjects: Vec<&str> = news.tickets.iter().map(|found| found.subject.as_str()).collect();
    assert_eq!((subjects, news.mark.as_str()), (vec!["One", "Two"], "4"));
}

#[tokio::test]
async fn a_note_is_html_and_holds_no_markup_of_others() {
    let (standin, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    room.desk.note(&ticket, &note("m1", Vec::new())).await.expect("noted");
    assert_eq!(
        standin.notes(&ticket.display_number)[0].text,
        "<p>Firstline FL-1001 [firstline m1]</p><h3>Why</h3><p>&lt;b&gt;It is full.&lt;/b&gt; {code} &amp; \u{e9}</p>"
    );
}
