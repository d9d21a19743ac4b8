//! Times of day, as they are written.

use super::number;
use super::token::Text;

/// Half a day, in minutes.
const HALF: u32 = 720;

/// What else must say that it is a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// Nothing: `10:40`, `3 pm`.
    None,
    /// A word before it: `10.40`.
    Point,
    /// A word before it, and nothing behind it that can be counted: `9`.
    Hour,
    /// The same, and a word that is not for spans: `10h`.
    Span,
}

/// A time of day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    /// The first token of it.
    pub(super) from: usize,
    /// The token behind it.
    pub(super) to: usize,
    /// Minutes since midnight as written, in the first half of the day if `is_twelve`.
    pub(super) minutes: u32,
    pub(super) seconds: u32,
    /// Read on a clock of twelve hours: `9`, `half past ten`.
    pub(super) is_twelve: bool,
    /// It says in which half of the day it is: `am`, `15:10`, `09:15`.
    pub(super) is_sure: bool,
    /// It says so with `am` or `pm`.
    pub(super) is_marked: bool,
    pub(super) is_midnight: bool,
    /// Without minutes.
    pub(super) is_hour: bool,
    /// `9ish`.
    pub(super) is_about: bool,
    pub(super) proof: Proof,
    /// Seconds ahead of UTC, where it says so: `10:40Z`.
    pub(super) zone: Option<i32>,
}

impl Clock {
    /// The time of day at `at`. `is_stamp`: it is written as in RFC 3339, so that what looks like a range is an offset.
    pub(super) fn read(text: &Text<'_>, at: usize, is_stamp: bool) -> Option<Self> {
        let mut clock = named(text, at).or_else(|| spoken(text, at)).or_else(|| written(text, at))?;
        clock.half(text)?;
        clock.hour_sign(text);
        if !clock.is_sure {
            clock.half(text)?;
        }
        clock.ish(text);
        clock.zone(text, is_stamp);
        Some(clock)
    }

    /// As many hours and minutes in 24 hours.
    fn new(from: usize, to: usize, hour: u32, minute: u32) -> Option<Self> {
        let clock = Self {
            from,
            to,
            minutes: hour.checked_mul(60)?.checked_add(minute)?,
            seconds: 0,
            is_twelve: false,
            is_sure: hour == 0 || hour > 12,
            is_marked: false,
            is_midnight: false,
            is_hour: false,
            is_about: false,
            proof: Proof::None,
            zone: None,
        };
        (hour < 24 && minute < 60).then_some(clock)
    }

    /// The same, read on a clock of twelve hours if it can be.
    fn twelve(mut self) -> Self {
        self.is_twelve = !self.is_sure;
        if self.is_twelve {
            self.minutes %= HALF;
        }
        self
    }

    /// Seconds since midnight.
    pub(super) fn of_day(&self) -> i64 {
        i64::from(self.minutes) * 60 + i64::from(self.seconds)
    }

    /// In this half of the day.
    pub(super) fn in_half(mut self, is_afternoon: bool) -> Self {
        self.minutes = self.minutes % HALF + if is_afternoon { HALF } else { 0 };
        self.is_twelve = false;
        self.is_sure = true;
        self.is_marked = true;
        self
    }

    /// Reads `am`, `pm`, or the `noon` of `12 noon`; nothing if it contradicts the hour.
    fn half(&mut self, text: &Text<'_>) -> Option<()> {
        if let Some(clock) = named(text, self.to).filter(|_| self.minutes.is_multiple_of(HALF) && !self.is_marked) {
            *self = Self { from: self.from, ..clock };
            return Some(());
        }
        let Some((to, is_afternoon)) = half_sign(text, self.to) else { return Some(()) };
        if self.is_hour && text.word(self.to) == "am" && is_german(text, self.from, self.to) {
            return Some(());
        }
        let is_late = self.minutes >= HALF + 60;
        if is_late && !is_afternoon {
            return None;
        }
        if !is_late {
            *self = self.in_half(is_afternoon);
        }
        self.to = to;
        self.proof = Proof::None;
        Some(())
    }

    /// Reads `o'clock`, `Uhr`, `Uhr 40`, `h`.
    fn hour_sign(&mut self, text: &Text<'_>) {
        let is_parted = text.is_phrase(self.to, &["o", "clock"]);
        let is_clock = is_parted || text.is_word(self.to, &["o'clock", "oclock", "uhr"]);
        let is_hours = !self.is_hour && text.is_word(self.to, &["h", "hrs"]);
        if !is_clock && !is_hours {
            return;
        }
        self.proof = Proof::None;
        self.to += 1 + usize::from(is_parted);
        let minute = text.number(self.to, 2, 2).filter(|minute| *minute < 60 && text.closes(self.to + 1));
        if let Some(minute) = minute.filter(|_| self.is_hour && text.word(self.to - 1) == "uhr") {
            self.minutes += minute;
            self.is_hour = false;
            self.to += 1;
        }
    }

    /// Reads `ish`.
    fn ish(&mut self, text: &Text<'_>) {
        let dash = usize::from(text.glued_mark(self.to) == Some('-'));
        if text.word(self.to + dash) == "ish" {
            self.to += dash + 1;
            self.is_about = true;
            self.proof = Proof::None;
        }
    }

    /// Reads `Z`, `UTC`, `+01:00`.
    fn zone(&mut self, text: &Text<'_>, is_stamp: bool) {
        if self.proof != Proof::None {
            return;
        }
        let is_named = text.is_word(self.to, &["utc", "gmt"]) || (text.word(self.to) == "z" && text.is_glued(self.to));
        let sign = self.to + usize::from(is_named);
        let offset = offset(text, sign).filter(|_| is_named || is_stamp || text.mark(sign) == Some('+'));
        match offset {
            Some((to, seconds)) => (self.to, self.zone) = (to, Some(seconds)),
            None if is_named => (self.to, self.zone) = (sign, Some(0)),
            None => {}
        }
    }
}

/// The offset that is written right behind a time: `+01:00`, `-0800`, `+2`.
fn offset(text: &Text<'_>, at: usize) -> Option<(usize, i32)> {
    let is_behind = match text.glued_mark(at)? {
        '+' => false,
        '-' | '−' => true,
        _ => return None,
    };
    let hour = at + 1;
    if !text.is_glued(hour) {
        return None;
    }
    let is_parted = text.glued_mark(at + 2) == Some(':') && text.is_glued(at + 3);
    let (to, hours, minutes) = match (text.number(hour, 1, 2), text.number(hour, 4, 4)) {
        (Some(hours), _) if is_parted => (at + 4, hours, text.number(at + 3, 2, 2)?),
        (Some(hours), _) => (at + 2, hours, 0),
        (None, Some(both)) => (at + 2, both / 100, both % 100),
        _ => return None,
    };
    let seconds = i32::try_from(hours * 3600 + minutes * 60).ok().filter(|_| hours < 15 && minutes < 60)?;
    Some((to, if is_behind { -seconds } else { seconds }))
}

/// `am`, `p.m.`: the token behind it, and whether it is the afternoon.
fn half_sign(text: &Text<'_>, at: usize) -> Option<(usize, bool)> {
    match text.word(at) {
        "am" => return Some((at + 1, false)),
        "pm" => return Some((at + 1, true)),
        "a" | "p" => {}
        _ => return None,
    }
    let is_dotted = text.glued_mark(at + 1) == Some('.') && text.is_glued(at + 2) && text.word(at + 2) == "m";
    let end = at + 3 + usize::from(text.glued_mark(at + 3) == Some('.'));
    is_dotted.then_some((end, text.word(at) == "p"))
}

/// Whether an `am` at `at` is the German preposition, as in `Drucker 3 am Empfang`: a noun follows, and nothing before the
/// number at `from` says that it is an hour.
fn is_german(text: &Text<'_>, from: usize, at: usize) -> bool {
    const ENGLISH: &[&str] = &["at", "about", "around", "since", "from", "by", "after", "before", "until", "till"];
    let is_day = text.is_word(at + 1, &["i", "today", "yesterday"]) || text.word(at + 1).ends_with("day");
    let is_noun = !text.is_glued(at) && text.is_capital(at + 1) && !text.is_capital(at) && !is_day;
    is_noun && !text.is_word(from.wrapping_sub(1), ENGLISH)
}

/// `noon`, `midnight`.
fn named(text: &Text<'_>, at: usize) -> Option<Clock> {
    let is_midnight = match text.word(at) {
        "noon" | "midday" => false,
        "midnight" => true,
        _ => return None,
    };
    let clock = Clock::new(at, at + 1, if is_midnight { 0 } else { 12 }, 0)?;
    Some(Clock { is_sure: true, is_hour: true, is_midnight, ..clock })
}

/// The hour that a number or a word is, when somebody says it.
fn hour(text: &Text<'_>, at: usize) -> Option<u32> {
    let word = number::word(text, at).filter(|hour| *hour <= 12);
    word.or_else(|| text.number(at, 1, 2).filter(|hour| (1..24).contains(hour)))
}

/// `half past ten`, `quarter to 11`, `ten to three`, `9 o'clock`, `halb 11`, `nine`.
fn spoken(text: &Text<'_>, at: usize) -> Option<Clock> {
    if let Some(clock) = past(text, at) {
        return Some(clock);
    }
    if text.word(at) == "halb" {
        return sounding(at, at + 2, hour(text, at + 1)?, -30);
    }
    let hour = hour(text, at).filter(|_| !text.word(at).is_empty())?;
    let is_clock = text.is_word(at + 1, &["o'clock", "oclock"]);
    // "at one" is seldom a time.
    let is_half = half_sign(text, at + 1).is_some();
    let clock = Clock { is_hour: true, proof: Proof::Hour, ..Clock::new(at, at + 1, hour, 0)?.twelve() };
    (hour > 1 || is_clock || is_half).then_some(clock)
}

/// So many minutes past an hour, or to it.
fn sounding(from: usize, to: usize, hour: u32, past: i32) -> Option<Clock> {
    let minutes = u32::try_from(i32::try_from(hour * 60).ok()? + past).ok()?;
    let clock = Clock::new(from, to, minutes / 60, minutes % 60)?;
    // A quarter to one is as much on a clock of twelve hours as one itself.
    Some(Clock { is_sure: hour > 12, ..clock }.twelve())
}

/// Minutes past or to an hour.
fn past(text: &Text<'_>, at: usize) -> Option<Clock> {
    let (minutes, sign) = part_of_hour(text, at)?;
    let is_quarter = text.word(sign - 1) == "quarter";
    let is_past = match text.word(sign) {
        "past" => true,
        "after" if is_quarter => true,
        "before" | "of" if is_quarter => false,
        "to" if !text.is_number(at) && text.word(at) != "half" => false,
        _ => return None,
    };
    let clock = sounding(at, sign + 2, hour(text, sign + 1)?, if is_past { minutes } else { -minutes })?;
    Some(Clock { proof: if is_past || is_quarter { Proof::None } else { Proof::Hour }, ..clock })
}

/// `half`, `a quarter`, `twenty-five minutes`: how many minutes, and the token behind it.
fn part_of_hour(text: &Text<'_>, at: usize) -> Option<(i32, usize)> {
    match text.word(at) {
        "half" => return Some((30, at + 1)),
        "a" if text.word(at + 1) == "quarter" => return Some((15, at + 2)),
        "quarter" => return Some((15, at + 1)),
        _ => {}
    }
    let spelled = number::spelled(text, at).filter(|(minutes, _)| matches!(minutes, 5 | 10 | 20 | 25));
    let digits = || Some((text.number(at, 1, 2).filter(|minutes| (1..30).contains(minutes))?, at + 1));
    let (minutes, to) = spelled.or_else(digits)?;
    Some((i32::try_from(minutes).ok()?, to + usize::from(text.is_word(to, &["minutes", "min"]))))
}

/// `10:40`, `10:40:12`, `10.40`, `10h40`, `9`.
fn written(text: &Text<'_>, at: usize) -> Option<Clock> {
    let hour = text.number(at, 1, 2).filter(|hour| *hour < 24)?;
    let is_padded = text.is_padded(at);
    let minute = text.number(at + 2, 2, 2).filter(|_| text.is_glued(at + 1) && text.is_glued(at + 2));
    let is_part = text.is_glued(at + 2) && text.is_number(at + 2);
    let sure = |clock: Clock| Clock { is_sure: clock.is_sure || is_padded, ..clock };
    match (text.glued_mark(at + 1), minute) {
        (Some(':'), Some(minute)) => seconds(text, sure(Clock::new(at, at + 3, hour, minute)?)),
        (Some('.'), Some(minute)) => Some(Clock { proof: Proof::Point, ..sure(Clock::new(at, at + 3, hour, minute)?) }),
        (Some(':' | '.'), None) if is_part => None,
        (None, Some(minute)) if text.word(at + 1) == "h" => Some(sure(Clock::new(at, at + 3, hour, minute)?)),
        _ => {
            let is_span = text.is_glued(at + 1) && text.word(at + 1) == "h";
            let proof = if is_span { Proof::Span } else { Proof::Hour };
            let clock = sure(Clock::new(at, at + 1 + usize::from(is_span), hour, 0)?);
            Some(Clock { is_hour: true, proof, ..clock.twelve() })
        }
    }
}

/// Reads the seconds and what is smaller.
fn seconds(text: &Text<'_>, mut clock: Clock) -> Option<Clock> {
    if text.glued_mark(clock.to) != Some(':') || !text.is_glued(clock.to + 1) {
        return Some(clock);
    }
    clock.seconds = text.number(clock.to + 1, 2, 2).filter(|seconds| *seconds < 60)?;
    clock.to += 2;
    let is_fraction = matches!(text.glued_mark(clock.to), Some('.' | ',')) && text.is_glued(clock.to + 1);
    if is_fraction && text.is_number(clock.to + 1) {
        clock.to += 2;
    }
    Some(clock)
}
