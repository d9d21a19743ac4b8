use firstline_diagnosis::vocabulary::Priority;

use super::standin::{FILES_BYTES, StandIn};
use super::*;
use crate::desk::conformance::{Room, Side, conforms, file, note, order, with_ticket};
use crate::ticket::TicketState;

mod freshservice_does {
    use super::*;
    conforms!(StandIn::freshservice());
}

mod freshdesk_does {
    use super::*;
    conforms!(StandIn::freshdesk());
}

/// Both, with a ticket in each.
async fn both() -> [(StandIn, Room, TicketRef); 2] {
    [with_ticket(StandIn::freshservice(), |_| ()).await, with_ticket(StandIn::freshdesk(), |_| ()).await]
}

#[tokio::test]
async fn a_ticket_tells_what_was_said_and_who_an_agent_is() {
    for (standin, room, ticket) in both().await {
        let found = room.desk.find(&format!("#{}", ticket.display_number)).await.expect("an answer").expect("found");
        assert_eq!((found.text.as_str(), found.device.as_str()), ("since 10:40", "PC-17"));
        assert_eq!((found.requester.name.as_str(), found.requester.email.as_str()), ("Ana Silva", "ana@corp.example"));
        assert_eq!((found.queue.as_str(), found.state.as_str()), ("Workplace", "Open"));
        assert!(found.due.is_some());
        standin.held().tickets[0]["requester_id"] = json!(2);
        let found = room.desk.find(&ticket.display_number).await.expect("an answer").expect("found");
        assert_eq!(found.requester.email, "ben@corp.example", "an agent's own");
    }
}

#[tokio::test]
async fn a_freshservice_takes_numbers_as_people_type_them_and_knows_the_asset_of_a_ticket() {
    let [(service, room, ticket), (_, other, _)] = both().await;
    service.held().tickets[0]["custom_fields"] = json!({});
    let found = room.desk.find(&format!("#inc-{}", ticket.display_number)).await.expect("an answer").expect("found");
    assert_eq!(found.device, "PC-18");
    assert!(other.desk.find("INC-9").await.expect("an answer").is_none(), "no number of a Freshdesk");
}

#[tokio::test]
async fn a_note_is_html_that_ends_with_its_mark() {
    for (standin, room, ticket) in both().await {
        room.desk.note(&ticket, &note("m1", Vec::new())).await.expect("noted");
        let note = standin.held().notes.last().cloned().expect("a note");
        let body = "<h3>Why</h3><p>&lt;b&gt;It is full.&lt;/b&gt; {code} &amp; \u{e9}</p><p>Firstline FL-1001 [firstline m1]</p>";
        assert_eq!(note["body"], body);
    }
}

#[tokio::test]
async fn a_note_whose_files_are_refused_goes_out_without_them_and_says_why() {
    for (standin, room, ticket) in both().await {
        let files = vec![file("small.json", b"{}"), file("long.json", &[b'x'; FILES_BYTES])];
        let noted = room.desk.note(&ticket, &note("m1", files)).await.expect("noted");
        for file in noted.files {
            let problem = file.problem.expect("a problem");
            assert!(problem.contains("attachments: The total size of attachments is over the limit"), "{problem}");
        }
        assert_eq!(standin.notes(&ticket.display_number).len(), 1);
    }
}

#[tokio::test]
async fn fields_change_in_their_own_numbers() {
    for (standin, room, ticket) in both().await {
        let change = Change {
            state: Some(TicketState::Pending),
            priority: Some(Priority::P1),
            category: Some("Storage".to_owned()),
            queue: Some("Second line".to_owned()),
        };
        room.desk.change(&ticket, &change).await.expect("changed");
        let now = standin.held().tickets[0].clone();
        assert_eq!((&now["status"], &now["priority"], &now["group_id"]), (&json!(3), &json!(4), &json!(13)));
        assert_eq!(now["custom_fields"], json!({ "hostname": "PC-17", "kind_of_trouble": "Storage" }));
        assert_eq!(room.desk.closing(&ticket).await.expect("an answer"), "Storage");
        standin.held().tickets[0]["deleted"] = json!(true);
        let resolved = Change { state: Some(TicketState::Resolved), ..Change::default() };
        let gone = room.desk.change(&ticket, &resolved).await.expect_err("deleted");
        assert_eq!(gone.said, "405: Method Not Allowed; the ticket was deleted there or lies in the spam");
    }
}

#[tokio::test]
async fn a_merged_ticket_is_followed_when_both_name_each_other() {
    for (standin, room, ticket) in both().await {
        let other = standin.opens("The same", "");
        let (from, into): (u64, u64) = (ticket.api_id.parse().expect("9"), other.parse().expect("10"));
        room.desk.note(&ticket, &note("m1", Vec::new())).await.expect("noted");
        standin.held().merge(
            from,
            &format!("This ticket is closed and merged into ticket {into}"),
            into,
            &format!("Merged from ticket {from}"),
        );
        room.desk.note(&ticket, &note("m2", Vec::new())).await.expect("what is closed takes notes");
        let present = room.desk.present(&ticket).await.expect("an answer");
        assert_eq!(present.api_id, other);
        let found = room.desk.find(&ticket.display_number).await.expect("an answer").expect("found");
        assert_eq!((found.ticket, found.subject.as_str()), (present, "The same"));
    }
}

#[tokio::test]
async fn a_closed_ticket_stays_itself_unless_its_last_note_tells_of_a_merge() {
    for (standin, room, ticket) in both().await {
        let other = standin.opens("Another matter", "");
        let (from, into): (u64, u64) = (ticket.api_id.parse().expect("9"), other.parse().expect("10"));
        standin.held().merge(from, &format!("As ticket {into} was, by a new disk."), into, "The fan is loud.");
        assert_eq!(room.desk.present(&ticket).await.expect("an answer"), ticket, "only one of them says so");
        standin.held().merge(from, &format!("Merged into {into}."), into, "It still is.");
        let unknown = room.desk.present(&ticket).await.expect_err("nobody says which");
        assert!(unknown.said.contains("\"Merged into 10.\"") && !unknown.passes(), "{unknown:?}");
        let found = room.desk.find(&ticket.display_number).await.expect("an answer").expect("found");
        assert_eq!((found.ticket, found.state.as_str()), (ticket, "Closed"), "it is shown as it is");
    }
}

#[tokio::test]
async fn tickets_of_other_groups_and_those_that_are_over_do_not_come_in() {
    for (standin, room, _) in both().await {
        let mark = room.desk.arrivals(None).await.expect("an answer").mark;
        for subject in ["One", "Elsewhere", "Two", "Over", "Spam"] {
            standin.opens(subject, "");
        }
        standin.held().tickets[2]["group_id"] = json!(13);
        standin.held().tickets[4]["status"] = json!(4);
        standin.held().tickets[5]["spam"] = json!(true);
        let next = room.desk.arrivals(Some(&mark)).await.expect("an answer");
        let subjects: Vec<&str> = next.tickets.iter().map(|found| found.subject.as_str()).collect();
        assert_eq!((subjects, next.mark.as_str()), (vec!["One", "Two"], "14"));
    }
}

#[tokio::test]
async fn a_freshservice_has_workspaces_and_only_the_first_is_seen_unless_another_is_named() {
    let standin = StandIn::freshservice();
    standin.opens("Old", "");
    for (workspace, seen) in [(None, 0), (Some(3), 1), (Some(0), 1)] {
        let room = Room::with(standin.clone(), |settings| settings.workspace = workspace).await;
        let number = standin.opens("Elsewhere", "");
        standin.held().tickets.last_mut().expect("it")["workspace_id"] = json!(3);
        let before = number.parse::<u64>().expect("a number") - 1;
        let news = room.desk.arrivals(Some(&before.to_string())).await.expect("an answer");
        assert_eq!(news.tickets.len(), seen, "{workspace:?}");
    }
    let room = Room::with(standin.clone(), |settings| settings.workspace = Some(3)).await;
    room.desk.create(&order("m1")).await.expect("opened");
    assert_eq!(standin.held().tickets.last().expect("it")["workspace_id"], 3);
}

#[tokio::test]
async fn their_standing_says_what_is_seen_and_what_a_wrong_key_means() {
    let seen = Room::of(StandIn::freshdesk()).await.desk.verify().await.expect("there").seen;
    assert_eq!(seen, ["signed in as firstline@desk.example, who sees all tickets", "group Workplace is seen"]);
    let seen = Room::of(StandIn::freshservice()).await.desk.verify().await.expect("there").seen;
    assert_eq!(seen, ["tickets are seen", "group Workplace is seen"]);
    let wrong = Room::open(StandIn::freshservice(), "wr0ng", |_| ()).await.desk.verify().await.expect_err("refused");
    let said = "401: You have to be logged in to perform this action.; the key is wrong or was reset";
    assert!(wrong.said.starts_with(said), "{}", wrong.said);
}
