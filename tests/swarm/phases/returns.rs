//! How a crowd comes back after the collector was killed, or told to stop.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use firstline_tests::wait;

use super::Run;
use crate::process::Usage;

/// How long machines may take to notice that their streams are gone.
const NOTICED: Duration = Duration::from_mins(2);

/// As fast as machines may come back after a stop: what the collector itself says.
const RETURNS_PER_SECOND: usize = 200;

impl Run {
    /// SIGKILL and a start: the machines come back by their own count.
    pub(super) async fn kill(&mut self) {
        let since = Instant::now();
        self.stage.collector.kill();
        self.gone().await;
        self.stage.collector.start().await;
        let ready = since.elapsed().as_secs_f64();
        self.back("killed", since, ready).await;
    }

    /// SIGTERM and a start: the machines were told when to come back.
    pub(super) async fn drain(&mut self) {
        let since = Instant::now();
        self.stage.collector.stop().await;
        self.gone().await;
        let drained = self.crowd.world.tally.drains.load(Ordering::Relaxed);
        let ended = since.elapsed().as_secs_f64();
        let of = self.plan.agents;
        self.report.add("drained", format!("{drained} of {of} were told when to come back, all gone in {ended:.1} s"));
        if drained < u64::from(of) {
            self.wrong.push(format!("{} machines were not told when to come back", u64::from(of) - drained));
        }
        self.stage.collector.start().await;
        self.back("drained", since, since.elapsed().as_secs_f64()).await;
    }

    async fn gone(&self) {
        self.crowd.world.tally.take_arrivals();
        let what = "machines to notice that the collector is gone";
        wait::for_condition(what, NOTICED, async || self.crowd.world.connected() == 0).await;
    }

    async fn back(&mut self, what: &str, since: Instant, ready: f64) {
        self.crowd.all_here().await;
        let all = since.elapsed().as_secs_f64();
        self.crowd.all_told().await;
        let usage = Usage::of(self.stage.collector.process_id());
        let mut seconds = vec![0_usize; 1];
        for arrival in self.crowd.world.tally.take_arrivals() {
            let second = usize::try_from(arrival.duration_since(since).as_secs()).unwrap_or(0);
            if second >= seconds.len() {
                seconds.resize(second + 1, 0);
            }
            seconds[second] += 1;
        }
        let most = seconds.iter().max().copied().unwrap_or(0);
        let failed = self.crowd.world.tally.failed_connects.swap(0, Ordering::Relaxed);
        let cpu = usage.cpu_seconds * 1000.0 / self.agents();
        self.report.add(
            &format!("{what}, started again"),
            format!(
                "ready after {ready:.1} s, all streams back after {all:.1} s, at most {most} in a second \
                 ({RETURNS_PER_SECOND} wanted), {failed} vain attempts, {cpu:.2} ms of the collector's processor each"
            ),
        );
    }
}
