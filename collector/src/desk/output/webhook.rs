//! A plain webhook, signed as Standard Webhooks 1.0 says.
//!
//! One event is one `POST`. `webhook-id` is the row of the outbox and stays the same however often it is tried, so that who
//! takes it can tell what came before; `webhook-timestamp` is the moment of the attempt, and `webhook-signature` covers both
//! and the bytes of the body, once for each secret of the file: two stand in it while one takes the other's place. Any
//! answer of success counts, whatever it says.

use std::path::Path;

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use firstline_diagnosis::vocabulary::Timestamp;
use http::header::CONTENT_TYPE;
use reqwest::Method;
use ring::hmac::{self, HMAC_SHA256, Key};

use super::{Outgoing, Output};
use crate::config::OutputSettings;
use crate::desk::http::Http;
use crate::desk::trouble::Trouble;

/// How a secret begins.
const PREFIX: &str = "whsec_";
/// Bytes of a secret, at least and at most.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The way to a webhook.
#[derive(Debug)]
pub(super) struct Webhook {
    way: Http,
    /// What the address ends with.
    path: &'static str,
    keys: Vec<Key>,
}

impl Webhook {
    /// The way to the one that `settings` names.
    ///
    /// # Errors
    /// When the secret cannot be read or is none.
    pub(super) fn new(settings: &OutputSettings, folder: &Path) -> Result<Self, String> {
        let keys = settings.secret(folder)?.split_whitespace().map(key).collect::<Result<Vec<_>, _>>()?;
        let path = if settings.url.ends_with('/') { "/" } else { "" };
        Ok(Self { way: Http::new(&settings.as_desk(), folder, [])?, path, keys })
    }

    fn signatures(&self, id: &str, seconds: i64, body: &str) -> String {
        let whole = format!("{id}.{seconds}.{body}");
        let one = |key: &Key| format!("v1,{}", BASE64_STANDARD.encode(hmac::sign(key, whole.as_bytes())));
        self.keys.iter().map(one).collect::<Vec<_>>().join(" ")
    }
}

#[async_trait]
impl Output for Webhook {
    fn at_a_time(&self) -> usize {
        1
    }

    fn takes_diagnoses(&self) -> bool {
        true
    }

    async fn send(&self, events: &[Outgoing], now: Timestamp) -> Result<(), Trouble> {
        let seconds = now.unix_ms().div_euclid(1000);
        for Outgoing { id, event } in events {
            let body = serde_json::to_string(event).map_err(|error| Trouble::refused(error.to_string()))?;
            let request = self.way.request(Method::POST, self.path).header(CONTENT_TYPE, "application/json");
            let request = request.header("webhook-id", id).header("webhook-timestamp", seconds);
            let request = request.header("webhook-signature", self.signatures(id, seconds, &body));
            self.way.fetch(request.body(body)).await?;
        }
        Ok(())
    }
}

fn key(secret: &str) -> Result<Key, String> {
    let bytes = secret.strip_prefix(PREFIX).and_then(|secret| BASE64_STANDARD.decode(secret).ok());
    let bytes = bytes.filter(|bytes| SECRET_BYTES.contains(&bytes.len())).ok_or_else(|| {
        format!(
            "secret: it is not {PREFIX} and base64 of {} to {} bytes, as `echo {PREFIX}$(openssl rand -base64 32)` makes it",
            SECRET_BYTES.start(),
            SECRET_BYTES.end()
        )
    })?;
    Ok(Key::new(HMAC_SHA256, &bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_is_none_is_refused_with_how_one_is_made() {
        for odd in ["secret", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert!(key(odd).expect_err(odd).contains("openssl rand"), "{odd}");
        }
        assert!(key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").is_ok());
    }

    #[test]
    fn signs_as_the_example_of_the_specification() {
        rustls::crypto::ring::default_provider().install_default().ok();
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("secret"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("written");
        let settings = OutputSettings {
            url: "https://hooks.example.com/firstline".to_owned(),
            secret_file: "secret".into(),
            ..OutputSettings::default()
        };
        let webhook = Webhook::new(&settings, folder.path()).expect("a way");
        let signed = webhook.signatures("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
