//! The agent's rooms together, from the schedule to the spool, on a clock that a story moves.

mod clocks;
mod kills;

use std::sync::atomic::{AtomicBool, Ordering};

use firstline_diagnosis::document::{Finding, Reason, Snapshot};
use firstline_diagnosis::vocabulary::{Event, Mark, Series, Timestamp};
use firstline_proto::convert::{Body, Record};
use tempfile::TempDir;

use super::*;
use crate::os::Clock;
use crate::probe::{Collected, Probe, ProbeError, Pseudonyms, Spec, Tier};
use crate::recorder::Recorder;
use crate::snapshot::assemble;
use crate::spool::Limits;
use crate::state::Scratch;

/// When the machine is switched on. Times of a story are minutes after it.
const TEN_O_CLOCK: Timestamp = Timestamp(1_790_071_200_000);

/// Bytes that the machine's disk writes in each second that it is awake.
const RATE: f64 = 1000.0;

/// A machine with one disk, its agent, and its clocks.
struct Machine {
    schedule: Arc<Schedule>,
    intake: Arc<Mutex<Intake>>,
    outbox: Arc<Outbox>,
    clock: Arc<Clocks>,
    disk: Arc<Disk>,
    state: StateDir,
    stop: CancellationToken,
    running: tokio::task::JoinHandle<()>,
    _measured: mpsc::Sender<Reading>,
    _settings: watch::Sender<Settings>,
    _dir: TempDir,
}

impl Machine {
    /// Switched on at ten o'clock, with an agent that starts with it.
    async fn at_ten() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let state = StateDir::open(dir.path()).expect("a state directory");
        let (clock, disk) = (Arc::new(Clocks::default()), Arc::new(Disk::default()));
        let (settings, seen) = watch::channel(Settings::default());
        let cx = Context {
            root: dir.path().join("nothing"),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            ..Context::this_machine(seen.clone(), Pseudonyms::new(b"test"))
        };
        let vitals = Arc::clone(&cx.vitals);
        let probes: Vec<Arc<dyn Probe>> = vec![Arc::clone(&disk) as Arc<dyn Probe>, Arc::new(Name)];
        let schedule = Arc::new(Schedule::new(probes, cx, seen.clone()));
        let scratch = Scratch::on_disk(&dir.path().join("scratch")).expect("a scratch directory");
        let spool = Spool::open(&state.dir("spool").expect("made"), &scratch, Limits::default()).expect("a spool");
        let outbox = Arc::new(Outbox::new(spool));
        let told = Arc::clone(&clock) as Arc<dyn Clock>;
        let intake =
            Intake::open(&state, &scratch, &Config::default(), Arc::clone(&outbox), told, vitals, seen).expect("opens");
        let intake = Arc::new(Mutex::new(intake.0));
        let introduction = schedule.collect_section(Section::Identity, IDENTITY_LIMIT).await;
        lock(&intake).introduce(introduction);
        let (stop, (measured_out, measured)) = (CancellationToken::new(), mpsc::channel(1));
        let ease = Ease::starting(Instant::now());
        let rooms = (Arc::clone(&schedule), Arc::clone(&intake), stop.clone());
        let running = tokio::spawn(async move {
            let (schedule, intake, stop) = rooms;
            take_in(&schedule, &intake, measured, &Supervisor::of_this_process(), &ease, &stop).await;
        });
        Self {
            schedule,
            intake,
            outbox,
            clock,
            disk,
            state,
            stop,
            running,
            _measured: measured_out,
            _settings: settings,
            _dir: dir,
        }
    }

    /// Lets time pass until so many minutes after ten by a clock that is right. The machine is awake.
    async fn until(&self, minute: u64) {
        self.clock.wait(Duration::from_mins(minute).saturating_sub(self.clock.since_boot())).await;
    }

    /// Everything that waits for the collector.
    fn records(&self) -> Vec<Record> {
        let frames = self.outbox.spool().read_after(0, usize::MAX, usize::MAX);
        let records = frames.iter().map(|frame| frame.record().expect("whole"));
        records.map(|record| Record::try_from(record).expect("within its bounds")).collect()
    }

    /// The minutes that wait for the collector: milliseconds since boot, and what the disk wrote in each.
    fn minutes(&self) -> Vec<(u64, f64)> {
        let layouts = |name| self.outbox.spool().layout(name).cloned().expect("the layout waits with its samples");
        let minutes = self.records().into_iter().filter_map(|record| match record.body {
            Body::Sample(sample) => {
                let written = layouts(sample.layout).series.iter().position(|one| one.signal == WRITTEN);
                Some((record.at_boot_ms, written.map_or(f64::NAN, |index| f64::from(sample.values[index]))))
            }
            _ => None,
        });
        minutes.collect()
    }

    /// The turns that wait for the collector, with their minutes after ten by the machine's clock.
    fn marks(&self) -> Vec<(Mark, i64)> {
        let records = self.records().into_iter();
        records
            .filter_map(|record| match record.body {
                Body::Mark(mark) => Some((mark, minutes_after_ten(record.at))),
                _ => None,
            })
            .collect()
    }

    /// What the recorder has of the disk between two minutes after ten, a number for each minute.
    fn recorded(&self, from: u64, until: u64) -> Vec<Option<f32>> {
        let at = |minute| TEN_O_CLOCK + Duration::from_mins(minute);
        let tail = self.state.path("scratch").join(FAST_ROWS);
        let recorder = Recorder::peek(&self.state.path("recorder/fast"), &tail, 15).expect("there");
        let series = recorder.series(at(from), at(until), 60, crate::sampler::is_counter);
        let found = series.into_iter().find(|series| series.signal == WRITTEN);
        found.map(|series| series.values).unwrap_or_default()
    }

    /// A snapshot as a pull takes it now.
    fn snapshot(&self) -> Snapshot {
        let mut intake = lock(&self.intake);
        let now = self.clock.now();
        let readings = intake.latest().cloned().collect();
        let mut parts = intake.parts(readings, &self.schedule.cost_table());
        (parts.series, parts.history) =
            (intake.series(now, Wanted { window: Duration::from_hours(24), around: None }), intake.history());
        assemble(parts, now, Reason::Pull, None, &catalogue_version())
    }

    /// What holds by the snapshot of now: check, state, and since when in minutes after ten.
    fn findings(&self) -> Vec<(String, String, i64)> {
        let catalogue = Catalogue::builtin();
        let findings = firstline_diagnosis::diagnose(&catalogue, &self.snapshot(), None).findings;
        let told = |one: Finding| (one.id, one.state.name().to_owned(), minutes_after_ten(one.onset));
        findings.into_iter().map(told).collect()
    }

    /// Stops the agent in order.
    async fn stop(&mut self) {
        self.stop.cancel();
        (&mut self.running).await.expect("ends without a panic");
        lock(&self.intake).finish();
    }
}

fn minutes_after_ten(at: Timestamp) -> i64 {
    (at.unix_ms() - TEN_O_CLOCK.unix_ms()).div_euclid(60_000)
}

/// Clocks that follow tokio's, of a machine that may sleep and whose clock may be set.
#[derive(Debug)]
struct Clocks {
    switched_on: Instant,
    slept: Mutex<Duration>,
    set_ms: Mutex<i64>,
}

impl Default for Clocks {
    fn default() -> Self {
        Self { switched_on: Instant::now(), slept: Mutex::default(), set_ms: Mutex::default() }
    }
}

impl Clocks {
    /// Sets the machine's clock this far from the right time.
    fn set(&self, minutes: i64) {
        *self.set_ms.lock().expect("alone") = minutes * 60_000;
    }

    /// The machine sleeps, and wakes.
    fn suspend(&self, time: Duration) {
        *self.slept.lock().expect("alone") += time;
    }
}

impl Clock for Clocks {
    fn now(&self) -> Timestamp {
        let right = TEN_O_CLOCK + self.since_boot();
        Timestamp(right.unix_ms() + *self.set_ms.lock().expect("alone"))
    }
    fn since_boot(&self) -> Duration {
        self.awake() + *self.slept.lock().expect("alone")
    }
    fn awake(&self) -> Duration {
        self.switched_on.elapsed()
    }
}

const WRITTEN: &str = "system.disk.io";
const SHARE: &str = "endpoint.agent.cpu.utilization";
const ENDED: &str = "endpoint.service.unexpected_exit";

/// A disk that is written to evenly while the machine is awake, a number that a check with a long window looks at, and a
/// service that can fail.
#[derive(Debug, Default)]
struct Disk {
    /// Bytes that were written while nobody looked.
    more: Mutex<f64>,
    service_fails: AtomicBool,
}

impl Probe for Disk {
    fn spec(&self) -> &'static Spec {
        const { &Spec { name: "disk", section: Section::Storage, signals: &[WRITTEN, SHARE, ENDED], ..SPEC } }
    }
    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let written = cx.clock.awake().as_secs_f64() * RATE + *self.more.lock().expect("alone");
        let sda = [("system.device", "sda"), ("disk.io.direction", "write")];
        let at = cx.clock.now();
        let failed = self.service_fails.swap(false, Ordering::Relaxed).then(|| Event {
            series: Series::new(ENDED, [("service", "backup.service")]),
            at,
            fields: std::collections::BTreeMap::new(),
            count: 1,
        });
        let readings = vec![Reading::value(WRITTEN, sda, written, at), Reading::value(SHARE, [], 0.2, at)];
        Ok(Collected { readings, events: failed.into_iter().collect(), ..Collected::default() })
    }
}

/// What the machine is called, and its boot.
struct Name;

impl Probe for Name {
    fn spec(&self) -> &'static Spec {
        const { &Spec { name: "name", signals: &["os.type", "endpoint.boot.id"], tier: Tier::Daily, ..SPEC } }
    }
    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let text = |signal, text: &str| Reading::value(signal, [], text, cx.clock.now());
        Ok(vec![text("os.type", "linux"), text("endpoint.boot.id", "b00t")].into())
    }
}

const SPEC: Spec = Spec {
    name: "",
    section: Section::Identity,
    tier: Tier::Fast,
    deadline: Duration::from_secs(5),
    priority: 0,
    waits: false,
    heavy: false,
    signals: &[],
};
