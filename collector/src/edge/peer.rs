use std::net::SocketAddr;
use std::sync::Arc;

use tonic::{Request, Status};

use crate::authority::CertificateOf;

/// Who is at the other end of a connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Where from.
    pub address: SocketAddr,
    /// The certificate that was shown and checked in the handshake; absent when none was.
    pub certificate: Option<Arc<CertificateOf>>,
}

impl Peer {
    /// Who sent a request.
    pub(crate) fn of<T>(request: &Request<T>) -> Result<Self, Status> {
        request.extensions().get::<Self>().cloned().ok_or_else(|| Status::internal("the connection has no peer"))
    }

    /// The endpoint that the peer proved to be. Everything but enrolment needs one.
    pub(crate) fn endpoint(&self) -> Result<&CertificateOf, Status> {
        self.certificate.as_deref().ok_or_else(|| Status::unauthenticated("a client certificate is needed"))
    }
}
