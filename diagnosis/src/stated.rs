//! When it happened, as a ticket or a person says it: `froze about 10:40`.
//!
//! A ticket is written by somebody who was there, so its words are the best witness of when to look. They are read as people
//! mean them: `around 3` written at four is an hour ago, `last night at 2` is the small hours of today, and a day stands
//! before or behind its time or at the beginning of the sentence. A moment is never ahead of the words, and never older
//! than [`DAYS_MAX`] days, since what is older is told with other words. Where there are several, one that is led up to
//! (`about`, `at`, `since`, `crashed`) comes before a bare one, and the time of a meeting comes last.
//!
//! Not read: what names no moment (`this morning`, `for two hours`, `a while ago`), what only looks like one (versions,
//! addresses, ratios, sizes), a time that may as well be one of the next hours (`my meeting is at 14:00`), working hours and
//! other ranges of more than four hours, languages other than English, beyond how neighbours write a time (`gegen 10.40
//! Uhr`, `10h40`) and what German calls the last days. What is not sure is no answer, because a wrong moment hides what
//! happened.

mod ago;
mod clock;
mod cue;
mod day;
mod number;
mod phrase;
mod reading;
mod scan;
#[cfg(test)]
mod tests;
mod token;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::ago::Ago;
use self::clock::Clock;
use self::cue::Cue;
use self::day::Today;
use self::phrase::Phrase;
use self::reading::{GRACE_SECONDS, Reader};
use self::scan::{Found, What};
use self::token::Text;
use crate::vocabulary::Timestamp;

/// What is older than so many days is not answered.
pub const DAYS_MAX: u64 = 14;

/// How exact people are, in seconds: with minutes, with `about`, with an hour alone.
const GIVE_MINUTES: u32 = 600;
const GIVE_ABOUT: u32 = 900;
const GIVE_HOUR: u32 = 1800;

/// The least and the most that is half of a range.
const GIVE_RANGE: std::ops::RangeInclusive<i64> = 300..=3600;

/// At most so much is quoted of what a person has typed, in characters.
const QUOTE_CHARS_MAX: usize = 60;

/// A moment that somebody's words name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stated {
    /// The moment.
    pub at: Timestamp,
    /// The words as written, on one line: `about 10:40`. Fit to be quoted. Empty when the moment itself was given.
    pub words: String,
    /// How far the incident may be from the moment, to either side, if the words are taken as people use them.
    pub give_seconds: u32,
}

impl Stated {
    /// A moment that somebody gave on purpose.
    pub fn exactly(at: Timestamp) -> Self {
        Self { at, words: String::new(), give_seconds: GIVE_MINUTES }
    }
}

/// The moment that `text` names, if any. `told_at` is when the words were written, `utc_offset_seconds` what the clocks of
/// the people there are ahead of UTC. Only the first 4,000 characters are read.
pub fn stated(text: &str, told_at: Timestamp, utc_offset_seconds: i32) -> Option<Stated> {
    let text = Text::new(text);
    let reader = reader(told_at, utc_offset_seconds, false);
    let found = scan::times(&text, Today::of(reader.told + reader.offset)?, false);
    let mut best: Option<Witness> = None;
    for place in 0..found.len() {
        let witness = witness(&text, &found, place, &reader, told_at);
        let is_recent = |witness: &Witness| told_at - Duration::from_secs(DAYS_MAX * 86_400) <= witness.at;
        if let Some(witness) = witness.filter(is_recent)
            && best.as_ref().is_none_or(|best| witness.rank > best.rank)
        {
            best = Some(witness);
        }
    }
    best.map(|best| Stated {
        at: best.at,
        words: text.quote(best.phrase.from, best.phrase.to),
        give_seconds: best.give_seconds,
    })
}

/// The moment that a person has typed into a field or on a command line: `10:40`, `yesterday 10:40`, `2026-11-21 10:40`,
/// `20 minutes ago`, or RFC 3339. Hours and minutes are read on a clock of 24 hours, however long ago the day may be. The
/// error is a sentence for that person.
pub fn typed(text: &str, now: Timestamp, utc_offset_seconds: i32) -> Result<Timestamp, String> {
    let typed = text.trim();
    let quoted: String = typed.chars().take(QUOTE_CHARS_MAX).collect();
    let (text, reader) = (Text::new(typed), reader(now, utc_offset_seconds, true));
    let at = if let Ok(at) = typed.parse::<Timestamp>() {
        Some(at)
    } else if let Some((found, phrase)) = whole(&text, &reader) {
        moment(&found, &phrase, &reader, now).map(|(at, _)| at)
    } else {
        return Err(format!(
            "\"{quoted}\" names no moment; write it like 10:40, yesterday 10:40, 2026-11-21 10:40, 20 minutes ago, or \
             2026-11-21T10:40:00+01:00"
        ));
    };
    let is_past = |at: &Timestamp| *at <= now + Duration::from_secs(GRACE_SECONDS.unsigned_abs());
    at.filter(is_past).map(|at| at.min(now)).ok_or_else(|| {
        format!("\"{quoted}\" has not come yet; write a moment that is past, with its day if that is not today")
    })
}

/// The time that all of a text is, and nothing else.
fn whole(text: &Text<'_>, reader: &Reader) -> Option<(Found, Phrase)> {
    let found = scan::times(text, Today::of(reader.told + reader.offset)?, true);
    let place = found.iter().position(|found| found.day().is_none())?;
    let phrase = Phrase::around(text, &found, place);
    let is_whole = phrase.from == 0 && phrase.to == text.len() && !phrase.is_other;
    (is_whole && !matches!(found[place].what, What::Hours)).then_some((found[place], phrase))
}

fn reader(told_at: Timestamp, utc_offset_seconds: i32, is_literal: bool) -> Reader {
    Reader { told: told_at.unix_ms().div_euclid(1000), offset: i64::from(utc_offset_seconds), is_literal }
}

/// A time that a text names, and how much it says that this is when it happened.
struct Witness {
    rank: u8,
    at: Timestamp,
    give_seconds: u32,
    phrase: Phrase,
}

/// What the time at `place` says.
fn witness(text: &Text<'_>, found: &[Found], place: usize, reader: &Reader, told_at: Timestamp) -> Option<Witness> {
    if matches!(found[place].what, What::Day(_) | What::Hours) {
        return None;
    }
    let phrase = Phrase::around(text, found, place);
    if phrase.is_other || is_ahead(&found[place], &phrase, reader) {
        return None;
    }
    let (at, give_seconds) = moment(&found[place], &phrase, reader, told_at)?;
    let is_led = phrase.cue.is_pointing() || phrase.context.is_nearby || matches!(found[place].what, What::Ago(_));
    let rank = if is_plan(&phrase) { 0 } else { 1 + u8::from(is_led) };
    Some(Witness { rank, at, give_seconds, phrase })
}

/// Whether the words are about what somebody has or wants to do then.
fn is_plan(phrase: &Phrase) -> bool {
    (phrase.context.is_plan || phrase.cue.is_until) && !phrase.cue.is_since
}

/// Whether a time may as well be one that is to come, because only the day before makes it one that has been.
fn is_ahead(found: &Found, phrase: &Phrase, reader: &Reader) -> bool {
    let (What::Clock(clock) | What::Range(clock, _)) = found.what else { return false };
    let Some(reading) = reader.read(&clock, phrase.day, phrase.cue.is_about) else { return true };
    let is_weekday = phrase.day.is_some_and(|day| day.is_weekday);
    let is_open = phrase.cue.is_open() && !phrase.context.is_told;
    (is_plan(phrase) && (reading.is_rolled || reading.is_upcoming || is_weekday))
        || (is_open && reading.is_rolled && reading.is_upcoming)
}

/// The moment of a time, and how exact it is. Nothing if it is yet to come.
fn moment(found: &Found, phrase: &Phrase, reader: &Reader, told_at: Timestamp) -> Option<(Timestamp, u32)> {
    let (seconds, give_seconds) = match found.what {
        What::Day(_) | What::Hours => return None,
        What::Ago(ago) => return Some(before(told_at, &ago, &phrase.cue)),
        What::Clock(clock) => {
            let is_about = phrase.cue.is_about || clock.is_about;
            (reader.read(&clock, phrase.day, is_about)?.at, give(&clock, is_about))
        }
        What::Range(clock, width) => {
            let begin = reader.read(&clock, phrase.day, false)?.at;
            let end = (begin + width).min(reader.told.max(begin));
            let half = (end - begin) / 2;
            let give = half.clamp(*GIVE_RANGE.start(), *GIVE_RANGE.end());
            (begin + half, u32::try_from(give).unwrap_or(GIVE_HOUR))
        }
    };
    let at = Timestamp(seconds.checked_mul(1000)?);
    Some((at.min(told_at), give_seconds))
}

fn before(told_at: Timestamp, ago: &Ago, cue: &Cue) -> (Timestamp, u32) {
    let least = if cue.is_about { GIVE_ABOUT } else { 0 };
    (told_at - Duration::from_secs(u64::from(ago.seconds)), ago.give_seconds.max(least))
}

fn give(clock: &Clock, is_about: bool) -> u32 {
    let least = if is_about { GIVE_ABOUT } else { 0 };
    least.max(if clock.is_hour { GIVE_HOUR } else { GIVE_MINUTES })
}
