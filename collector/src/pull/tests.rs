use std::time::Duration;

use firstline_diagnosis::vocabulary::Severity;
use firstline_proto::convert::{Section, SectionProgress, SectionState};
use rcgen::KeyPair;

use super::*;
use crate::ticket::TicketUpdate;

mod moment;
pub(crate) mod room;

use room::{ENDPOINT, Room, asked, cut, full_disk, sign};

fn progress(pull: &str, section: Section, state: SectionState) -> SectionProgress {
    SectionProgress { pull_id: pull.to_owned(), section, state, readings: 7, elapsed_ms: 12, detail: String::new() }
}

#[tokio::test]
async fn a_pull_goes_from_order_to_note() {
    let room = Room::open().await;
    let ticket = room.ticket("My disk is full").await;
    let mut stream = room.connect().await;
    let pull = room.order(Some(&ticket)).await;
    assert_eq!((pull.state, pull.attempts), (PullState::Sent, 1));
    assert_eq!(asked(&mut stream), Some(pull.id.clone()));

    room.app.pulls.progress(ENDPOINT, &progress(&pull.id, Section::Storage, SectionState::Finished));
    let running = room.show(&pull).await;
    assert_eq!(running.state, PullState::Running);
    let storage = running.sections.iter().find(|section| section.section == "storage").expect("listed");
    assert_eq!((storage.state.as_str(), storage.readings), ("finished", 7));

    let document = room.signed(full_disk());
    room.send(&pull.id, &document).await;
    let done = room.show(&pull).await;
    assert_eq!((done.state, done.why.as_str()), (PullState::Done, "The diagnosis is on FL-1001."));
    let headline = done.headline.expect("an answer");
    assert_eq!(headline.severity, Some(Severity::High));
    assert!(headline.text.starts_with("Your disk is full"), "{}", headline.text);

    let ticket = room.app.desk.show(&ticket).await.expect("there");
    assert_eq!(ticket.endpoint.expect("linked").id, ENDPOINT);
    let [note] = ticket.notes.as_slice() else { panic!("one note, not {}", ticket.notes.len()) };
    assert!(note.text.starts_with("Your disk is full"), "{}", note.text);
    assert!(note.text.contains("WHAT TO DO\n\n1. "), "{}", note.text);
    assert!(note.text.contains("WHEN TO HAND OVER"), "{}", note.text);
    let names: Vec<_> = note.attachments.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["diagnosis.html", "snapshot.json"]);
    let signed = room.app.desk.attachment(&note.attachments[1].id).await.expect("there");
    assert_eq!(signed.bytes, document, "the signed document is kept byte for byte");
    let result = room.app.pulls.result(&pull.id).await.expect("readable").expect("there");
    assert_eq!(result.diagnosis.primary.as_deref(), Some("disk-space-critical"));
}

#[tokio::test]
async fn a_pull_waits_for_an_endpoint_that_is_away_and_runs_when_it_connects() {
    let room = Room::open().await;
    let ticket = room.ticket("Slow").await;
    let pull = room.order(Some(&ticket)).await;
    assert_eq!(pull.state, PullState::Queued);
    assert_eq!(pull.expires_at.since(pull.requested_at), Duration::from_hours(24));
    assert!(pull.why.contains("not connected"), "{}", pull.why);
    room.clock.advance(Duration::from_hours(5));
    let mut stream = room.connect().await;
    assert_eq!(asked(&mut stream), Some(pull.id.clone()));
    assert_eq!(room.show(&pull).await.state, PullState::Sent);
}

#[tokio::test]
async fn a_revoked_endpoint_is_not_waited_for() {
    let room = Room::open().await;
    room.app.fleet.revoke(ENDPOINT, "tess").await.expect("revoked");
    let order = PullOrder { endpoint: ENDPOINT.to_owned(), ..PullOrder::default() };
    let refused = room.app.pulls.start(order).await.expect_err("it connects no more");
    assert_eq!(
        refused.to_string(),
        "lap-ana is revoked and connects no more; it must be enrolled again before it can be asked"
    );
}

#[tokio::test]
async fn an_endpoint_that_vanishes_half_way_is_asked_again_under_the_same_name() {
    let room = Room::open().await;
    let ticket = room.ticket("Disk full").await;
    let stream = room.connect().await;
    let pull = room.order(Some(&ticket)).await;
    let mut snapshot = full_disk();
    snapshot.agent.failing_probes = vec!["x".repeat(300_000)];
    let document = room.signed(snapshot);
    room.app.pulls.chunk(ENDPOINT, &cut(&pull.id, &document)[0]);
    assert_eq!(room.show(&pull).await.state, PullState::Receiving);
    room.disconnect(stream).await;
    let waiting = room.show(&pull).await;
    assert_eq!((waiting.state, waiting.received_bytes), (PullState::Queued, 0));
    assert!(waiting.why.contains("vanished"), "{}", waiting.why);
    room.app.pulls.tick().await.expect("ticked");
    assert!(room.show(&pull).await.why.contains("vanished"), "the reason stays until it is back");

    let mut stream = room.connect().await;
    assert_eq!(asked(&mut stream), Some(pull.id.clone()));
    room.send(&pull.id, &document).await;
    assert_eq!(room.show(&pull).await.state, PullState::Done);
    assert_eq!(room.app.desk.show(&ticket).await.expect("there").notes.len(), 1);
}

#[tokio::test]
async fn a_restart_in_the_middle_takes_the_pull_up_again() {
    let room = Room::open().await;
    let ticket = room.ticket("Disk full").await;
    let _stream = room.connect().await;
    let pull = room.order(Some(&ticket)).await;
    let room = room.restart().await;
    let waiting = room.show(&pull).await;
    assert_eq!(waiting.state, PullState::Queued);
    assert!(waiting.why.contains("restarted"), "{}", waiting.why);
    let mut stream = room.connect().await;
    assert_eq!(asked(&mut stream), Some(pull.id.clone()));
    room.send(&pull.id, &room.signed(full_disk())).await;
    assert_eq!(room.show(&pull).await.state, PullState::Done);
}

#[tokio::test]
async fn a_restart_between_snapshot_and_note_writes_one_note() {
    let room = Room::open().await;
    let ticket = room.ticket("Disk full").await;
    let _stream = room.connect().await;
    let pull = room.order(Some(&ticket)).await;
    room.send(&pull.id, &room.signed(full_disk())).await;
    // As if the collector had died after storing the snapshot, before ending the pull: once with and once without note.
    let mut torn = room.show(&pull).await;
    torn.state = PullState::Receiving;
    torn.finished_at = None;
    room.app.store.write(move |tx| Box::pin(async move { rows::save(tx, &torn, None).await })).await.expect("stored");
    let room = room.restart().await;
    assert_eq!(room.show(&pull).await.state, PullState::Done);
    assert_eq!(room.app.desk.show(&ticket).await.expect("there").notes.len(), 1);
}

#[tokio::test]
async fn an_answer_that_could_not_be_stored_is_asked_for_again() {
    let room = Room::open().await;
    let ticket = room.ticket("Disk full").await;
    let mut stream = room.connect().await;
    let pull = room.order(Some(&ticket)).await;
    assert_eq!(asked(&mut stream), Some(pull.id.clone()));
    let document = room.signed(full_disk());
    room.alter("ALTER TABLE snapshots RENAME TO snapshots_elsewhere").await;
    room.send(&pull.id, &document).await;
    let waiting = room.show(&pull).await;
    assert_eq!((waiting.state, waiting.snapshot_id), (PullState::Queued, None), "{}", waiting.why);
    room.alter("ALTER TABLE snapshots_elsewhere RENAME TO snapshots").await;
    room.app.pulls.tick().await.expect("ticked");
    assert_eq!(asked(&mut stream), Some(pull.id.clone()));
    room.send(&pull.id, &document).await;
    assert_eq!(room.show(&pull).await.state, PullState::Done);
    assert_eq!(room.app.desk.show(&ticket).await.expect("there").notes.len(), 1);
}

#[tokio::test]
async fn a_note_that_could_not_be_written_is_written_when_it_can_be() {
    let room = Room::open().await;
    let ticket = room.ticket("Disk full").await;
    let _stream = room.connect().await;
    let pull = room.order(Some(&ticket)).await;
    room.alter("ALTER TABLE ticket_notes RENAME TO ticket_notes_elsewhere").await;
    room.send(&pull.id, &room.signed(full_disk())).await;
    assert!(!room.show(&pull).await.state.is_final(), "the diagnosis is not on the ticket");
    room.alter("ALTER TABLE ticket_notes_elsewhere RENAME TO ticket_notes").await;
    room.app.pulls.tick().await.expect("ticked");
    let done = room.show(&pull).await;
    assert_eq!((done.state, done.why.as_str()), (PullState::Done, "The diagnosis is on FL-1001."));
    assert_eq!(room.app.desk.show(&ticket).await.expect("there").notes.len(), 1);
}

/// Sends a document that must not be believed; gives what the technician reads.
async fn refused(room: &Room, document: Vec<u8>) -> String {
    let ticket = room.ticket("Disk full").await;
    let _stream = room.connect().await;
    let pull = room.order(Some(&ticket)).await;
    room.send(&pull.id, &document).await;
    let failed = room.show(&pull).await;
    assert_eq!((failed.state, failed.snapshot_id), (PullState::Failed, None));
    assert!(room.app.pulls.result(&pull.id).await.expect("readable").is_none(), "nothing is kept of it");
    let ticket = room.app.desk.show(&ticket).await.expect("there");
    assert!(ticket.notes[0].text.contains("No diagnosis could be pulled from lap-ana"), "{}", ticket.notes[0].text);
    assert!(ticket.attachments.is_empty());
    failed.error.expect("a reason")
}

#[tokio::test]
async fn refuses_a_snapshot_signed_with_another_key() {
    let room = Room::open().await;
    let certificate = room.certificate(ENDPOINT, &room.key);
    let thief = KeyPair::generate().expect("a key");
    let why = refused(&room, sign(full_disk(), &thief, &certificate)).await;
    assert!(why.contains("signed with another key"), "{why}");
}

#[tokio::test]
async fn refuses_a_certificate_of_another_authority() {
    let (room, other) = (Room::open().await, Room::open().await);
    let certificate = other.certificate(ENDPOINT, &room.key);
    let why = refused(&room, sign(full_disk(), &room.key, &certificate)).await;
    assert!(why.contains("was not issued by this collector"), "{why}");
}

#[tokio::test]
async fn refuses_a_snapshot_of_another_endpoint() {
    let room = Room::open().await;
    let neighbour = "0197c1a0-0000-7000-8000-000000000002";
    let certificate = room.certificate(neighbour, &room.key);
    let mut theirs = full_disk();
    theirs.endpoint.id = neighbour.to_owned();
    let why = refused(&room, sign(theirs.clone(), &room.key, &certificate)).await;
    assert!(why.contains("another endpoint"), "{why}");
    let why = refused(&room, room.signed(theirs)).await;
    assert!(why.contains("another endpoint"), "a good signature under a foreign name: {why}");
}

#[tokio::test]
async fn refuses_a_snapshot_that_was_changed_and_one_that_is_not_signed() {
    let room = Room::open().await;
    let text = String::from_utf8(room.signed(full_disk())).expect("JSON");
    let changed = text.replace("1073741824.0", "9073741824.0");
    assert_ne!(text, changed);
    let why = refused(&room, changed.into_bytes()).await;
    assert!(why.contains("changed after it was signed"), "{why}");
    let why = refused(&room, serde_json::to_vec(&full_disk()).expect("JSON")).await;
    assert!(why.contains("it has none"), "{why}");
    let why = refused(&room, b"{\"id\": [[[[".to_vec()).await;
    assert!(why.contains("does not read"), "{why}");
}

#[tokio::test]
async fn takes_a_snapshot_with_fields_of_a_newer_agent() {
    let room = Room::open().await;
    let ticket = room.ticket("Disk full").await;
    let _stream = room.connect().await;
    let pull = room.order(Some(&ticket)).await;
    let mut value = serde_json::to_value(full_disk()).expect("JSON");
    value["novelty"] = serde_json::json!({"a": 0.1});
    let bytes = serde_json::to_vec(&value).expect("JSON");
    let random = ring::rand::SystemRandom::new();
    let algorithm = &ring::signature::ECDSA_P256_SHA256_ASN1_SIGNING;
    let pair = ring::signature::EcdsaKeyPair::from_pkcs8(algorithm, &room.key.serialize_der(), &random).expect("a key");
    let signature = pair.sign(&random, &bytes).expect("signed");
    value["signature"] = serde_json::json!({
        "algorithm": "ECDSA_P256_SHA256_ASN1",
        "certificate": room.certificate(ENDPOINT, &room.key),
        "value": base64::Engine::encode(&base64::engine::general_purpose::STANDARD, signature),
    });
    room.send(&pull.id, &serde_json::to_vec(&value).expect("JSON")).await;
    assert_eq!(room.show(&pull).await.state, PullState::Done);
}

#[tokio::test]
async fn what_is_too_large_or_damaged_is_asked_for_again_and_then_given_up() {
    let room = Room::open().await;
    let ticket = room.ticket("Disk full").await;
    let _stream = room.connect().await;
    let pull = room.order(Some(&ticket)).await;
    for _ in 0..5 {
        let mut piece = cut(&pull.id, b"abc").remove(0);
        piece.total_bytes = 9 * 1024 * 1024;
        room.app.pulls.chunk(ENDPOINT, &piece);
        room.app.pulls.drain().await;
    }
    let failed = room.show(&pull).await;
    assert_eq!(failed.state, PullState::Failed);
    assert!(failed.error.expect("a reason").contains("no good answer"));
}

#[tokio::test]
async fn an_endpoint_that_falls_silent_is_asked_again() {
    let room = Room::open().await;
    let mut stream = room.connect().await;
    let pull = room.order(None).await;
    assert!(asked(&mut stream).is_some());
    room.clock.advance(Duration::from_secs(91));
    room.app.pulls.tick().await.expect("ticked");
    assert_eq!(asked(&mut stream), Some(pull.id.clone()));
    assert_eq!(room.show(&pull).await.attempts, 2);
}

#[tokio::test]
async fn an_order_that_nobody_answers_expires_and_the_ticket_says_so() {
    let room = Room::open().await;
    let ticket = room.ticket("Slow").await;
    let pull = room.order(Some(&ticket)).await;
    room.clock.advance(Duration::from_hours(24));
    room.app.pulls.tick().await.expect("ticked");
    room.app.pulls.tick().await.expect("ticked");
    let expired = room.show(&pull).await;
    assert_eq!(expired.state, PullState::Expired);
    let notes = room.app.desk.show(&ticket).await.expect("there").notes;
    assert_eq!(notes.len(), 1);
    assert!(notes[0].text.contains("did not answer in time"), "{}", notes[0].text);
    let mut stream = room.connect().await;
    assert_eq!(asked(&mut stream), None);
}

#[tokio::test]
async fn pressing_twice_is_one_pull_and_giving_up_ends_it() {
    let room = Room::open().await;
    let ticket = room.ticket("Slow").await;
    let mut stream = room.connect().await;
    let (one, two) = (room.order(Some(&ticket)).await, room.order(Some(&ticket)).await);
    assert_eq!(one.id, two.id);
    let cancelled = room.app.pulls.cancel(&one.id, "tess").await.expect("given up");
    assert_eq!((cancelled.state, cancelled.why.as_str()), (PullState::Cancelled, "Given up by tess."));
    assert!(asked(&mut stream).is_some());
    assert!(stream.frames.try_recv().is_ok(), "the endpoint hears of it");
    room.send(&one.id, &room.signed(full_disk())).await;
    assert_eq!(room.show(&one).await.state, PullState::Cancelled, "a late answer changes nothing");
    assert_ne!(room.order(Some(&ticket)).await.id, one.id);
}

#[tokio::test]
async fn another_endpoint_cannot_answer() {
    let room = Room::open().await;
    let _stream = room.connect().await;
    let pull = room.order(None).await;
    room.app.pulls.progress("somebody-else", &progress(&pull.id, Section::Storage, SectionState::Finished));
    for piece in cut(&pull.id, &room.signed(full_disk())) {
        room.app.pulls.chunk("somebody-else", &piece);
    }
    room.app.pulls.drain().await;
    assert_eq!(room.show(&pull).await.state, PullState::Sent);
}

#[tokio::test]
async fn an_order_for_nobody_or_nothing_is_refused() {
    let room = Room::open().await;
    let order = |endpoint: &str, ticket: Option<&str>, expires: Option<u64>| PullOrder {
        endpoint: endpoint.to_owned(),
        ticket: ticket.map(str::to_owned),
        expires_in_seconds: expires,
        ..PullOrder::default()
    };
    assert!(matches!(room.app.pulls.start(order("none", None, None)).await, Err(PullError::Endpoint(_))));
    assert!(matches!(room.app.pulls.start(order("lap-ana", Some("FL-9"), None)).await, Err(PullError::Desk(_))));
    assert!(matches!(room.app.pulls.start(order("lap-ana", None, Some(0))).await, Err(PullError::Refused(_))));
    assert!(room.app.pulls.show("none").await.is_err());
}

#[tokio::test]
async fn a_hostile_snapshot_puts_no_markup_onto_the_ticket() {
    let room = Room::open().await;
    let ticket = room.ticket("<img src=x onerror=alert(1)> disk full").await;
    let _stream = room.connect().await;
    let pull = room.order(Some(&ticket)).await;
    let nasty = "<script>alert(1)</script>\u{0}\u{1b}[2J\u{202e}\"' onload=x";
    let mut snapshot = full_disk();
    snapshot.endpoint.name = nasty.to_owned();
    snapshot.endpoint.os.name = nasty.to_owned();
    snapshot.endpoint.users = vec![nasty.to_owned()];
    snapshot.agent.version = nasty.to_owned();
    snapshot.agent.failing_probes = vec![nasty.to_owned()];
    snapshot.catalogue = nasty.to_owned();
    for series in &mut snapshot.series {
        series.attrs = std::mem::take(&mut series.attrs).with("mountpoint", nasty);
    }
    for reading in &mut snapshot.readings {
        reading.attrs = std::mem::take(&mut reading.attrs).with("mountpoint", nasty);
        reading.detail = nasty.to_owned();
    }
    snapshot.changes = vec![firstline_diagnosis::document::Change {
        reference: nasty.to_owned(),
        kind: nasty.to_owned(),
        at: snapshot.taken_at,
        from: Some(nasty.to_owned()),
        to: Some(nasty.to_owned()),
        score: Some(1.0),
    }];
    room.send(&pull.id, &room.signed(snapshot)).await;
    assert_eq!(room.show(&pull).await.state, PullState::Done);
    let ticket = room.app.desk.show(&ticket).await.expect("there");
    let report = room.app.desk.attachment(&ticket.attachments[0].id).await.expect("there").bytes;
    let report = String::from_utf8(report).expect("UTF-8");
    for page in [ticket.notes[0].body.to_html(), report] {
        assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
        assert!(page.contains("&lt;script&gt;"), "{page}");
        assert!(!page.chars().any(|letter| letter != '\n' && letter.is_control()) && !page.contains('\u{202e}'));
    }
}

#[tokio::test]
async fn a_ticket_that_names_another_machine_keeps_it() {
    let room = Room::open().await;
    room.add_endpoint("e2", "lap-bob").await;
    let ticket = room.ticket("Slow").await;
    let update = TicketUpdate { endpoint: Some("e2".to_owned()), ..TicketUpdate::default() };
    room.app.desk.update(&ticket, update, "tess").await.expect("linked");
    room.order(Some(&ticket)).await;
    assert_eq!(room.app.desk.show(&ticket).await.expect("there").endpoint.expect("linked").id, "e2");
}
