use std::collections::BTreeMap;
use std::time::Duration;

use firstline_diagnosis::order::Arrange as _;
use firstline_diagnosis::vocabulary::{Event, Timestamp};

/// The same event within this time is counted, not repeated.
const SPAN: Duration = Duration::from_mins(10);

/// Different events that are watched for repetition. Beyond, the one told the longest ago is let go.
const KINDS_MAX: usize = 512;

/// Counts what happens again and again, so that a flood is a number and not a thousand records.
///
/// The first of its kind is told at once. What follows within ten minutes is told as one event with a count when they
/// are over, at the time of the last. Two events are of a kind when series and fields are equal.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    kinds: BTreeMap<String, Kind>,
}

#[derive(Debug)]
struct Kind {
    until: Timestamp,
    held: Option<Event>,
}

impl Repeats {
    /// Takes an event at `now`; gives it back when it is to be told now.
    pub(super) fn take(&mut self, event: Event, now: Timestamp) -> Option<Event> {
        let name = name(&event);
        if let Some(kind) = self.kinds.get_mut(&name) {
            match &mut kind.held {
                Some(held) => {
                    held.count = held.count.saturating_add(event.count);
                    held.at = held.at.max(event.at);
                }
                None => kind.held = Some(event),
            }
            return None;
        }
        // A kind whose repeats are being counted is never let go: its count would be lost.
        if self.kinds.len() >= KINDS_MAX && !self.let_go() {
            return Some(event);
        }
        self.kinds.insert(name, Kind { until: now + SPAN, held: None });
        Some(event)
    }

    /// Forgets the kind that was told the longest ago and has not come again.
    fn let_go(&mut self) -> bool {
        let told = self.kinds.iter().filter(|(_, kind)| kind.held.is_none());
        let oldest = told.min_by_key(|(_, kind)| kind.until).map(|(name, _)| name.clone());
        oldest.is_some_and(|oldest| self.kinds.remove(&oldest).is_some())
    }

    /// What was counted and whose ten minutes are over at `now`, oldest first.
    pub(super) fn over(&mut self, now: Timestamp) -> Vec<Event> {
        let (mut over, mut again) = (Vec::new(), Vec::new());
        self.kinds.retain(|name, kind| {
            // A clock that was set back must not hold events for longer than they would have been.
            let stays = kind.until > now && kind.until <= now + SPAN;
            if !stays && let Some(held) = kind.held.take() {
                over.push(held);
                again.push(name.clone());
            }
            stays
        });
        // What goes on is told every ten minutes, not at its next occurrence.
        self.kinds.extend(again.into_iter().map(|name| (name, Kind { until: now + SPAN, held: None })));
        over.arrange_by_key(|event| event.at);
        over
    }

    /// What is counted and not told yet, and until when.
    pub(super) fn held(&self) -> Vec<(Timestamp, Event)> {
        self.kinds.values().filter_map(|kind| Some((kind.until, kind.held.clone()?))).collect()
    }

    /// Goes on counting what the run before counted.
    pub(super) fn resume(&mut self, held: Vec<(Timestamp, Event)>) {
        let kind = |(until, event): (Timestamp, Event)| (name(&event), Kind { until, held: Some(event) });
        self.kinds.extend(held.into_iter().take(KINDS_MAX).map(kind));
    }

    /// Everything that was counted, before the end.
    pub(super) fn finish(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.kinds).into_values().filter_map(|kind| kind.held).collect()
    }
}

/// Two events with the same name are of a kind.
fn name(event: &Event) -> String {
    format!("{} {:?}", event.series, event.fields)
}

#[cfg(test)]
mod tests {
    use firstline_diagnosis::vocabulary::Series;

    use super::*;

    const MINUTE: i64 = 60_000;

    fn event(signal: &str, minute: i64) -> Event {
        Event { series: Series::new(signal, []), at: Timestamp(minute * MINUTE), fields: BTreeMap::new(), count: 1 }
    }

    fn take(repeats: &mut Repeats, signal: &str, minute: i64) -> bool {
        repeats.take(event(signal, minute), Timestamp(minute * MINUTE)).is_some()
    }

    #[test]
    fn the_first_is_told_at_once_and_the_rest_as_a_number() {
        let mut repeats = Repeats::default();
        assert!(take(&mut repeats, "a", 0));
        assert!(take(&mut repeats, "b", 0), "another kind is another story");
        assert!(!take(&mut repeats, "a", 1) && !take(&mut repeats, "a", 9));
        assert!(repeats.over(Timestamp(9 * MINUTE)).is_empty());
        let over = repeats.over(Timestamp(10 * MINUTE));
        assert_eq!(over.iter().map(|event| (event.count, event.at)).collect::<Vec<_>>(), [(2, Timestamp(9 * MINUTE))]);
        assert!(!take(&mut repeats, "a", 12), "it goes on, so it is counted further");
        assert_eq!(repeats.over(Timestamp(20 * MINUTE)).len(), 1);
        assert!(repeats.over(Timestamp(30 * MINUTE)).is_empty());
        assert!(take(&mut repeats, "a", 31), "after ten quiet minutes it is news again");
    }

    #[test]
    fn nothing_is_lost_in_a_flood_of_kinds_or_at_the_end() {
        let mut repeats = Repeats::default();
        let mut told: u32 = 0;
        for round in 0..3 {
            for kind in 0..2 * KINDS_MAX {
                let now = Timestamp(round * MINUTE);
                told += repeats.take(event(&format!("kind.{kind}"), round), now).map_or(0, |event| event.count);
                assert!(repeats.kinds.len() <= KINDS_MAX);
            }
        }
        told += repeats.finish().iter().map(|event| event.count).sum::<u32>();
        assert_eq!(told as usize, 3 * 2 * KINDS_MAX);
    }

    #[test]
    fn goes_on_counting_what_the_run_before_counted() {
        let mut before = Repeats::default();
        assert!(take(&mut before, "a", 0) && !take(&mut before, "a", 1) && take(&mut before, "b", 1));
        let mut after = Repeats::default();
        after.resume(before.held());
        assert!(!take(&mut after, "a", 2));
        assert_eq!(after.over(Timestamp(10 * MINUTE)).iter().map(|event| event.count).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn a_clock_that_is_set_back_holds_nothing_up() {
        let mut repeats = Repeats::default();
        assert!(take(&mut repeats, "a", 60) && !take(&mut repeats, "a", 61));
        assert_eq!(repeats.over(Timestamp(MINUTE)).len(), 1);
    }
}
