//! The same frames to a server that throws them away, the same bytes to a bare database.

use std::net::{Ipv4Addr, SocketAddr};

use super::Run;
use crate::crowd::Crowd;
use crate::floor;
use crate::plan::Phase;
use crate::process::Usage;
use crate::report::kib;
use crate::world::Order;

/// Bytes of a row of fifty numbers.
const ROW_BYTES: usize = 200;

/// Most rows that the collector puts into a transaction.
const BATCH_MOST: f64 = 2000.0;

impl Run {
    /// Measures both, and says how far from them the collector is.
    pub(super) async fn floors(&mut self) -> anyhow::Result<()> {
        let (child, port) = floor::start(self.house.data()).await?;
        let id = child.id().unwrap_or_default();
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let muster = super::muster(&self.plan, vec![server]);
        let crowd = Crowd::gather(&muster, &self.identities, &self.house.folder(""))?;
        self.bare_streams(&crowd, id).await;
        if self.plan.wants(Phase::Live) {
            self.bare_life(&crowd, id).await;
        }
        if self.plan.wants(Phase::Burst) {
            let bare = self.bare_burst(&crowd, id).await;
            let appended = self.bare_rows().await?;
            let both = 1.0 / (1.0 / bare + 1.0 / appended);
            let rate = self.rates.burst.unwrap_or(f64::NAN);
            let shares = format!(
                "{:.0} % of the bare server, {:.0} % of both together",
                100.0 * rate / bare,
                100.0 * rate / both
            );
            self.report.add("lone samples, of the floors", shares);
        }
        crowd.finish().await?;
        drop(child);
        Ok(())
    }

    async fn bare_streams(&mut self, crowd: &Crowd, id: u32) {
        let before = Usage::of(id);
        crowd.world.order(Order::Stay);
        crowd.all_here().await;
        let idle = Usage::at_rest(&[id]).await;
        let each = idle.resident.saturating_sub(before.resident) as f64 / self.agents();
        let cpu = (idle.cpu_seconds - before.cpu_seconds) * 1000.0 / self.agents();
        self.report
            .add("floor: a bare stream", format!("{} resident, {cpu:.2} ms of a processor to connect", kib(each)));
    }

    async fn bare_life(&mut self, crowd: &Crowd, id: u32) {
        let before = Usage::of(id);
        let records = crowd.live(self.plan.period(), self.plan.span()).await as f64;
        let bare = records / (Usage::of(id).cpu_seconds - before.cpu_seconds);
        let share = 100.0 * self.rates.life.unwrap_or(f64::NAN) / bare;
        self.report.add(
            "floor: a bare server in ordinary life",
            format!("{bare:.0} a core-second; the collector does {share:.0} % of that"),
        );
    }

    async fn bare_burst(&mut self, crowd: &Crowd, id: u32) -> f64 {
        let before = Usage::of(id);
        let samples = self.plan.burst;
        crowd.tell(Order::Burst { samples }, samples.into(), super::LONGEST).await;
        let records = u64::from(self.plan.agents) * u64::from(samples);
        let bare = records as f64 / (Usage::of(id).cpu_seconds - before.cpu_seconds);
        self.report.add("floor: a bare server that throws away the same frames", format!("{bare:.0} a core-second"));
        bare
    }

    async fn bare_rows(&mut self) -> anyhow::Result<f64> {
        let batch = self.rates.batch.unwrap_or(BATCH_MOST).clamp(1.0, BATCH_MOST).round() as usize;
        let file = self.house.folder("floor.sqlite");
        let rows = u64::from(self.plan.agents) * u64::from(self.plan.burst);
        let (cpu, written) = floor::rows(&file, rows, ROW_BYTES, batch).await?;
        let appended = written / cpu;
        let how = format!(
            "{appended:.0} rows of {ROW_BYTES} bytes a core-second (WAL, synchronous = FULL, {batch} a transaction)"
        );
        self.report.add("floor: a bare SQLite appender", how);
        Ok(appended)
    }
}
