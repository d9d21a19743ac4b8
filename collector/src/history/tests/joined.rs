//! Two histories of one machine that become one, wherever each of them stands.

use futures_util::future::BoxFuture;

use super::memory::{Memory, start};
use super::*;
use crate::store::Connection;

const HOUR: Duration = Duration::from_hours(1);

/// What the disk wrote in all that is kept at `now`, whatever the steps are.
async fn told(memory: &Memory, (from, to): (Timestamp, Timestamp), now: Timestamp) -> f64 {
    let disk = memory.disk(from, to, now).await;
    disk.series.values.iter().flatten().map(|one| f64::from(*one)).sum()
}

/// An earlier endpoint lives for some hours, a later one for some, each sealed and rolled up as far as it got.
async fn as_far_as(earlier_hours: u32, later_hours: u32) {
    let mut memory = Memory::start().await;
    let (step, start) = (Duration::from_mins(5), start());
    let changed = start + HOUR * earlier_hours;
    memory.live(start, changed, step).await;
    let earlier = memory.key;
    memory.become_another("later").await;
    let now = changed + HOUR * later_hours;
    memory.live(changed, now, step).await;
    let (from, into) = (earlier, memory.key);
    memory.collector.app.store.write(move |tx| boxed(tx, from, into)).await.expect("joined");
    let expected = 60.0 * 12.0 * f64::from(earlier_hours + later_hours);
    let what = format!("{earlier_hours} and {later_hours} hours");
    assert_eq!(told(&memory, (start, now), now).await, expected, "{what}, at once");
    let of_earlier = rows::samples(&memory.collector.app.store, earlier, Timestamp(0), Timestamp(i64::MAX)).await;
    assert!(of_earlier.expect("samples").is_empty());
    // Everything that was not done with is done with now: nothing is lost, and nothing counts twice.
    let later = now + HOUR * 24 * 20;
    memory.upkeep(later).await;
    assert_eq!(told(&memory, (start, now), later).await, expected, "{what}, weeks later");
}

fn boxed(tx: &mut Connection, from: i64, into: i64) -> BoxFuture<'_, Result<(), StoreError>> {
    Box::pin(super::super::join(tx, from, into))
}

#[tokio::test]
async fn a_history_counts_once_wherever_both_stand() {
    for (earlier, later) in [(1, 1), (9, 1), (1, 9), (60, 2), (2, 60), (90, 70)] {
        as_far_as(earlier, later).await;
    }
}
