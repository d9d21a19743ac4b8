//! One run: its phases in order, and the figures of each.

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
use super::world::Order;
use super::{floor, stored};

/// The collector's histogram from a batch's arrival to its commit.
const COMMIT: &str = "firstline_collector_commit_duration_seconds";

/// Rest in which an idle stream costs what it costs.
const QUIET: Duration = Duration::from_secs(5);

/// A run under way.
pub(super) struct Run {
    plan: Plan,
    stage: Stage,
    identities: Vec<Arc<Identity>>,
    crowd: Crowd,
    report: Report,
    wrong: Vec<String>,
    /// Rate of the burst, samples a core-second, and rows of a commit.
    rate: Option<(f64, f64)>,
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
        Ok(Self { plan, stage, identities, crowd, report, wrong: Vec::new(), rate: None })
    }

    /// Goes through the phases; whether everything that was sent is stored.
    pub(super) async fn go(mut self) -> anyhow::Result<bool> {
        self.connect().await;
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
        let text = metrics::read(&self.stage.collector).await;
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
        tokio::time::sleep(QUIET).await;
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
        self.account("ordinary life", &before, records).await;
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
        firstline_tests::wait::for_condition("the burst to be taken in", Duration::from_hours(1), async || {
            self.crowd.world.tally.acknowledged.load(Ordering::Relaxed) >= told + expected
        })
        .await;
        self.crowd.world.order(Order::Stay);
        self.rate = Some(self.account("lone samples", &before, expected).await);
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
            metrics::value(&metrics::read(&self.stage.collector).await, "firstline_collector_records_refused_total");
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

    /// The same frames and the same bytes, with nothing around them.
    async fn floors(&mut self) -> anyhow::Result<()> {
        let (child, port) = floor::start(&self.stage.collector.folder).await?;
        let id = child.id().unwrap_or_default();
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let crowd = Crowd::gather(server, &self.identities, self.plan.large, self.plan.handshakes);
        let before = Usage::of(id);
        crowd.world.order(Order::Stay);
        crowd.all_here().await;
        tokio::time::sleep(QUIET).await;
        let idle = Usage::of(id);
        let each = idle.resident.saturating_sub(before.resident) as f64 / self.agents();
        let cpu = (idle.cpu_seconds - before.cpu_seconds) * 1000.0 / self.agents();
        self.report
            .add("floor: a bare stream", format!("{} resident, {cpu:.2} ms of a processor to connect", kib(each)));
        let samples = self.plan.burst;
        crowd.world.order(Order::Burst { samples });
        crowd.all_told().await;
        let records = self.agents() * f64::from(samples);
        let bare = records / (Usage::of(id).cpu_seconds - idle.cpu_seconds);
        self.report.add("floor: a bare server that throws away the same frames", format!("{bare:.0} a core-second"));
        crowd.finish().await;
        drop(child);
        let (rate, batch) = self.rate.unwrap_or((f64::NAN, 100.0));
        let batch = (batch.round() as usize).clamp(1, 2000);
        let file = self.stage.folder("floor.sqlite");
        let (cpu, rows) = floor::rows(&file, records as u64, 200, batch).await?;
        let appended = rows / cpu;
        let how =
            format!("{appended:.0} rows of 200 bytes a core-second (WAL, synchronous = FULL, {batch} a transaction)");
        self.report.add("floor: a bare SQLite appender", how);
        let both = 1.0 / (1.0 / bare + 1.0 / appended);
        self.report.add(
            "lone samples, of the floors",
            format!("{:.0} % of the bare server, {:.0} % of both together", 100.0 * rate / bare, 100.0 * rate / both),
        );
        Ok(())
    }
}
