//! The certificate authority: issues, renews, revokes.
//!
//! One P-256 root for ten years, made by `init`, whose key never leaves the data folder (readable by its owner only).
//! It signs the collector's server certificates and every endpoint's certificate. An endpoint's certificate names its
//! id, is good for 30 days and for nothing but being a client; whatever a request wishes beyond its key is ignored.
//! Revocation is in the database; this room turns it into a list that the TLS edge checks at every handshake.

mod endpoint;
mod files;
mod naming;
mod root;
mod server;
mod tls;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use firstline_diagnosis::vocabulary::Timestamp;
use rcgen::{Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};

use crate::config::Listen;

pub(crate) use endpoint::hexadecimal;
pub use endpoint::{CERTIFICATE_LIFETIME, CertificateOf, Issued};
pub use files::AuthorityError;
pub use tls::RevokedSerial;

/// A TLS configuration that can be replaced while it is in use.
pub type LiveTls = Arc<ArcSwap<ServerConfig>>;

/// The authority of one collector.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    folder: std::path::PathBuf,
    agents: LiveTls,
    people: LiveTls,
    naming_key: [u8; 32],
    lifetime: Duration,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes a new authority in `folder`; refuses to replace one.
    ///
    /// # Errors
    /// When there is one already, or the folder cannot be written.
    pub fn create(folder: &Path, now: Timestamp) -> Result<(), AuthorityError> {
        root::create(&files::folder(folder), now)
    }

    /// Opens the authority in `folder`, and makes or renews the server certificates for `listen`.
    ///
    /// # Errors
    /// When a file is missing, damaged, or cannot be written.
    pub fn open(folder: &Path, listen: &Listen, now: Timestamp) -> Result<Self, AuthorityError> {
        let folder = files::folder(folder);
        let (certificate_pem, issuer) = root::open(&folder)?;
        let certificate = files::first_certificate(&certificate_pem, "the root")?;
        let servers = server::open_or_renew(&folder, &issuer, &certificate_pem, listen, now)?;
        let agents = tls::agents(&issuer, &certificate, &servers.agents, &[], now)?;
        let people = tls::people(&certificate, &servers.people)?;
        let naming_key = naming::open(&folder)?;
        Ok(Self {
            issuer,
            certificate,
            certificate_pem,
            folder,
            agents: Arc::new(ArcSwap::from_pointee(agents)),
            people: Arc::new(ArcSwap::from_pointee(people)),
            naming_key,
            lifetime: CERTIFICATE_LIFETIME,
        })
    }

    /// Signs endpoints' certificates for `lifetime` from now on.
    pub fn with_lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime, ..self }
    }

    /// Renews what is about to expire, and makes every later handshake see `revoked`. Open connections stay.
    ///
    /// # Errors
    /// As [`Authority::open`]; what was in force stays in force then.
    pub fn refresh(&self, listen: &Listen, revoked: &[RevokedSerial], now: Timestamp) -> Result<(), AuthorityError> {
        let servers = server::open_or_renew(&self.folder, &self.issuer, &self.certificate_pem, listen, now)?;
        let agents = tls::agents(&self.issuer, &self.certificate, &servers.agents, revoked, now)?;
        let people = tls::people(&self.certificate, &servers.people)?;
        self.agents.store(Arc::new(agents));
        self.people.store(Arc::new(people));
        Ok(())
    }

    /// Signs a certificate for endpoint `id` over the key of a request (PKCS #10, DER).
    ///
    /// # Errors
    /// When the request is not one, or is not signed by its own key.
    pub fn issue(&self, request: &[u8], id: &str, now: Timestamp) -> Result<Issued, AuthorityError> {
        endpoint::issue(&self.issuer, &self.certificate, request, id, (now, self.lifetime))
    }

    /// Reads a certificate (DER) that this authority signed for an endpoint: whose it is. Does not look at its age or
    /// at revocation, since a document stays signed when a certificate ends.
    ///
    /// # Errors
    /// When somebody else signed it, or it is not an endpoint's.
    pub fn recognise(&self, certificate: &[u8]) -> Result<CertificateOf, AuthorityError> {
        endpoint::recognise(&self.certificate, certificate)
    }

    /// TLS for the agents' port.
    pub fn agents_tls(&self) -> LiveTls {
        Arc::clone(&self.agents)
    }

    /// TLS for the people's port.
    pub fn people_tls(&self) -> LiveTls {
        Arc::clone(&self.people)
    }

    /// Keys the hashes that stand for names of people, networks and printers, so that the same name is the same hash on
    /// every endpoint, and nobody outside can try names.
    pub fn naming_key(&self) -> &[u8; 32] {
        &self.naming_key
    }

    /// The root certificate, PEM.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The root certificate, DER.
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate
    }

    /// SHA-256 of the root certificate: what a token pins.
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(&self.certificate).into()
    }
}

#[cfg(test)]
mod tests;
