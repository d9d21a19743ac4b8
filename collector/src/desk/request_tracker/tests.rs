//! What needs no Request Tracker; the rest is tried against the real one.

use axum::{Json, Router};
use http::StatusCode;

use super::*;
use crate::config::DeskKind;
use crate::desk::conformance::{Sent, is_as_it_was_reviewed, serve};

#[tokio::test]
async fn a_note_is_sent_in_its_own_format() {
    let (sent, folder) = (Sent::default(), tempfile::tempdir().expect("a folder"));
    let taken = async || (StatusCode::CREATED, Json(json!(["Comments added"])));
    std::fs::write(folder.path().join("token"), "1-14-t0ken").expect("written");
    let settings = DeskSettings {
        url: serve(sent.over(Router::new().fallback(taken))).await,
        token_file: "token".into(),
        ..DeskSettings::default()
    };
    let desk = RequestTracker::new(&settings, folder.path()).expect("a connector");
    let ticket = TicketRef { display_number: "12".to_owned(), api_id: "12".to_owned() };
    is_as_it_was_reviewed(DeskKind::RequestTracker, &desk, &ticket, &sent).await;
}
