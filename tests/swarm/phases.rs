//! One run: its phases in order, and the figures of each.

mod floors;
mod returns;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use firstline_tests::Stage;
use firstline_tests::wire::Identity;

use super::crowd::{self, Crowd};
use super::metrics::{self, Buckets};
use super::plan::{Phase, Plan};
use super::process::Usage;
use super::pulls::{self, quantile};
use super::report::{Report, kib, mib, ms};
use super::stored;
use super::world::Order;

/// The collector's histogram from a batch's arrival to its commit.
const COMMIT: &str = "firstline_collector_commit_duration_seconds";

/// How long a burst may take.
const LONGEST: Duration = Duration::from_hours(1);

/// A run under way.
pub(super) struct Run {
    plan: Plan,
    stage: Stage,
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
    since: Instant,
    text: String,
}

impl Run {
    /// A collector with everybody enrolled, and nobody connected.
    pub(super) async fn begin(plan: Plan) -> anyhow::Result<Self> {
        let more = plan.configuration.as_ref().map(std::fs::read_to_string).transpose()?.unwrap_or_default();
        let stage = Stage::open_with(&(more + "[log]\nlevel = \"warn\"\n")).await;
        let mut report = Report::default();
        let (before, since) = (Usage::of(stage.collector.process_id()), Instant::now());
        let count = usize::try_from(plan.agents)?;
        let identities = crowd::enroll(&stage, count).await?;
        let cpu = Usage::of(stage.collector.process_id()).cpu_seconds - before.cpu_seconds;
        let each = cpu * 1000.0 / count as f64;
        let wall = since.elapsed().as_secs_f64();
        report.add(
            "enrolled with a token",
            format!("{count} in {wall:.1} s, {each:.2} ms of the collector's processor each"),
        );
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, stage.collector.agents));
        let crowd = Crowd::gather(server, &identities, plan.large, plan.handshakes);
        report.add("kinds of machines", crowd.kinds());
        Ok(Self { plan, stage, identities, crowd, report, wrong: Vec::new(), rates: Rates::default() })
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
        if self.plan.wants(Phase::Kill) {
            self.kill().await;
        }
        if self.plan.wants(Phase::Drain) {
            self.drain().await;
        }
        self.finish().await
    }

    async fn look(&self) -> Stretch {
        let text = self.stage.collector.metrics().await;
        Stretch { usage: Usage::of(self.stage.collector.process_id()), since: Instant::now(), text }
    }

    fn agents(&self) -> f64 {
        f64::from(self.plan.agents)
    }

    /// Everybody opens a stream and says nothing.
    async fn connect(&mut self) {
        let (ours, before) = (Usage::of_this(), self.look().await);
        self.crowd.world.order(Order::Stay);
        let took = self.crowd.all_here().await.as_secs_f64();
        Usage::at_rest(self.stage.collector.process_id()).await;
        let (ours_now, now) = (Usage::of_this(), self.look().await);
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
        self.crowd.world.order(Order::Introduce);
        let expected = 2 * usize::try_from(self.plan.agents).unwrap_or(usize::MAX);
        let tally = &self.crowd.world.tally;
        let told = async || tally.acknowledged.load(Ordering::Relaxed) >= expected as u64;
        firstline_tests::wait::for_condition("introductions", Duration::from_mins(10), told).await;
        self.account("introductions, with 12 values of state each", &before, expected as u64).await;
    }

    /// Ordinary life.
    async fn live(&mut self) {
        let (period, span) = (self.plan.period(), self.plan.span());
        let before = self.look().await;
        let told = self.crowd.world.tally.acknowledged.load(Ordering::Relaxed);
        self.crowd.world.tally.take_waits();
        self.crowd.world.order(Order::Live { period, span });
        let endpoints = self.some_who_stay(self.plan.pulls);
        let api = self.stage.api.clone();
        let lived = async {
            tokio::time::sleep(span).await;
            self.crowd.all_here().await;
            self.crowd.all_told().await;
        };
        let ((), pulled) = tokio::join!(lived, pulls::pull(&api, &endpoints));
        let records = self.crowd.world.tally.acknowledged.load(Ordering::Relaxed) - told;
        self.rates.life = Some(self.account("ordinary life", &before, records).await.0);
        self.report.add(
            "pull, order to first section",
            format!("p50 {}, p95 {}", ms(quantile(&pulled.first, 0.5)), ms(quantile(&pulled.first, 0.95))),
        );
        self.report.add(
            "pull, order to diagnosis",
            format!(
                "p50 {}, p95 {}, {} of {} done",
                ms(quantile(&pulled.done, 0.5)),
                ms(quantile(&pulled.done, 0.95)),
                pulled.done.len(),
                endpoints.len()
            ),
        );
        self.wrong.extend(pulled.failed);
        let tally = &self.crowd.world.tally;
        let (naps, outages) = (tally.naps.load(Ordering::Relaxed), tally.outages.load(Ordering::Relaxed));
        let snapshots = tally.snapshots.load(Ordering::Relaxed);
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
        let told = self.crowd.world.tally.acknowledged.load(Ordering::Relaxed);
        self.crowd.world.order(Order::Burst { samples: self.plan.burst });
        let expected = u64::from(self.plan.agents) * u64::from(self.plan.burst);
        firstline_tests::wait::for_condition("the burst to be taken in", LONGEST, async || {
            self.crowd.world.tally.acknowledged.load(Ordering::Relaxed) >= told + expected
        })
        .await;
        self.crowd.world.order(Order::Stay);
        let (rate, batch) = self.account("lone samples", &before, expected).await;
        (self.rates.burst, self.rates.batch) = (Some(rate), Some(batch));
    }

    /// Figures of a stretch in which `records` were stored; the rate and the records of a commit.
    async fn account(&mut self, what: &str, before: &Stretch, records: u64) -> (f64, f64) {
        let now = self.look().await;
        let cpu = now.usage.cpu_seconds - before.usage.cpu_seconds;
        let (rate, wall) = (records as f64 / cpu, before.since.elapsed().as_secs_f64());
        self.report.add(
            what,
            format!("{records} records in {wall:.1} s and {cpu:.2} processor seconds: {rate:.0} a core-second"),
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
        let refused =
            metrics::value(&self.stage.collector.metrics().await, "firstline_collector_records_refused_total");
        if refused > 0.0 {
            self.wrong.push(format!("the collector refused {refused} records"));
        }
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
        let empty = Crowd::gather(server, &[], 0, 1);
        let sent = std::mem::replace(&mut self.crowd, empty).finish().await;
        self.stage.collector.stop().await;
        if self.plan.wants(Phase::Floors) {
            self.floors().await?;
        }
        let found = stored::read(&self.stage.collector.folder).await?;
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
