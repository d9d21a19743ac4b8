//! A pull on this machine: progress of every section, and a document that the endpoint's key signed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::collector::{Collector, Temper};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use firstline_agent::app::{self, Ease, Intake};
use firstline_agent::config::Config;
use firstline_agent::identity::{Token, enroll};
use firstline_agent::privacy::{Ledger, Sent, pseudonyms};
use firstline_agent::probe;
use firstline_agent::pull::Pulls;
use firstline_agent::schedule::Schedule;
use firstline_agent::settings::Policy;
use firstline_agent::spool::{Limits, Spool};
use firstline_agent::state::{Scratch, StateDir};
use firstline_agent::uplink::{Outbox, Request, Routes};
use firstline_diagnosis::document::{Os, Reason, Snapshot};
use firstline_diagnosis::vocabulary::Timestamp;
use firstline_proto::convert::{Machine, Piece, Pull, Section};
use firstline_proto::v1;
use firstline_proto::v1::SectionState;
use firstline_proto::v1::agent_frame::Frame;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

struct Running {
    requests: mpsc::Sender<Request>,
    frames: mpsc::Receiver<v1::AgentFrame>,
    ledger: Arc<Mutex<Ledger>>,
    _dir: tempfile::TempDir,
    _settings: watch::Sender<firstline_agent::settings::Settings>,
}

async fn pulls() -> Running {
    let dir = tempfile::tempdir().expect("temporary directory");
    let state = StateDir::open(dir.path()).expect("opens");
    let collector = Collector::start(Temper::default()).await;
    let token: Token = collector.token().parse().expect("a token");
    let os = Os { os_type: "linux".into(), ..Os::default() };
    let machine = Machine { host_name: "pc-1".into(), os, ..Machine::default() };
    let identity = state.dir("identity").expect("made");
    let identity = enroll(&identity, collector.address(), &Routes::default(), &token, machine).await.expect("enrolled");
    assert_eq!(identity.naming_key(), Some([7; 32]), "the collector's key of pseudonyms");
    let (settings, seen) = watch::channel(Policy::default().defaults());
    let names = pseudonyms(identity.naming_key(), &state.path("pseudonym.key")).expect("a key");
    let cx = app::context(names, seen.clone(), Some(&identity));
    let (clock, vitals) = (Arc::clone(&cx.clock), Arc::clone(&cx.vitals));
    let scratch = Scratch::on_disk(&state.path("memory")).expect("made");
    let spool = Spool::open(&state.dir("spool").expect("made"), &scratch, Limits::default()).expect("opens");
    let outbox = Arc::new(Outbox::new(spool));
    let intake = Intake::open(&state, &scratch, &Config::default(), outbox, Arc::clone(&clock), vitals, seen.clone());
    let (frames_out, frames) = mpsc::channel(4);
    let (requests, requested) = mpsc::channel(4);
    let ledger = Arc::new(Mutex::new(Ledger::at(state.path("ledger"))));
    let pulls = Pulls {
        schedule: Arc::new(Schedule::new(probe::all(), cx, seen)),
        intake: Arc::new(Mutex::new(intake.expect("opens").0)),
        identity: Arc::new(Mutex::new(identity)),
        frames: frames_out,
        ledger: Arc::clone(&ledger),
        cache: state.dir("snapshots").expect("made"),
        reached: Arc::new(Mutex::new("localhost:1".parse().expect("an address"))),
        clock,
        ease: Arc::new(Ease::starting(Instant::now())),
    };
    tokio::spawn(pulls.run(requested, CancellationToken::new()));
    Running { requests, frames, ledger, _dir: dir, _settings: settings }
}

fn pull(id: &str) -> Request {
    Request::Pull(Pull {
        id: id.into(),
        sections: vec![Section::Identity, Section::Performance, Section::Storage, Section::History],
        window_seconds: 3600,
        deadline: Timestamp(i64::MAX),
        ticket: "17".into(),
        requested_by: "ann".into(),
        reason: Reason::Ticket,
        around: None,
    })
}

impl Running {
    /// The document, and the sections that ended.
    async fn answer(&mut self, id: &str) -> (Vec<u8>, Vec<i32>) {
        self.requests.send(pull(id)).await.expect("it runs");
        let (mut document, mut ended) = (Vec::new(), Vec::new());
        loop {
            let frame = tokio::time::timeout(Duration::from_secs(40), self.frames.recv()).await.expect("in time");
            match frame.expect("it runs").frame.expect("a frame") {
                Frame::PullProgress(progress) if progress.state != i32::from(SectionState::Started) => {
                    ended.push(progress.section);
                }
                Frame::SnapshotChunk(chunk) => {
                    let piece = Piece::try_from(chunk).expect("within bounds");
                    assert_eq!(piece.offset_bytes, document.len() as u64);
                    document.extend_from_slice(&piece.piece);
                    if document.len() as u64 == piece.total_bytes {
                        return (document, ended);
                    }
                }
                _ => {}
            }
        }
    }
}

#[tokio::test]
async fn a_pull_gives_a_signed_snapshot_of_this_machine_and_the_same_one_again() {
    let mut running = pulls().await;
    let (document, mut ended) = running.answer("p-1").await;
    ended.sort_unstable();
    assert_eq!(ended, [1, 2, 4, 6], "every section told how it ended");
    let snapshot: Snapshot = serde_json::from_slice(&document).expect("a snapshot");
    assert_eq!((snapshot.reason, snapshot.ticket.as_deref()), (Reason::Ticket, Some("17")));
    assert!(snapshot.readings.iter().any(|reading| reading.signal == "system.uptime" && reading.value.is_some()));
    let signature = snapshot.signature.clone().expect("signed");
    let certificate = CertificateDer::from_pem_slice(signature.certificate.as_bytes()).expect("a certificate");
    let (_, parsed) = x509_parser::parse_x509_certificate(&certificate).expect("a certificate");
    let key = parsed.public_key().subject_public_key.data.to_vec();
    let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ECDSA_P256_SHA256_ASN1, key);
    let value = STANDARD.decode(&signature.value).expect("base64");
    let signed = snapshot.signed_bytes().expect("finite");
    assert!(key.verify(&signed, &value).is_ok(), "the signature fits");
    let mut forged = snapshot;
    forged.taken_at = Timestamp(1);
    assert!(key.verify(&forged.signed_bytes().expect("finite"), &value).is_err(), "and nothing else");

    let (again, _) = running.answer("p-1").await;
    assert_eq!(again, document);
    let sent = running.ledger.lock().expect("free").read();
    assert!(sent.iter().any(|entry| matches!(&entry.sent, Sent::Snapshot { ticket, .. } if ticket == "17")));
}
