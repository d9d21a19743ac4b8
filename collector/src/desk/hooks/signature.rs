//! What says that a call comes from a desk: held against the raw bytes, in a time that tells nothing of where they differ.

use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use firstline_diagnosis::vocabulary::Timestamp;
use http::HeaderMap;
use ring::hmac::{self, Algorithm, HMAC_SHA1_FOR_LEGACY_USE_ONLY, HMAC_SHA256, Key};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::config::HookSignature;

/// How old a call may be where the desk signs the time at which it calls.
const FRESH: Duration = Duration::from_mins(10);

/// The name of a call that the desk with this secret made; nothing when it made none. Names are the same for the same call,
/// except where nothing is signed.
pub(super) fn verified(
    scheme: HookSignature,
    secret: &str,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Option<String> {
    let header = |name: &str| headers.get(name)?.to_str().ok();
    let hub = |kind: &str| unhex(header("x-hub-signature")?.strip_prefix(kind)?);
    match scheme {
        HookSignature::Zammad => signed(HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret, &[body], &hub("sha1=")?),
        HookSignature::Jira => signed(HMAC_SHA256, secret, &[body], &hub("sha256=")?),
        HookSignature::Glpi => {
            let at = header("x-glpi-timestamp")?;
            // It is the time at which the desk began to try, which may be long ago.
            signed(HMAC_SHA256, secret, &[body, at.as_bytes()], &unhex(header("x-glpi-signature")?)?)
        }
        HookSignature::Zendesk => {
            let at = header("x-zendesk-webhook-signature-timestamp")?;
            let tag = BASE64_STANDARD.decode(header("x-zendesk-webhook-signature")?).ok()?;
            let name = signed(HMAC_SHA256, secret, &[at.as_bytes(), body], &tag)?;
            let at: Timestamp = at.parse().ok()?;
            (now.since(at) <= FRESH && at.since(now) <= FRESH).then_some(name)
        }
        HookSignature::Secret => {
            let given = hmac::sign(&Key::new(HMAC_SHA256, secret.as_bytes()), header("x-firstline-secret")?.as_bytes());
            let key = Key::new(HMAC_SHA256, secret.as_bytes());
            hmac::verify(&key, secret.as_bytes(), given.as_ref()).ok().map(|()| Uuid::now_v7().to_string())
        }
    }
}

/// The answer to GLPI's question whether somebody is here who knows the secret; nothing when it is not GLPI who asks.
pub(super) fn challenge(secret: &str, token: &str) -> Option<String> {
    let key = Key::new(HMAC_SHA256, secret.as_bytes());
    hmac::verify(&key, b"validate_cra_challenge", &unhex(token)?).ok()?;
    Some(hex(hmac::sign(&key, token.as_bytes()).as_ref()))
}

fn signed(algorithm: Algorithm, secret: &str, parts: &[&[u8]], tag: &[u8]) -> Option<String> {
    let whole = parts.concat();
    hmac::verify(&Key::new(algorithm, secret.as_bytes()), &whole, tag).ok()?;
    Some(hex(&Sha256::digest(&whole)))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(byte).collect())?
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "s3cr3t-key";
    const BODY: &[u8] = br#"{"ticket":{"id":42}}"#;

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().expect("a value"))).collect()
    }

    /// The documented vectors: scheme, headers, and the moment.
    fn vectors() -> Vec<(HookSignature, HeaderMap)> {
        vec![
            (
                HookSignature::Zendesk,
                headers(&[
                    ("x-zendesk-webhook-signature-timestamp", "2026-01-15T10:20:30Z"),
                    ("x-zendesk-webhook-signature", "xCC2drX2aJYOopugsUfuGS1YUzYnrkh7OIXZymx7Rdc="),
                ]),
            ),
            (
                HookSignature::Jira,
                headers(&[(
                    "x-hub-signature",
                    "sha256=2812464d0818fed1bd8979f1e73d3bc03bf012d3bad54f7730d58873891d2106",
                )]),
            ),
            (HookSignature::Zammad, headers(&[("x-hub-signature", "sha1=8e9f2d365e248fc753bdc2097da72df4ff6ec7ed")])),
            (
                HookSignature::Glpi,
                headers(&[
                    ("x-glpi-timestamp", "1768472430"),
                    ("x-glpi-signature", "f4ca276e0cadbb60ea49a2bce11fcd4af73691f071928013427c4a91b68c3a8d"),
                ]),
            ),
            (HookSignature::Secret, headers(&[("x-firstline-secret", SECRET)])),
        ]
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a moment")
    }

    #[test]
    fn each_desks_own_signature_is_known_and_no_other() {
        let now = at("2026-01-15T10:20:40Z");
        for (scheme, headers) in vectors() {
            assert!(verified(scheme, SECRET, &headers, BODY, now).is_some(), "{scheme:?}");
            assert!(verified(scheme, "another", &headers, BODY, now).is_none(), "{scheme:?}: another secret");
            assert!(verified(scheme, SECRET, &HeaderMap::new(), BODY, now).is_none(), "{scheme:?}: no header");
            if scheme != HookSignature::Secret {
                let spaced = br#"{"ticket": {"id":42}}"#;
                assert!(
                    verified(scheme, SECRET, &headers, spaced, now).is_none(),
                    "{scheme:?}: the same, written otherwise"
                );
                assert_eq!(
                    verified(scheme, SECRET, &headers, BODY, now),
                    verified(scheme, SECRET, &headers, BODY, now)
                );
            }
        }
    }

    #[test]
    fn a_call_of_yesterday_is_none_where_its_time_is_signed() {
        for (scheme, headers) in vectors() {
            let later = verified(scheme, SECRET, &headers, BODY, at("2026-01-16T10:20:30Z"));
            assert_eq!(later.is_none(), scheme == HookSignature::Zendesk, "{scheme:?}");
        }
    }

    #[test]
    fn glpi_learns_that_somebody_is_here_who_knows_the_secret() {
        let token = "6d31f2d0575f9c94bd149d77c773be775eef89c21655d80467abf2db692d33ea";
        let answer = "5504311edd08e4b1eee5e9ff79f8dd5e5066e3872e5b418ec7bd513e2dbeca6d";
        assert_eq!(challenge(SECRET, token).as_deref(), Some(answer));
        assert_eq!(challenge(SECRET, "00"), None);
        assert_eq!(challenge(SECRET, "no digits"), None);
    }
}
