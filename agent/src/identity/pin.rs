//! Trusts the authority whose fingerprint is in the token, and nothing else.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};

/// SHA-256 of a certificate.
pub(super) type Fingerprint = [u8; 32];

/// Of this one.
pub(super) fn fingerprint(certificate: &CertificateDer<'_>) -> Fingerprint {
    Sha256::digest(certificate.as_ref()).into()
}

/// Accepts a server whose presented chain holds the CA certificate with the pinned fingerprint, whose own certificate
/// that CA signed, and whose name is the one that was dialled.
#[derive(Debug)]
pub(super) struct Pinned {
    fingerprint: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl Pinned {
    pub(super) fn new(fingerprint: [u8; 32], provider: Arc<CryptoProvider>) -> Self {
        Self { fingerprint, provider }
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let pinned = intermediates.iter().find(|certificate| fingerprint(certificate) == self.fingerprint);
        let authority = pinned.ok_or(Error::InvalidCertificate(CertificateError::UnknownIssuer))?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&certificate, &roots, intermediates, now, algorithms)?;
        verify_server_name(&certificate, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};

    use super::*;
    use crate::identity::provider;

    struct Collector {
        authority: CertificateDer<'static>,
        leaf: CertificateDer<'static>,
    }

    fn collector(name: &str) -> Collector {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().expect("key");
        let authority = params.self_signed(&key).expect("authority");
        let issuer = Issuer::new(params, key);
        let leaf_key = KeyPair::generate().expect("key");
        let leaf = CertificateParams::new(vec![name.to_owned()]).expect("name").signed_by(&leaf_key, &issuer);
        Collector { authority: authority.der().clone(), leaf: leaf.expect("signed").der().clone() }
    }

    fn verify(pin: [u8; 32], chain: &[CertificateDer<'static>], name: &str) -> Result<ServerCertVerified, Error> {
        let name = ServerName::try_from(name.to_owned()).expect("name");
        Pinned::new(pin, provider()).verify_server_cert(&chain[0], &chain[1..], &name, &[], UnixTime::now())
    }

    #[test]
    fn accepts_only_the_pinned_authority_its_leaf_and_its_name() {
        let ours = collector("collector.example");
        let theirs = collector("collector.example");
        let pin = fingerprint(&ours.authority);
        let whole = [ours.leaf.clone(), ours.authority.clone()];
        assert!(verify(pin, &whole, "collector.example").is_ok());
        assert!(verify(pin, &whole, "other.example").is_err(), "another name");
        assert!(verify(pin, &whole[..1], "collector.example").is_err(), "the authority is not presented");
        let strange = [theirs.leaf.clone(), theirs.authority.clone()];
        assert!(verify(pin, &strange, "collector.example").is_err(), "another authority");
        let borrowed = [theirs.leaf, ours.authority];
        assert!(verify(pin, &borrowed, "collector.example").is_err(), "a leaf that the authority did not sign");
    }
}
