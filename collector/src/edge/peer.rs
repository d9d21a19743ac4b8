use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tonic::{Request, Status};

use crate::authority::CertificateOf;

/// Who is at the other end of a connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Where from.
    pub address: SocketAddr,
    /// The certificate that was shown and checked in the handshake; absent when none was.
    pub certificate: Option<Arc<CertificateOf>>,
    /// Whether what was sent last is still not taken by the other end.
    stuck: Arc<AtomicBool>,
}

impl Peer {
    pub(super) fn new(address: SocketAddr, certificate: Option<Arc<CertificateOf>>) -> Self {
        Self { address, certificate, stuck: Arc::default() }
    }

    /// Whether the other end does not read: what waits for it fills all the room that there is for it.
    pub(crate) fn is_stuck(&self) -> bool {
        self.stuck.load(Ordering::Relaxed)
    }

    pub(super) fn note_stuck(&self, stuck: bool) {
        self.stuck.store(stuck, Ordering::Relaxed);
    }

    /// Who sent a request.
    pub(crate) fn of<T>(request: &Request<T>) -> Result<Self, Status> {
        request.extensions().get::<Self>().cloned().ok_or_else(|| Status::internal("the connection has no peer"))
    }

    /// The endpoint that the peer proved to be. Everything but enrolment needs one.
    pub(crate) fn endpoint(&self) -> Result<&CertificateOf, Status> {
        self.certificate.as_deref().ok_or_else(|| Status::unauthenticated("a client certificate is needed"))
    }
}
