//! Who knows the authority's new root, by what the database holds.

use std::time::Duration;

use firstline_proto::v1::RenewRequest;
use firstline_proto::v1::collector_frame::Frame;
use firstline_proto::v1::enrollment_service_client::EnrollmentServiceClient;
use rcgen::KeyPair;

use crate::app::fixture::{Collector, Identity, Machine, request};
use crate::authority::CERTIFICATE_LIFETIME;
use crate::fleet::RetireError;

async fn renew(collector: &Collector, machine: Machine) -> Machine {
    let key = KeyPair::generate().expect("key");
    let wish = RenewRequest { certificate_request: request(&key), ..RenewRequest::default() };
    let mut client = EnrollmentServiceClient::new(collector.channel(Some(&machine.identity)));
    let renewed = client.renew(wish).await.expect("renewed").into_inner();
    Machine { identity: Identity::new(&renewed.certificate_chain, &key), ..machine }
}

/// Endpoints that know the root that signs, that depend on the one before, and that none lets in.
async fn counts(collector: &Collector) -> (u64, u64, u64) {
    let status = collector.app.fleet.authority_status().await.expect("status");
    (status.know, status.depend, status.lapsed)
}

#[tokio::test]
async fn an_endpoint_knows_a_root_when_it_has_come_with_a_certificate_under_it() {
    let collector = Collector::start().await;
    let (quick, slow) = (collector.machine("quick").await, collector.machine("slow").await);
    let _revoked = collector.machine("gone").await;
    collector.app.fleet.revoke("gone", "tests").await.expect("revoked");
    let (mut talk, _) = quick.connect(&collector).await;
    assert_eq!(counts(&collector).await, (2, 0, 0));
    collector.clock.advance(Duration::from_secs(1));
    collector.app.fleet.rotate_authority().await.expect("rotated");
    assert!(matches!(talk.hear().await, Ok(Frame::Renewal(_))), "who is connected is asked to renew");
    assert_eq!(counts(&collector).await, (0, 2, 0));
    let quick = renew(&collector, quick).await;
    assert_eq!(counts(&collector).await, (0, 2, 0), "the answer may have been lost");
    drop(quick.connect(&collector).await);
    let _enrolled_since = collector.machine("new").await;
    assert_eq!(counts(&collector).await, (2, 1, 0));
    let (mut talk, _) = slow.connect(&collector).await;
    assert!(matches!(talk.hear().await, Ok(Frame::Renewal(_))), "who connects with an old certificate is asked, too");
    let status = collector.app.fleet.authority_status().await.expect("status");
    assert_eq!(status.waiting.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["slow"]);
    let refused = collector.app.fleet.retire_authority(false).await;
    assert!(matches!(refused, Err(RetireError::StillNeeded(1))), "{refused:?}");
    // When its certificate ends, nothing depends on the old root any more.
    collector.clock.advance(status.depend_until.expect("somebody depends").since(status.root.made_at));
    assert_eq!(counts(&collector).await.1, 0);
    collector.app.fleet.retire_authority(false).await.expect("retired");
    collector.clock.advance(CERTIFICATE_LIFETIME);
    assert_eq!(counts(&collector).await, (0, 0, 3), "all slept for a month");
}
