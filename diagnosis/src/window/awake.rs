use crate::vocabulary::{Mark, Timestamp};

/// Silence before a wake or a boot that is longer than this was sleep, also when nobody announced it.
const UNANNOUNCED_SLEEP_MS: i64 = 90_000;
/// Readings of the moment in which a pause is announced still belong to the time before it.
const CLOSING_MS: i64 = 1_000;
/// Quiet times after a turn, in which numbers say more about the turn than about the machine.
const SETTLE_BOOT_MS: i64 = 10 * 60_000;
const SETTLE_RESUME_MS: i64 = 2 * 60_000;
const SETTLE_NETWORK_MS: i64 = 60_000;
/// Stretches kept; more turns than these in the longest window are forgotten from the oldest.
const STRETCHES_MAX: usize = 256;
/// What happens so close to a sleep may be its doing: programs are ended, disks spin up, docks are pulled.
const TURN_MS: i64 = 60_000;

/// Stretches of time that windows leave out: sorted, not touching each other.
type Stretches = Vec<(i64, i64)>;

/// When the endpoint was asleep, and when its numbers had not settled yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Awake {
    asleep: Stretches,
    /// `asleep` and the quiet times after turns, together.
    unsettled: Stretches,
    paused_at: Option<i64>,
    /// A pause that is told late; what woke the machine from it is still on its way.
    told_late: Option<i64>,
    first_heard: Option<i64>,
    last_heard: Option<i64>,
}

impl Awake {
    /// Something was read over the `step_ms` before `at`.
    pub(crate) fn heard(&mut self, at: Timestamp, step_ms: i64) {
        let at = at.0;
        // What stands for the time before the pause may still come in; anything read after it ends it.
        if let Some(paused) = self.paused_at
            && at > paused + CLOSING_MS
        {
            self.slept(paused, (at - step_ms).max(paused));
            self.paused_at = None;
        }
        // The same of a pause in the past. What comes from the present says nothing about that.
        if let Some(paused) = self.told_late
            && at > paused + CLOSING_MS
            && self.last_heard.is_some_and(|last| at <= last)
        {
            self.slept(paused, (at - step_ms).max(paused));
            self.told_late = None;
        }
        self.first_heard = Some(self.first_heard.map_or(at - step_ms, |first| first.min(at - step_ms)));
        self.last_heard = Some(self.last_heard.map_or(at, |last| last.max(at)));
    }

    /// A turn in the endpoint's day.
    pub(crate) fn mark(&mut self, at: Timestamp, mark: Mark) {
        let at = at.0;
        let settle_ms = match mark {
            Mark::Pausing => {
                if self.last_heard.is_some_and(|last| last > at + CLOSING_MS) {
                    self.told_late = Some(at);
                } else if self.paused_at.is_none_or(|paused| at > paused) {
                    self.paused_at = Some(at);
                }
                return;
            }
            Mark::Booted => SETTLE_BOOT_MS,
            Mark::Resumed => SETTLE_RESUME_MS,
            Mark::NetworkChanged => SETTLE_NETWORK_MS,
        };
        if mark != Mark::NetworkChanged {
            self.woke(at);
        }
        insert(&mut self.unsettled, at, at + settle_ms);
        self.first_heard = Some(self.first_heard.map_or(at, |first| first.min(at)));
        self.last_heard = Some(self.last_heard.map_or(at, |last| last.max(at)));
    }

    /// The sleep that ends at `at`: announced, or seen only by the silence before it.
    fn woke(&mut self, at: i64) {
        if let Some(paused) = self.told_late.take_if(|paused| *paused <= at) {
            self.slept(paused, at);
            return;
        }
        let from = match (self.paused_at, self.last_heard) {
            (Some(paused), _) if paused <= at => Some(paused),
            (None, Some(last)) if at - last > UNANNOUNCED_SLEEP_MS => Some(last),
            _ => None,
        };
        if let Some(from) = from {
            self.slept(from, at);
            self.paused_at = None;
        }
    }

    fn slept(&mut self, from: i64, to: i64) {
        insert(&mut self.asleep, from, to);
        insert(&mut self.unsettled, from, to);
    }

    /// Whether it announced a sleep and has not come back.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused_at.is_some()
    }

    /// When anything was last heard.
    pub(crate) fn last_heard(&self) -> Option<Timestamp> {
        self.last_heard.map(Timestamp)
    }

    /// When anything was first heard.
    pub(crate) fn first_heard(&self) -> Option<Timestamp> {
        self.first_heard.map(Timestamp)
    }

    /// It is known since then, though nothing else is told of that time: what happened would be known.
    pub(crate) fn known_since(&mut self, at: Timestamp) {
        self.first_heard = self.first_heard.map(|first| first.min(at.0)).or(Some(at.0));
    }

    /// Whether the machine went to sleep within a minute after `at`, or had woken within a minute before.
    pub(crate) fn is_turn(&self, at: i64) -> bool {
        let near = |from: i64, to: i64| at > from - TURN_MS && at <= to + TURN_MS;
        self.asleep.iter().any(|(from, to)| near(*from, *to))
            || self.paused_at.is_some_and(|paused| at > paused - TURN_MS)
    }

    /// What windows over a signal leave out, up to `now`.
    fn left_out(&self, settles: bool, now: i64) -> impl DoubleEndedIterator<Item = (i64, i64)> {
        let stretches = if settles { &self.unsettled } else { &self.asleep };
        let paused = self.paused_at.filter(|paused| *paused < now).map(|paused| (paused, now));
        stretches.iter().copied().filter(move |(from, _)| *from < now).chain(paused)
    }

    /// Where a window of `span_ms` awake time that ends at `end` begins.
    pub(crate) fn window_start(&self, end: i64, span_ms: i64, settles: bool) -> i64 {
        let (mut cursor, mut left) = (end, span_ms);
        for (from, to) in self.left_out(settles, end).rev() {
            let awake = (cursor - to).max(0);
            if awake >= left {
                return cursor - left;
            }
            left -= awake;
            cursor = cursor.min(from);
        }
        cursor - left
    }

    /// Awake milliseconds from `from` to `to`.
    pub(crate) fn awake_ms(&self, from: i64, to: i64) -> i64 {
        let asleep: i64 = self.left_out(false, to).map(|(start, end)| (end.min(to) - start.max(from)).max(0)).sum();
        to.saturating_sub(from).saturating_sub(asleep).max(0)
    }

    /// Whether something read over the `step_ms` before `at` is left out.
    pub(crate) fn leaves_out(&self, at: i64, step_ms: i64, settles: bool) -> bool {
        let stretches = if settles { &self.unsettled } else { &self.asleep };
        // A moment (no step) belongs to the stretch that begins before it and ends at or after it.
        let start = at - step_ms.max(1);
        stretches.iter().rev().take_while(|(_, to)| *to > start).any(|(from, _)| *from < at)
            || self.paused_at.is_some_and(|paused| start >= paused)
    }

    /// The part of the `step_ms` before `at` that lies after the last sleep: what a single reading can stand for.
    pub(crate) fn since_sleep_ms(&self, at: i64, step_ms: i64) -> i64 {
        let woke = self.asleep.iter().rev().map(|(_, to)| *to).find(|to| *to <= at);
        woke.map_or(step_ms, |woke| step_ms.min(at - woke))
    }

    /// Whether `now` lies in the quiet time after a turn, and until when.
    pub(crate) fn settling_until(&self, now: i64) -> Option<Timestamp> {
        self.unsettled.iter().rev().find(|(from, to)| *from <= now && now < *to).map(|(_, to)| Timestamp(*to))
    }
}

/// Adds a stretch, joined with those that it touches.
fn insert(stretches: &mut Stretches, from: i64, to: i64) {
    if to <= from {
        return;
    }
    let (mut from, mut to) = (from, to);
    stretches.retain(|(start, end)| {
        let touches = *start <= to && from <= *end;
        if touches {
            from = from.min(*start);
            to = to.max(*end);
        }
        !touches
    });
    let index = stretches.partition_point(|(start, _)| *start < from);
    stretches.insert(index, (from, to));
    if stretches.len() > STRETCHES_MAX {
        stretches.remove(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    fn at(minute: i64) -> Timestamp {
        Timestamp(minute * MINUTE)
    }

    #[test]
    fn windows_reach_back_over_sleep() {
        let mut awake = Awake::default();
        awake.heard(at(10), MINUTE);
        awake.mark(at(10), Mark::Pausing);
        awake.mark(at(70), Mark::Resumed);
        awake.heard(at(72), MINUTE);
        assert_eq!(awake.window_start(72 * MINUTE, 5 * MINUTE, false), 7 * MINUTE);
        assert_eq!(awake.awake_ms(8 * MINUTE, 72 * MINUTE), 4 * MINUTE);
    }

    #[test]
    fn a_sleep_that_is_told_late_was_still_a_sleep_and_ends_where_it_ended() {
        let mut awake = Awake::default();
        awake.heard(at(10), MINUTE);
        awake.heard(at(100), MINUTE);
        awake.mark(at(10), Mark::Pausing);
        assert!(!awake.is_paused());
        awake.heard(at(101), MINUTE);
        awake.mark(at(70), Mark::Resumed);
        awake.heard(at(72), MINUTE);
        assert_eq!(awake.awake_ms(9 * MINUTE, 101 * MINUTE), 32 * MINUTE);
    }

    #[test]
    fn silence_before_a_wake_was_sleep() {
        let mut awake = Awake::default();
        awake.heard(at(10), MINUTE);
        awake.mark(at(70), Mark::Resumed);
        assert_eq!(awake.awake_ms(9 * MINUTE, 71 * MINUTE), 2 * MINUTE);
    }

    #[test]
    fn data_after_a_pause_ends_it() {
        let mut awake = Awake::default();
        awake.heard(at(10), MINUTE);
        awake.mark(at(10), Mark::Pausing);
        assert!(awake.is_paused());
        assert_eq!(awake.awake_ms(9 * MINUTE, 30 * MINUTE), MINUTE);
        awake.heard(at(20), MINUTE);
        assert!(!awake.is_paused());
        assert_eq!(awake.awake_ms(9 * MINUTE, 30 * MINUTE), 12 * MINUTE);
    }

    #[test]
    fn a_reading_after_a_sleep_stands_for_the_time_since_it() {
        let mut awake = Awake::default();
        awake.mark(at(10), Mark::Pausing);
        awake.heard(Timestamp(11 * MINUTE), 0);
        assert!(!awake.is_paused());
        assert_eq!(awake.since_sleep_ms(11 * MINUTE + 500, MINUTE), 500);
        assert_eq!(awake.since_sleep_ms(20 * MINUTE, MINUTE), MINUTE);
        assert!(!awake.leaves_out(11 * MINUTE + 500, 500, false));
    }

    #[test]
    fn settling_signals_wait_after_turns() {
        let mut awake = Awake::default();
        awake.mark(at(100), Mark::NetworkChanged);
        assert!(awake.leaves_out(100 * MINUTE + 30_000, 15_000, true));
        assert!(!awake.leaves_out(100 * MINUTE + 30_000, 15_000, false));
        assert!(!awake.leaves_out(102 * MINUTE, 15_000, true));
        awake.mark(at(200), Mark::Booted);
        assert_eq!(awake.settling_until(205 * MINUTE), Some(at(210)));
        assert_eq!(awake.settling_until(210 * MINUTE), None);
    }

    #[test]
    fn what_happens_close_to_a_sleep_is_told_from_the_rest() {
        let mut awake = Awake::default();
        awake.heard(at(10), MINUTE);
        awake.mark(at(10), Mark::Pausing);
        awake.mark(at(70), Mark::Resumed);
        let turns = [8, 9, 10, 70, 71, 72].map(|minute| awake.is_turn(minute * MINUTE));
        assert_eq!(turns, [false, false, true, true, true, false]);
    }

    #[test]
    fn overlapping_stretches_become_one() {
        let mut stretches = Vec::new();
        for (from, to) in [(10, 20), (40, 50), (15, 45), (60, 70)] {
            insert(&mut stretches, from, to);
        }
        assert_eq!(stretches, vec![(10, 50), (60, 70)]);
    }
}
