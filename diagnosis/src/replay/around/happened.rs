//! What happened in the time looked at, and what is not known of it.

use std::time::Duration;

use super::Look;
use crate::document::{Happened, Snapshot, SnapshotSeries};
use crate::order::Arrange as _;
use crate::texts::{event_words, moment};
use crate::vocabulary::{Mark, Timestamp};

/// Who has enough of a machine that froze switches it off: that is told, too.
const AFTERMATH: Duration = Duration::from_mins(10);
/// More than these nobody reads.
const HAPPENED_MAX: usize = 12;
/// Numbers in longer steps hide what is short.
const FINE_SECONDS: u32 = 60;

/// Events and turns of the machine's day, oldest first.
pub(super) fn happened(snapshot: &Snapshot, look: Look) -> Vec<Happened> {
    let is_told = |at: Timestamp| at >= look.from && at <= look.until + AFTERMATH;
    let events = snapshot.events.iter().map(|event| Happened { at: event.at, words: event_words(event) });
    let marks = snapshot.marks.iter().map(|(at, mark)| Happened { at: *at, words: mark.words().to_owned() });
    let mut all: Vec<Happened> = events.chain(marks).filter(|one| is_told(one.at)).collect();
    all.arrange_by_key(|one| one.at);
    all.truncate(HAPPENED_MAX);
    all
}

/// What must be known to read the rest right.
pub(super) fn notes(snapshot: &Snapshot, look: Look) -> Vec<String> {
    let within: Vec<&SnapshotSeries> = snapshot.series.iter().filter(|series| tells_of(series, look)).collect();
    if within.is_empty() {
        return vec![nothing_known(snapshot, look)];
    }
    if within.iter().all(|series| series.step_seconds > FINE_SECONDS) {
        return vec!["The numbers of that time are means of five minutes: what was shorter does not show.".to_owned()];
    }
    Vec::new()
}

/// Why there is not a single number.
fn nothing_known(snapshot: &Snapshot, look: Look) -> String {
    let before = snapshot.marks.iter().rev().find(|(at, _)| *at <= look.from);
    let after = snapshot.marks.iter().find(|(at, _)| *at >= look.until);
    if let Some((since, Mark::Pausing)) = before {
        let until = after.map_or_else(String::new, |(at, _)| format!(" to {}", moment(*at)));
        return format!(
            "This computer remembers nothing of that time: it slept or was off from {}{until}.",
            moment(*since)
        );
    }
    let first = snapshot.series.iter().filter_map(|series| told(series).next()).min();
    match first {
        None => "This computer has not recorded anything yet.".to_owned(),
        Some(first) if first > look.until => {
            format!("What this computer itself remembers begins at {}: nothing of that time.", moment(first))
        }
        Some(_) => {
            let (from, until) = (moment(look.from), moment(look.until));
            format!("Nothing was recorded from {from} to {until}: it was off, asleep, or the agent did not run.")
        }
    }
}

fn tells_of(series: &SnapshotSeries, look: Look) -> bool {
    told(series).any(|at| look.covers(at))
}

/// The moments of which a series has a number.
fn told(series: &SnapshotSeries) -> impl Iterator<Item = Timestamp> {
    series.points().map(|(at, _)| at)
}
