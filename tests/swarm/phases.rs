//! One run: its phases in order, and the figures of each.

mod floors;
mod returns;

use std::sync::Arc;
use std::time::{Duration, Instant};

use firstline_tests::wait;
use firstline_tests::wire::Identity;

use super::crowd::{self, Crowd, Muster};
use super::house::House;
use super::metrics::{self, Buckets};
use super::plan::{Phase, Plan};
use super::process::Usage;
use super::pulls::{self, quantile};
use super::report::{Report, kib, mib, ms};
use super::stored;
use super::world::{Count, Order};

/// The collector's histogram from a batch's arrival to its commit.
const COMMIT: &str = "firstline_collector_commit_duration_seconds";

/// How long a burst may take.
const LONGEST: Duration = Duration::from_hours(1);

/// How long the collector may take to know everybody's past.
const REBUILT: Duration = Duration::from_mins(15);

/// A run under way.
pub(super) struct Run {
    plan: Plan,
    house: House,
    identities: Vec<Arc<Identity>>,
    crowd: Crowd,
    report: Report,
    wrong: Vec<String>,
    rates: Rates,
}

/// Rates that floors are held against, records a core-second.
#[derive(Default)]
struct Rates {
    life: Option<f64>,
    burst: Option<f64>,
    /// Records of a commit in the burst.
    batch: Option<f64>,
}

/// What a stretch of work took.
struct Stretch {
    usage: Usage,
    /// Of the database's server, where there is one.
    server: Usage,
    since: Instant,
    text: String,
}

impl Run {
    /// A collector with everybody enrolled, and nobody connected.
    pub(super) async fn begin(plan: Plan) -> anyhow::Result<Self> {
        let more = plan.configuration.as_ref().map(std::fs::read_to_string).transpose()?.unwrap_or_default();
        let replicas = usize::try_from(plan.replicas)?;
        let house = House::open(replicas, &(more + "[log]\nlevel = \"warn\"\n")).await;
        let mut report = Report::default();
        report.add("under load", house.name());
        let (before, since) = (house.usage(), Instant::now());
        let count = usize::try_from(plan.agents)?;
        let identities = crowd::enroll(&house, count).await?;
        let each = (house.usage().cpu_seconds - before.cpu_seconds) * 1000.0 / count as f64;
        let wall = since.elapsed().as_secs_f64();
        report.add(
            "enrolled with a token",
            format!("{count} in {wall:.1} s, {each:.2} ms of the collector's processor each"),
        );
        let muster = muster(&plan, house.servers());
        let crowd = Crowd::gather(&muster, &identities, &house.folder(""))?;
        report.add("kinds of machines", crowd.kinds());
        Ok(Self { plan, house, identities, crowd, report, wrong: Vec::new(), rates: Rates::default() })
    }

    /// Goes through the phases; whether everything that was sent is stored.
    pub(super) async fn go(mut self) -> anyhow::Result<bool> {
        self.connect().await;
        self.introduce().await;
        if self.plan.wants(Phase::Live) {
            self.live().await;
        }
        if self.plan.wants(Phase::Burst) {
            self.burst().await;
        }
        if self.plan.wants(Phase::Return) {
            self.come_back().await;
        }
        if self.plan.wants(Phase::Kill) {
            self.kill().await;
        }
        if self.plan.wants(Phase::Drain) {
            self.drain().await;
        }
        self.finish().await
    }

    async fn look(&self) -> Stretch {
        let text = self.house.metrics().await;
        let (usage, server) = (self.house.usage(), self.house.server_usage());
        Stretch { usage, server, since: Instant::now(), text }
    }

    fn agents(&self) -> f64 {
        f64::from(self.plan.agents)
    }

    /// What the machines take: this process, or those that they live in.
    fn ours(&self) -> Usage {
        let crews = self.crowd.process_ids();
        if crews.is_empty() { Usage::of_this() } else { crews.into_iter().map(Usage::of).sum() }
    }

    /// Everybody opens a stream and says nothing.
    async fn connect(&mut self) {
        let (ours, before) = (self.ours(), self.look().await);
        self.crowd.world.order(Order::Stay);
        let took = self.crowd.all_here().await.as_secs_f64();
        Usage::at_rest(&self.house.process_ids()).await;
        let (ours_now, now) = (self.ours(), self.look().await);
        let agents = self.agents();
        let each = |now: u64, before: u64| kib(now.saturating_sub(before) as f64 / agents);
        let cpu = (now.usage.cpu_seconds - before.usage.cpu_seconds) * 1000.0 / self.agents();
        self.report.add(
            "connected",
            format!("{} in {took:.1} s, {cpu:.2} ms of the collector's processor each", self.plan.agents),
        );
        let resident = each(now.usage.resident, before.usage.resident);
        let proportional = each(now.usage.proportional, before.usage.proportional);
        self.report
            .add("an idle stream takes of the collector", format!("{resident} resident, {proportional} proportional"));
        self.report.add("a simulated agent takes of this tool", each(ours_now.resident, ours.resident));
        self.crowd.world.tally.take_arrivals();
    }

    /// Everybody tells what it is, and is watched from then on.
    async fn introduce(&mut self) {
        let before = self.look().await;
        self.crowd.tell(Order::Introduce, 2, LONGEST).await;
        let records = 2 * u64::from(self.plan.agents);
        self.account("introductions, with 12 values of state each", &before, records).await;
        self.rebuilt("introductions", &before).await;
    }

    /// Waits until nobody's past is still to be read, and the collector rests.
    async fn rebuilt(&mut self, what: &str, before: &Stretch) {
        // What it says of itself is seconds old, and so is right once it has come to rest or a minute is over.
        Usage::at_rest(&self.house.process_ids()).await;
        let waiting =
            async || metrics::value(&self.house.metrics().await, "firstline_collector_rebuilds_waiting") < 0.5;
        wait::for_condition("everybody's past to be known", REBUILT, waiting).await;
        Usage::at_rest(&self.house.process_ids()).await;
        let cpu = self.house.usage().cpu_seconds - before.usage.cpu_seconds;
        let wall = before.since.elapsed().as_secs_f64();
        self.report.add(
            &format!("{what}, until all is judged and at rest"),
            format!("{wall:.1} s, {cpu:.2} processor seconds"),
        );
    }

    /// Ordinary life.
    async fn live(&mut self) {
        let (period, span) = (self.plan.period(), self.plan.span());
        let before = self.look().await;
        self.crowd.world.tally.take_waits();
        let endpoints = self.some_who_stay(self.plan.pulls);
        let api = self.house.api().clone();
        let (records, pulled) = tokio::join!(self.crowd.live(period, span), pulls::pull(&api, &endpoints, span));
        self.rates.life = Some(self.account("ordinary life", &before, records).await.0);
        self.report.add(
            "pull, order to first section",
            format!("p50 {}, p95 {}", ms(quantile(&pulled.first, 0.5)), ms(quantile(&pulled.first, 0.95))),
        );
        self.report.add(
            "pull, order to diagnosis",
            format!(
                "p50 {}, p95 {}, longest {}, {} of {} done",
                ms(quantile(&pulled.done, 0.5)),
                ms(quantile(&pulled.done, 0.95)),
                ms(quantile(&pulled.done, 1.0)),
                pulled.done.len(),
                endpoints.len()
            ),
        );
        self.wrong.extend(pulled.failed);
        let [naps, outages, snapshots] =
            [Count::Naps, Count::Outages, Count::Snapshots].map(|count| self.crowd.world.tally.get(count));
        self.report
            .add("machines that slept, lost their network, answered a pull", format!("{naps}, {outages}, {snapshots}"));
    }

    /// Endpoints that neither sleep nor lose their network.
    fn some_who_stay(&self, count: usize) -> Vec<String> {
        let all: Vec<&String> = self.identities.iter().map(|one| &one.endpoint_id).collect();
        let stay = (0..all.len()).filter(|number| !matches!(number % 10, 3 | 6));
        let step = (all.len() / count.max(1)).max(1);
        stay.step_by(step).take(count).map(|number| all[number].clone()).collect()
    }

    /// As fast as it goes, one sample in a frame.
    async fn burst(&mut self) {
        let before = self.look().await;
        self.crowd.world.tally.take_waits();
        let samples = self.plan.burst;
        self.crowd.tell(Order::Burst { samples }, samples.into(), LONGEST).await;
        self.crowd.world.order(Order::Stay);
        let expected = u64::from(self.plan.agents) * u64::from(samples);
        let (rate, batch) = self.account("lone samples", &before, expected).await;
        (self.rates.burst, self.rates.batch) = (Some(rate), Some(batch));
    }

    /// Figures of a stretch in which `records` were stored; the rate and the records of a commit. The processor time is the
    /// collectors' and that of the database's server.
    async fn account(&mut self, what: &str, before: &Stretch, records: u64) -> (f64, f64) {
        let now = self.look().await;
        let server = now.server.cpu_seconds - before.server.cpu_seconds;
        let cpu = now.usage.cpu_seconds - before.usage.cpu_seconds + server;
        let (rate, wall) = (records as f64 / cpu, before.since.elapsed().as_secs_f64());
        let of_server =
            if server > 0.0 { format!(", {server:.2} of them the database's server") } else { String::new() };
        let each = records as f64 / wall;
        self.report.add(
            what,
            format!(
                "{records} records in {wall:.1} s ({each:.0} a second) and {cpu:.2} processor seconds{of_server}: {rate:.0} a \
                 core-second"
            ),
        );
        let commits = Buckets::of(&now.text, COMMIT).since(&Buckets::of(&before.text, COMMIT));
        self.report.add(
            &format!("{what}: arrival to commit"),
            format!("p50 {}, p99 {}", ms(commits.quantile(0.5)), ms(commits.quantile(0.99))),
        );
        let waits: Vec<f64> = self.crowd.world.tally.take_waits().into_iter().map(|us| f64::from(us) / 1e6).collect();
        self.report.add(
            &format!("{what}: sent to acknowledged"),
            format!("p50 {}, p99 {}", ms(quantile(&waits, 0.5)), ms(quantile(&waits, 0.99))),
        );
        let resident = now.usage.resident as f64;
        self.report.add(
            &format!("{what}: the collector afterwards"),
            format!("{} resident, {} an agent", mib(resident), kib(resident / self.agents())),
        );
        let counted = |name: &str| metrics::value(&now.text, name) - metrics::value(&before.text, name);
        let transactions = counted("firstline_collector_transactions_total").max(1.0);
        (rate, records as f64 / transactions)
    }

    /// Ends the machines, and holds what they sent against what is stored.
    async fn finish(mut self) -> anyhow::Result<bool> {
        self.crowd.all_told().await;
        self.wrong.extend(self.crowd.world.tally.troubles());
        let refused = metrics::value(&self.house.metrics().await, "firstline_collector_records_refused_total");
        if refused > 0.0 {
            self.wrong.push(format!("the collector refused {refused} records"));
        }
        let nobody = Crowd::here(&muster(&self.plan, self.house.servers()), &[], 0);
        let sent = std::mem::replace(&mut self.crowd, nobody).finish().await?;
        self.house.stop().await;
        if self.plan.wants(Phase::Floors) {
            self.floors().await?;
        }
        let found = stored::read(&self.house.location()).await?;
        self.report.print();
        self.wrong.extend(stored::compare(&sent, &found));
        for wrong in self.wrong.iter().take(20) {
            println!("DIFFERENCE {wrong}");
        }
        println!(
            "{}",
            if self.wrong.is_empty() {
                "Everything that was sent is stored, once."
            } else {
                "What is stored is not what was sent."
            }
        );
        Ok(self.wrong.is_empty())
    }
}

/// How the machines of this plan are set going.
fn muster(plan: &Plan, servers: Vec<std::net::SocketAddr>) -> Muster {
    let processes = usize::try_from(plan.processes).unwrap_or(usize::MAX);
    Muster { servers, large: plan.large, handshakes: plan.handshakes, processes }
}
