use firstline_diagnosis::vocabulary::{Priority, Timestamp};
use serde_json::json;

use super::standin::{FILE_BYTES, StandIn};
use super::*;
use crate::desk::conformance::{Fault, Room, Side, conforms, file, note, order, with_ticket};
use crate::ticket::{Requester, TicketState};

conforms!(StandIn::default());

fn resolved_is(word: &str) -> impl FnOnce(&mut DeskSettings) {
    let (state, word) = ("resolved".to_owned(), word.to_owned());
    |settings| settings.states.extend([(state, word)])
}

#[tokio::test]
async fn an_issue_tells_who_complains_and_about_which_device() {
    let (standin, room, _) = with_ticket(StandIn::default(), |_| ()).await;
    let found = room.desk.find("#itsm-1").await.expect("an answer").expect("found");
    assert_eq!((found.text.as_str(), found.device.as_str(), found.queue.as_str()), ("since 10:40", "PC-17", "ITSM"));
    assert_eq!((found.requester.name.as_str(), found.requester.email.as_str()), ("Ana Silva", "ana@corp.example"));
    assert_eq!(found.url, "https://acme.atlassian.net/browse/ITSM-1");
    standin.held().issues[0]["fields"]["reporter"]["emailAddress"].take();
    let found = room.desk.find("ITSM-1").await.expect("an answer").expect("found");
    assert_eq!((found.requester.name.as_str(), found.requester.email.as_str()), ("Ana Silva", ""), "kept to herself");
}

#[tokio::test]
async fn a_moved_issue_is_found_under_its_old_key_and_takes_notes() {
    let (standin, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    {
        let mut held = standin.held();
        held.issues[0]["key"] = json!("HR-3");
        held.moved.insert("ITSM-1".to_owned(), "HR-3".to_owned());
    }
    let found = room.desk.find("ITSM-1").await.expect("an answer").expect("found");
    assert_eq!((found.ticket.display_number.as_str(), &found.ticket.api_id), ("HR-3", &ticket.api_id));
    assert_eq!(room.desk.present(&ticket).await.expect("an answer"), found.ticket);
    room.desk.note(&ticket, &note("m1", Vec::new())).await.expect("noted");
    assert_eq!(standin.notes("HR-3").len(), 1);
}

#[tokio::test]
async fn a_note_is_a_document_that_ends_with_its_mark() {
    let (standin, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    room.desk.note(&ticket, &note("m1", Vec::new())).await.expect("noted");
    let comment = standin.held().comments.last().cloned().expect("a comment");
    let words = |text: &str| json!([{ "type": "text", "text": text }]);
    let content = json!([
        { "type": "heading", "attrs": { "level": 3 }, "content": words("Why") },
        { "type": "paragraph", "content": words("<b>It is full.</b> {code} & \u{e9}") },
        { "type": "paragraph", "content": words("Firstline FL-1001 [firstline m1]") },
    ]);
    assert_eq!(comment["body"], json!({ "type": "doc", "version": 1, "content": content }));
}

#[tokio::test]
async fn a_file_that_is_too_long_is_told_and_the_rest_is_there() {
    let (_, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    let files = vec![file("small.json", b"{}"), file("long.json", &[b'x'; FILE_BYTES + 1])];
    let noted = room.desk.note(&ticket, &note("m1", files)).await.expect("noted");
    assert_eq!(noted.files[0].problem, None);
    assert_eq!(noted.files[1].problem.as_deref(), Some("413: The file is larger than the limit"));
}

#[tokio::test]
async fn files_that_arrived_without_an_answer_are_not_sent_again() {
    let (standin, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    let note = note("m1", vec![file("a.json", b"{}")]);
    // The file itself is answered, what binds it is not.
    standin.faults().next(Fault::Nothing);
    standin.faults().next(Fault::LostAfter);
    assert!(room.desk.note(&ticket, &note).await.expect_err("lost").unclear);
    assert_eq!(room.desk.noted(&ticket, &note).await.expect("an answer"), None);
    let noted = room.desk.note(&ticket, &note).await.expect("noted");
    assert_eq!(noted.files[0].problem, None);
    let files: Vec<_> = standin.notes("ITSM-1").into_iter().flat_map(|one| one.files).collect();
    assert_eq!(files, [("a.json".to_owned(), b"{}".to_vec())]);
}

#[tokio::test]
async fn an_issue_that_is_no_request_takes_notes_and_no_files() {
    let (standin, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    standin.held().issues[0]["fields"]["issuetype"] = json!({ "name": "Task" });
    let noted = room.desk.note(&ticket, &note("m1", vec![file("a.json", b"{}")])).await.expect("noted");
    let problem = noted.files[0].problem.as_deref().expect("a problem");
    assert!(problem.contains("no request of a service desk"), "{problem}");
}

#[tokio::test]
async fn fields_change_in_the_form_that_they_want() {
    let (standin, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    let category = Some("Storage".to_owned());
    let change = Change { priority: Some(Priority::P1), category, queue: Some("ITSM".to_owned()), state: None };
    room.desk.change(&ticket, &change).await.expect("changed");
    let now = standin.held().issues[0]["fields"].clone();
    assert_eq!((&now["priority"]["name"], &now["customfield_10050"]["value"]), (&json!("Highest"), &json!("Storage")));
    let moved = Change { queue: Some("HR".to_owned()), ..Change::default() };
    let refused = room.desk.change(&ticket, &moved).await.expect_err("another project");
    assert_eq!(refused.said, "it is in ITSM, and only a person can move it to another project");
}

#[tokio::test]
async fn a_state_is_reached_by_a_way_that_leads_there_and_never_by_another_of_its_kind() {
    let (standin, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    let resolved = Change { state: Some(TicketState::Resolved), ..Change::default() };
    room.desk.change(&ticket, &resolved).await.expect("changed");
    let now = standin.held().issues[0]["fields"].clone();
    assert_eq!((&now["status"]["name"], &now["resolution"]["name"]), (&json!("Resolved"), &json!("Done")));
    assert_eq!(room.desk.closing(&ticket).await.expect("an answer"), "Done");
    let (standin, room, ticket) = with_ticket(StandIn::default(), resolved_is("canceled")).await;
    room.desk.change(&ticket, &resolved).await.expect("changed");
    assert_eq!(standin.state("ITSM-1"), "Canceled");
    let (_, room, ticket) = with_ticket(StandIn::default(), resolved_is("Fixed")).await;
    let refused = room.desk.change(&ticket, &resolved).await.expect_err("no way");
    let said = "no way leads from Waiting for support to Fixed; there are ways to: Waiting for customer, Canceled, Resolved \
                (choose one in states)";
    assert_eq!(refused.said, said);
}

#[tokio::test]
async fn issues_that_are_over_or_went_elsewhere_do_not_come_in() {
    let (standin, room, _) = with_ticket(StandIn::default(), |_| ()).await;
    let mark = room.desk.arrivals(None).await.expect("an answer").mark;
    for subject in ["One", "Over", "Elsewhere", "Two"] {
        standin.opens(subject, "");
    }
    {
        let mut held = standin.held();
        held.issues[2]["fields"]["status"]["statusCategory"]["key"] = json!("done");
        held.issues[3]["key"] = json!("HR-3");
        held.moved.insert("ITSM-4".to_owned(), "HR-3".to_owned());
    }
    let next = room.desk.arrivals(Some(&mark)).await.expect("an answer");
    let subjects: Vec<&str> = next.tickets.iter().map(|found| found.subject.as_str()).collect();
    assert_eq!((subjects, next.mark.as_str()), (vec!["One", "Two"], "ITSM-5"));
}

#[tokio::test]
async fn a_request_is_opened_in_the_name_of_the_person_and_under_the_type_that_was_chosen() {
    let standin = StandIn::default();
    let seen = Room::of(standin.clone()).await.desk.verify().await.expect("there").seen;
    let types = "it has requests of the type Report a problem";
    assert_eq!(seen, ["signed in as Firstline", "service project ITSM is seen", types]);
    let room = Room::of(standin.clone()).await;
    let requester = Requester { email: "Ana@corp.example".to_owned(), ..Requester::default() };
    room.desk.create(&OutgoingTicket { requester, ..order("m1") }).await.expect("opened");
    room.desk.create(&order("m2")).await.expect("opened");
    let reporters: Vec<Value> =
        standin.held().issues.iter().map(|issue| issue["fields"]["reporter"]["accountId"].clone()).collect();
    assert_eq!(reporters, ["acc-7", "acc-0"]);
    let elsewhere = OutgoingTicket { queue: "HR".to_owned(), ..order("m3") };
    let refused = room.desk.create(&elsewhere).await.expect_err("no queue of the desk");
    assert!(refused.said.starts_with("HR is none of the desk's queues"), "{}", refused.said);
}

#[tokio::test]
async fn a_request_is_due_when_the_first_of_its_running_clocks_runs_out_and_a_task_never() {
    let (standin, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    let due = async || room.desk.find(&ticket.display_number).await.expect("an answer").expect("found").due;
    assert_eq!(due().await, Some(Timestamp(1_768_500_000_000)));
    standin.held().issues[0]["fields"]["issuetype"] = json!({ "name": "Task" });
    assert_eq!(due().await, None);
}
