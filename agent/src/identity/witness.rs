//! Says who it was that is not trusted.
//!
//! A device that opens TLS connections presents a chain of its own. It is never trusted here, since this endpoint knows
//! its collector's authority; but whoever looks for the reason must be told whose certificate it was. So a verifier's
//! refusal is passed on with the name of the presented chain's root.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use x509_parser::x509::X509Name;

/// Characters of a name that are shown.
const SHOWN_CHARS: usize = 80;

/// Whoever presented a chain that is not from an authority of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stranger {
    /// Name of the authority at the end of the presented chain, without control characters.
    pub authority: String,
    /// Whether it looks like another collector's authority.
    pub is_collector: bool,
}

impl fmt::Display for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the certificate is from the authority {:?}", self.authority)
    }
}

impl std::error::Error for Stranger {}

impl Stranger {
    /// The stranger that a failed handshake met, if it did.
    pub fn met(error: &Error) -> Option<&Self> {
        match error {
            Error::InvalidCertificate(CertificateError::Other(OtherError(stranger))) => stranger.downcast_ref(),
            _ => None,
        }
    }

    fn of(end_entity: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> Self {
        let top = intermediates.last().unwrap_or(end_entity);
        let Ok((_, parsed)) = x509_parser::parse_x509_certificate(top) else {
            return Self { authority: "a certificate that cannot be read".to_owned(), is_collector: false };
        };
        let issuer = parsed.issuer();
        let name = first(issuer.iter_common_name()).or_else(|| first(issuer.iter_organization()));
        let is_collector = first(issuer.iter_organization()).is_some_and(|name| name == "Firstline");
        Self { authority: name.unwrap_or_else(|| shown(&printed(issuer))), is_collector }
    }
}

fn first<'a>(mut names: impl Iterator<Item = &'a x509_parser::x509::AttributeTypeAndValue<'a>>) -> Option<String> {
    names.next().and_then(|name| name.as_str().ok()).map(shown)
}

fn printed(name: &X509Name<'_>) -> String {
    let text = name.to_string();
    if text.is_empty() { "without a name".to_owned() } else { text }
}

fn shown(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(SHOWN_CHARS).collect()
}

/// A verifier that trusts exactly whom `inner` trusts.
#[derive(Debug)]
pub(super) struct Witness {
    inner: Arc<dyn ServerCertVerifier>,
}

impl Witness {
    pub(super) fn over(inner: Arc<dyn ServerCertVerifier>) -> Arc<Self> {
        Arc::new(Self { inner })
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        verified.map_err(|refusal| match refusal {
            // Another authority may bear the same name: then it is the signature that does not fit.
            Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
                let stranger = Stranger::of(end_entity, intermediates);
                Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(stranger))))
            }
            other => other,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
