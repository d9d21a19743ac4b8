//! A collector in a temporary folder that listens on loopback, and machines that talk to it over real sockets.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use firstline_proto::v1::agent_service_client::AgentServiceClient;
use firstline_proto::v1::enrollment_service_client::EnrollmentServiceClient;
use firstline_proto::v1::{self, AgentFrame, CollectorFrame, agent_frame, collector_frame};
use hyper_util::rt::TokioIo;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Status, Streaming};

use super::{App, ManualClock, Running, SystemClock};
use crate::app::Clock;
use crate::config::Config;
use crate::enrollment::TokenOrder;
use crate::feed::Feed;
use crate::store::{Store, fixture};

/// What most rooms of a collector stand on, without a collector.
pub(crate) struct Ground {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) feed: Feed,
}

impl Ground {
    /// An empty store, and a clock that stands.
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = fixture::open(folder.path()).await;
        let clock = Arc::new(ManualClock::at(Timestamp(1_769_000_000_000)));
        let feed = Feed::new(clock.now());
        Self { folder, store, clock, feed }
    }
}

/// A collector.
pub(crate) struct Collector {
    pub(crate) app: Arc<App>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) agents: SocketAddr,
    running: Option<Running>,
    folder: tempfile::TempDir,
}

impl Collector {
    /// A new one that serves. Its clock stands at the present moment.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        create(folder.path(), &SystemClock).await;
        Self::over(folder).await
    }

    async fn over(folder: tempfile::TempDir) -> Self {
        let clock = Arc::new(ManualClock::at(SystemClock.now()));
        let mut config = config(folder.path()).await;
        config.listen.agents = "127.0.0.1:0".parse().expect("address");
        config.listen.people = config.listen.agents;
        let app = App::open(folder.path(), config, Arc::clone(&clock) as _).await.expect("open");
        let running = app.start().expect("start");
        Self { app, clock, agents: running.agents, running: Some(running), folder }
    }

    /// Ends it in order and starts it again over the same folder.
    pub(crate) async fn restart(mut self) -> Self {
        self.running.take().expect("running").end().await;
        Self::over(self.folder).await
    }

    /// Ends it in order.
    pub(crate) async fn end(&mut self) {
        self.running.take().expect("running").end().await;
    }

    /// Takes another configuration into force.
    pub(crate) async fn reload(&self, config: &Config) {
        self.running.as_ref().expect("running").reload(config).await.expect("reloaded");
    }

    /// A new token.
    pub(crate) async fn token(&self, uses: u32) -> String {
        let order = TokenOrder { uses, created_by: "tests".to_owned(), ..TokenOrder::default() };
        self.app.enrollment.create_token(order).await.expect("token").token
    }

    /// A channel of somebody who shows `identity`.
    pub(crate) fn channel(&self, identity: Option<&Identity>) -> Channel {
        channel(self.agents, &self.app.authority.root().der, identity)
    }

    /// A machine that has enrolled.
    pub(crate) async fn machine(&self, name: &str) -> Machine {
        let key = KeyPair::generate().expect("key");
        let token = self.token(1).await;
        let response = self.enroll(&token, &key, name).await.expect("enrolled");
        Machine {
            id: response.endpoint_id,
            name: name.to_owned(),
            identity: Identity::new(&response.certificate_chain, &key),
        }
    }

    pub(crate) async fn enroll(&self, token: &str, key: &KeyPair, name: &str) -> Result<v1::EnrollResponse, Status> {
        let mut client = EnrollmentServiceClient::new(self.channel(None));
        let certificate_request = request(key);
        let machine = Some(description(name));
        let request = v1::EnrollRequest { token: token.to_owned(), certificate_request, machine };
        client.enroll(request).await.map(tonic::Response::into_inner)
    }
}

/// The default configuration, with the database that a test in `folder` has.
pub(crate) async fn config(folder: &Path) -> Config {
    Config { database: fixture::config(folder).await, ..Config::default() }
}

/// What a new collector needs in `folder`, and its configuration.
pub(crate) async fn create(folder: &Path, clock: &dyn Clock) -> Config {
    let config = config(folder).await;
    App::create(folder, &config, clock).expect("an authority");
    config
}

/// A certificate request that wishes for nothing.
pub(crate) fn request(key: &KeyPair) -> Vec<u8> {
    CertificateParams::default().serialize_request(key).expect("request").der().to_vec()
}

pub(crate) fn description(name: &str) -> v1::Machine {
    v1::Machine {
        host_name: name.to_owned(),
        os_type: "linux".to_owned(),
        users: vec!["ann".to_owned()],
        ..Default::default()
    }
}

/// A certificate and its key.
#[derive(Debug)]
pub(crate) struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    pub(crate) fn new(chain: &[Vec<u8>], key: &KeyPair) -> Self {
        let chain = chain.iter().take(1).map(|der| CertificateDer::from(der.clone())).collect();
        Self { chain, key: PrivateKeyDer::try_from(key.serialize_der()).expect("key") }
    }
}

/// A machine with an identity.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) identity: Identity,
}

impl Machine {
    /// Opens a stream, says hello, and takes the welcome.
    pub(crate) async fn connect(&self, collector: &Collector) -> (Talk, v1::Welcome) {
        let mut talk = self.open(collector).await.expect("opened");
        let hello = v1::Hello {
            agent_version: "0.1.0".to_owned(),
            protocol_version: 1,
            machine: Some(description(&self.name)),
            boot_id: "boot".to_owned(),
            next_sequence: 1,
            sent_unix_ms: collector.clock.now().unix_ms(),
            uptime_seconds: 1000,
            ..Default::default()
        };
        talk.say(agent_frame::Frame::Hello(hello)).await;
        match talk.hear().await.expect("welcome") {
            collector_frame::Frame::Welcome(welcome) => (talk, welcome),
            other => panic!("not a welcome: {other:?}"),
        }
    }

    /// Opens a stream and says nothing.
    pub(crate) async fn open(&self, collector: &Collector) -> Result<Talk, Status> {
        let mut client = AgentServiceClient::new(collector.channel(Some(&self.identity)));
        let (out, frames) = mpsc::channel(16);
        let inbound = client.connect(ReceiverStream::new(frames)).await?.into_inner();
        Ok(Talk { out, inbound })
    }
}

/// One stream, seen from the machine.
#[derive(Debug)]
pub(crate) struct Talk {
    out: mpsc::Sender<AgentFrame>,
    inbound: Streaming<CollectorFrame>,
}

impl Talk {
    pub(crate) async fn say(&self, frame: agent_frame::Frame) {
        // A stream that has ended says so in `hear`.
        let _ = self.out.send(AgentFrame { frame: Some(frame) }).await;
    }

    /// The next frame, or why there is none.
    pub(crate) async fn hear(&mut self) -> Result<collector_frame::Frame, Status> {
        let message = tokio::time::timeout(Duration::from_secs(20), self.inbound.message()).await.expect("in time")?;
        Ok(message.ok_or_else(|| Status::cancelled("the stream ended"))?.frame.expect("a kind we know"))
    }

    /// Sends records and takes the acknowledgement.
    pub(crate) async fn store(&mut self, records: Vec<v1::Record>) -> v1::Ack {
        self.say(agent_frame::Frame::Records(v1::RecordBatch { records, ahead: false })).await;
        match self.hear().await.expect("ack") {
            collector_frame::Frame::Ack(ack) => ack,
            other => panic!("not an acknowledgement: {other:?}"),
        }
    }
}

fn channel(address: SocketAddr, root: &[u8], identity: Option<&Identity>) -> Channel {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(root.to_vec())).expect("root");
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("versions")
        .with_root_certificates(roots);
    let mut config = match identity {
        Some(identity) => {
            builder.with_client_auth_cert(identity.chain.clone(), identity.key.clone_key()).expect("identity")
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    let connector = TlsConnector::from(Arc::new(config));
    Endpoint::from_static("http://localhost").connect_with_connector_lazy(tower::service_fn(move |_| {
        let connector = connector.clone();
        async move {
            let socket = TcpStream::connect(address).await?;
            let name = ServerName::try_from("localhost").expect("name");
            Ok::<_, std::io::Error>(TokioIo::new(connector.connect(name, socket).await?))
        }
    }))
}
