//! The two TLS configurations, and the revocation list in one of them.
//!
//! The list is the collector's own knowledge, looked at in every handshake after everything else was checked. It is not
//! a signed list of the authority's: nobody else reads it, and revoking must work while the root's key is away.

use std::collections::HashSet;
use std::sync::Arc;

use firstline_diagnosis::vocabulary::Timestamp;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, ServerConfig, SignatureScheme,
};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::AuthorityError;
use super::endpoint::{hexadecimal, is_issued_by};
use super::root::Roots;
use super::server::Identity;

/// A certificate that must not be accepted any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedSerial {
    /// Serial, hexadecimal.
    pub serial: String,
    /// Since when.
    pub at: Timestamp,
}

/// TLS 1.3 with certificates on both sides. A client without certificate comes through as well, since it may want to
/// enrol; whoever serves it must look. Sessions are never resumed: resumption would skip the revocation list.
pub(super) fn agents(
    roots: &Roots,
    identity: &Identity,
    revoked: &[RevokedSerial],
) -> Result<ServerConfig, AuthorityError> {
    let mut trusted = RootCertStore::empty();
    for root in roots.trusted() {
        trusted.add(root.der.clone()).map_err(refused)?;
    }
    let inner = WebPkiClientVerifier::builder_with_provider(Arc::new(trusted), provider())
        .allow_unauthenticated()
        .build()
        .map_err(|cause| AuthorityError::Tls(cause.to_string()))?;
    let revoked = revoked.iter().map(|one| one.serial.clone()).collect();
    let verifier = Arc::new(Unrevoked { inner, revoked });
    let chain = identity.chain.iter().take(1).cloned().chain(roots.shown()).collect();
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(refused)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, identity.key.clone_key())
        .map_err(refused)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// TLS for browsers and programs. A chain under our own root shows the root, so that the operator's command can pin it
/// at the first sign-in; a certificate of another authority is shown as it was given.
pub(super) fn people(roots: &Roots, identity: &Identity) -> Result<ServerConfig, AuthorityError> {
    let mut chain = identity.chain.clone();
    if let [only] = &chain[..]
        && let Some(root) = roots.trusted().find(|root| is_issued_by(only, &root.der))
    {
        chain.push(root.der.clone());
    }
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(refused)?
        .with_no_client_auth()
        .with_single_cert(chain, identity.key.clone_key())
        .map_err(refused)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Checks a client's certificate as `inner` does, and then that it was not revoked.
#[derive(Debug)]
struct Unrevoked {
    inner: Arc<dyn ClientCertVerifier>,
    /// Serials, hexadecimal.
    revoked: HashSet<String>,
}

impl ClientCertVerifier for Unrevoked {
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.inner.verify_client_cert(end_entity, intermediates, now)?;
        let (_, parsed) = X509Certificate::from_der(end_entity).map_err(|_| CertificateError::BadEncoding)?;
        if self.revoked.contains(&hexadecimal(parsed.raw_serial())) {
            return Err(CertificateError::Revoked.into());
        }
        Ok(verified)
    }

    fn offer_client_auth(&self) -> bool {
        self.inner.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.inner.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// The one cryptography that this program uses.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn refused(cause: rustls::Error) -> AuthorityError {
    AuthorityError::Tls(cause.to_string())
}
