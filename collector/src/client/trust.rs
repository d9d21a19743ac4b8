//! Whom the command believes: an authority that was named, or the one that was seen and confirmed at the first sign-in.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::failure::Failure;

/// What is trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Trust {
    /// Certificates under these authorities (PEM), for the right name.
    Authorities(String),
    /// Whatever chain holds the certificate with this SHA-256: as an authority when it is one, else as itself.
    Fingerprint(String),
}

impl Trust {
    /// A TLS configuration that believes nobody else.
    pub(super) fn config(&self) -> Result<ClientConfig, Failure> {
        let verifier: Arc<dyn ServerCertVerifier> = match self {
            Self::Authorities(pem) => under(roots(pem)?)?,
            Self::Fingerprint(digest) => court(Belief::Pinned(digest.clone())),
        };
        Ok(config(verifier))
    }
}

/// Asks whoever listens for its chain, believing nothing, and gives the fingerprint to pin: the authority's when the
/// chain holds it, else the server certificate's own.
pub(super) async fn seen(host: &str, port: u16) -> Result<String, Failure> {
    let noted = Arc::default();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config(court(Belief::Noted(Arc::clone(&noted))))));
    let unreachable = |error: std::io::Error| {
        Failure::Unreachable(format!(
            "cannot reach {host}:{port}: {error}; check the address, and that the collector runs"
        ))
    };
    let stream = tokio::net::TcpStream::connect((host, port)).await.map_err(unreachable)?;
    let name =
        ServerName::try_from(host.to_owned()).map_err(|_| Failure::usage(format!("{host:?} is no host name")))?;
    connector.connect(name, stream).await.map_err(unreachable)?;
    let chain = noted.lock().unwrap_or_else(PoisonError::into_inner).clone();
    chain.last().map(|last| fingerprint(last)).ok_or_else(|| Failure::failed("the collector showed no certificate"))
}

/// SHA-256, hexadecimal.
pub(super) fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    Sha256::digest(certificate).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// A fingerprint as people write it, in lower case without colons and spaces.
pub(super) fn tidy(text: &str) -> Result<String, Failure> {
    let tidy: String =
        text.chars().filter(|letter| !matches!(letter, ':' | ' ')).collect::<String>().to_ascii_lowercase();
    let tidy = tidy.strip_prefix("sha256").unwrap_or(&tidy).to_owned();
    if tidy.len() == 64 && tidy.chars().all(|letter| letter.is_ascii_hexdigit()) {
        Ok(tidy)
    } else {
        Err(Failure::usage("a fingerprint has 64 hexadecimal digits (SHA-256 of the authority's certificate)"))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn court(belief: Belief) -> Arc<dyn ServerCertVerifier> {
    Arc::new(Court { belief, provider: provider() })
}

fn config(verifier: Arc<dyn ServerCertVerifier>) -> ClientConfig {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("the provider has suites for both versions")
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth()
}

fn roots(pem: &str) -> Result<RootCertStore, Failure> {
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate =
            certificate.map_err(|error| Failure::usage(format!("the certificates cannot be read: {error}")))?;
        store
            .add(certificate)
            .map_err(|error| Failure::usage(format!("a certificate is not an authority's: {error}")))?;
    }
    if store.is_empty() { Err(Failure::usage("the file holds no certificate in PEM form")) } else { Ok(store) }
}

fn under(roots: RootCertStore) -> Result<Arc<WebPkiServerVerifier>, Failure> {
    let built = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
    built.map_err(|error| Failure::usage(format!("the certificates cannot be trusted: {error}")))
}

/// Who may be talked to. Whoever it is, the handshake proves that the server has the key of what it shows.
#[derive(Debug)]
struct Court {
    belief: Belief,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
enum Belief {
    /// The chain that holds the certificate with this digest.
    Pinned(String),
    /// Any chain, which is noted: the connection carries nothing but the handshake.
    Noted(Arc<Mutex<Vec<CertificateDer<'static>>>>),
}

/// Whether the certificate with this digest is `end` itself, or one of `between` and `end` is under it.
fn holds_pinned(
    digest: &str,
    end: &CertificateDer<'_>,
    between: &[CertificateDer<'_>],
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<(), rustls::Error> {
    if fingerprint(end) == digest {
        return Ok(());
    }
    let refused = || rustls::Error::General("it is not under the authority that was pinned".to_owned());
    let pinned = between.iter().find(|one| fingerprint(one) == digest).ok_or_else(refused)?;
    let mut store = RootCertStore::empty();
    store.add(pinned.clone().into_owned())?;
    let verifier = under(store).map_err(|failure| rustls::Error::General(failure.to_string()))?;
    verifier.verify_server_cert(end, between, name, &[], now).map(|_| ())
}

impl ServerCertVerifier for Court {
    fn verify_server_cert(
        &self,
        end: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match &self.belief {
            Belief::Pinned(digest) => holds_pinned(digest, end, between, name, now)?,
            Belief::Noted(chain) => {
                let shown = [end].into_iter().chain(between).map(|one| one.clone().into_owned()).collect();
                *chain.lock().unwrap_or_else(PoisonError::into_inner) = shown;
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_fingerprints_as_people_write_them() {
        let digits = "AB:".repeat(31) + "AB";
        assert_eq!(tidy(&digits).expect("colons"), "ab".repeat(32));
        assert!(tidy("abc").is_err());
        assert!(tidy(&"g".repeat(64)).is_err());
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        assert!(matches!(Trust::Authorities("nothing".to_owned()).config(), Err(Failure::Usage(_))));
    }
}
