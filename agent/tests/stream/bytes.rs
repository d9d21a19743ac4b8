//! What a minute costs on the wire: bytes are counted under TLS, minutes pass as fast as the collector takes them.

use firstline_agent::config::Address;
use firstline_agent::sampler::{Known, Row, Sampler};
use firstline_agent::uplink::Routes;
use firstline_diagnosis::registry::{Registry, SignalKind, SignalSpec, Tier, ValueType};
use firstline_diagnosis::vocabulary::{Attributes, Layout, Reading, Sample, Series, Timestamp};
use firstline_proto::convert::Body;

use crate::collector::{Collector, Temper};
use crate::uplink::{Agent, Running};

/// Programs that are told of a busy desk.
const PROGRAMS: usize = 24;

/// The fast and minute readings of a workstation, from the registry that says what there is.
struct Workstation {
    sampler: Sampler,
    series: Vec<(&'static SignalSpec, Series)>,
    totals: Vec<f64>,
    minute: i64,
    chance: u64,
}

impl Workstation {
    fn new() -> Self {
        let numbers = Registry::builtin().iter().filter(|spec| {
            matches!(spec.tier, Tier::Fast | Tier::Minute) && !spec.is_state() && spec.kind != SignalKind::Event
        });
        let series: Vec<_> = numbers.flat_map(|spec| instances(spec).map(move |series| (spec, series))).collect();
        let totals = vec![0.0; series.len()];
        Self { sampler: Sampler::new(Known::new()), series, totals, minute: 0, chance: 7 }
    }

    /// A number from 0 to 1, the same in every run.
    fn chance(&mut self) -> f64 {
        self.chance = self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.chance >> 40) as f64 / f64::from(1 << 24)
    }

    /// A minute at rest: what moves on a machine nobody uses moves, the rest stays.
    fn minute(&mut self) -> Row {
        let at = Timestamp::from_unix_seconds(1_769_000_000 + 60 * self.minute);
        for place in 0..self.series.len() {
            let (spec, series) = self.series[place].clone();
            let number = self.number(place, spec);
            let value = if spec.value == ValueType::Flag { (number != 0.0).into() } else { number.into() };
            let reading = Reading { series, outcome: Ok(value), at };
            self.sampler.take(&reading, 100_000 + 60_000 * self.minute.unsigned_abs());
        }
        self.minute += 1;
        self.sampler.close_minute(at, 60).expect("a row")
    }

    fn number(&mut self, place: usize, spec: &SignalSpec) -> f64 {
        let (chance, size) = (self.chance(), place as f64 * 3_333_333.0);
        match (&*spec.name, spec.kind, spec.unit.as_str()) {
            ("system.uptime", ..) => 100_000.0 + 60.0 * self.minute as f64,
            // A program in six runs now and then.
            ("process.cpu.time", ..) if !place.is_multiple_of(6) => 12.0,
            ("system.cpu.utilization" | "endpoint.memory.available", ..) => 0.05 * chance + size,
            (_, SignalKind::Counter, _) => {
                let busy = matches!(spec.area, firstline_diagnosis::registry::Area::Storage) || chance > 0.5;
                self.totals[place] += if busy { (chance * 50_000.0).floor() } else { 0.0 };
                self.totals[place]
            }
            // What takes time takes another time each time.
            (_, _, "s") => 0.012 + 0.002 * chance,
            (_, _, "By") => size + if place.is_multiple_of(3) { 3e6 * chance } else { 2e4 * chance },
            _ => f64::from(u8::from(place.is_multiple_of(2))),
        }
    }
}

/// One instance, or what a workstation has of it.
fn instances(spec: &SignalSpec) -> impl Iterator<Item = Series> + use<> {
    let count = if spec.name.starts_with("process.") { PROGRAMS } else { usize::from(!spec.attributes.is_empty()) + 1 };
    let (name, attributes) = (spec.name.clone(), spec.attributes.clone());
    (0..count).map(move |number| {
        let named = attributes.iter().map(|attribute| (attribute.clone(), format!("{attribute}-{number}")));
        Series::new(&name, Attributes::from(named.collect::<std::collections::BTreeMap<_, _>>()))
    })
}

impl Agent {
    fn tell(&self, row: Row) {
        let mut spool = self.outbox.spool();
        if spool.layout(row.layout.fingerprint()).is_none() {
            spool.use_layout((&row.layout).into());
        }
        let at = row.sample.at;
        spool.append(at, at.unix_ms().unsigned_abs() / 1000, "boot", Body::Sample(row.sample));
        drop(spool);
        self.outbox.wake();
    }

    fn sent_bytes(&self) -> u64 {
        self.outbox.account().wire_bytes
    }

    /// Tells `minutes` minutes, one after another, and what each took.
    async fn minutes(&self, machine: &mut Workstation, collector: &Collector, minutes: usize) -> Vec<u64> {
        let mut taken = Vec::new();
        for _ in 0..minutes {
            let (before, stored) = (self.sent_bytes(), collector.count() as usize);
            self.tell(machine.minute());
            collector.stored(stored + 1).await;
            taken.push(self.sent_bytes() - before);
        }
        taken
    }
}

async fn connected(collector: &Collector) -> (Agent, Running) {
    let agent = Agent::enrolled_at(collector).await;
    let running = agent.connect_by(Address { ..collector.address() }, Routes::default());
    (agent, running)
}

#[tokio::test]
async fn a_steady_minute_costs_a_few_hundred_bytes() {
    let collector = Collector::start(Temper::default()).await;
    let (agent, running) = connected(&collector).await;
    let mut machine = Workstation::new();
    let taken = agent.minutes(&mut machine, &collector, 30).await;
    running.stop().await;
    // The first minutes tell the layout, counters that have no increment yet, and every number once.
    let steady = &taken[5..];
    let (mean, most) = (steady.iter().sum::<u64>() / steady.len() as u64, steady.iter().max().expect("some"));
    let series = machine.series.len();
    println!("{series} series: {mean} bytes a minute, {most} at most; the first minute {}", taken[0]);
    assert!(series > 180, "as much as a workstation has: {series}");
    assert!(mean <= 200 && *most <= 250, "{series} series, {mean} bytes a minute, {most} at most: {taken:?}");
}

#[tokio::test]
async fn a_collector_that_takes_nothing_packed_has_the_same_for_three_times_the_bytes() {
    let mut rows = Vec::new();
    for packing in [0, 1] {
        let collector = Collector::start(Temper { packing, ..Temper::default() }).await;
        let (agent, running) = connected(&collector).await;
        let taken = agent.minutes(&mut Workstation::new(), &collector, 8).await;
        running.stop().await;
        assert_eq!(collector.packed().0, if packing == 0 { 0 } else { 8 });
        rows.push((printed(&collector), taken[7]));
    }
    assert_eq!(rows[0].0, rows[1].0);
    assert!(rows[0].1 > 3 * rows[1].1, "{} and {} bytes", rows[0].1, rows[1].1);
}

#[tokio::test]
async fn another_program_costs_its_own_names_and_not_the_layout_again() {
    let collector = Collector::start(Temper::default()).await;
    let (agent, running) = connected(&collector).await;
    let mut machine = Workstation::new();
    let steady = agent.minutes(&mut machine, &collector, 6).await[5];
    for spec in Registry::builtin().iter().filter(|spec| spec.name.starts_with("process.")) {
        if matches!(spec.tier, Tier::Fast | Tier::Minute) {
            machine.series.push((spec, Series::new(&spec.name, [("process.executable.name", "another")])));
            machine.totals.push(0.0);
        }
    }
    let grown = agent.minutes(&mut machine, &collector, 1).await[0];
    running.stop().await;
    assert_eq!(collector.packed(), (7, 1));
    assert!(grown < steady + 500, "{steady}, then {grown} bytes");
}

#[tokio::test]
async fn streams_that_break_at_any_point_lose_and_alter_nothing() {
    for lose_after in [11, 38] {
        let temper = Temper { lose_after_records: Some(lose_after), acknowledge_every: 7, ..Temper::default() };
        let collector = Collector::start(temper).await;
        let agent = Agent::enrolled_at(&collector).await;
        let running = agent.connect_by(collector.address(), Routes::default());
        let mut whole = std::collections::BTreeMap::new();
        for number in 0..150_u64 {
            // Layouts grow, shrink and return.
            let length = 3 + (number / 9 * 7 % 5) as usize;
            let series: Vec<_> = (0..length).map(|place| series(place + number as usize / 50)).collect();
            let (layout, values) = (Layout::new(series), (0..length).map(|place| (number * place as u64) as f32));
            let sample = Sample {
                at: Timestamp(number as i64),
                step_seconds: 60,
                layout: layout.fingerprint(),
                values: values.collect(),
                absences: vec![],
            };
            whole.insert(number + 1, format!("{:?}", sample.values));
            agent.tell(Row { layout, sample });
            if number % 10 == 9 {
                collector.stored(number as usize + 1).await;
            }
        }
        running.stop().await;
        assert_eq!(printed(&collector), whole);
        assert!(collector.streams() > 1 && collector.packed().1 > 0);
    }
}

fn series(place: usize) -> Series {
    Series::new("endpoint.tcp.sockets", [("state", place.to_string().as_str())])
}

/// NaN is not equal to itself; its printed form is.
fn printed(collector: &Collector) -> std::collections::BTreeMap<u64, String> {
    collector.rows().into_iter().map(|(sequence, row)| (sequence, format!("{row:?}"))).collect()
}
