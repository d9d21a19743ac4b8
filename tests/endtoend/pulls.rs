//! From a ticket to a diagnosis on it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use firstline_diagnosis::document::Snapshot;
use firstline_diagnosis::vocabulary::Timestamp;
use firstline_tests::Stage;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// A member of a document that must be a list.
fn list<'a>(document: &'a Value, name: &str) -> &'a Vec<Value> {
    document[name].as_array().unwrap_or_else(|| panic!("{name} is not a list in {document}"))
}

/// The content of the first attachment of this media type.
async fn attachment(stage: &Stage, ticket: &Value, media_type: &str) -> Vec<u8> {
    let matches = |one: &&Value| one["media_type"].as_str().is_some_and(|found| found.starts_with(media_type));
    let found = list(ticket, "attachments").iter().find(matches);
    let found = found.unwrap_or_else(|| panic!("no {media_type} on {ticket}"));
    stage.api.bytes(&format!("/api/v1/attachments/{}", found["id"].as_str().unwrap())).await
}

#[tokio::test]
async fn a_pull_puts_a_signed_snapshot_and_its_diagnosis_on_the_ticket() {
    let stage = Stage::open().await;
    let (_agent, id) = stage.agent_online("agent").await;
    let number = stage.ticket("My computer is slow", "sam").await;
    let pull = stage.attach(&number, &id).await;
    assert_eq!(pull["state"], "done", "{pull}");
    for section in list(&pull, "sections") {
        assert!(["finished", "partial"].contains(&section["state"].as_str().unwrap()), "{section}");
    }
    let ticket = stage.api.get(&format!("/api/v1/tickets/{number}")).await;
    assert_eq!(ticket["endpoint"]["id"], id.as_str(), "the ticket knows its endpoint: {ticket}");
    let note = list(&ticket, "notes").iter().find(|note| note["pull"] == pull["id"]);
    let note = note.unwrap_or_else(|| panic!("no note of the pull on {ticket}"));
    assert!(note["text"].as_str().is_some_and(|text| text.len() > 100), "the note says something: {note}");

    let page = String::from_utf8(attachment(&stage, &ticket, "text/html").await).unwrap();
    assert!(!page.contains("<script"), "the report needs no script");
    assert!(!page.contains("src=\"http") && !page.contains("href=\"http"), "the report needs no network");

    let document: Value = serde_json::from_slice(&attachment(&stage, &ticket, "application/json").await).unwrap();
    let snapshot = document.get("snapshot").unwrap_or(&document).clone();
    let snapshot: Snapshot = serde_json::from_value(snapshot).unwrap();
    assert_eq!(snapshot.ticket.as_deref(), Some(number.as_str()));
    assert!(snapshot.readings.len() > 30, "only {} readings", snapshot.readings.len());
    assert!(is_signed_by_its_endpoint(&stage, &snapshot), "the signature does not verify");
}

/// Verifies the signature with nothing but the collector's root certificate.
fn is_signed_by_its_endpoint(stage: &Stage, snapshot: &Snapshot) -> bool {
    let signature = snapshot.signature.as_ref().unwrap();
    let der = CertificateDer::from_pem_slice(signature.certificate.as_bytes()).unwrap();
    let (_, certificate) = X509Certificate::from_der(&der).unwrap();
    let root = CertificateDer::from_pem_file(stage.collector.root()).unwrap();
    let (_, root) = X509Certificate::from_der(&root).unwrap();
    certificate.verify_signature(Some(root.public_key())).unwrap();
    assert!(certificate.subject().to_string().contains(&snapshot.endpoint.id), "{}", certificate.subject());
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &certificate.public_key().subject_public_key.data);
    let value = BASE64_STANDARD.decode(&signature.value).unwrap();
    let changed = Snapshot { taken_at: Timestamp(0), ..snapshot.clone() };
    assert!(key.verify(&changed.signed_bytes().unwrap(), &value).is_err(), "a changed snapshot verifies");
    key.verify(&snapshot.signed_bytes().unwrap(), &value).is_ok()
}

#[tokio::test]
async fn a_pull_for_an_endpoint_that_is_away_waits_and_runs_when_it_comes_back() {
    let stage = Stage::open().await;
    let (mut agent, id) = stage.agent_online("agent").await;
    assert!(agent.stop().await.success());
    stage.endpoint_is_not(&id, "online").await;
    let number = stage.ticket("It was slow yesterday", "sam").await;
    let path = format!("/api/v1/tickets/{number}/attach");
    let pull = stage.api.post(&path, &json!({ "endpoint": id, "expires_in_seconds": 600 })).await;
    assert_eq!(pull["state"], "queued", "{pull}");
    assert!(pull["expires_at"].is_string(), "the technician sees until when: {pull}");
    agent.start();
    assert_eq!(stage.pull_ended(&pull).await["state"], "done");
}

#[tokio::test]
async fn a_queued_pull_expires_when_nobody_comes() {
    let stage = Stage::open().await;
    let identity = stage.identity("away").await;
    let number = stage.ticket("Gone", "sam").await;
    let path = format!("/api/v1/tickets/{number}/attach");
    let pull = stage.api.post(&path, &json!({ "endpoint": identity.endpoint_id, "expires_in_seconds": 1 })).await;
    assert_eq!(stage.pull_ended(&pull).await["state"], "expired");
}

#[tokio::test]
async fn a_queued_pull_outlives_the_collector() {
    let mut stage = Stage::open().await;
    let (mut agent, id) = stage.agent_online("agent").await;
    assert!(agent.stop().await.success());
    stage.endpoint_is_not(&id, "online").await;
    let number = stage.ticket("Later", "sam").await;
    let path = format!("/api/v1/tickets/{number}/attach");
    let pull = stage.api.post(&path, &json!({ "endpoint": id, "expires_in_seconds": 600 })).await;
    stage.collector.kill();
    stage.collector.start().await;
    agent.start();
    assert_eq!(stage.pull_ended(&pull).await["state"], "done");
}

#[tokio::test]
async fn a_pull_survives_an_agent_that_is_killed_half_way() {
    let stage = Stage::open().await;
    let (mut agent, id) = stage.agent_online("agent").await;
    let number = stage.ticket("It hangs", "sam").await;
    let path = format!("/api/v1/tickets/{number}/attach");
    let pull = stage.api.post(&path, &json!({ "endpoint": id, "expires_in_seconds": 30 })).await;
    agent.kill();
    agent.start();
    // It may be asked again or given up; it must not hang, and it says which.
    let ended = stage.pull_ended(&pull).await;
    let says_why = ended["error"].as_str().is_some_and(|why| !why.is_empty());
    assert!(ended["state"] == "done" || says_why, "{ended}");
    stage.endpoint_is(&id, "online").await;
    assert_eq!(stage.attach(&number, &id).await["state"], "done", "the next pull works");
}

#[tokio::test]
async fn a_ticket_suggests_the_machine_of_its_requester() {
    let stage = Stage::open().await;
    let identity = stage.identity("pc-of-sam").await;
    let hello = firstline_tests::wire::hello("pc-of-sam", 1);
    let (_stream, _) = firstline_tests::wire::Stream::open(stage.collector.agents, &identity, hello).await.unwrap();
    stage.endpoint_is(&identity.endpoint_id, "online").await;
    let number = stage.ticket("Help", "sam").await;
    let document = stage.api.get(&format!("/api/v1/tickets/{number}/suggestions")).await;
    let first = &list(&document, "suggestions")[0];
    assert_eq!(first["endpoint"]["id"], identity.endpoint_id.as_str(), "{document}");
    assert!(first["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{document}");
}
