//! How a crowd comes back: after a collector was killed, or told to stop, or after an hour without a network.

use std::time::{Duration, Instant};

use firstline_tests::wait;

use super::Run;
use crate::process::{Usage, watched};
use crate::report::mib;
use crate::world::{Count, Order};

/// How long machines may take to notice that their streams are gone.
const NOTICED: Duration = Duration::from_mins(2);

/// As fast as machines may come back after a stop: what the collector itself says.
const RETURNS_PER_SECOND: usize = 200;

impl Run {
    /// Machines without a network for an hour, which then dial in the same moment, each with what it recorded.
    pub(super) async fn come_back(&mut self) {
        let (machines, minutes) = (self.plan.returning(), self.plan.backlog);
        let stay = u64::from(self.plan.agents - machines);
        let count = usize::try_from(machines).unwrap_or(usize::MAX);
        self.crowd.world.order(Order::Part { machines: count });
        self.crowd.are_here(stay).await;
        Usage::at_rest(&self.house.process_ids()).await;
        self.crowd.world.tally.take(Count::VainConnects);
        let before = self.look().await;
        let ids = self.house.process_ids();
        let each = u64::from(minutes) + 1;
        let told = self.crowd.world.tally.get(Count::Acknowledged);
        let back = async {
            self.crowd.world.order(Order::Return { machines: count, minutes });
            let here = self.crowd.all_here().await;
            let all = async || self.crowd.world.tally.get(Count::Acknowledged) >= told + each * u64::from(machines);
            wait::for_condition("the backlog to be acknowledged", super::LONGEST, all).await;
            here.as_secs_f64()
        };
        let (here, peak) = watched(&ids, back).await;
        let stored = before.since.elapsed().as_secs_f64();
        let vain = self.crowd.world.tally.take(Count::VainConnects);
        self.report.add(
            "come back at once, with a backlog",
            format!(
                "{machines} with {each} records each: all streams back after {here:.1} s ({vain} vain attempts), all stored after \
                 {stored:.1} s"
            ),
        );
        let (cores, most, rested) = (peak.cores, mib(peak.resident as f64), mib(before.usage.resident as f64));
        self.report.add(
            "come back at once: the collector at the peak",
            format!("{cores:.2} processors over a second, {most} resident ({rested} before)"),
        );
        self.account("come back at once", &before, each * u64::from(machines)).await;
        self.crowd.world.order(Order::Stay);
        self.rebuilt("come back at once", &before).await;
    }

    /// SIGKILL and a start: the machines come back by their own count. Of several collectors one is killed, and the machines
    /// go to the others before it is started again.
    pub(super) async fn kill(&mut self) {
        let since = Instant::now();
        self.house.last().kill();
        self.gone().await;
        if self.is_one() {
            self.house.last().start().await;
            let ready = since.elapsed().as_secs_f64();
            self.back("killed, started again", since, ready).await;
        } else {
            self.back("one killed, the others take its machines", since, 0.0).await;
            self.house.last().start().await;
        }
    }

    /// SIGTERM and a start: the machines were told when to come back.
    pub(super) async fn drain(&mut self) {
        let of = self.crowd.world.connected_at(self.last());
        let before = self.crowd.world.tally.get(Count::Drains);
        let since = Instant::now();
        self.house.last().stop().await;
        self.gone().await;
        let drained = self.crowd.world.tally.get(Count::Drains) - before;
        let ended = since.elapsed().as_secs_f64();
        self.report.add("drained", format!("{drained} of {of} were told when to come back, all gone in {ended:.1} s"));
        if drained < of {
            self.wrong.push(format!("{} machines were not told when to come back", of - drained));
        }
        self.house.last().start().await;
        self.back("drained, started again", since, since.elapsed().as_secs_f64()).await;
    }

    fn is_one(&self) -> bool {
        self.house.collectors().len() == 1
    }

    /// The collector that is killed and stopped.
    fn last(&self) -> usize {
        self.house.collectors().len() - 1
    }

    async fn gone(&self) {
        self.crowd.world.tally.take_arrivals();
        let what = "machines to notice that the collector is gone";
        wait::for_condition(what, NOTICED, async || self.crowd.world.connected_at(self.last()) == 0).await;
    }

    async fn back(&mut self, what: &str, since: Instant, ready: f64) {
        self.crowd.all_here().await;
        let all = since.elapsed().as_secs_f64();
        self.crowd.all_told().await;
        let mut seconds = vec![0_usize; 1];
        for arrival in self.crowd.world.tally.take_arrivals() {
            let second = usize::try_from(arrival.duration_since(since).as_secs()).unwrap_or(0);
            if second >= seconds.len() {
                seconds.resize(second + 1, 0);
            }
            seconds[second] += 1;
        }
        let most = seconds.iter().max().copied().unwrap_or(0);
        let failed = self.crowd.world.tally.take(Count::VainConnects);
        // Of several, what the others did before would be in it.
        let each = || self.house.usage().cpu_seconds * 1000.0 / self.agents();
        let cpu =
            if self.is_one() { format!(", {:.2} ms of the collector's processor each", each()) } else { String::new() };
        self.report.add(
            what,
            format!(
                "ready after {ready:.1} s, all streams back after {all:.1} s, at most {most} in a second \
                 ({RETURNS_PER_SECOND} wanted), {failed} vain attempts{cpu}"
            ),
        );
    }
}
