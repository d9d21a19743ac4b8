//! What goes wrong between a connector and its desk.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::desk::http::ANSWER_WITHIN;

/// What goes wrong with a request.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// Nothing.
    Nothing,
    /// It is done, and what stands in front of the desk answers for it.
    LostAfter,
    /// It is done, and the connection breaks off in the middle of the answer.
    Broken,
    /// It is done, and the answer comes when nobody waits for it any more. For tests with one thread.
    Late,
    /// It is done, and the answer is a page with success.
    Page,
    /// It is not done, and answered with this status, these headers and this text.
    Refused(u16, Vec<(&'static str, &'static str)>, &'static str),
}

#[derive(Debug, Default)]
struct Due {
    writes: VecDeque<Fault>,
    reads: VecDeque<Fault>,
}

/// What goes wrong with the next requests, one each. Copies are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults(Arc<Mutex<Due>>);

impl Faults {
    /// The next request that writes and has no fault yet goes wrong like this.
    pub(crate) fn next(&self, fault: Fault) {
        self.due().writes.push_back(fault);
    }

    /// The next one that reads does.
    pub(crate) fn next_read(&self, fault: Fault) {
        self.due().reads.push_back(fault);
    }

    /// Puts itself in front of a desk.
    pub(in crate::desk) fn over(&self, routes: Router) -> Router {
        routes.layer(from_fn_with_state(self.clone(), interfere))
    }

    fn due(&self) -> MutexGuard<'_, Due> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, request: &Request) -> Option<Fault> {
        let mut due = self.due();
        if request.method() == Method::GET { due.reads.pop_front() } else { due.writes.pop_front() }
    }
}

async fn interfere(State(faults): State<Faults>, request: Request, next: Next) -> Response {
    let fault = faults.take(&request);
    if let Some(Fault::Refused(status, headers, text)) = fault {
        let status = StatusCode::from_u16(status).expect("a status");
        let mut refused = (status, text).into_response();
        for (name, value) in headers {
            refused.headers_mut().insert(name, value.parse().expect("a header"));
        }
        return refused;
    }
    let answer = next.run(request).await;
    match fault {
        Some(Fault::LostAfter) => {
            (StatusCode::BAD_GATEWAY, "<html><title>502 Bad Gateway</title></html>").into_response()
        }
        Some(Fault::Broken) => {
            let pieces = [Ok("{"), Err(io::Error::from(io::ErrorKind::ConnectionReset))];
            Body::from_stream(futures_util::stream::iter(pieces)).into_response()
        }
        Some(Fault::Late) => {
            tokio::time::pause();
            tokio::time::advance(ANSWER_WITHIN).await;
            tokio::time::resume();
            std::future::pending().await
        }
        Some(Fault::Page) => (StatusCode::OK, "<html><title>Instance is hibernating</title></html>").into_response(),
        Some(Fault::Refused(..) | Fault::Nothing) | None => answer,
    }
}

/// A certificate for this machine that nobody vouches for.
pub(super) fn certificate() -> CertifiedKey<rcgen::KeyPair> {
    generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a key")
}

/// A server that shows such a certificate to whoever comes; where it is.
pub(super) async fn stranger() -> SocketAddr {
    rustls::crypto::ring::default_provider().install_default().ok();
    let CertifiedKey { cert, signing_key } = certificate();
    let key = signing_key.serialize_der().try_into().expect("a key");
    let server = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![cert.der().clone()], key);
    let acceptor = TlsAcceptor::from(Arc::new(server.expect("a configuration")));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((accepted, _)) = listener.accept().await {
            drop(acceptor.accept(accepted).await);
        }
    });
    address
}
