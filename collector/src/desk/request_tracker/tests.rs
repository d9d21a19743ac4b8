//! What needs no real Request Tracker: how the connector takes what goes wrong. The rest is tried against the real one.

use super::standin::StandIn;
use super::*;
use crate::desk::conformance::{Side as _, conforms, note, with_ticket};
use crate::ticket::TicketState;

conforms!(StandIn::default());

#[tokio::test]
async fn a_change_that_is_refused_with_success_is_noticed() {
    let wrong = |settings: &mut DeskSettings| {
        settings.states.insert("pending".to_owned(), "bogus".to_owned());
    };
    let (_, room, ticket) = with_ticket(StandIn::default(), wrong).await;
    let change = Change { state: Some(TicketState::Pending), ..Change::default() };
    let refused = room.desk.change(&ticket, &change).await.expect_err("no such status");
    assert!(refused.said.contains("Status 'bogus' isn't a valid status"), "{}", refused.said);
    assert!(!refused.passes(), "{refused:?}");
}

#[tokio::test]
async fn a_merged_ticket_is_the_one_that_it_became() {
    let (standin, room, ticket) = with_ticket(StandIn::default(), |_| ()).await;
    let other = standin.opens("The same", "");
    standin.held().merged.insert(12, 13);
    let present = room.desk.present(&ticket).await.expect("an answer");
    assert_eq!(present.api_id, other);
    room.desk.note(&present, &note("m1", Vec::new())).await.expect("noted");
    assert_eq!(standin.notes(&other).len(), 1);
    assert_eq!(room.desk.find("12").await.expect("an answer").expect("found").ticket, present);
}
