use std::time::Duration;

use rcgen::KeyPair;
use tonic::Code;

use super::{EnrollmentError, TokenOrder};
use crate::app::fixture::{Collector, Identity, request};
use crate::store::sql;

fn key() -> KeyPair {
    KeyPair::generate().expect("key")
}

#[tokio::test]
async fn a_token_pins_the_root_and_its_secret_is_not_kept() {
    let collector = Collector::start().await;
    let token = collector.token(1).await;
    let parts: Vec<&str> = token.split('.').collect();
    assert_eq!((parts.len(), parts[0], parts[1].len(), parts[2].len()), (3, "fl1", 43, 43));
    let kept: String = sql::query_scalar("SELECT secret_sha256 FROM enrollment_tokens")
        .fetch_one(collector.app.store.reads())
        .await
        .expect("token");
    assert!(!token.contains(&kept));
}

#[tokio::test]
async fn a_token_makes_as_many_endpoints_as_it_may() {
    let collector = Collector::start().await;
    let token = collector.token(2).await;
    let secret = token.rsplit('.').next().expect("secret").to_owned();
    let one = collector.enroll(&secret, &key(), "one").await.expect("first");
    let two = collector.enroll(&secret, &key(), "two").await.expect("second");
    assert_ne!(one.endpoint_id, two.endpoint_id);
    assert_eq!(one.naming_key.len(), 32);
    assert_eq!(one.naming_key, two.naming_key, "a printer must have the same hash on both");
    let status = collector.enroll(&secret, &key(), "three").await.expect_err("used up");
    assert_eq!((status.code(), status.message()), (Code::PermissionDenied, "this token has been used up"));
    let tokens = collector.app.enrollment.tokens().await.expect("tokens");
    assert_eq!((tokens[0].uses, tokens[0].uses_allowed), (2, 2));
}

#[tokio::test]
async fn each_bad_token_is_told_apart() {
    let collector = Collector::start().await;
    let status = collector.enroll("nonsense", &key(), "m").await.expect_err("wrong");
    assert_eq!((status.code(), status.message()), (Code::Unauthenticated, "this token is not known here"));
    let (late, taken_back) = (collector.token(1).await, collector.token(1).await);
    let newest = collector.app.enrollment.tokens().await.expect("tokens").remove(0).id;
    assert!(collector.app.enrollment.revoke_token(&newest).await.expect("revoke"));
    let status = collector.enroll(&taken_back, &key(), "m").await.expect_err("revoked");
    assert_eq!(status.message(), "this token has been revoked");
    collector.clock.advance(Duration::from_hours(25));
    let status = collector.enroll(&late, &key(), "m").await.expect_err("expired");
    assert_eq!((status.code(), status.message()), (Code::PermissionDenied, "this token has expired"));
    let endpoints: i64 = sql::query_scalar("SELECT COUNT(*) FROM endpoints")
        .fetch_one(collector.app.store.reads())
        .await
        .expect("count");
    assert_eq!(endpoints, 0);
}

#[tokio::test]
async fn who_guesses_has_to_wait() {
    let collector = Collector::start().await;
    for _ in 0..collector.app.config.limits.wrong_tokens_per_minute {
        let status = collector.enroll("guess", &key(), "m").await.expect_err("wrong");
        assert_eq!(status.code(), Code::Unauthenticated);
    }
    let good = collector.token(1).await;
    let status = collector.enroll(&good, &key(), "m").await.expect_err("must wait");
    assert_eq!(status.code(), Code::ResourceExhausted);
    collector.clock.advance(Duration::from_mins(1));
    collector.enroll(&good, &key(), "m").await.expect("later");
}

#[tokio::test]
async fn a_token_is_used_once_even_when_two_come_at_the_same_moment() {
    let collector = Collector::start().await;
    let token = collector.token(1).await;
    let (one, two) = (key(), key());
    let (one, two) = tokio::join!(collector.enroll(&token, &one, "one"), collector.enroll(&token, &two, "two"));
    assert_eq!(u8::from(one.is_ok()) + u8::from(two.is_ok()), 1);
}

#[tokio::test]
async fn renews_for_the_endpoint_that_the_certificate_names_and_for_nobody_without() {
    use firstline_proto::v1::RenewRequest;
    use firstline_proto::v1::enrollment_service_client::EnrollmentServiceClient;
    let collector = Collector::start().await;
    let machine = collector.machine("m").await;
    let key = key();
    let wish = RenewRequest { certificate_request: request(&key), ..RenewRequest::default() };
    let mut stranger = EnrollmentServiceClient::new(collector.channel(None));
    assert_eq!(stranger.renew(wish.clone()).await.expect_err("stranger").code(), Code::Unauthenticated);
    let mut client = EnrollmentServiceClient::new(collector.channel(Some(&machine.identity)));
    let renewed = client.renew(wish.clone()).await.expect("renewed").into_inner();
    let named = collector.app.authority.recognise(&renewed.certificate_chain[0]).expect("ours");
    assert_eq!(named.endpoint_id, machine.id);
    let fresh = Identity::new(&renewed.certificate_chain, &key);
    collector.app.fleet.revoke(&machine.id, "tests").await.expect("revoked");
    let again = client.renew(wish.clone()).await.expect_err("the open connection does not help");
    assert_eq!(again.message(), EnrollmentError::NotEnrolled.to_string());
    let mut fresh = EnrollmentServiceClient::new(collector.channel(Some(&fresh)));
    assert!(fresh.renew(wish).await.is_err(), "renewed certificates are revoked as well");
}

#[tokio::test]
async fn who_asks_for_certificates_without_end_is_refused_and_nobody_else() {
    use firstline_proto::v1::RenewRequest;
    use firstline_proto::v1::enrollment_service_client::EnrollmentServiceClient;
    let collector = Collector::start().await;
    let (one, other) = (collector.machine("one").await, collector.machine("other").await);
    let wish = RenewRequest { certificate_request: request(&key()), ..RenewRequest::default() };
    let mut client = EnrollmentServiceClient::new(collector.channel(Some(&one.identity)));
    let mut refused = 0;
    for _ in 0..70 {
        let Err(status) = client.renew(wish.clone()).await else { continue };
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        refused += 1;
    }
    assert!((1..=10).contains(&refused), "{refused} were refused");
    let mut client = EnrollmentServiceClient::new(collector.channel(Some(&other.identity)));
    client.renew(wish).await.expect("another endpoint has its own");
}

#[tokio::test]
async fn makes_no_token_that_cannot_be_used() {
    let collector = Collector::start().await;
    let order = TokenOrder { uses: 0, ..TokenOrder::default() };
    assert!(matches!(collector.app.enrollment.create_token(order).await, Err(EnrollmentError::Wish(_))));
}
