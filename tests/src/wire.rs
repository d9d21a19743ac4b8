//! An endpoint made by hand: speaks the protocol frame by frame, and says what no real agent would.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Context as _;
use firstline_proto::v1;
use firstline_proto::v1::agent_service_client::AgentServiceClient;
use firstline_proto::v1::enrollment_service_client::EnrollmentServiceClient;
use hyper_util::rt::TokioIo;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};

mod piecemeal;
pub mod records;
pub mod sender;
pub mod senders;
pub mod sick;
mod trust;

use piecemeal::Piecemeal;
pub use trust::config as tls;

/// How long a frame may take.
const FRAME: Duration = Duration::from_secs(30);

/// A key and the certificate that names its endpoint.
#[derive(Debug)]
pub struct Identity {
    /// The endpoint's id, as the collector gave it.
    pub endpoint_id: String,
    /// Certificates in DER, its own first.
    pub chain: Vec<Vec<u8>>,
    /// Private key, PKCS #8 DER.
    pub key: Vec<u8>,
}

impl Identity {
    /// Enrols at `127.0.0.1:port` with the secret part of a token.
    pub async fn enroll(port: u16, secret: &str, name: &str) -> Result<Self, tonic::Status> {
        Self::enroll_machine(port, secret, machine(name)).await
    }

    /// The same for any machine.
    pub async fn enroll_machine(port: u16, secret: &str, machine: v1::Machine) -> Result<Self, tonic::Status> {
        let key = KeyPair::generate().expect("a key can be made");
        let request =
            v1::EnrollRequest { token: secret.to_owned(), certificate_request: request(&key), machine: Some(machine) };
        let channel = dial(port, None).await.map_err(|error| tonic::Status::unavailable(format!("{error:#}")))?;
        let answer = EnrollmentServiceClient::new(channel).enroll(request).await?.into_inner();
        Ok(Self { endpoint_id: answer.endpoint_id, chain: answer.certificate_chain, key: key.serialize_der() })
    }

    /// Asks for a new certificate for a new key, on the strength of this one.
    pub async fn renew(&self, port: u16) -> Result<Self, tonic::Status> {
        let key = KeyPair::generate().expect("a key can be made");
        let channel = dial(port, Some(self)).await.map_err(|error| tonic::Status::unavailable(format!("{error:#}")))?;
        let message = v1::RenewRequest { certificate_request: request(&key), ..v1::RenewRequest::default() };
        let answer = EnrollmentServiceClient::new(channel).renew(message).await?.into_inner();
        let endpoint_id = self.endpoint_id.clone();
        Ok(Self { endpoint_id, chain: answer.certificate_chain, key: key.serialize_der() })
    }
}

/// A certificate request whose wishes the collector must not grant.
fn request(key: &KeyPair) -> Vec<u8> {
    let mut wishes = CertificateParams::new(vec!["collector.example".to_owned()]).expect("a valid name");
    wishes.distinguished_name.push(rcgen::DnType::CommonName, "administrator");
    wishes.serialize_request(key).expect("a request can be signed").der().to_vec()
}

/// A machine of this name.
pub fn machine(name: &str) -> v1::Machine {
    v1::Machine {
        host_name: name.to_owned(),
        os_type: "linux".to_owned(),
        os_name: "Debian GNU/Linux".to_owned(),
        os_version: "12".to_owned(),
        os_build_id: "6.1.0".to_owned(),
        users: vec!["sam".to_owned()],
        hardware: std::collections::HashMap::default(),
    }
}

/// How a hand-made endpoint uses its connection.
#[derive(Debug, Clone, Default)]
pub struct Manner {
    /// Whether every byte goes out alone.
    pub byte_by_byte: bool,
    /// How many bytes of a stream the collector may send before they were read; absent: as usual.
    pub window_bytes: Option<u32>,
    /// Nothing is read from the line any more once this is set, not even what belongs to no stream.
    pub deaf: Option<Arc<AtomicBool>>,
}

/// Connects with this identity, or with none. The collector's certificate is not looked at.
pub async fn dial(port: u16, identity: Option<&Identity>) -> anyhow::Result<Channel> {
    dial_in(Manner::default(), port, identity).await
}

async fn dial_in(manner: Manner, port: u16, identity: Option<&Identity>) -> anyhow::Result<Channel> {
    let config = Arc::new(tls(identity)?);
    let Manner { byte_by_byte, window_bytes, deaf } = manner;
    let connector = tower::service_fn(move |_: tonic::transport::Uri| {
        let (config, deaf) = (Arc::clone(&config), deaf.clone());
        async move {
            let socket = tokio::net::TcpSocket::new_v4()?;
            if deaf.is_some() {
                // Little room, so that it is soon noticed.
                socket.set_recv_buffer_size(4096)?;
            }
            let socket = socket.connect(([127, 0, 0, 1], port).into()).await?;
            let name = ServerName::try_from("localhost").expect("a valid name");
            socket.set_nodelay(true)?;
            let most = if byte_by_byte { 1 } else { usize::MAX };
            let socket = Piecemeal { socket, most, deaf };
            let stream = tokio_rustls::TlsConnector::from(config).connect(name, socket).await?;
            Ok::<_, std::io::Error>(TokioIo::new(stream))
        }
    });
    let endpoint = Endpoint::from_static("http://localhost").connect_timeout(FRAME);
    let endpoint = endpoint.initial_stream_window_size(window_bytes).initial_connection_window_size(window_bytes);
    endpoint.connect_with_connector(connector).await.context("connect to the collector")
}

/// An open stream.
#[derive(Debug)]
pub struct Stream {
    outward: mpsc::Sender<v1::AgentFrame>,
    inward: tonic::Streaming<v1::CollectorFrame>,
}

impl Stream {
    /// Opens a stream and says `hello`; the answer is the `welcome`.
    pub async fn open(port: u16, identity: &Identity, hello: v1::Hello) -> anyhow::Result<(Self, v1::Welcome)> {
        Self::open_in(Manner::default(), port, identity, hello).await
    }

    /// As [`Stream::open`], over a connection that is used in this manner.
    pub async fn open_in(
        manner: Manner,
        port: u16,
        identity: &Identity,
        hello: v1::Hello,
    ) -> anyhow::Result<(Self, v1::Welcome)> {
        let channel = dial_in(manner, port, Some(identity)).await?;
        let (outward, frames) = mpsc::channel(16);
        outward.send(agent_frame(v1::agent_frame::Frame::Hello(hello))).await?;
        let call = AgentServiceClient::new(channel).connect(ReceiverStream::new(frames)).await?;
        let mut stream = Self { outward, inward: call.into_inner() };
        match stream.receive().await? {
            v1::collector_frame::Frame::Welcome(welcome) => Ok((stream, welcome)),
            other => anyhow::bail!("the first frame is not a welcome: {other:?}"),
        }
    }

    /// Sends a frame.
    pub async fn send(&self, frame: v1::agent_frame::Frame) -> anyhow::Result<()> {
        self.outward.send(agent_frame(frame)).await.context("the stream is closed")
    }

    /// The next frame.
    pub async fn receive(&mut self) -> anyhow::Result<v1::collector_frame::Frame> {
        let frame = tokio::time::timeout(FRAME, self.inward.message()).await.context("no frame came in time")??;
        frame.and_then(|frame| frame.frame).context("the collector closed the stream")
    }

    /// The next acknowledgement; other frames are passed over.
    pub async fn acknowledged(&mut self) -> anyhow::Result<v1::Ack> {
        loop {
            if let v1::collector_frame::Frame::Ack(ack) = self.receive().await? {
                return Ok(ack);
            }
        }
    }
}

/// The first bytes of a handshake, up to where the collector must answer.
pub fn hello_of_tls() -> Vec<u8> {
    let name = ServerName::try_from("localhost").expect("a valid name");
    let config = tls(None).expect("a configuration without a certificate");
    let mut connection = rustls::ClientConnection::new(Arc::new(config), name).expect("a connection");
    let mut bytes = Vec::new();
    while connection.wants_write() {
        connection.write_tls(&mut bytes).expect("memory takes everything");
    }
    bytes
}

/// A hello of a machine of this name that stands at `next_sequence`.
pub fn hello(name: &str, next_sequence: u64) -> v1::Hello {
    v1::Hello {
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol_version: firstline_proto::PROTOCOL_VERSION,
        machine: Some(machine(name)),
        boot_id: "b00t".to_owned(),
        next_sequence,
        sent_unix_ms: jiff::Timestamp::now().as_millisecond(),
        uptime_seconds: 3600,
        ..v1::Hello::default()
    }
}

fn agent_frame(frame: v1::agent_frame::Frame) -> v1::AgentFrame {
    v1::AgentFrame { frame: Some(frame) }
}

/// The chain and key as rustls wants them.
fn material(identity: &Identity) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let chain = identity.chain.iter().map(|one| CertificateDer::from(one.clone())).collect();
    (chain, PrivatePkcs8KeyDer::from(identity.key.clone()).into())
}
