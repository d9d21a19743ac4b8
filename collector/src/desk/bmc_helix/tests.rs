use firstline_diagnosis::vocabulary::Priority;

use super::standin::StandIn;
use super::*;
use crate::desk::OutgoingNote;
use crate::desk::conformance::{Fault, Room, Side as _, conforms, file, note, order, with_ticket};
use crate::ticket::TicketState;

conforms!(StandIn::default());

#[tokio::test]
async fn more_than_three_files_go_into_several_entries_and_one_that_is_refused_keeps_no_other_away() {
    let (standin, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    let names = ["a.json", "b.json", "c.json", "d.json", "e.json"];
    let files = names.map(|name| file(name, name.as_bytes())).to_vec();
    let noted = room.desk.note(&ticket, &note("m1", files)).await.expect("noted");
    assert!(noted.files.iter().all(|file| file.problem.is_none()), "{noted:?}");
    let counts: Vec<usize> = standin.notes(&ticket.display_number).iter().map(|seen| seen.files.len()).collect();
    assert_eq!(counts, [2, 3], "the entry with the text comes last");
    let files = vec![file("f.json", b"{}"), file("g.exe", b"MZ")];
    let noted = room.desk.note(&ticket, &note("m2", files)).await.expect("noted");
    assert_eq!(noted.files[0].problem, None);
    let said = noted.files[1].problem.as_deref().expect("refused");
    assert!(said.contains("not allowed: g.exe"), "in its own words: {said}");
}

#[tokio::test]
async fn a_long_title_is_cut_and_its_mark_is_not() {
    let (_, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    let note = OutgoingNote { title: "x".repeat(200), ..note("0197c2f0-0000-7000-8000-000000000001", Vec::new()) };
    let noted = room.desk.note(&ticket, &note).await.expect("noted");
    assert_eq!(room.desk.noted(&ticket, &note).await.expect("an answer"), Some(noted));
}

#[tokio::test]
async fn a_token_that_has_run_out_is_renewed_once() {
    let (standin, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    standin.held().token = "another".to_owned();
    room.desk.note(&ticket, &note("m1", vec![file("a.json", b"{}")])).await.expect("noted within a new session");
    room.desk.create(&order("m2")).await.expect("opened within the same");
    assert_eq!(standin.held().sign_ins, 2);
}

#[tokio::test]
async fn a_token_that_is_not_taken_back_harms_nothing() {
    let (standin, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    standin.faults().next(Fault::Refused(500, Vec::new(), "<html>"));
    room.desk.close().await;
    assert_eq!(standin.sessions(), 1, "it is left behind");
    room.desk.note(&ticket, &note("m1", Vec::new())).await.expect("noted within another");
}

#[tokio::test]
async fn a_change_tells_reasons_and_must_leave_the_rest_as_it_was() {
    let (standin, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    let queue = Some("Acme/IT/Second Level".to_owned());
    let change = Change { state: Some(TicketState::Resolved), priority: Some(Priority::P2), queue, category: None };
    room.desk.change(&ticket, &change).await.expect("changed");
    let now = standin.held().forms["HPD:IncidentInterface"][0].1.clone();
    let fields = ["Status", "Status_Reason", "Impact", "Urgency", "Assigned Group"].map(|field| now[field].clone());
    let wanted = ["Resolved", "No Further Action Required", "2-Significant/Large", "2-High", "Second Level"];
    assert_eq!(fields, wanted);
    assert_eq!(room.desk.closing(&ticket).await.expect("an answer"), "No Further Action Required");
    standin.held().resets = true;
    let again = Change { state: Some(TicketState::Open), ..Change::default() };
    let trouble = room.desk.change(&ticket, &again).await.expect_err("emptied");
    assert!(trouble.said.contains("Detailed Decription is null, not \"since 10:40\""), "{trouble:?}");
}

#[tokio::test]
async fn a_field_that_does_not_keep_the_mark_is_told() {
    let standin = StandIn::default();
    let room = Room::with(standin.clone(), |settings| settings.mark_field = "Lost Field".to_owned()).await;
    let trouble = room.desk.create(&order("m1")).await.expect_err("it would never be found again");
    assert!(trouble.said.contains("name another field as mark_field"), "{trouble:?}");
}

#[tokio::test]
async fn a_note_is_plain_text() {
    let (standin, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    room.desk.note(&ticket, &note("m1", Vec::new())).await.expect("noted");
    assert_eq!(standin.notes(&ticket.display_number)[0].text, "WHY\n\n<b>It is full.</b> {code} & \u{e9}");
}
