use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::mpsc as thread_channel;

use firstline_diagnosis::vocabulary::{Unknown, Value, Why};
use tokio::sync::Notify;

use super::*;
use crate::os::Clock;
use crate::probe::{Collected, ProbeError, Pseudonyms, Spec};

#[cfg(target_os = "linux")]
mod battery;
mod news;

#[tokio::test(start_paused = true)]
async fn a_panicking_probe_is_a_failed_reading_and_nothing_else() {
    let mut story = Story::new(vec![
        fake("bad", Tier::Fast, &["endpoint.cpu.interrupt_time"], |_| panic!("a bug")),
        fake("good", Tier::Fast, &["endpoint.memory.available"], |cx| {
            Ok(vec![number("endpoint.memory.available", 5.0, cx)])
        }),
    ]);
    let bad = story.batch("bad").await;
    assert_eq!(why(&bad.readings[0]).why, Why::Failed);
    assert!(why(&bad.readings[0]).detail.contains("a bug"));
    assert_eq!(story.batch("good").await.readings[0].number(), Some(5.0));
    assert_eq!(story.batch("bad").await.readings.len(), 1, "it runs again");
    let costs = story.schedule.cost_table();
    assert!(costs[0].failures >= 2 && costs[0].failing.is_some() && costs[1].failing.is_none());
    assert_eq!(story.cx.vitals.failing_probes(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_probe_times_out_alone_and_is_not_started_again_until_it_returns() {
    let (release, hang) = thread_channel::channel::<()>();
    let (hang, started) = (Mutex::new(hang), Arc::new(Notify::new()));
    let begun = Arc::clone(&started);
    let mut story = Story::new(vec![
        fake("stuck", Tier::Fast, &["endpoint.memory.available"], move |_| {
            begun.notify_one();
            let _ = hang.lock().expect("alone").recv();
            Ok(Vec::new())
        }),
        fake("next", Tier::Fast, &["endpoint.cpu.interrupt_time"], |cx| {
            Ok(vec![number("endpoint.cpu.interrupt_time", 0.0, cx)])
        }),
    ]);
    started.notified().await;
    tokio::time::advance(Duration::from_secs(3)).await;
    let stuck = story.batch("stuck").await;
    assert_eq!(why(&stuck.readings[0]).why, Why::Timeout);
    assert_eq!(stuck.cost.cpu, None);
    assert_eq!(story.batch("next").await.readings.len(), 1, "on another thread");
    tokio::time::advance(Duration::from_secs(20)).await;
    story.batch("next").await;
    assert_eq!(story.schedule.cost_table()[0].overlaps, 1);
    drop(release);
    tokio::time::advance(Duration::from_secs(20)).await;
    assert_eq!(story.batch("stuck").await.readings, [], "it returned, and runs again");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_declared_or_is_denied_does_not_pass() {
    let denied = BTreeSet::from(["system.uptime".to_owned()]);
    let mut story = Story::with(
        Settings { denied_signals: denied, ..Settings::default() },
        vec![
            fake("mixed", Tier::Fast, &["system.uptime", "endpoint.memory.available"], |cx| {
                Ok(vec![
                    number("system.uptime", 1.0, cx),
                    number("endpoint.memory.available", 2.0, cx),
                    number("system.made.up", 3.0, cx),
                    Reading::value("endpoint.memory.available", [("who", "ada")], 4.0, cx.clock.now()),
                ])
            }),
            fake("denied", Tier::Fast, &["system.uptime"], |_| unreachable!("all it could say is denied")),
        ],
    );
    let mixed = story.batch("mixed").await;
    assert_eq!(mixed.readings.iter().filter_map(Reading::number).collect::<Vec<_>>(), [2.0]);
    assert_eq!(story.schedule.cost_table()[0].undeclared, 2);
    assert_eq!(story.schedule.cost_table()[1].runs, 0);
}

#[tokio::test(start_paused = true)]
async fn a_slow_signal_of_a_fast_probe_waits_for_its_turn() {
    let mut story = Story::new(vec![fake("both", Tier::Fast, &["system.uptime", "endpoint.memory.available"], |cx| {
        Ok(vec![number("system.uptime", 1.0, cx), number("endpoint.memory.available", 2.0, cx)])
    })]);
    let mut counts = [0; 3];
    for _ in 0..40 {
        counts[story.batch("both").await.readings.len()] += 1;
    }
    assert!((9..=11).contains(&counts[2]), "every fourth tick is a minute: {counts:?}");
    assert_eq!(counts[0], 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_told_on_change_is_told_on_change() {
    let name = Arc::new(Mutex::new("one"));
    let read = Arc::clone(&name);
    let mut story = Story::new(vec![fake("who", Tier::Fast, &["host.name"], move |cx| {
        Ok(vec![Reading::value("host.name", [], *read.lock().expect("alone"), cx.clock.now())])
    })]);
    assert_eq!(story.batch("who").await.readings.len(), 1);
    assert_eq!(story.batch("who").await.readings.len(), 0);
    *name.lock().expect("alone") = "two";
    assert_eq!(story.batch("who").await.readings[0].outcome, Ok(Value::from("two")));
    assert_eq!(story.batch("who").await.readings.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_was_removed_gets_a_last_word() {
    let there = Arc::new(Mutex::new(true));
    let read = Arc::clone(&there);
    let limit = "system.filesystem.limit";
    let mut story = Story::new(vec![fake("volumes", Tier::Fast, &["system.filesystem.limit"], move |cx| {
        let stick = [("mountpoint", "/stick"), ("role", "data"), ("type", "ext4")];
        let found = read.lock().expect("alone").then(|| Reading::value(limit, stick, 8.0, cx.clock.now()));
        Ok(found.into_iter().collect())
    })]);
    while story.batch("volumes").await.readings.is_empty() {}
    *there.lock().expect("alone") = false;
    let mut last = story.batch("volumes").await.readings;
    while last.is_empty() {
        last = story.batch("volumes").await.readings;
    }
    assert_eq!(last.len(), 1);
    assert_eq!(last[0].series.attributes.get("mountpoint"), Some("/stick"));
    assert_eq!(why(&last[0]).why, Why::NotPresent);
    assert_eq!(story.batch("volumes").await.readings, [], "once");
}

#[tokio::test(start_paused = true)]
async fn tells_boot_wake_and_another_network() {
    let network = Arc::new(Mutex::new(Ok("home")));
    let read = Arc::clone(&network);
    let mut story = Story::new(vec![fake("net", Tier::Fast, &["endpoint.network.context_id"], move |cx| {
        let outcome: Result<&str, ProbeError> = read.lock().expect("alone").clone();
        Ok(vec![Reading {
            outcome: outcome.map(Value::from).map_err(Unknown::from),
            ..text("endpoint.network.context_id", cx)
        }])
    })]);
    assert_eq!(story.mark().await.1, Mark::Booted);
    story.batch("net").await;
    story.clock.suspend(Duration::from_hours(1));
    let (at, mark) = story.mark().await;
    assert_eq!((at, mark), (story.clock.now(), Mark::Resumed));
    *network.lock().expect("alone") = Err(ProbeError::NotPresent("gateway"));
    story.batch("net").await;
    story.batch("net").await;
    *network.lock().expect("alone") = Ok("home");
    story.batch("net").await;
    story.batch("net").await;
    assert_eq!(story.marks_so_far(), 0, "lost and found again is no other network");
    *network.lock().expect("alone") = Ok("office");
    assert_eq!(story.mark().await.1, Mark::NetworkChanged);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_fails_says_so_about_every_series_it_had() {
    let broken = Arc::new(Mutex::new(false));
    let read = Arc::clone(&broken);
    let mut story =
        Story::new(vec![fake("disks", Tier::Fast, &["system.disk.io_time", "endpoint.memory.available"], move |cx| {
            if *read.lock().expect("alone") {
                return Err(ProbeError::NoPermission("proc/diskstats".to_owned()));
            }
            Ok(["sda", "sdb"]
                .map(|disk| Reading::value("system.disk.io_time", [("system.device", disk)], 1.0, cx.clock.now()))
                .into())
        })]);
    assert_eq!(story.batch("disks").await.readings.len(), 2);
    *broken.lock().expect("alone") = true;
    story.batch("disks").await;
    let readings = story.batch("disks").await.readings;
    let series: Vec<_> = readings.iter().map(|reading| reading.series.to_string()).collect();
    let wanted = [
        r#"system.disk.io_time{system.device="sda"}"#,
        r#"system.disk.io_time{system.device="sdb"}"#,
        "endpoint.memory.available",
    ];
    assert_eq!(series, wanted);
    assert!(readings.iter().all(|reading| why(reading).why == Why::NoPermission));
}

#[tokio::test(start_paused = true)]
async fn a_section_is_collected_at_once_and_says_what_is_missing() {
    let story = Story::new(vec![
        fake("good", Tier::Daily, &["system.uptime"], |cx| Ok(vec![number("system.uptime", 1.0, cx)])),
        fake("none", Tier::Daily, &["endpoint.boot.id"], |_| Err(ProbeError::Unsupported("a boot id"))),
        fake("shut", Tier::Daily, &["host.name"], |_| Err(ProbeError::NoPermission("the name".to_owned()))),
    ]);
    let section = story.schedule.collect_section(Section::Performance, Duration::from_secs(10)).await;
    let told = |signal: &str| section.readings.iter().find(|reading| &*reading.series.signal == signal).expect("told");
    assert_eq!(told("system.uptime").number(), Some(1.0));
    assert_eq!(why(told("endpoint.boot.id")).why, Why::Unsupported);
    assert_eq!(why(told("host.name")).why, Why::NoPermission);
    assert_eq!(section.missing.len(), 1, "that there is no boot id on this machine is an answer");
    assert_eq!((section.missing[0].probe, section.missing[0].why.why), ("shut", Why::NoPermission));
    assert!(story.schedule.cost_table().iter().all(|cost| cost.failing.is_some() == (cost.probe == "shut")));
    let other = story.schedule.collect_section(Section::Storage, Duration::from_secs(10)).await;
    assert_eq!((other.readings.len(), other.missing.len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn every_signal_of_a_section_has_a_reading_or_a_reason() {
    let probe = |denied: &str| {
        let settings = Settings { denied_signals: BTreeSet::from([denied.to_owned()]), ..Settings::default() };
        Story::with(
            settings,
            vec![fake("half", Tier::Daily, &["system.uptime", "host.name"], |cx| {
                Ok(vec![number("system.uptime", 1.0, cx)])
            })],
        )
    };
    let whys = async |story: Story, section| -> Vec<(String, Why)> {
        let section = story.schedule.collect_section(section, Duration::from_secs(10)).await;
        let unknown = section.readings.iter().filter(|reading| reading.outcome.is_err());
        unknown.map(|reading| (reading.series.to_string(), why(reading).why)).collect()
    };
    let found = whys(probe("system.paging.faults"), Section::Performance).await;
    assert!(found.contains(&("host.name".to_owned(), Why::NotPresent)), "{found:?}");
    assert!(!whys(probe("host.name"), Section::Performance).await.iter().any(|(series, _)| series == "host.name"));
    let muted = ("endpoint.audio.muted".to_owned(), Why::Unsupported);
    assert_eq!(whys(probe("host.name"), Section::Peripheral).await.contains(&muted), std::env::consts::OS == "linux");
    assert!(
        !whys(probe("endpoint.audio.muted"), Section::Peripheral).await.contains(&muted),
        "nor is what is denied told"
    );
}

#[tokio::test(start_paused = true)]
async fn a_section_does_not_wait_longer_than_its_deadline() {
    let (release, hang) = thread_channel::channel::<()>();
    let (hang, started) = (Mutex::new(hang), Arc::new(Notify::new()));
    let begun = Arc::clone(&started);
    let patient = Spec { deadline: Duration::from_mins(1), ..SPEC };
    let story = Story::idle(vec![fake_of(patient, "stuck", Tier::Daily, &["system.uptime"], move |_| {
        begun.notify_one();
        let _ = hang.lock().expect("alone").recv();
        Ok(Vec::new())
    })]);
    let schedule = Arc::clone(&story.schedule);
    let collecting =
        tokio::spawn(async move { schedule.collect_section(Section::Performance, Duration::from_secs(10)).await });
    started.notified().await;
    tokio::time::advance(Duration::from_secs(11)).await;
    let section = collecting.await.expect("no panic");
    assert_eq!(section.missing[0].why.why, Why::Timeout);
    assert_eq!(why(&section.readings[0]).why, Why::Timeout);
    drop(release);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_floods_is_cut_and_counted() {
    let mut story = Story::new(vec![fake("flood", Tier::Fast, &["endpoint.memory.available"], |cx| {
        Ok((0..25_000).map(|_| number("endpoint.memory.available", 1.0, cx)).collect())
    })]);
    assert_eq!(story.batch("flood").await.readings.len(), 10_000);
    assert_eq!(story.schedule.cost_table()[0].flooded, 15_000);
}

#[tokio::test(start_paused = true)]
async fn stops_when_told() {
    let story = Story::new(Vec::new());
    story.stop.cancel();
    story.running.await.expect("ends without a panic");
}

/// A schedule that runs on tokio's paused clock.
struct Story {
    schedule: Arc<Schedule>,
    cx: Context,
    clock: Arc<PausedClock>,
    outputs: mpsc::Receiver<Output>,
    stop: CancellationToken,
    running: tokio::task::JoinHandle<()>,
    _settings: watch::Sender<Settings>,
}

impl Story {
    fn new(probes: Vec<Arc<dyn Probe>>) -> Self {
        Self::with(Settings::default(), probes)
    }

    fn with(settings: Settings, probes: Vec<Arc<dyn Probe>>) -> Self {
        let mut story = Self::idle_with(settings, probes);
        let (out, outputs) = mpsc::channel(64);
        story.outputs = outputs;
        story.running = tokio::spawn(Arc::clone(&story.schedule).run(out, story.stop.clone()));
        story
    }

    /// A schedule that does not run by itself.
    fn idle(probes: Vec<Arc<dyn Probe>>) -> Self {
        Self::idle_with(Settings::default(), probes)
    }

    fn idle_with(settings: Settings, probes: Vec<Arc<dyn Probe>>) -> Self {
        Self::idle_at(std::path::Path::new("/nonexistent"), settings, probes)
    }

    fn idle_at(root: &std::path::Path, settings: Settings, probes: Vec<Arc<dyn Probe>>) -> Self {
        let (sender, settings) = watch::channel(settings);
        let clock = Arc::new(PausedClock::default());
        let cx = Context {
            root: root.to_owned(),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            ..Context::this_machine(settings.clone(), Pseudonyms::new(b"test"))
        };
        let schedule = Arc::new(Schedule::new(probes, cx.clone(), settings));
        let (_, outputs) = mpsc::channel(1);
        let running = tokio::spawn(async {});
        Self { schedule, cx, clock, outputs, stop: CancellationToken::new(), running, _settings: sender }
    }

    async fn batch(&mut self, probe: &str) -> Batch {
        loop {
            match self.outputs.recv().await.expect("the schedule runs") {
                Output::Batch(batch) if batch.probe == probe => return batch,
                _ => {}
            }
        }
    }

    async fn mark(&mut self) -> (Timestamp, Mark) {
        loop {
            if let Output::Mark(at, mark) = self.outputs.recv().await.expect("the schedule runs") {
                return (at, mark);
            }
        }
    }

    fn marks_so_far(&mut self) -> usize {
        std::iter::from_fn(|| self.outputs.try_recv().ok()).filter(|output| matches!(output, Output::Mark(..))).count()
    }
}

/// A clock that follows tokio's, and can be told that the machine slept.
#[derive(Debug)]
struct PausedClock {
    start: tokio::time::Instant,
    slept: Mutex<Duration>,
}

impl Default for PausedClock {
    fn default() -> Self {
        Self { start: tokio::time::Instant::now(), slept: Mutex::default() }
    }
}

impl PausedClock {
    fn suspend(&self, time: Duration) {
        *self.slept.lock().expect("alone") += time;
    }
}

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(1_800_000_000) + self.since_boot()
    }
    fn since_boot(&self) -> Duration {
        self.awake() + *self.slept.lock().expect("alone")
    }
    fn awake(&self) -> Duration {
        self.start.elapsed()
    }
}

type Collect = dyn Fn(&Context) -> Result<Vec<Reading>, ProbeError> + Send + Sync;

struct Fake {
    spec: &'static Spec,
    collect: Box<Collect>,
}

impl Probe for Fake {
    fn spec(&self) -> &'static Spec {
        self.spec
    }
    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        (self.collect)(cx).map(Collected::from)
    }
}

const SPEC: Spec = Spec {
    name: "",
    section: Section::Performance,
    tier: Tier::Fast,
    deadline: Duration::from_secs(2),
    priority: 0,
    waits: false,
    heavy: false,
    signals: &[],
};

fn fake(
    name: &'static str,
    tier: Tier,
    signals: &'static [&'static str],
    collect: impl Fn(&Context) -> Result<Vec<Reading>, ProbeError> + Send + Sync + 'static,
) -> Arc<dyn Probe> {
    fake_of(SPEC, name, tier, signals, collect)
}

fn fake_of(
    spec: Spec,
    name: &'static str,
    tier: Tier,
    signals: &'static [&'static str],
    collect: impl Fn(&Context) -> Result<Vec<Reading>, ProbeError> + Send + Sync + 'static,
) -> Arc<dyn Probe> {
    let spec = Box::leak(Box::new(Spec { name, tier, signals, ..spec }));
    Arc::new(Fake { spec, collect: Box::new(collect) })
}

fn number(signal: &str, number: f64, cx: &Context) -> Reading {
    Reading::value(signal, [], number, cx.clock.now())
}

fn text(signal: &str, cx: &Context) -> Reading {
    Reading::value(signal, [], "", cx.clock.now())
}

fn why(reading: &Reading) -> &Unknown {
    reading.outcome.as_ref().expect_err("no value")
}
