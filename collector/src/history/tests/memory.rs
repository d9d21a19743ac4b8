//! History over days and weeks: sealed, rolled up and forgotten, and read as if nothing had happened to it.

use std::sync::Arc;

use firstline_diagnosis::vocabulary::Sample;

use super::*;
use crate::store::sql;

const DAY: Duration = Duration::from_hours(24);

/// A collector with one endpoint that tells numbers.
pub(super) struct Memory {
    pub(super) collector: Collector,
    id: String,
    pub(super) key: i64,
    sequence: u64,
}

impl Memory {
    pub(super) async fn start() -> Self {
        let collector = Collector::start().await;
        let id = collector.machine("m").await.id;
        let key = collector.app.fleet.known(&id).await.expect("known").key;
        let layouts = Layouts::new(collector.app.store.clone());
        for layout in [layout(), other_layout()] {
            layouts.announce(layout, Timestamp(i64::MAX / 2)).await.expect("stored").expect("layout");
        }
        Self { collector, id, key, sequence: 0 }
    }

    /// The machine is enrolled again.
    pub(super) async fn become_another(&mut self, name: &str) {
        self.id = self.collector.machine(name).await.id;
        self.key = self.collector.app.fleet.known(&self.id).await.expect("known").key;
    }

    fn history(&self) -> &History {
        &self.collector.app.history
    }

    /// Takes in rows that arrive at `received`.
    async fn arrive(&mut self, rows: Vec<Row>, received: Timestamp) {
        let rows = rows.into_iter().map(|row| {
            self.sequence += 1;
            Row { sequence: self.sequence, ..row }
        });
        let rows: Vec<Row> = rows.collect();
        let batch =
            RecordBatch { endpoint_key: self.key, received_ms: received.unix_ms(), rows, ahead: false, epoch: None };
        self.collector.app.store.append(batch).await.expect("stored");
    }

    /// Lives from `from` to `to` with a sample each `step`, and does what is due meanwhile every four hours.
    pub(super) async fn live(&mut self, from: Timestamp, to: Timestamp, step: Duration) {
        self.live_in_rounds(from, to, step, Duration::from_hours(4)).await;
    }

    async fn live_in_rounds(&mut self, from: Timestamp, to: Timestamp, step: Duration, round: Duration) {
        let mut at = from;
        while at < to {
            let until = (at + round).min(to);
            let times = std::iter::successors(Some(at + step), |at| Some(*at + step)).take_while(|at| *at <= until);
            self.arrive(times.map(|at| ordinary(at, step)).collect(), until).await;
            self.upkeep(until).await;
            at = until;
        }
    }

    pub(super) async fn upkeep(&self, now: Timestamp) {
        self.history().seal(now).await.expect("sealed");
        self.history().roll_up(now).await.expect("rolled up");
        self.history().forget(now).await.expect("forgotten");
    }

    async fn samples(&self) -> Vec<Sample> {
        let all = rows::samples(&self.collector.app.store, self.key, Timestamp(0), Timestamp(i64::MAX));
        all.await.expect("samples").into_iter().map(|(_, sample)| sample).collect()
    }

    async fn count(&self, statement: &'static str) -> i64 {
        sql::query_scalar(statement).fetch_one(self.collector.app.store.reads()).await.expect("a count")
    }

    pub(super) async fn disk(&self, from: Timestamp, to: Timestamp, now: Timestamp) -> Stretch {
        let series = self.history().series(&self.id, "system.disk.io", (from, to), now).await.expect("series");
        series.into_iter().next().expect("one series")
    }
}

fn other_layout() -> Layout {
    Layout::new(vec![Series::new("endpoint.memory.available", Attributes::none())])
}

/// Minutes of an ordinary machine; now and then a number is missing, with a reason.
fn ordinary(at: Timestamp, step: Duration) -> Row {
    let minute = at.unix_ms() / 60_000;
    let missing = minute % 97 == 0;
    let cpu = if missing { f32::NAN } else { (minute % 400) as f32 / 1024.0 };
    let mut row = sample(0, at, [cpu, 1.0, 60.0], missing.then(|| vec![0, 0, 0, 0, 5]));
    if let Body::Sample { step_seconds, .. } = &mut row.body {
        *step_seconds = u32::try_from(step.as_secs()).expect("short");
    }
    row
}

/// A sample as it can be compared: NaN is what it is.
fn bits(samples: &[Sample]) -> Vec<(i64, u32, u64, Vec<u32>, usize)> {
    let bits = |sample: &Sample| {
        let numbers = sample.values.iter().map(|number| number.to_bits()).collect();
        (sample.at.unix_ms(), sample.step_seconds, sample.layout, numbers, sample.absences.len())
    };
    samples.iter().map(bits).collect()
}

pub(super) fn start() -> Timestamp {
    Timestamp::from_unix_seconds(1_790_000_100)
}

#[tokio::test]
async fn a_sealed_day_is_read_as_the_rows_were() {
    let mut memory = Memory::start().await;
    let (start, minute) = (start(), Duration::from_mins(1));
    for hour in 0..26 {
        let from = start + Duration::from_hours(hour);
        let mut minutes: Vec<Row> = (1..=60).map(|index| ordinary(from + minute * index, minute)).collect();
        if hour == 12 {
            // In the middle the layout changes and changes back.
            let row = f32::from_bits(0x7fc0_1234).to_le_bytes().to_vec();
            let body = Body::Sample { layout: other_layout().fingerprint(), step_seconds: 7, row, absences: None };
            minutes.push(Row { sequence: 0, at_ms: from.unix_ms() + 90_007, body });
        }
        memory.arrive(minutes, from + Duration::from_hours(1)).await;
    }
    let before = memory.samples().await;
    let now = start + Duration::from_hours(26);
    let sealed = memory.history().seal(now).await.expect("sealed");
    assert_eq!(sealed.samples, 25 * 60 + 1, "the last hour arrived just now");
    assert_eq!(memory.count("SELECT COUNT(*) FROM samples").await, 5 * 60, "what is not due goes with its neighbours");
    let after = memory.samples().await;
    assert_eq!(after.len(), 26 * 60 + 1);
    assert_eq!(bits(&after), bits(&before));
    assert_eq!(memory.history().seal(now).await.expect("again"), Sealed::default(), "what is sealed stays");
    let latest = memory.history().latest(&memory.id).await.expect("latest");
    assert!(latest.iter().any(|reading| reading.signal == "endpoint.gateway.present" && reading.at == now));
}

#[tokio::test]
async fn a_few_hours_are_sealed_at_a_time_however_often_it_is_looked() {
    let mut memory = Memory::start().await;
    let (from, ten_minutes) = (start(), Duration::from_mins(10));
    memory.live_in_rounds(from, from + DAY, Duration::from_mins(1), ten_minutes).await;
    let columns = memory.count("SELECT COUNT(*) FROM sealed_minutes").await;
    assert!((4..=6).contains(&columns), "{columns} rows of columns in a day");
    assert_eq!(memory.samples().await.len(), 1440);
}

#[tokio::test]
async fn what_comes_late_is_read_where_it_belongs() {
    let mut memory = Memory::start().await;
    let (start, minute) = (start(), Duration::from_mins(1));
    let arrived = |hours| start + Duration::from_hours(hours);
    let minutes = |even: u32| (1..=120).filter(move |index| index % 2 == even).map(move |index| start + minute * index);
    memory.arrive(minutes(0).map(|at| ordinary(at, minute)).collect(), arrived(2)).await;
    memory.history().seal(arrived(7)).await.expect("sealed");
    memory.arrive(minutes(1).map(|at| ordinary(at, minute)).collect(), arrived(8)).await;
    memory.history().seal(arrived(13)).await.expect("sealed");
    assert_eq!(memory.count("SELECT COUNT(*) FROM sealed_minutes").await, 2);
    let times: Vec<i64> = memory.samples().await.iter().map(|sample| sample.at.unix_ms()).collect();
    assert_eq!(times, (1..=120).map(|index| (start + minute * index).unix_ms()).collect::<Vec<_>>());
}

#[tokio::test]
async fn numbers_of_rows_are_not_given_twice() {
    let mut memory = Memory::start().await;
    let (start, minute) = (start(), Duration::from_mins(1));
    for day in 0..8 {
        let now = start + DAY * day;
        memory.arrive(vec![ordinary(now, minute)], now).await;
        memory.upkeep(now + Duration::from_hours(12)).await;
        memory.upkeep(now + Duration::from_hours(23)).await;
        let newest = memory.samples().await.pop().map(|sample| sample.at);
        assert_eq!(newest, Some(now), "day {day}");
    }
}

#[tokio::test]
async fn two_who_seal_at_once_do_not_double() {
    let mut memory = Memory::start().await;
    let (start, minute) = (start(), Duration::from_mins(1));
    let minutes = (1..=300).map(|index| ordinary(start + minute * index, minute)).collect();
    memory.arrive(minutes, start).await;
    let (history, now) = (memory.history().clone(), start + Duration::from_hours(12));
    let (one, two) = tokio::join!(history.seal(now), history.seal(now));
    assert_eq!(one.expect("one").samples + two.expect("two").samples, 300);
    assert_eq!(memory.samples().await.len(), 300);
    let later = now + DAY;
    let (one, two) = tokio::join!(history.roll_up(later), history.roll_up(later));
    one.and(two).expect("rolled up");
    let disk = memory.disk(start, start + Duration::from_hours(6), later + DAY * 3).await;
    assert_eq!(disk.series.values.iter().flatten().sum::<f32>(), 300.0 * 60.0);
}

#[tokio::test]
async fn weeks_are_told_in_longer_steps_and_every_sample_counts_once() {
    let mut memory = Memory::start().await;
    let (start, step) = (start(), Duration::from_mins(10));
    let now = start + DAY * 45;
    memory.live(start, now, step).await;
    let sum = |stretch: &Stretch| f64::from(stretch.series.values.iter().flatten().sum::<f32>());
    for (days, step_seconds) in [(1, 600), (7, 600), (30, 3600), (45, 3600)] {
        let disk = memory.disk(now - DAY * days, now, now).await;
        let told = 60.0 * 144.0 * f64::from(days);
        assert!((sum(&disk) - told).abs() <= 13.0 * 60.0, "{days} days: {} is not {told}", sum(&disk));
        assert!(disk.series.step_seconds <= step_seconds && disk.series.values.len() <= 1500, "{days} days");
    }
    let from = now - DAY * 30;
    let cpu = memory.history().series(&memory.id, "system.cpu.utilization", (from, now), now).await.expect("cpu");
    for (index, mean) in cpu[0].series.values.iter().enumerate() {
        assert!(cpu[0].low[index] <= *mean && *mean <= cpu[0].high[index], "{index}: {mean:?}");
    }
    assert!(memory.samples().await.first().is_some_and(|sample| sample.at > now - DAY * 3), "minutes are forgotten");
    assert!(memory.count("SELECT COUNT(*) FROM sealed_five_minutes").await < 45, "five minutes are forgotten");
    let rows = memory.count("SELECT COUNT(*) FROM samples").await;
    assert!(rows <= 48, "{rows} rows lie where new ones arrive");
    memory.upkeep(now + DAY * 500).await;
    memory.upkeep(now + DAY * 1000).await;
    let all = memory
        .count(
            "SELECT (SELECT COUNT(*) FROM samples) + (SELECT COUNT(*) FROM sealed_minutes)
        + (SELECT COUNT(*) FROM sealed_five_minutes) + (SELECT COUNT(*) FROM sealed_hours)",
        )
        .await;
    assert!(all <= 4, "{all} rows are left; the newest of each table holds its number");
}

#[tokio::test]
async fn damaged_columns_cost_their_own_window() {
    let mut memory = Memory::start().await;
    let (start, step) = (start(), Duration::from_mins(10));
    memory.live(start, start + Duration::from_hours(40), step).await;
    let before = memory.samples().await.len();
    let spoilt = "SELECT (to_ms - from_ms) / 600000 + 1 FROM sealed_minutes ORDER BY id LIMIT 1";
    let spoilt = usize::try_from(memory.count(spoilt).await).expect("a number");
    let spoil = memory.collector.app.store.write(|tx| {
        Box::pin(async move {
            for table in [
                "UPDATE sealed_minutes SET body = $1 WHERE id = (SELECT MIN(id) FROM sealed_minutes)",
                "UPDATE sealed_five_minutes SET body = $1 WHERE id = (SELECT MIN(id) FROM sealed_five_minutes)",
            ] {
                sql::query(table).bind(vec![1_u8, 2, 3]).execute(&mut *tx).await?;
            }
            Ok::<_, crate::store::StoreError>(())
        })
    });
    spoil.await.expect("spoilt");
    assert_eq!(memory.samples().await.len(), before - spoilt, "of {before}");
    let now = start + Duration::from_hours(40);
    let disk = memory.disk(start, now, now + DAY * 5).await;
    assert!(disk.series.values.len() > 12, "what is not rolled up yet is told");
    memory.upkeep(now + DAY * 2).await;
    memory.upkeep(now + DAY * 20).await;
    assert_eq!(memory.count("SELECT COUNT(*) FROM sealed_hours").await, 1, "and goes on to be rolled up");
}

#[tokio::test]
async fn a_watch_is_rebuilt_from_columns_as_from_rows() {
    let mut memory = Memory::start().await;
    let (now, minute) = (memory.collector.clock.now(), Duration::from_mins(1));
    let minutes: Vec<Row> = (0..1200).rev().map(|index| ordinary(now - minute * index, minute)).collect();
    memory.arrive(minutes, now - Duration::from_hours(5)).await;
    let detect = Arc::clone(&memory.collector.app);
    let before = detect.detect.diagnose(&memory.id, None).await.expect("from rows");
    memory.history().seal(now).await.expect("sealed");
    assert_eq!(memory.count("SELECT COUNT(*) FROM samples").await, 1);
    let after = detect.detect.diagnose(&memory.id, None).await.expect("from columns");
    assert_eq!(serde_json::to_string(&after).expect("text"), serde_json::to_string(&before).expect("text"));
}

#[tokio::test]
async fn what_arrived_while_the_clock_was_ahead_holds_nothing_up() {
    let mut memory = Memory::start().await;
    let (start, minute, year) = (start(), Duration::from_mins(1), DAY * 365);
    let mark = |at: Timestamp| Row { sequence: 0, at_ms: at.unix_ms(), body: Body::Mark("booted") };
    memory.arrive(vec![ordinary(start, minute), mark(start)], start + year).await;
    let minutes = (1..=120).map(|index| ordinary(start + minute * index, minute));
    memory.arrive(minutes.chain([mark(start)]).collect(), start + Duration::from_hours(2)).await;
    let now = start + Duration::from_hours(12);
    assert_eq!(memory.history().seal(now).await.expect("sealed").samples, 121);
    let ahead = memory.count("SELECT MAX(received_ms) FROM sealed_minutes").await;
    assert!(ahead <= now.unix_ms(), "columns are as old as they look");
    let month = start + DAY * 31;
    memory.upkeep(month).await;
    assert_eq!(memory.count("SELECT COUNT(*) FROM marks").await, 1, "the one whose time has come is gone");
    memory.upkeep(start + year + DAY * 32).await;
    assert_eq!(memory.count("SELECT COUNT(*) FROM marks").await, 0);
}
