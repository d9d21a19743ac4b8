//! The stream against a collector that loses connections, acknowledges late, restarts and drains: everything that was
//! spooled is stored, nothing twice, and a count proves it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::collector::{Collector, Temper};
use firstline_agent::identity::{Identity, Token, enroll};
use firstline_agent::os::SystemClock;
use firstline_agent::privacy::Ledger;
use firstline_agent::settings::{Policy, Settings};
use firstline_agent::spool::{Limits, Spool};
use firstline_agent::uplink::{About, LinkState, LinkStatus, Outbox, Request, Uplink};
use firstline_diagnosis::vocabulary::{Attributes, Layout, Mark, Sample, Series, Timestamp};
use firstline_proto::convert::{Body, Machine};
use firstline_proto::v1;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

struct Agent {
    dir: tempfile::TempDir,
    identity: Arc<Mutex<Identity>>,
    outbox: Arc<Outbox>,
}

struct Running {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    status: watch::Receiver<LinkStatus>,
    settings: watch::Receiver<Settings>,
    requests: mpsc::Receiver<Request>,
    _frames: mpsc::Sender<v1::AgentFrame>,
    about: watch::Sender<About>,
}

fn machine() -> Machine {
    let os = firstline_diagnosis::document::Os { os_type: "linux".into(), ..Default::default() };
    Machine { host_name: "pc-1".into(), os, ..Machine::default() }
}

fn layout() -> Layout {
    Layout::new(vec![Series::new("system.uptime", Attributes::none())])
}

impl Agent {
    async fn enrolled_at(collector: &Collector) -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        let token: Token = collector.token().parse().expect("a token");
        let identity = enroll(dir.path(), collector.address(), &token, machine()).await.expect("enrolled");
        let spool_dir = dir.path().join("spool");
        std::fs::create_dir(&spool_dir).expect("made");
        let mut spool = Spool::open(&spool_dir, Limits::default(), Timestamp(0)).expect("opens");
        spool.use_layout((&layout()).into());
        Self { dir, identity: Arc::new(Mutex::new(identity)), outbox: Arc::new(Outbox::new(spool)) }
    }

    fn append(&self, count: i64) {
        for n in 0..count {
            let at = Timestamp(n);
            let values = vec![n as f32];
            let body = match n % 10 {
                0 => Body::Mark(Mark::NetworkChanged),
                _ => Body::Sample(Sample {
                    at,
                    step_seconds: 60,
                    layout: layout().fingerprint(),
                    values,
                    absences: vec![],
                }),
            };
            self.outbox.spool().append(at, 0, "boot", body);
        }
        self.outbox.wake();
    }

    fn connect(&self, collector: &Collector) -> Running {
        let stop = CancellationToken::new();
        let about =
            About { machine: machine(), boot_id: "boot".into(), layout: layout().fingerprint(), ..About::default() };
        let (about, about_seen) = watch::channel(about);
        let (settings, settings_seen) = watch::channel(Settings::default());
        let (requests, requested) = mpsc::channel(16);
        let (frames_out, frames) = mpsc::channel(4);
        let (readings, _) = mpsc::channel(16);
        let status = LinkStatus { state: LinkState::Connecting, detail: String::new(), since: Timestamp(0) };
        let (status, status_seen) = watch::channel(status);
        let uplink = Uplink {
            collector: collector.address(),
            identity: Arc::clone(&self.identity),
            outbox: Arc::clone(&self.outbox),
            clock: Arc::new(SystemClock),
            policy: Policy::default(),
            settings,
            about: about_seen,
            requests,
            frames,
            readings,
            status,
            ledger: Arc::new(Mutex::new(Ledger::at(self.dir.path().join("ledger")))),
        };
        let task = tokio::spawn(uplink.run(stop.clone()));
        Running {
            stop,
            task,
            status: status_seen,
            settings: settings_seen,
            requests: requested,
            _frames: frames_out,
            about,
        }
    }
}

impl Running {
    async fn reaches(&mut self, state: LinkState) -> LinkStatus {
        let reached = self.status.wait_for(|status| status.state == state);
        tokio::time::timeout(Duration::from_secs(30), reached).await.expect("in time").expect("it runs").clone()
    }

    async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(10), self.task).await.expect("in time").expect("no panic");
    }
}

#[tokio::test]
async fn everything_arrives_once_through_a_collector_that_keeps_losing_streams() {
    let collector =
        Collector::start(Temper { lose_after_records: Some(200), acknowledge_every: 100, ..Temper::default() }).await;
    let agent = Agent::enrolled_at(&collector).await;
    agent.append(1500);
    let running = agent.connect(&collector);
    collector.stored(1500).await;
    running.stop().await;
    assert_eq!(collector.count(), 1500, "each once");
    assert!(collector.streams() >= 4, "it was lost again and again: {} streams", collector.streams());
}

#[tokio::test]
async fn who_signs_in_while_connected_is_told_at_once() {
    let collector = Collector::start(Temper::default()).await;
    let agent = Agent::enrolled_at(&collector).await;
    let mut running = agent.connect(&collector);
    running.reaches(LinkState::Connected).await;
    for users in [&["ada"][..], &["ada", "grace"], &[]] {
        running.about.send_modify(|about| about.machine.users = users.iter().map(ToString::to_string).collect());
        collector.users(users).await;
    }
    running.about.send_modify(|about| about.layout += 1);
    running.stop().await;
    assert_eq!(collector.beats().len(), 4, "three changes and the farewell; a new layout is no news of the machine");
}

#[tokio::test]
async fn a_record_stays_in_the_spool_until_it_is_acknowledged() {
    let collector = Collector::start(Temper { acknowledge: false, ..Temper::default() }).await;
    let agent = Agent::enrolled_at(&collector).await;
    agent.append(20);
    let mut running = agent.connect(&collector);
    collector.stored(20).await;
    assert_eq!(agent.outbox.spool().fill().records, 20);
    collector.restart(Temper::default());
    running.reaches(LinkState::Waiting).await;
    running.reaches(LinkState::Connected).await;
    running.stop().await;
    assert_eq!(agent.outbox.spool().fill().records, 0);
    assert_eq!(collector.count(), 20);
}

#[tokio::test]
async fn comes_back_after_a_drain_and_says_goodbye() {
    let collector = Collector::start(Temper { drain_first: true, ..Temper::default() }).await;
    let agent = Agent::enrolled_at(&collector).await;
    let mut running = agent.connect(&collector);
    running.reaches(LinkState::Waiting).await;
    running.reaches(LinkState::Connected).await;
    agent.append(3);
    collector.stored(3).await;
    running.stop().await;
    assert_eq!(collector.beats().last(), Some(&v1::MarkKind::Pausing));
}

#[tokio::test]
async fn settings_take_effect_live_and_pulls_are_passed_on() {
    let collector = Collector::start(Temper { ask: true, ..Temper::default() }).await;
    let agent = Agent::enrolled_at(&collector).await;
    let mut running = agent.connect(&collector);
    let slower = running.settings.wait_for(|settings| settings.fast_period == Duration::from_secs(30));
    tokio::time::timeout(Duration::from_secs(10), slower).await.expect("in time").expect("it runs");
    let request = tokio::time::timeout(Duration::from_secs(10), running.requests.recv()).await.expect("in time");
    assert!(matches!(request, Some(Request::Pull(pull)) if pull.id == "pull-1" && pull.sections.len() == 6));
    running.stop().await;
}

#[tokio::test]
async fn a_revoked_certificate_is_named() {
    let collector = Collector::start(Temper::default()).await;
    let agent = Agent::enrolled_at(&collector).await;
    collector.revoke_all();
    let mut running = agent.connect(&collector);
    let status = running.reaches(LinkState::Refused).await;
    assert!(status.detail.contains("revoked"), "{}", status.detail);
    running.stop().await;
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused_on_both_sides() {
    let (ours, theirs) = (Collector::start(Temper::default()).await, Collector::start(Temper::default()).await);
    let agent = Agent::enrolled_at(&ours).await;
    let mut running = agent.connect(&theirs);
    let status = running.reaches(LinkState::Waiting).await;
    assert!(status.detail.contains("not from the expected authority"), "{}", status.detail);
    running.stop().await;
    let dir = tempfile::tempdir().expect("temporary directory");
    let token: Token = theirs.token().parse().expect("a token");
    let error = enroll(dir.path(), ours.address(), &token, machine()).await.expect_err("another authority");
    assert!(error.to_string().contains("not from the expected authority"), "{error}");
}

#[tokio::test]
async fn a_used_token_is_refused_with_what_to_do() {
    let collector = Collector::start(Temper::default()).await;
    let _first = Agent::enrolled_at(&collector).await;
    let dir = tempfile::tempdir().expect("temporary directory");
    let token: Token = collector.token().parse().expect("a token");
    let error = enroll(dir.path(), collector.address(), &token, machine()).await.expect_err("used");
    let words = error.to_string();
    assert!(words.contains("the token was used") && words.contains("firstline token create"), "{words}");
    assert!(std::fs::read_dir(dir.path()).expect("there").next().is_none(), "nothing was kept");
}

#[tokio::test]
async fn renewal_brings_a_new_certificate_for_the_same_key() {
    let collector = Collector::start(Temper::default()).await;
    let agent = Agent::enrolled_at(&collector).await;
    let before = agent.identity.lock().expect("free").sign(b"x").expect("signed").certificate;
    firstline_agent::identity::renew(&agent.identity, &collector.address()).await.expect("renewed");
    let after = agent.identity.lock().expect("free").sign(b"x").expect("signed").certificate;
    assert_ne!(before, after);
    let mut running = agent.connect(&collector);
    running.reaches(LinkState::Connected).await;
    running.stop().await;
    let again = Identity::load(agent.dir.path()).expect("kept");
    assert_eq!(again.sign(b"x").expect("signed").certificate, after);
}
