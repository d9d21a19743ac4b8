//! The stream against a collector that loses connections, acknowledges late, restarts and drains: everything that was
//! spooled is stored, nothing twice, and a count proves it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::collector::{Collector, Temper};
use firstline_agent::config::Address;
use firstline_agent::identity::{Identity, Token, enroll, renew};
use firstline_agent::os::SystemClock;
use firstline_agent::privacy::Ledger;
use firstline_agent::settings::{Policy, Settings};
use firstline_agent::spool::{Limits, Spool};
use firstline_agent::state::Scratch;
use firstline_agent::uplink::{About, LinkState, LinkStatus, Outbox, Problem, Request, Routes, Uplink};
use firstline_diagnosis::vocabulary::{Attributes, Layout, Mark, Sample, Series, Timestamp};
use firstline_proto::convert::{Body, Machine};
use firstline_proto::v1;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

pub(crate) struct Agent {
    dir: tempfile::TempDir,
    pub(crate) identity: Arc<Mutex<Identity>>,
    pub(crate) outbox: Arc<Outbox>,
}

pub(crate) struct Running {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    status: watch::Receiver<LinkStatus>,
    settings: watch::Receiver<Settings>,
    requests: mpsc::Receiver<Request>,
    _frames: mpsc::Sender<v1::AgentFrame>,
    renewals: watch::Sender<u64>,
    about: watch::Sender<About>,
}

pub(crate) fn machine() -> Machine {
    let os = firstline_diagnosis::document::Os { os_type: "linux".into(), ..Default::default() };
    Machine { host_name: "pc-1".into(), os, ..Machine::default() }
}

fn layout() -> Layout {
    Layout::new(vec![Series::new("system.uptime", Attributes::none())])
}

impl Agent {
    pub(crate) async fn enrolled_at(collector: &Collector) -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        let token: Token = collector.token().parse().expect("a token");
        let identity =
            enroll(dir.path(), collector.address(), &Routes::default(), &token, machine()).await.expect("enrolled");
        let spool_dir = dir.path().join("spool");
        std::fs::create_dir(&spool_dir).expect("made");
        let scratch = Scratch::on_disk(&dir.path().join("memory")).expect("made");
        let mut spool = Spool::open(&spool_dir, &scratch, Limits::default()).expect("opens");
        spool.use_layout((&layout()).into());
        Self { dir, identity: Arc::new(Mutex::new(identity)), outbox: Arc::new(Outbox::new(spool)) }
    }

    pub(crate) fn append(&self, count: i64) {
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
        self.connect_by(collector.address(), Routes::default())
    }

    pub(crate) fn connect_by(&self, address: Address, routes: Routes) -> Running {
        let stop = CancellationToken::new();
        let about =
            About { machine: machine(), boot_id: "boot".into(), layout: layout().fingerprint(), ..About::default() };
        let (about, about_seen) = watch::channel(about);
        let (settings, settings_seen) = watch::channel(Settings::default());
        let (requests, requested) = mpsc::channel(16);
        let (frames_out, frames) = mpsc::channel(4);
        let (readings, _) = mpsc::channel(16);
        let status = LinkStatus::new(LinkState::Connecting, "", Timestamp(0));
        let (renewals_in, renewals) = watch::channel(0);
        let (status, status_seen) = watch::channel(status);
        let uplink = Uplink {
            reached: Arc::new(Mutex::new(address.clone())),
            collectors: address.into(),
            routes,
            hardware: BTreeMap::new(),
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
            trouble: Mutex::default(),
            ledger: Arc::new(Mutex::new(Ledger::at(self.dir.path().join("ledger")))),
            renewals,
            renew_at: watch::Sender::new(None),
            forked: CancellationToken::new(),
        };
        let task = tokio::spawn(uplink.run(stop.clone()));
        Running {
            stop,
            task,
            status: status_seen,
            settings: settings_seen,
            requests: requested,
            _frames: frames_out,
            renewals: renewals_in,
            about,
        }
    }
}

impl Running {
    pub(crate) async fn reaches(&mut self, state: LinkState) -> LinkStatus {
        let reached = self.status.wait_for(|status| status.state == state);
        tokio::time::timeout(Duration::from_secs(30), reached).await.expect("in time").expect("it runs").clone()
    }

    pub(crate) async fn stop(self) {
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
    assert!(matches!(request, Some(Request::Pull(pull)) if pull.id == "pull-1" && pull.sections.len() == 9));
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
    assert_eq!(status.problem, Some(Problem::Revoked));
    assert!(status.advice.contains("enroll --again"), "{}", status.advice);
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
    let error =
        enroll(dir.path(), ours.address(), &Routes::default(), &token, machine()).await.expect_err("another authority");
    assert!(error.to_string().contains("not from the expected authority"), "{error}");
    assert!(error.to_string().contains("`firstline token create` makes"), "{error}");
    assert!(!error.to_string().contains("meanwhile"), "nothing was enrolled yet: {error}");
}

#[tokio::test]
async fn a_used_token_is_refused_with_what_to_do() {
    let collector = Collector::start(Temper::default()).await;
    let _first = Agent::enrolled_at(&collector).await;
    let dir = tempfile::tempdir().expect("temporary directory");
    let token: Token = collector.token().parse().expect("a token");
    let error = enroll(dir.path(), collector.address(), &Routes::default(), &token, machine()).await.expect_err("used");
    let words = error.to_string();
    assert!(words.contains("the token was used") && words.contains("firstline token create"), "{words}");
    assert!(std::fs::read_dir(dir.path()).expect("there").next().is_none(), "nothing was kept");
}

#[tokio::test]
async fn renewal_brings_a_new_certificate_for_the_same_key() {
    let collector = Collector::start(Temper::default()).await;
    let agent = Agent::enrolled_at(&collector).await;
    let before = agent.identity.lock().expect("free").sign(b"x").expect("signed").certificate;
    renew(&agent.identity, &collector.address().into(), &Routes::default()).await.expect("renewed");
    let after = agent.identity.lock().expect("free").sign(b"x").expect("signed").certificate;
    assert_ne!(before, after);
    let mut running = agent.connect(&collector);
    running.reaches(LinkState::Connected).await;
    running.stop().await;
    let again = Identity::load(agent.dir.path()).expect("kept");
    assert_eq!(again.sign(b"x").expect("signed").certificate, after);
}

#[tokio::test]
async fn the_stream_goes_over_to_a_renewed_certificate_without_a_gap() {
    let collector = Collector::start(Temper::default()).await;
    let agent = Agent::enrolled_at(&collector).await;
    agent.append(30);
    let mut running = agent.connect(&collector);
    running.reaches(LinkState::Connected).await;
    let mut seen = running.status.clone();
    let states = tokio::spawn(async move {
        let mut states = Vec::new();
        while seen.changed().await.is_ok() {
            states.push(seen.borrow_and_update().state);
        }
        states
    });
    renew(&agent.identity, &collector.address().into(), &Routes::default()).await.expect("renewed");
    running.renewals.send_modify(|count| *count += 1);
    agent.append(30);
    collector.opened(2).await;
    agent.append(30);
    collector.stored(90).await;
    running.stop().await;
    assert_eq!((collector.count(), collector.streams()), (90, 2));
    assert_eq!(
        states.await.expect("runs"),
        [LinkState::Connected],
        "it said that it is connected again, and nothing else"
    );
}

#[tokio::test]
async fn a_machine_that_was_put_back_to_an_earlier_state_loses_nothing_it_records_since() {
    let collector = Collector::start(Temper::default()).await;
    let agent = Agent::enrolled_at(&collector).await;
    agent.append(40);
    let running = agent.connect(&collector);
    collector.stored(40).await;
    running.stop().await;
    // The disk of before: a spool that knows nothing of these forty, and goes on with numbers that are taken.
    let dir = tempfile::tempdir().expect("temporary directory");
    let scratch = Scratch::on_disk(&dir.path().join("memory")).expect("made");
    let mut spool = Spool::open(dir.path(), &scratch, Limits::default()).expect("opens");
    spool.use_layout((&layout()).into());
    let agent = Agent { outbox: Arc::new(Outbox::new(spool)), ..agent };
    agent.append(7);
    let running = agent.connect(&collector);
    collector.stored(47).await;
    agent.append(3);
    collector.stored(50).await;
    running.stop().await;
    assert_eq!(collector.count(), 50);
    assert_eq!(agent.outbox.spool().fill().records, 0);
}

#[tokio::test]
async fn three_days_of_minutes_recorded_offline_arrive_whole_after_a_crash_in_between() {
    const MINUTES: i64 = 3 * 24 * 60;
    let collector = Collector::start(Temper { lose_after_records: Some(1500), ..Temper::default() }).await;
    let agent = Agent::enrolled_at(&collector).await;
    let minute = |n: i64| (Timestamp(n * 60_000), n.unsigned_abs() * 60_000);
    let sample = |at| {
        Body::Sample(Sample {
            at,
            step_seconds: 60,
            layout: layout().fingerprint(),
            values: vec![1.0],
            absences: vec![],
        })
    };
    for n in 0..MINUTES / 2 {
        let (at, boot_ms) = minute(n);
        agent.outbox.spool().append(at, boot_ms, "boot", sample(at));
    }
    // Killed without a word, and started again.
    let spool_dir = agent.dir.path().join("spool");
    let scratch = Scratch::on_disk(&agent.dir.path().join("memory")).expect("made");
    let spool = Spool::open(&spool_dir, &scratch, Limits::default()).expect("opens");
    let agent = Agent { outbox: Arc::new(Outbox::new(spool)), ..agent };
    agent.outbox.spool().use_layout((&layout()).into());
    for n in MINUTES / 2..MINUTES {
        let (at, boot_ms) = minute(n);
        agent.outbox.spool().append(at, boot_ms, "boot", sample(at));
    }
    let running = agent.connect(&collector);
    collector.stored(MINUTES as usize).await;
    running.stop().await;
    assert_eq!(collector.count(), MINUTES as u32, "nothing twice, although streams were lost on the way");
    assert!(collector.streams() > 1);
    assert_eq!(agent.outbox.spool().fill().records, 0);
    assert_eq!(agent.outbox.spool().fill().dropped_records, 0);
}

#[cfg(unix)]
#[tokio::test]
async fn a_key_that_others_can_read_is_refused_and_the_way_out_is_said() {
    use std::os::unix::fs::PermissionsExt;

    let collector = Collector::start(Temper::default()).await;
    let agent = Agent::enrolled_at(&collector).await;
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    let key = agent.dir.path().join("key.pem");
    assert_eq!((mode(agent.dir.path()), mode(&key)), (0o700, 0o600));
    for (path, bad, good) in [(key.as_path(), 0o640, 0o600), (agent.dir.path(), 0o705, 0o700)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(bad)).expect("changed");
        let refused = Identity::load(agent.dir.path()).expect_err("shared").to_string();
        assert!(refused.contains(&format!("mode {bad:04o}")) && refused.contains("chmod"), "{refused}");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(good)).expect("changed");
    }
    Identity::load(agent.dir.path()).expect("right again");
}

#[tokio::test]
async fn the_newest_samples_go_ahead_of_a_backlog_and_count_once() {
    let collector = Collector::start(Temper { takes_ahead: true, ..Temper::default() }).await;
    let agent = Agent::enrolled_at(&collector).await;
    agent.append(3000);
    let running = agent.connect(&collector);
    collector.stored(3000).await;
    let early = collector.ahead();
    assert!(early.starts_with(&[2993, 2994, 2995, 2996, 2997, 2998, 2999, 3000]), "{early:?}");
    running.stop().await;
    assert_eq!(collector.count(), 3000);
    assert_eq!(agent.outbox.spool().fill().records, 0);
}

#[tokio::test]
async fn nothing_goes_ahead_where_the_collector_does_not_know_how() {
    let collector = Collector::start(Temper::default()).await;
    let agent = Agent::enrolled_at(&collector).await;
    agent.append(3000);
    let running = agent.connect(&collector);
    collector.stored(3000).await;
    running.stop().await;
    assert_eq!((collector.ahead(), collector.count()), (Vec::new(), 3000));
}
