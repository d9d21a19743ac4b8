//! Finds what in a text is a time.

use super::ago::Ago;
use super::clock::{Clock, Proof};
use super::cue::{self, Cue};
use super::day::{DAY, Day, HALF_DAY, Today};
use super::token::Text;

/// What is longer than this, in seconds, is a day's work and no moment.
const RANGE_SECONDS_MAX: i64 = 4 * 3600;

#[derive(Debug, Clone, Copy)]
pub(super) enum What {
    Day(Day),
    Clock(Clock),
    /// A time, and how many seconds it lasts.
    Range(Clock, i64),
    Ago(Ago),
    /// A range that is too long.
    Hours,
}

/// A time in a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    /// The first token of it.
    pub(super) from: usize,
    /// The token behind it.
    pub(super) to: usize,
    pub(super) what: What,
}

impl Found {
    /// The day, where it is no more than that.
    pub(super) fn day(&self) -> Option<Day> {
        match self.what {
            What::Day(day) => Some(day),
            _ => None,
        }
    }
}

/// All times in a text, in their order. `is_typed`: somebody was asked for one, so that `10.40` needs no word before it.
pub(super) fn times(text: &Text<'_>, today: Today, is_typed: bool) -> Vec<Found> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let time = time(text, at, today, found.last(), is_typed);
        at = time.map_or(at, |time| time.to - 1) + 1;
        found.extend(time);
    }
    found
}

fn time(text: &Text<'_>, at: usize, today: Today, before: Option<&Found>, is_typed: bool) -> Option<Found> {
    let found = |to: usize, what: What| Some(Found { from: at, to, what });
    let day = before.and_then(Found::day);
    let is_behind_t = text.word(at.wrapping_sub(1)) == "t" && text.is_glued(at);
    let is_stamp = day.is_some_and(|day| day.is_stamp && (day.to == at || (is_behind_t && day.to + 1 == at)));
    if !(text.opens(at) || (is_stamp && is_behind_t)) {
        return None;
    }
    if let Some(ago) = Ago::read(text, at) {
        return found(ago.to, What::Ago(ago));
    }
    if let Some(day) = Day::read(text, at, today) {
        return found(day.to, What::Day(day));
    }
    let clock = Clock::read(text, at, false);
    let is_exact = is_stamp && (is_behind_t || clock.is_some_and(|clock| clock.to >= at + 5));
    if !is_exact && let Some((to, what)) = range(text, at) {
        return found(to, what);
    }
    let clock = if is_exact { Clock::read(text, at, true) } else { clock }?;
    let is_by_day = is_typed || day.is_some_and(|day| joined(text, day.to, Cue::of(text, at).from));
    is_time(text, &clock, is_by_day, today).then_some(())?;
    found(clock.to, What::Clock(clock))
}

/// Whether a time that is possible is one, by what stands around it.
fn is_time(text: &Text<'_>, clock: &Clock, is_by_day: bool, today: Today) -> bool {
    let cue = Cue::of(text, clock.from);
    let is_wide = clock.minutes == 16 * 60 + 10;
    if !text.closes(clock.to) || cue::is_other(text, &cue, clock.to, is_wide) {
        return false;
    }
    let is_alone = || {
        let day = clock.to + usize::from(text.is_word(clock.to, &["on", "am"]));
        let is_day = || Day::read(text, day, today).is_some();
        cue::is_alone(text, clock.to) || (!text.is_number(clock.to) && is_day())
    };
    match clock.proof {
        Proof::None => true,
        Proof::Point => (is_by_day || cue.is_for_points(text)) && cue::is_unitless(text, clock.to),
        Proof::Hour => (clock.is_twelve || clock.minutes > 0) && cue.is_for_hours(text, clock.is_twelve) && is_alone(),
        Proof::Span => cue.is_for_spans(text) && is_alone(),
    }
}

/// Two times with what makes a range of them: `10:20-10:50`, `between 9 and 10`, `2-3 pm`.
fn range(text: &Text<'_>, at: usize) -> Option<(usize, What)> {
    let first = Clock::read(text, at, false)?;
    let cue = Cue::of(text, at);
    let is_and = text.is_word(first.to, &["and", "und"]) && cue.is_between;
    let is_to =
        text.is_word(first.to, &["to", "until", "till", "bis"]) || matches!(text.mark(first.to), Some('-' | '–' | '—'));
    if !(is_and || is_to) || cue::is_other(text, &cue, first.to, false) {
        return None;
    }
    let place = first.to + 1;
    let place = place + usize::from(text.is_word(place, &["about", "around", "at"]));
    let second = Clock::read(text, place, false).filter(|second| text.closes(second.to))?;
    is_range(text, &cue, &first, &second).then_some(())?;
    let first = like(first, &second);
    let turn = if first.is_twelve || !second.is_sure { HALF_DAY } else { DAY };
    let seconds = (second.of_day() - first.of_day()).rem_euclid(turn);
    Some((second.to, if seconds > RANGE_SECONDS_MAX { What::Hours } else { What::Range(first, seconds) }))
}

/// Whether both are times, by how they are written and what stands around them.
fn is_range(text: &Text<'_>, cue: &Cue, first: &Clock, second: &Clock) -> bool {
    match (first.proof, second.proof) {
        (Proof::None | Proof::Point, Proof::None) => true,
        (Proof::None | Proof::Hour, Proof::Hour) => cue.is_for_ranges() && cue::is_alone(text, second.to),
        (Proof::Hour, Proof::None) => cue.is_for_ranges() || second.is_hour,
        (Proof::Point, Proof::Point) => {
            (cue.is_between || cue.is_for_points(text)) && cue::is_unitless(text, second.to)
        }
        _ => false,
    }
}

/// The first of two times, with what the second says for both: `9-10 am`, `11-1 pm`.
fn like(mut first: Clock, second: &Clock) -> Clock {
    first.zone = first.zone.or(second.zone);
    first.is_about |= second.is_about;
    if first.is_sure || !second.is_marked {
        return first;
    }
    let is_afternoon = second.of_day() >= HALF_DAY;
    let is_before = first.of_day() % HALF_DAY <= second.of_day() % HALF_DAY;
    first.in_half(is_afternoon == is_before)
}

/// Whether only small words and signs are between a day and its time.
pub(super) fn joined(text: &Text<'_>, from: usize, to: usize) -> bool {
    const SMALL: &[&str] = &["on", "at", "the", "of", "am", "den", "t"];
    let is_small =
        |at: usize| matches!(text.mark(at), Some(',' | '-' | '–' | '(' | ':' | '|')) || text.is_word(at, SMALL);
    from <= to && to - from <= 3 && (from..to).all(is_small)
}
