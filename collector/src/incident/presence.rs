//! Who was heard in which quarter of an hour.
//!
//! A row for each quarter: one bit for each endpoint, at the place of its key; five weeks of them. For ten thousand endpoints
//! that is 1.3 KB a quarter and 4 MB in all. It tells who is usually there at an hour of a day of the week, and how long
//! each was awake before and after something. A quarter in which no collector ran has no row, and counts for nobody; so the
//! rows also tell whether the clock can be right ([`Calendar`]).

use std::collections::BTreeMap;

use firstline_diagnosis::vocabulary::Timestamp;

use super::THRESHOLDS;
use crate::alert::AlertError;
use crate::store::{Reads, Store, StoreError, sql};

/// Milliseconds of a quarter of an hour.
pub(super) const SLOT_MS: i64 = 900_000;

/// Quarters of a week.
const WEEK_SLOTS: i64 = 7 * 96;

/// Weeks that are kept.
const KEPT_WEEKS: i64 = 5;

/// The quarter of a moment, counted from 1970.
pub(super) fn slot_of(at: Timestamp) -> i64 {
    at.unix_ms().div_euclid(SLOT_MS)
}

const HEARD: &str =
    "SELECT key FROM endpoints WHERE revoked_at_ms IS NULL AND merged_into IS NULL AND left_at_ms IS NULL
    AND (state = 'online' OR last_seen_ms >= $1)";

/// Whether what is old by the clock is old. By a clock that leapt ahead everything is, and what was forgotten by it is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Calendar {
    /// Somebody kept house here yesterday.
    Continues,
    /// Nobody did, and nobody did before.
    Begins,
    /// Somebody did before: the collector was off for days, or the clock leapt ahead.
    Leapt,
}

/// What yesterday is, in quarters before now: a collector that is off at night is there on each of these days.
const YESTERDAY: (i64, i64) = (36 * 4, 12 * 4);

impl Calendar {
    /// How it looks at `now`.
    ///
    /// # Errors
    /// The database's.
    pub(crate) async fn at(reads: &Reads, now: Timestamp) -> Result<Self, StoreError> {
        let (from, to) = (slot_of(now) - YESTERDAY.0, slot_of(now) - YESTERDAY.1);
        let before: Option<i64> =
            sql::query_scalar("SELECT MAX(slot) FROM presence WHERE slot <= $1").bind(to).fetch_one(reads).await?;
        Ok(match before {
            Some(slot) if slot >= from => Self::Continues,
            Some(_) => Self::Leapt,
            None => Self::Begins,
        })
    }
}

/// Writes down who was heard in the quarter that ended last, unless that is done.
pub(super) async fn note(store: &Store, now: Timestamp) -> Result<(), AlertError> {
    let slot = slot_of(now) - 1;
    let (known,): (i64,) =
        sql::query_as("SELECT COUNT(*) FROM presence WHERE slot = $1").bind(slot).fetch_one(store.reads()).await?;
    if known > 0 {
        return Ok(());
    }
    let keys: Vec<(i64,)> = sql::query_as(HEARD).bind(slot * SLOT_MS).fetch_all(store.reads()).await?;
    let bits = bits(keys.into_iter().map(|(key,)| key));
    let continues = Calendar::at(store.reads(), now).await? == Calendar::Continues;
    let written = store.write(move |tx| {
        Box::pin(async move {
            sql::query("INSERT INTO presence (slot, heard) VALUES ($1, $2) ON CONFLICT (slot) DO NOTHING")
                .bind(slot)
                .bind(bits)
                .execute(&mut *tx)
                .await?;
            if continues {
                let oldest = slot - KEPT_WEEKS * WEEK_SLOTS;
                sql::query("DELETE FROM presence WHERE slot < $1").bind(oldest).execute(&mut *tx).await?;
            }
            Ok::<_, AlertError>(())
        })
    });
    written.await
}

/// Bits at the places of keys.
pub(super) fn bits(keys: impl Iterator<Item = i64>) -> Vec<u8> {
    let mut bits = Vec::new();
    for place in keys.filter_map(|key| usize::try_from(key).ok()) {
        if bits.len() <= place / 8 {
            bits.resize(place / 8 + 1, 0_u8);
        }
        bits[place / 8] |= 1 << (place % 8);
    }
    bits
}

fn has(bits: &[u8], key: i64) -> bool {
    let Ok(place) = usize::try_from(key) else { return false };
    bits.get(place / 8).is_some_and(|byte| byte & (1 << (place % 8)) != 0)
}

/// The same quarter of the weeks before, by which it is told who is usually there.
pub(super) fn weeks_before(slot: i64) -> impl Iterator<Item = i64> {
    (1..=i64::from(THRESHOLDS.silent_group.usual_weeks)).map(move |week| slot - week * WEEK_SLOTS)
}

/// Who is usually heard at this hour of this day of the week.
#[derive(Debug, Default)]
pub(super) struct Usual(Vec<Vec<u8>>);

impl Usual {
    /// Read for a moment.
    pub(super) async fn of(reads: &Reads, now: Timestamp) -> Result<Self, AlertError> {
        let mut rows = Vec::new();
        for slot in weeks_before(slot_of(now)) {
            let row: Option<(Vec<u8>,)> =
                sql::query_as("SELECT heard FROM presence WHERE slot = $1").bind(slot).fetch_optional(reads).await?;
            rows.extend(row.map(|(bits,)| bits));
        }
        Ok(Self(rows))
    }

    /// Whether an endpoint (by key) was heard in this quarter on most of these weeks.
    pub(super) fn is(&self, key: i64) -> bool {
        let least = THRESHOLDS.silent_group.usual_least as usize;
        self.0.len() >= least && self.0.iter().filter(|bits| has(bits, key)).count() >= least
    }

    /// Whether anybody can be missed by it.
    pub(super) fn tells(&self) -> bool {
        self.0.len() >= THRESHOLDS.silent_group.usual_least as usize
    }
}

/// How long endpoints were heard, as sums over time, so that any stretch is one subtraction.
#[derive(Debug, Default)]
pub(super) struct Awake {
    first: i64,
    slots: usize,
    /// By endpoint: quarters heard before each step.
    sums: BTreeMap<i64, Vec<u16>>,
}

/// Quarters of a step.
const STEP: usize = 4;

impl Awake {
    /// Of these endpoints (keys), from a moment to now.
    pub(super) async fn of(reads: &Reads, keys: &[i64], from: Timestamp, now: Timestamp) -> Result<Self, AlertError> {
        let rows: Vec<(i64, Vec<u8>)> =
            sql::query_as("SELECT slot, heard FROM presence WHERE slot >= $1 AND slot < $2 ORDER BY slot")
                .bind(slot_of(from))
                .bind(slot_of(now))
                .fetch_all(reads)
                .await?;
        Ok(Self::new(keys, (slot_of(from), slot_of(now)), rows.into_iter()))
    }

    pub(super) fn new(keys: &[i64], (first, last): (i64, i64), rows: impl Iterator<Item = (i64, Vec<u8>)>) -> Self {
        let slots = usize::try_from(last - first).unwrap_or_default();
        let steps = slots.div_ceil(STEP) + 1;
        let mut sums: BTreeMap<i64, Vec<u16>> = keys.iter().map(|key| (*key, vec![0; steps])).collect();
        for (slot, bits) in rows {
            let Some(step) =
                usize::try_from(slot - first).ok().map(|slot| slot / STEP + 1).filter(|step| *step < steps)
            else {
                continue;
            };
            for (key, counts) in &mut sums {
                counts[step] += u16::from(has(&bits, *key));
            }
        }
        for counts in sums.values_mut() {
            for step in 1..counts.len() {
                counts[step] = counts[step].saturating_add(counts[step - 1]);
            }
        }
        Self { first, slots, sums }
    }

    /// Hours that an endpoint (by key) was heard between two moments, to the hour.
    pub(super) fn hours(&self, key: i64, (from, to): (Timestamp, Timestamp)) -> f64 {
        let Some(counts) = self.sums.get(&key) else { return 0.0 };
        let step = |at: Timestamp| {
            let slot = (slot_of(at) - self.first).clamp(0, self.slots as i64);
            (usize::try_from(slot).unwrap_or_default() / STEP).min(counts.len() - 1)
        };
        f64::from(counts[step(to)].saturating_sub(counts[step(from)])) / 4.0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::app::Clock as _;
    use crate::app::fixture::Collector;

    #[test]
    fn hours_are_counted_from_bits() {
        let day = 96;
        // Endpoint 9 is there all day, endpoint 3 in the second half.
        let rows = (0..day).map(|slot| (slot, bits([9].into_iter().chain((slot >= 48).then_some(3)))));
        let awake = Awake::new(&[3, 9, 700], (0, day), rows);
        let at = |hour: i64| Timestamp(hour * 3_600_000);
        assert!((awake.hours(9, (at(0), at(24))) - 24.0).abs() < 1e-9);
        assert!((awake.hours(3, (at(6), at(18))) - 6.0).abs() < 1e-9);
        assert!(awake.hours(700, (at(0), at(24))).abs() < 1e-9 && awake.hours(4, (at(0), at(24))).abs() < 1e-9);
    }

    #[test]
    fn who_was_there_on_three_of_four_such_days_is_usually_there() {
        let usual = Usual(vec![
            bits([1, 2, 64].into_iter()),
            bits([1, 64].into_iter()),
            bits([1, 2].into_iter()),
            bits([2].into_iter()),
        ]);
        assert!(usual.tells() && usual.is(1) && usual.is(2) && !usual.is(64) && !usual.is(5));
        let young = Usual(vec![bits([1].into_iter()), bits([1].into_iter())]);
        assert!(!young.tells() && !young.is(1), "two weeks are no habit");
    }

    #[tokio::test]
    async fn a_clock_that_leaps_ahead_is_not_believed_until_a_day_was_lived_by_it() {
        let collector = Collector::start().await;
        let (store, start) = (&collector.app.store, collector.clock.now());
        let hours = |hours| Duration::from_hours(hours);
        let calendar = async |at| Calendar::at(store.reads(), at).await.expect("a calendar");
        assert_eq!(calendar(start).await, Calendar::Begins);
        for hour in 0..48 {
            note(store, start + hours(hour)).await.expect("noted");
        }
        assert_eq!(calendar(start + hours(6)).await, Calendar::Begins);
        assert_eq!(calendar(start + hours(48)).await, Calendar::Continues);
        let ahead = start + hours(24 * 400);
        for hour in 0..11 {
            note(store, ahead + hours(hour)).await.expect("noted");
            assert_eq!(calendar(ahead + hours(hour)).await, Calendar::Leapt, "after {hour} hours");
        }
        assert_eq!(calendar(start + hours(49)).await, Calendar::Continues, "the clock was set right");
        note(store, ahead + hours(13)).await.expect("noted");
        assert_eq!(calendar(ahead + hours(13)).await, Calendar::Continues, "it is another year");
    }
}
