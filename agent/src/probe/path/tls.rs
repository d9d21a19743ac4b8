use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::WantsClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, ConfigBuilder, Error, RootCertStore};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::identity::provider;
use crate::probe::Context;

/// How a handshake ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Handshake {
    /// Why it failed: `expired`, `not_yet`, `unknown_ca`, `name`, `revoked`, `protocol` or `timeout`.
    pub(super) error: Option<&'static str>,
    /// What it took.
    pub(super) took: Duration,
}

/// Whose certificates are trusted.
pub(super) enum Trust {
    /// What this machine trusts.
    System,
    /// These and no other: the collector's, as pinned at enrolment.
    Pinned(Arc<[CertificateDer<'static>]>),
}

/// How long a handshake may take.
const PATIENCE: Duration = Duration::from_secs(5);

impl Trust {
    /// The trust that applies to the target called `label`.
    pub(super) fn of(cx: &Context, label: &str) -> Self {
        match cx.collector_ca.as_ref().filter(|_| label == "collector") {
            Some(pinned) => Self::Pinned(Arc::clone(pinned)),
            None => Self::System,
        }
    }

    fn config(&self) -> Result<ClientConfig, Error> {
        let provider = provider();
        Ok(self.verifier(provider)?.with_no_client_auth())
    }

    fn verifier(&self, provider: Arc<CryptoProvider>) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, Error> {
        let builder =
            ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
        match self {
            Self::System => {
                let verifier = Arc::new(Verifier::new(provider)?);
                Ok(builder.dangerous().with_custom_certificate_verifier(verifier))
            }
            Self::Pinned(certificates) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates.iter() {
                    roots.add(certificate.clone())?;
                }
                Ok(builder.with_root_certificates(roots))
            }
        }
    }
}

/// Shakes hands over `stream` as a client that wants to talk to `host`, and hangs up.
///
/// Never takes longer than `left`.
pub(super) async fn shake_hands(stream: TcpStream, host: &str, trust: Trust, left: Duration) -> Handshake {
    // Reading the system's certificates is not part of the handshake.
    let prepared = trust.config().ok().zip(ServerName::try_from(host.to_owned()).ok());
    let Some((config, name)) = prepared else {
        return Handshake { error: Some("protocol"), took: Duration::ZERO };
    };
    let start = Instant::now();
    let result = timeout(PATIENCE.min(left), TlsConnector::from(Arc::new(config)).connect(name, stream)).await;
    let error = match result {
        Ok(Ok(_)) => None,
        Ok(Err(source)) => Some(class(&source)),
        Err(_) => Some("timeout"),
    };
    Handshake { error, took: start.elapsed() }
}

fn class(source: &io::Error) -> &'static str {
    let tls = source.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match tls {
        Some(Error::InvalidCertificate(certificate)) => certificate_class(certificate),
        None if source.kind() == io::ErrorKind::TimedOut => "timeout",
        _ => "protocol",
    }
}

fn certificate_class(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "not_yet",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => "name",
        CertificateError::Revoked => "revoked",
        // A certificate that signs itself, or that no trusted one signed, is of an unknown issuer whatever the wording.
        _ => "unknown_ca",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};
    use rustls::ServerConfig;
    use rustls::pki_types::PrivateKeyDer;
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    struct Served {
        port: u16,
        certificate: CertificateDer<'static>,
    }

    /// A server on this machine that shows a certificate for `name`, valid or long expired.
    async fn serve(name: &str, expired: bool) -> Served {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let ca_key = KeyPair::generate().expect("a key");
        let ca = rcgen::CertifiedIssuer::self_signed(params, ca_key).expect("a root");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        if expired {
            params.not_after = rcgen::date_time_ymd(2001, 1, 1);
        }
        let key = KeyPair::generate().expect("a key");
        let leaf = params.signed_by(&key, &ca).expect("signed");
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
            .expect("a pair");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = acceptor.accept(stream).await;
            }
        });
        Served { port, certificate: ca.der().clone() }
    }

    async fn shake(served: &Served, host: &str, trust: Trust) -> Option<&'static str> {
        let stream = TcpStream::connect(("127.0.0.1", served.port)).await.expect("connects");
        shake_hands(stream, host, trust, PATIENCE).await.error
    }

    fn pinned(served: &Served) -> Trust {
        Trust::Pinned(Arc::from([served.certificate.clone()]))
    }

    #[tokio::test]
    async fn a_pinned_issuer_is_trusted_for_its_name_alone() {
        let served = serve("collector.test", false).await;
        assert_eq!(shake(&served, "collector.test", pinned(&served)).await, None);
        assert_eq!(shake(&served, "other.test", pinned(&served)).await, Some("name"));
    }

    #[tokio::test]
    async fn what_the_system_does_not_know_is_an_unknown_issuer() {
        let served = serve("collector.test", false).await;
        let stranger = serve("collector.test", false).await;
        assert_eq!(shake(&served, "collector.test", pinned(&stranger)).await, Some("unknown_ca"));
        assert_eq!(shake(&served, "collector.test", Trust::System).await, Some("unknown_ca"));
    }

    #[tokio::test]
    async fn an_old_certificate_is_expired() {
        let served = serve("collector.test", true).await;
        assert_eq!(shake(&served, "collector.test", pinned(&served)).await, Some("expired"));
    }

    #[tokio::test]
    async fn what_does_not_speak_tls_is_a_protocol_error() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.try_write(b"SSH-2.0-OpenSSH_9.2\r\n");
            }
        });
        let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("connects");
        let handshake = shake_hands(stream, "collector.test", Trust::Pinned(Arc::from([])), PATIENCE).await;
        assert_eq!(handshake.error, Some("protocol"));
    }
}
