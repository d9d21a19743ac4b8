//! What stands in front of a real Request Tracker: faults, and the moment at which each note was taken.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode, Uri, header};

use crate::faults::{Faults, interfere};

/// Largest order that is passed on: a note with its files.
const ORDER_BYTES: usize = 64 * 1024 * 1024;

/// The relay. Copies are the same.
#[derive(Debug, Clone)]
pub(crate) struct Relay {
    /// What goes wrong on the way.
    pub(crate) faults: Faults,
    client: reqwest::Client,
    to: u16,
    /// When the first note was taken, by its ticket.
    noted: Arc<Mutex<BTreeMap<String, Instant>>>,
}

impl Relay {
    /// Stands in front of a port of the loopback.
    pub(crate) fn before(to: u16) -> Self {
        Self { faults: Faults::default(), client: firstline_tests::collector::insecure(), to, noted: Arc::default() }
    }

    /// Serves it; where.
    pub(crate) async fn serve(&self) -> u16 {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let app = Router::new()
            .fallback(pass)
            .with_state(self.clone())
            .layer(axum::extract::DefaultBodyLimit::max(ORDER_BYTES))
            .layer(from_fn_with_state(self.faults.clone(), interfere));
        tokio::spawn(async move { axum::serve(listener, app).await });
        port
    }

    /// When the first note was taken that went onto a ticket.
    pub(crate) fn noted_at(&self, ticket: &str) -> Option<Instant> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).get(ticket).copied()
    }

    /// Remembers when a note was taken.
    fn remember(&self, path: &str) {
        let ticket = path.strip_prefix("/REST/2.0/ticket/").and_then(|rest| rest.strip_suffix("/comment"));
        if let Some(ticket) = ticket {
            let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
            noted.entry(ticket.to_owned()).or_insert_with(Instant::now);
        }
    }
}

async fn pass(State(relay): State<Relay>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = relay.client.request(method, format!("http://127.0.0.1:{}{path}", relay.to)).body(body);
    for name in [header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT] {
        if let Some(value) = headers.get(&name) {
            request = request.header(name, value);
        }
    }
    let Ok(answer) = request.send().await else { return StatusCode::BAD_GATEWAY.into_response() };
    let (status, kind) = (answer.status(), answer.headers().get(header::CONTENT_TYPE).cloned());
    let Ok(body) = answer.bytes().await else { return StatusCode::BAD_GATEWAY.into_response() };
    if status == StatusCode::CREATED {
        relay.remember(uri.path());
    }
    let mut answer = (status, body).into_response();
    if let Some(kind) = kind {
        answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    answer
}
