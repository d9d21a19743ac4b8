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

use super::certificate::{in_words, parts};

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
        let Some(parts) = parts(top) else {
            return Self { authority: "a certificate that cannot be read".to_owned(), is_collector: false };
        };
        let issuer = parts.issuer;
        let name = first(issuer.iter_common_name()).or_else(|| first(issuer.iter_organization()));
        let is_collector = first(issuer.iter_organization()).is_some_and(|name| name == "Firstline");
        Self { authority: name.unwrap_or_else(|| shown(&in_words(&issuer))), is_collector }
    }
}

fn first<'a>(mut names: impl Iterator<Item = &'a x509_parser::x509::AttributeTypeAndValue<'a>>) -> Option<String> {
    names.next().and_then(|name| name.as_str().ok()).map(shown)
}

fn shown(text: &str) -> String {
    let text: String = text.chars().filter(|letter| !letter.is_control()).take(SHOWN_CHARS).collect();
    if text.is_empty() { "without a name".to_owned() } else { text }
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
            // Another authority may bear the same name: then it is the signature that does not fit. What an authority shows
            // of itself, as servers do whose certificate somebody made by hand, is refused as something else.
            Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature | CertificateError::Other(_),
            ) => {
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

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, KeyPair};
    use rustls::RootCertStore;
    use rustls::client::WebPkiServerVerifier;

    use super::*;

    /// An authority that signed itself.
    fn authority(name: &str) -> Certificate {
        let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        params.self_signed(&KeyPair::generate().expect("a key")).expect("signed")
    }

    #[test]
    fn an_authority_that_shows_itself_is_named_too() {
        let mut roots = RootCertStore::empty();
        roots.add(authority("ours").der().clone()).expect("a root");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().expect("a verifier");
        let (shown, name) = (authority("by hand"), ServerName::try_from("localhost").expect("a name"));
        let refused = Witness::over(inner).verify_server_cert(shown.der(), &[], &name, &[], UnixTime::now());
        let error = refused.expect_err("it is none of ours");
        assert_eq!(Stranger::met(&error).map(|stranger| stranger.authority.as_str()), Some("by hand"));
    }
}
