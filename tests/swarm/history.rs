//! What history takes: machines live for months in a database of their own, without a network, and everything that is due
//! is done meanwhile, as the collector does it. Prints bytes for each value, what sealing costs, and how long a look back
//! takes; beside each the same rows under plain zstd.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use firstline_collector::config;
use firstline_collector::history::History;
use firstline_collector::ingest::Layouts;
use firstline_collector::store::{Body, Location, RecordBatch, Row, Store, StoreError, sql};
use firstline_diagnosis::vocabulary::Timestamp;

use super::day::Character;
use super::layouts::{LARGE, Model, models};
use super::process::Usage;
use super::pulls::quantile;
use super::report::{Report, kib, ms};

const MINUTE: Duration = Duration::from_mins(1);
/// How often what is due is done.
const ROUND: Duration = Duration::from_hours(4);
const DAY: Duration = Duration::from_hours(24);
/// How often each look back is measured.
const LOOKS: usize = 20;
/// The effort of the floor; that of sealing.
const EFFORT: i32 = 6;

const ENDPOINT: &str = "INSERT INTO endpoints (key, id, name, os_type, os_name, os_version, os_build_id, users, tags,
    hardware, agent_version, boot_id, state, worst_severity, enrolled_at_ms, paused)
    VALUES ($1, $2, '', '', '', '', '', '[]', '{}', '{}', '', '', 'online', 0, 0, 0)";

/// Tables of columns, and what they are called.
const TABLES: [(&str, &str); 3] = [
    ("minutes", "SELECT COALESCE(CAST(SUM(LENGTH(body)) AS BIGINT), 0) FROM sealed_minutes"),
    ("five minutes", "SELECT COALESCE(CAST(SUM(LENGTH(body)) AS BIGINT), 0) FROM sealed_five_minutes"),
    ("hours", "SELECT COALESCE(CAST(SUM(LENGTH(body)) AS BIGINT), 0) FROM sealed_hours"),
];

/// Machines in a database.
struct Past {
    store: Store,
    history: History,
    models: Vec<Model>,
    endpoints: i64,
    /// Values and bytes that were told.
    values: u64,
    plain: Plain,
    now: Timestamp,
    /// Processor seconds of what is done beside the ingest.
    upkeep: f64,
    _folder: tempfile::TempDir,
}

/// The same rows under plain zstd, as many of them at once as are sealed together.
#[derive(Default)]
struct Plain {
    bytes: u64,
    seconds: f64,
}

/// Lives through `days` with so many machines, and prints what that took.
pub(super) async fn run(endpoints: u32, days: u64, folder: Option<PathBuf>) -> anyhow::Result<()> {
    let mut past = Past::begin(i64::from(endpoints), folder).await?;
    let mut report = Report::default();
    report.add("machines, one in ten with about 200 series", endpoints.to_string());
    let empty = past.pages().await?;
    past.live(2 * DAY, false).await?;
    let raw = past.pages().await? - empty;
    let each = |bytes: u64, values: u64| format!("{:.2} bytes a value", bytes as f64 / values as f64);
    report.add("two days of minutes as rows, on disk", each(raw, past.values));
    let values = past.values;
    past.history.seal(past.now + DAY).await?;
    report.add("the same, sealed, on disk", each(past.pages().await? - empty, values));
    report.add("the same, columns alone", each(past.count(TABLES[0].1).await?, values));
    report.add("floor: plain zstd of the same rows, four hours at once", each(past.plain.bytes, values));
    (past.upkeep, past.values, past.plain) = (0.0, 0, Plain::default());
    past.live(DAY * u32::try_from(days.saturating_sub(2))?, true).await?;
    let rate = |seconds: f64| format!("{:.1} million values a core-second", past.values as f64 / seconds / 1e6);
    report.add("sealing, rolling up, forgetting, with the database", rate(past.upkeep));
    report.add("floor: plain zstd of the same rows", rate(past.plain.seconds));
    for (name, statement) in TABLES {
        let bytes = past.count(statement).await? as f64 / f64::from(endpoints);
        report.add(&format!("an endpoint after {days} days, {name}"), kib(bytes));
    }
    let all = (past.pages().await? - empty) as f64 / f64::from(endpoints);
    report.add(&format!("an endpoint after {days} days, all on disk"), kib(all));
    past.look_back(&mut report, days).await?;
    report.print();
    past.store.close().await;
    Ok(())
}

impl Past {
    async fn begin(endpoints: i64, folder: Option<PathBuf>) -> anyhow::Result<Self> {
        let folder = folder.map_or_else(tempfile::tempdir, tempfile::tempdir_in)?;
        let store = Store::open(&Location::Sqlite(folder.path().join("history.sqlite"))).await?;
        let keep = config::History::default();
        let (history, models) = (History::new(store.clone(), keep), models());
        let layouts = Layouts::new(store.clone());
        for model in &models {
            layouts.announce(model.layout.clone(), Timestamp(i64::MAX / 2)).await?;
        }
        for key in 1..=endpoints {
            let made = store.write(move |tx| {
                Box::pin(async move {
                    sql::query(ENDPOINT).bind(key).bind(key.to_string()).execute(tx).await?;
                    Ok::<_, StoreError>(())
                })
            });
            made.await?;
        }
        // A Monday.
        let now = Timestamp::from_unix_seconds(1_789_948_800);
        let (values, upkeep, plain) = (0, 0.0, Plain::default());
        Ok(Self { store, history, models, endpoints, values, plain, now, upkeep, _folder: folder })
    }

    /// Tells a minute after the other for so long, and does what is due.
    async fn live(&mut self, span: Duration, with_upkeep: bool) -> anyhow::Result<()> {
        let end = self.now + span;
        while self.now < end {
            let told = (1..=self.endpoints).map(|key| self.tell(key)).collect::<anyhow::Result<Vec<_>>>()?;
            futures_util::future::try_join_all(told.into_iter().map(|batch| self.store.append(batch))).await?;
            self.now = self.now + ROUND;
            if with_upkeep {
                self.upkeep().await?;
            }
        }
        Ok(())
    }

    /// What an endpoint tells in a round.
    fn tell(&mut self, key: i64) -> anyhow::Result<RecordBatch> {
        let seed = key.unsigned_abs();
        let model = &self.models[if seed.is_multiple_of(10) { LARGE } else { key as usize % LARGE }];
        let (character, mut rows, mut flat) = (Character { seed }, Vec::new(), Vec::new());
        let minutes = u32::try_from(ROUND.as_secs() / MINUTE.as_secs())?;
        for index in 1..=minutes {
            // Samples do not come on the dot.
            let at_ms = (self.now + MINUTE * index).unix_ms() + super::day::mixed(u64::from(index)).cast_signed() % 9;
            let numbers = character.row(model, at_ms);
            self.values += numbers.len() as u64;
            let row: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            flat.extend_from_slice(&row);
            let body = Body::Sample { layout: model.layout.fingerprint(), step_seconds: 60, row, absences: None };
            rows.push(Row { sequence: at_ms.unsigned_abs() / 1000, at_ms, body });
        }
        let received_ms = (self.now + ROUND).unix_ms();
        let before = Instant::now();
        self.plain.bytes += zstd::bulk::compress(&flat, EFFORT)?.len() as u64;
        self.plain.seconds += before.elapsed().as_secs_f64();
        Ok(RecordBatch { endpoint_key: key, received_ms, rows, ahead: false, epoch: None })
    }

    /// What is due, a moment after the newest samples arrived. They stay rows.
    async fn upkeep(&mut self) -> anyhow::Result<()> {
        let before = Usage::of_this().cpu_seconds;
        let now = self.now + Duration::from_secs(1);
        self.history.seal(now).await?;
        self.history.roll_up(now).await?;
        self.history.forget(now).await?;
        self.upkeep += Usage::of_this().cpu_seconds - before;
        Ok(())
    }

    /// Bytes of the pages that are in use.
    async fn pages(&self) -> anyhow::Result<u64> {
        let pages = self.count("PRAGMA page_count").await? - self.count("PRAGMA freelist_count").await?;
        Ok(pages * self.count("PRAGMA page_size").await?)
    }

    async fn count(&self, statement: &'static str) -> anyhow::Result<u64> {
        let count: i64 = sql::query_scalar(statement).fetch_one(self.store.reads()).await?;
        Ok(count.unsigned_abs())
    }

    /// How long questions about one signal of an endpoint take.
    async fn look_back(&self, report: &mut Report, days: u64) -> anyhow::Result<()> {
        for (name, back) in [("an hour", 1), ("a day", 24), ("a week", 168), ("30 days", 720), ("13 months", 395 * 24)]
        {
            if back / 24 > days {
                continue;
            }
            let (mut took, mut points) = (Vec::new(), 0);
            for look in 0..LOOKS {
                let id = (look as i64 % self.endpoints + 1).to_string();
                let (from, since) = (self.now - Duration::from_hours(back), Instant::now());
                let series = self.history.series(&id, "system.cpu.utilization", (from, self.now), self.now).await?;
                took.push(since.elapsed().as_secs_f64());
                points = series.iter().map(|one| one.series.values.len()).sum();
            }
            took.sort_by(f64::total_cmp);
            let (middle, worst) = (ms(quantile(&took, 0.5)), ms(quantile(&took, 1.0)));
            report
                .add(&format!("a look at {name} of one signal"), format!("{middle}, at most {worst}, {points} points"));
        }
        Ok(())
    }
}
