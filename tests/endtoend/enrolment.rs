//! Who gets in, and who does not.

use std::time::Duration;

use firstline_collector::authority::{Authority, Place};
use firstline_collector::config::Listen;
use firstline_diagnosis::vocabulary::Timestamp;
use firstline_tests::stage::secret_of;
use firstline_tests::wire::{self, Identity, Stream, hello};
use firstline_tests::{Agent, Stage, Volume, wait};
use serde_json::json;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::identities::{account, stream_is};

const SOON: Duration = Duration::from_mins(1);

/// Whether this identity can open a stream.
async fn is_let_in(stage: &Stage, identity: &Identity) -> bool {
    Stream::open(stage.collector.agents, identity, hello("one", 1)).await.is_ok()
}

#[tokio::test]
async fn a_token_that_nobody_made_enrols_nobody() {
    let stage = Stage::open().await;
    let agent = Agent::new(&stage.folder("agent"));
    // Right in form and fingerprint, wrong in its secret.
    let good = stage.token(json!({ "uses": 1 })).await;
    let secret = secret_of(&good);
    let other: String = secret.chars().map(|letter| if letter == 'a' { 'b' } else { 'a' }).collect();
    let refused = agent.enroll(&stage.collector, &good.replace(secret, &other)).await;
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(refused.stderr.to_lowercase().contains("token"), "says why: {}", refused.stderr);
    let garbage = agent.enroll(&stage.collector, "not a token at all").await;
    assert_ne!(garbage.status, 0, "{garbage:?}");
    assert!(stage.endpoint_ids().await.is_empty());
}

#[tokio::test]
async fn who_looks_soon_after_the_start_is_told_that_records_arrived() {
    let stage = Stage::open().await;
    let token = stage.token(json!({ "uses": 1 })).await;
    let mut agent = Agent::new(&stage.folder("agent"));
    agent.enroll(&stage.collector, &token).await.done();
    agent.start();
    // Two steps of the fast tier and some; an agent that has run for long gives an account of itself only every minute.
    let soon = Duration::from_secs(40);
    wait::for_condition("status to say that the collector has records", soon, async || {
        agent.run(&["status"]).await.done().stdout.contains("The collector has all up to number")
    })
    .await;
    assert!(agent.stop().await.success());
}

#[tokio::test]
async fn an_agent_that_was_stopped_is_told_from_one_that_was_killed_on_a_full_disk_too() {
    let stage = Stage::open().await;
    let volume = Volume::mount(&stage.folder("disks"), "disk", 24);
    let token = stage.token(json!({ "uses": 1 })).await;
    let mut agent = Agent::new(&volume.path().join("agent"));
    agent.enroll(&stage.collector, &token).await.done();
    let ended = async |agent: &Agent| agent.run(&["status"]).await.done().stdout;
    agent.start();
    stream_is(&agent, "connected").await;
    volume.fill();
    agent.stop().await;
    let said = ended(&agent).await;
    assert!(said.contains("it was stopped at"), "{said}");
    volume.free();
    agent.start();
    // The account of the run before is still there at first.
    wait::for_condition("the next run to be connected", SOON, async || {
        let account = account(&agent);
        account["running"] == true && account["link"]["state"] == "connected"
    })
    .await;
    agent.kill();
    let said = ended(&agent).await;
    assert!(said.contains("it was killed, or crashed"), "{said}");
}

#[tokio::test]
async fn a_token_works_as_often_as_it_says() {
    let stage = Stage::open().await;
    let token = stage.token(json!({ "uses": 2 })).await;
    let secret = secret_of(&token);
    let enrol = async |name: &str| Identity::enroll(stage.collector.agents, secret, name).await;
    enrol("one").await.unwrap();
    enrol("two").await.unwrap();
    let refused = enrol("three").await.unwrap_err();
    assert!(!refused.message().contains("SELECT"), "a cause is for the log: {refused:?}");
    assert_eq!(stage.endpoint_ids().await.len(), 2);
}

#[tokio::test]
async fn two_machines_cannot_share_a_single_use() {
    let stage = Stage::open().await;
    let token = stage.token(json!({ "uses": 1 })).await;
    let secret = secret_of(&token);
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let attempts = names.map(|name| Identity::enroll(stage.collector.agents, secret, name));
    let outcomes = futures_util::future::join_all(attempts).await;
    assert_eq!(outcomes.iter().filter(|one| one.is_ok()).count(), 1);
    assert_eq!(stage.endpoint_ids().await.len(), 1);
}

#[tokio::test]
async fn a_token_ends_when_it_expires() {
    let stage = Stage::open().await;
    let token = stage.token(json!({ "uses": 1000, "expires_in_seconds": 1 })).await;
    let secret = secret_of(&token);
    let refused = wait::until("the token to expire", SOON, async || {
        Identity::enroll(stage.collector.agents, secret, "late").await.err()
    })
    .await;
    assert!(refused.message().contains("expired"), "{refused:?}");
}

#[tokio::test]
async fn a_certificate_grants_none_of_the_wishes_of_its_request() {
    let stage = Stage::open().await;
    let identity = stage.identity("wishful").await;
    let (_, certificate) = X509Certificate::from_der(&identity.chain[0]).unwrap();
    let subject = certificate.subject().to_string();
    assert!(subject.contains(&identity.endpoint_id) && !subject.contains("administrator"), "{subject}");
    let names = certificate.subject_alternative_name().unwrap().unwrap().value.general_names.clone();
    assert!(!names.iter().any(|name| matches!(name, GeneralName::DNSName(_))), "{names:?}");
    let usage = certificate.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.client_auth && !usage.server_auth, "{usage:?}");
    assert!(!certificate.is_ca());
    let days = (certificate.validity().not_after.timestamp() - jiff::Timestamp::now().as_second()) / 86_400;
    assert!((1..=31).contains(&days), "good for {days} days");
}

#[tokio::test]
async fn a_stream_needs_a_certificate() {
    let stage = Stage::open().await;
    let channel = wire::dial(stage.collector.agents, None).await.unwrap();
    let mut client = firstline_proto::v1::agent_service_client::AgentServiceClient::new(channel);
    let frames = tokio_stream::iter([firstline_proto::v1::AgentFrame {
        frame: Some(firstline_proto::v1::agent_frame::Frame::Hello(hello("nobody", 1))),
    }]);
    let answer = match client.connect(frames).await {
        Ok(call) => call.into_inner().message().await.map(|_| ()),
        Err(status) => Err(status),
    };
    assert_eq!(answer.unwrap_err().code(), tonic::Code::Unauthenticated);
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_nobody() {
    let stage = Stage::open().await;
    let good = stage.identity("good").await;
    let elsewhere = tempfile::tempdir().unwrap();
    Authority::create(&Place::within(elsewhere.path()), now()).unwrap();
    let foreign = signed_by(elsewhere.path(), &good.endpoint_id, now());
    assert!(!is_let_in(&stage, &foreign).await, "a foreign certificate opened a stream");
    assert!(is_let_in(&stage, &good).await, "the good one still works");
}

#[tokio::test]
async fn an_expired_certificate_is_nobody() {
    let stage = Stage::open().await;
    let good = stage.identity("good").await;
    let long_ago = now() - Duration::from_hours(24 * 365);
    let expired = signed_by(&stage.collector.folder, &good.endpoint_id, long_ago);
    assert!(!is_let_in(&stage, &expired).await, "an expired certificate opened a stream");
    assert!(expired.renew(stage.collector.agents).await.is_err(), "an expired certificate was renewed");
}

#[tokio::test]
async fn revoking_ends_the_stream_and_the_certificate() {
    let stage = Stage::open().await;
    let identity = stage.identity("stolen").await;
    let (mut stream, _) = Stream::open(stage.collector.agents, &identity, hello("stolen", 1)).await.unwrap();
    stage.endpoint_is(&identity.endpoint_id, "online").await;
    stage.api.post(&format!("/api/v1/endpoints/{}/revoke", identity.endpoint_id), &json!({})).await;
    wait::for_condition("the stream to be closed", SOON, async || stream.receive().await.is_err()).await;
    assert!(!is_let_in(&stage, &identity).await, "a revoked certificate opened a stream");
    assert!(identity.renew(stage.collector.agents).await.is_err(), "a revoked certificate was renewed");
    stage.endpoint_is(&identity.endpoint_id, "revoked").await;
}

#[tokio::test]
async fn revocation_outlives_the_collector() {
    let mut stage = Stage::open().await;
    let identity = stage.identity("stolen").await;
    stage.api.post(&format!("/api/v1/endpoints/{}/revoke", identity.endpoint_id), &json!({})).await;
    stage.collector.kill();
    stage.collector.start().await;
    assert!(!is_let_in(&stage, &identity).await, "a revoked certificate opened a stream after a restart");
}

#[tokio::test]
async fn renewal_keeps_the_endpoint_and_changes_the_key() {
    let stage = Stage::open().await;
    let old = stage.identity("renewed").await;
    let new = old.renew(stage.collector.agents).await.unwrap();
    assert_ne!(new.chain[0], old.chain[0]);
    let (_, certificate) = X509Certificate::from_der(&new.chain[0]).unwrap();
    assert!(certificate.subject().to_string().contains(&old.endpoint_id));
    assert!(is_let_in(&stage, &new).await);
    assert_eq!(stage.endpoint_ids().await.len(), 1);
}

fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_millisecond())
}

/// An identity for `endpoint_id`, signed at `at` by the authority that lives in `folder`.
fn signed_by(folder: &std::path::Path, endpoint_id: &str, at: Timestamp) -> Identity {
    let key = rcgen::KeyPair::generate().unwrap();
    let request = rcgen::CertificateParams::default().serialize_request(&key).unwrap();
    let authority = Authority::open(Place::within(folder), &Listen::default(), now()).unwrap();
    let issued = authority.issue(request.der(), endpoint_id, at).unwrap();
    Identity { endpoint_id: endpoint_id.to_owned(), chain: issued.chain, key: key.serialize_der() }
}
