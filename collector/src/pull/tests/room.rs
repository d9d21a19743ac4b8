//! A collector with one enrolled endpoint whose key the test holds.

use std::sync::Arc;

use base64::Engine as _;
use bytes::Bytes;
use firstline_diagnosis::document::{
    AgentHealth, Os, Quality, Reason, Signature, Snapshot, SnapshotEndpoint, SnapshotReading, SnapshotSeries,
};
use firstline_diagnosis::vocabulary::{Attributes, Timestamp, Value};
use firstline_proto::convert::{Machine, Piece, pieces};
use firstline_proto::v1::collector_frame::Frame;
use rcgen::{CertificateParams, KeyPair};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};

use crate::app::{App, ManualClock, fixture};
use crate::fleet::{Agent, Stream};
use crate::pull::{Pull, PullError, PullOrder};
use crate::store::fixture::{Enrolled, enrol};
use crate::store::sql;
use crate::ticket::{NewTicket, Requester};

pub(crate) const ENDPOINT: &str = "0197c1a0-0000-7000-8000-000000000001";
pub(crate) const START: Timestamp = Timestamp(1_769_000_000_000);

pub(crate) struct Room {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) app: Arc<App>,
    pub(crate) key: KeyPair,
}

impl Room {
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(ManualClock::at(START));
        let config = fixture::create(folder.path(), &*clock).await;
        let app = App::open(folder.path(), config, clock.clone()).await.expect("an app");
        let room = Self { folder, clock, app, key: KeyPair::generate().expect("a key") };
        room.add_endpoint(ENDPOINT, "lap-ana").await;
        room
    }

    /// Stops the collector without a word, and starts it again on the same folder.
    pub(crate) async fn restart(self) -> Self {
        self.app.store.close().await;
        let config = fixture::config(self.folder.path()).await;
        let app = App::open(self.folder.path(), config, self.clock.clone()).await.expect("an app");
        Self { app, ..self }
    }

    pub(crate) async fn add_endpoint(&self, id: &str, name: &str) {
        enrol(&self.app.store, Enrolled { id, name, state: "offline", ..Enrolled::default() }).await;
    }

    /// Changes the tables, so that something cannot be stored, or can again.
    pub(crate) async fn alter(&self, statement: &'static str) {
        let altered: Result<(), PullError> = self
            .app
            .store
            .write(move |tx| {
                Box::pin(async move {
                    sql::query(statement).execute(tx).await?;
                    Ok(())
                })
            })
            .await;
        altered.expect(statement);
    }

    pub(crate) async fn ticket(&self, subject: &str) -> String {
        let requester = Requester { name: "Ana".to_owned(), ..Requester::default() };
        let order = NewTicket { requester, subject: subject.to_owned(), ..NewTicket::default() };
        self.app.desk.open(order, "tess").await.expect("a ticket").number
    }

    pub(crate) async fn order(&self, ticket: Option<&str>) -> Pull {
        let order = PullOrder {
            endpoint: "lap-ana".to_owned(),
            ticket: ticket.map(str::to_owned),
            requested_by: "tess".to_owned(),
            ..PullOrder::default()
        };
        self.app.pulls.start(order).await.expect("a pull")
    }

    /// The endpoint opens a stream, as ingest does it.
    pub(crate) async fn connect(&self) -> Stream {
        let known = self.app.fleet.known(ENDPOINT).await.expect("enrolled");
        let machine = Machine { host_name: "lap-ana".to_owned(), ..Machine::default() };
        let agent = Agent { version: "0.1.0".to_owned(), boot_id: "b".to_owned(), ..Agent::default() };
        let stream = self.app.fleet.connect(&known, machine, agent).await.expect("a stream");
        self.app.pulls.connected(ENDPOINT).await.expect("asked");
        stream
    }

    /// The endpoint's stream breaks, as ingest does it.
    pub(crate) async fn disconnect(&self, stream: Stream) {
        self.app.fleet.disconnect(&stream).await;
        self.app.pulls.disconnected(ENDPOINT).await.expect("noted");
    }

    /// Sends a document piece by piece and waits until everything that follows from it has happened.
    pub(crate) async fn send(&self, pull: &str, document: &[u8]) {
        for piece in cut(pull, document) {
            self.app.pulls.chunk(ENDPOINT, &piece);
        }
        self.app.pulls.drain().await;
    }

    pub(crate) async fn show(&self, pull: &Pull) -> Pull {
        self.app.pulls.show(&pull.id).await.expect("there")
    }

    /// A document signed by the endpoint's key, with a certificate of this collector.
    pub(crate) fn signed(&self, snapshot: Snapshot) -> Vec<u8> {
        let certificate = self.certificate(ENDPOINT, &self.key);
        sign(snapshot, &self.key, &certificate)
    }

    pub(crate) fn certificate(&self, endpoint: &str, key: &KeyPair) -> String {
        let request = CertificateParams::default().serialize_request(key).expect("a request");
        let issued = self.app.authority.issue(request.der(), endpoint, START).expect("a certificate");
        pem(&issued.chain[0])
    }
}

pub(crate) fn pem(der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

pub(crate) fn sign(snapshot: Snapshot, key: &KeyPair, certificate: &str) -> Vec<u8> {
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &key.serialize_der(), &random).expect("a key");
    let bytes = snapshot.signed_bytes().expect("finite numbers");
    let signature = pair.sign(&random, &bytes).expect("signed");
    let signature = Signature {
        algorithm: "ECDSA_P256_SHA256_ASN1".to_owned(),
        certificate: certificate.to_owned(),
        value: base64::engine::general_purpose::STANDARD.encode(signature),
    };
    serde_json::to_vec(&Snapshot { signature: Some(signature), ..snapshot }).expect("a document")
}

pub(crate) fn cut(pull: &str, document: &[u8]) -> Vec<Piece> {
    let chunks = pieces(pull, &Bytes::copy_from_slice(document));
    chunks.map(|chunk| Piece::try_from(chunk).expect("within bounds")).collect()
}

/// The pull that the endpoint is asked for, if any.
pub(crate) fn asked(stream: &mut Stream) -> Option<String> {
    match stream.frames.try_recv().ok()?.frame? {
        Frame::PullRequest(request) => Some(request.pull_id),
        _ => None,
    }
}

/// A machine whose system disk is full.
pub(crate) fn full_disk() -> Snapshot {
    let taken_at = START;
    let disk = |state: Option<&str>| {
        let attrs = Attributes::from([("mountpoint", "/"), ("role", "system"), ("type", "ext4")]);
        state.map_or(attrs.clone(), |state| attrs.with("state", state))
    };
    let reading = |signal: &str, attrs: Attributes, value: f64| SnapshotReading {
        signal: signal.to_owned(),
        attrs,
        value: Some(Value::Number(value)),
        unit: "By".to_owned(),
        quality: Quality::Ok,
        why: None,
        detail: String::new(),
        at: taken_at,
    };
    let series = |signal: &str, attrs: Attributes, value: f32| SnapshotSeries {
        signal: signal.to_owned(),
        attrs,
        start: Timestamp(taken_at.0 - 3_600_000),
        step_seconds: 60,
        values: vec![Some(value); 60],
    };
    let (free, size) = (1_073_741_824.0_f32, 107_374_182_400.0_f32);
    Snapshot {
        id: "0197c1a0-1111-7000-8000-000000000001".to_owned(),
        endpoint: SnapshotEndpoint {
            id: ENDPOINT.to_owned(),
            name: "lap-ana".to_owned(),
            os: Os {
                os_type: "linux".to_owned(),
                name: "Debian".to_owned(),
                version: "12".to_owned(),
                build_id: String::new(),
            },
            users: vec!["ana".to_owned()],
            uptime_seconds: 7_500,
            boot_id: "b".to_owned(),
        },
        taken_at,
        reason: Reason::Ticket,
        ticket: Some("FL-1001".to_owned()),
        schema: 1,
        catalogue: "0.1.0".to_owned(),
        readings: vec![
            reading("system.filesystem.usage", disk(Some("free")), f64::from(free)),
            reading("system.filesystem.limit", disk(None), f64::from(size)),
        ],
        series: vec![
            series("system.filesystem.usage", disk(Some("free")), free),
            series("system.filesystem.limit", disk(None), size),
        ],
        events: Vec::new(),
        marks: Vec::new(),
        changes: Vec::new(),
        agent: AgentHealth { version: "0.1.0".to_owned(), ..AgentHealth::default() },
        signature: None,
    }
}
