//! The two TLS configurations, and the revocation list in one of them.

use std::sync::Arc;
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use rcgen::{
    CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, RevocationReason, RevokedCertParams, SerialNumber,
    date_time_ymd,
};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::AuthorityError;
use super::endpoint::since_1970;
use super::root::BACKDATED;
use super::server::Identity;

/// How long a revocation list is good. It is made anew every hour, so an old one means that this room does not work.
const LIST_LIFETIME: Duration = Duration::from_hours(7 * 24);

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
    issuer: &Issuer<'static, KeyPair>,
    root: &CertificateDer<'static>,
    identity: &Identity,
    revoked: &[RevokedSerial],
    now: Timestamp,
) -> Result<ServerConfig, AuthorityError> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).map_err(refused)?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .with_crls([revocation_list(issuer, revoked, now)?])
        .enforce_revocation_expiration()
        .allow_unauthenticated()
        .build()
        .map_err(|cause| AuthorityError::Tls(cause.to_string()))?;
    // An agent that enrols knows no certificate yet, only the root's fingerprint: the root must be in the chain.
    let mut chain = identity.chain.clone();
    if !chain.contains(root) {
        chain.push(root.clone());
    }
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
pub(super) fn people(root: &CertificateDer<'static>, identity: &Identity) -> Result<ServerConfig, AuthorityError> {
    let mut chain = identity.chain.clone();
    if chain.len() == 1 && is_issued_by(&chain[0], root) {
        chain.push(root.clone());
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

fn is_issued_by(certificate: &CertificateDer<'_>, root: &CertificateDer<'_>) -> bool {
    let (Ok((_, certificate)), Ok((_, root))) =
        (X509Certificate::from_der(certificate), X509Certificate::from_der(root))
    else {
        return false;
    };
    certificate.verify_signature(Some(root.public_key())).is_ok()
}

fn revocation_list(
    issuer: &Issuer<'static, KeyPair>,
    revoked: &[RevokedSerial],
    now: Timestamp,
) -> Result<CertificateRevocationListDer<'static>, AuthorityError> {
    let revoked_certs = revoked.iter().map(revoked_entry).collect::<Result<Vec<_>, _>>()?;
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(1970, 1, 1) + since_1970(now - BACKDATED),
        next_update: date_time_ymd(1970, 1, 1) + since_1970(now + LIST_LIFETIME),
        crl_number: SerialNumber::from_slice(&now.unix_ms().unsigned_abs().to_be_bytes()),
        issuing_distribution_point: None,
        revoked_certs,
        key_identifier_method: KeyIdMethod::Sha256,
    };
    Ok(params.signed_by(issuer)?.der().clone())
}

fn revoked_entry(revoked: &RevokedSerial) -> Result<RevokedCertParams, AuthorityError> {
    let digits = revoked.serial.as_bytes();
    let serial: Vec<u8> = digits
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect::<Option<_>>()
        .ok_or_else(|| AuthorityError::Tls(format!("serial {:?} is not hexadecimal", revoked.serial)))?;
    Ok(RevokedCertParams {
        serial_number: SerialNumber::from_slice(&serial),
        revocation_time: date_time_ymd(1970, 1, 1) + since_1970(revoked.at),
        reason_code: Some(RevocationReason::CessationOfOperation),
        invalidity_date: None,
    })
}

/// The one cryptography that this program uses.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn refused(cause: rustls::Error) -> AuthorityError {
    AuthorityError::Tls(cause.to_string())
}
