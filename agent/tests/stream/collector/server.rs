//! Certificates, TLS and the listener.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use firstline_agent::identity::provider;
use firstline_proto::v1::agent_service_server::AgentServiceServer;
use firstline_proto::v1::enrollment_service_server::EnrollmentServiceServer;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertificateSigningRequestParams,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, CertificateSigningRequestDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;

use super::Shared;
use super::raw::Raw;
use super::service::{Agents, Enrollments};

/// A certificate authority.
#[derive(Debug)]
pub(crate) struct Authority {
    params: CertificateParams,
    key: KeyPair,
    certificate: CertificateDer<'static>,
    issued: Mutex<Vec<u64>>,
    revoked: AtomicBool,
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::named("test authority", "Firstline")
    }

    pub(crate) fn named(name: &str, organization: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.distinguished_name.push(rcgen::DnType::OrganizationName, organization);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("key");
        let certificate = params.self_signed(&key).expect("authority").der().clone();
        Self { params, key, certificate, issued: Mutex::default(), revoked: AtomicBool::new(false) }
    }

    pub(crate) fn der(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.params, &self.key)
    }

    /// A certificate for whoever asks.
    pub(crate) fn issue(&self, request: &[u8]) -> Vec<u8> {
        let der = CertificateSigningRequestDer::from(request.to_vec());
        let mut request = CertificateSigningRequestParams::from_der(&der).expect("a request");
        let mut issued = self.issued.lock().expect("free");
        let serial = 1000 + issued.len() as u64;
        issued.push(serial);
        request.params.serial_number = Some(SerialNumber::from(serial));
        request.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        request.signed_by(&self.issuer()).expect("signed").der().to_vec()
    }

    pub(crate) fn revoke_all(&self) {
        self.revoked.store(true, Ordering::Relaxed);
    }

    fn revocations(&self) -> CertificateRevocationListDer<'static> {
        let revoked =
            if self.revoked.load(Ordering::Relaxed) { self.issued.lock().expect("free").clone() } else { vec![] };
        let now = rcgen::date_time_ymd(2020, 1, 1);
        let one = |serial: u64| RevokedCertParams {
            serial_number: SerialNumber::from(serial),
            revocation_time: now,
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: now,
            next_update: rcgen::date_time_ymd(2090, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.into_iter().map(one).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer()).expect("signed").der().clone()
    }

    /// TLS for `localhost`.
    pub(crate) fn tls(&self) -> ServerConfig {
        let key = KeyPair::generate().expect("key");
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("name");
        let leaf = params.signed_by(&key, &self.issuer()).expect("signed").der().clone();
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).expect("added");
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
            .with_crls([self.revocations()])
            .allow_unauthenticated()
            .build()
            .expect("verifier");
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("versions")
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![leaf, self.certificate.clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
            .expect("certificate");
        config.alpn_protocols = vec![b"h2".to_vec()];
        config
    }
}

/// Serves both services on a free port.
pub(crate) async fn serve(shared: Arc<Shared>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let (accepted, incoming) = mpsc::channel::<io::Result<Stream>>(16);
    let state = Arc::clone(&shared);
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let acceptor = TlsAcceptor::from(Arc::new(state.authority.tls()));
            let accepted = accepted.clone();
            tokio::spawn(async move {
                if let Ok(tls) = acceptor.accept(tcp).await {
                    let _ = accepted.send(Ok(Stream(tls))).await;
                }
            });
        }
    });
    let says = shared.seen().temper.says;
    let enrollments = EnrollmentServiceServer::new(Enrollments(Arc::clone(&shared)));
    let router = tonic::transport::Server::builder().add_service(enrollments);
    let router = match says {
        Some(bytes) => router.add_service(Raw(bytes)),
        None => router.add_service(AgentServiceServer::new(Agents(shared))),
    };
    tokio::spawn(router.serve_with_incoming(ReceiverStream::new(incoming)));
    port
}

struct Stream(TlsStream<TcpStream>);

impl Connected for Stream {
    type ConnectInfo = ();
    fn connect_info(&self) {}
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
