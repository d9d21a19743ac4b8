//! A receiver of a webhook that verifies as Standard Webhooks says: signature over name, time and bytes, and a time within five
//! minutes of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, StatusCode};
use ring::hmac::{self, HMAC_SHA256, Key};
use serde_json::Value;

use super::{SECRET, serve};
use crate::app::{Clock, ManualClock};
use crate::config::{OutputKind, OutputSettings};
use crate::desk::conformance::Shared;

/// Seconds that its clock and the sender's may differ.
const TOLERANCE_SECONDS: i64 = 300;

/// What it took: each event by its name, in the order in which they first came, and how often each came.
#[derive(Debug, Default)]
pub(in crate::desk) struct Taken {
    /// The events.
    pub(in crate::desk) events: Vec<Value>,
    /// How often each name came.
    pub(in crate::desk) times: BTreeMap<String, usize>,
}

impl Taken {
    /// What the events are.
    pub(in crate::desk) fn types(&self) -> Vec<&str> {
        self.events.iter().map(|event| event["type"].as_str().expect("a type")).collect()
    }
}

/// The receiver. Copies are the same.
pub(in crate::desk) type Hook = Shared<Taken>;

impl Hook {
    /// Serves it; what leads there.
    pub(in crate::desk) async fn serve(&self, clock: &Arc<ManualClock>) -> OutputSettings {
        let routes = Router::new().route("/in/", post(take)).with_state((self.clone(), Arc::clone(clock)));
        serve(routes, &self.faults, OutputKind::Webhook, "/in/").await
    }
}

async fn take(State((hook, clock)): State<(Hook, Arc<ManualClock>)>, headers: HeaderMap, body: Bytes) -> Response {
    match verified(&headers, &body, clock.now().unix_ms() / 1000) {
        Err(why) => (StatusCode::UNAUTHORIZED, why).into_response(),
        Ok(id) => {
            let event = serde_json::from_slice(&body).expect("signed JSON");
            let mut taken = hook.held();
            let times = taken.times.entry(id).or_default();
            *times += 1;
            if *times == 1 {
                taken.events.push(event);
            }
            (StatusCode::OK, "thanks").into_response()
        }
    }
}

/// The name of what came.
fn verified(headers: &HeaderMap, body: &[u8], now: i64) -> Result<String, &'static str> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if header("content-type") != Some("application/json") {
        return Err("not JSON");
    }
    let (id, at) = header("webhook-id").zip(header("webhook-timestamp")).ok_or("no name or no time")?;
    let seconds: i64 = at.parse().map_err(|_| "no time")?;
    if (now - seconds).abs() > TOLERANCE_SECONDS {
        return Err("too old or too new");
    }
    let secret = BASE64_STANDARD.decode(SECRET.trim_start_matches("whsec_")).expect("base64");
    let whole = [id.as_bytes(), b".", at.as_bytes(), b".", body].concat();
    let good = |one: &str| {
        let tag = one.strip_prefix("v1,").and_then(|tag| BASE64_STANDARD.decode(tag).ok());
        tag.is_some_and(|tag| hmac::verify(&Key::new(HMAC_SHA256, &secret), &whole, &tag).is_ok())
    };
    let signed = header("webhook-signature").unwrap_or_default().split(' ').any(good);
    if signed { Ok(id.to_owned()) } else { Err("not signed") }
}
