//! Days and parts of days, as they are written.

use jiff::civil::Date;
use jiff::tz::Offset;

use super::ago;
use super::cue::Cue;
use super::token::Text;

/// Seconds.
pub(super) const DAY: i64 = 86_400;
pub(super) const HALF_DAY: i64 = DAY / 2;

/// Until this hour the evening before is still `tonight`.
const NIGHT_HOURS: i64 = 5;

/// What is older than so many days, or ahead, was written in the other order: `11/10` is a day of October or of November.
const RECENT_DAYS: i64 = 14;

/// What is older than so many days is no date with two digits of its year, but a version: `10.11.12`.
const SHORT_DAYS: i64 = 366;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

const GERMAN_MONTHS: [&str; 12] = [
    "januar",
    "februar",
    "märz",
    "april",
    "mai",
    "juni",
    "juli",
    "august",
    "september",
    "oktober",
    "november",
    "dezember",
];

const WEEKDAYS: [(&str, &str); 7] = [
    ("monday", "montag"),
    ("tuesday", "dienstag"),
    ("wednesday", "mittwoch"),
    ("thursday", "donnerstag"),
    ("friday", "freitag"),
    ("saturday", "samstag"),
    ("sunday", "sonntag"),
];

/// A part of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Morning,
    /// From noon to midnight.
    Afternoon,
    /// From the evening to the small hours of the next day.
    Night,
}

/// A day, or a part of one, as somebody's words name it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Day {
    /// The first token of it.
    pub(super) from: usize,
    /// The token behind it.
    pub(super) to: usize,
    /// Days since 1970, on the calendar of the people there. Nothing for `in the morning`.
    pub(super) days: Option<i64>,
    /// `Monday`: the one before will do as well.
    pub(super) is_weekday: bool,
    pub(super) part: Option<Part>,
    /// Too short to be a day unless a time is beside it: `Sun`, `21.11.`, `11/21`.
    pub(super) is_weak: bool,
    /// No day that is past and known: `tomorrow`, `last week`.
    pub(super) is_unclear: bool,
    /// Written as in RFC 3339.
    pub(super) is_stamp: bool,
}

/// The day on which the words were written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Today {
    /// Days since 1970.
    days: i64,
    year: i16,
    month: u32,
    hour: i64,
}

impl Today {
    /// The day of so many seconds since 1970, on the clock of the people there. Nothing beyond the calendar.
    pub(super) fn of(local: i64) -> Option<Self> {
        let at = Offset::UTC.to_datetime(jiff::Timestamp::from_second(local).ok()?);
        let month = u32::try_from(at.month()).ok()?;
        Some(Self { days: local.div_euclid(DAY), year: at.year(), month, hour: local.rem_euclid(DAY) / 3600 })
    }

    /// The evening that is or was the last one.
    fn evening(self) -> i64 {
        self.days - i64::from(self.hour < NIGHT_HOURS)
    }

    /// The last such day of a week that begins on Monday.
    fn weekday(self, weekday: i64) -> i64 {
        // The first day of 1970 was a Thursday.
        self.days - (self.days + 3 - weekday).rem_euclid(7)
    }

    /// The last such day of a year, if no year is written.
    fn date(self, day: u32, month: u32, year: Option<u32>) -> Option<i64> {
        let written = year.map(|year| if year < 100 { year + 2000 } else { year });
        if let Some(year) = written {
            return days(i16::try_from(year).ok()?, month, day);
        }
        let this = days(self.year, month, day).filter(|days| *days <= self.days);
        this.or_else(|| days(self.year - 1, month, day))
    }

    /// The last day with such a number, this month or the one before.
    fn day_of_month(self, day: u32) -> Option<i64> {
        let this = days(self.year, self.month, day).filter(|days| *days <= self.days);
        let (year, month) = if self.month > 1 { (self.year, self.month - 1) } else { (self.year - 1, 12) };
        this.or_else(|| days(year, month, day))
    }

    fn is_within(self, days: i64, ago_max: i64) -> bool {
        (0..=ago_max).contains(&(self.days - days))
    }
}

/// Days since 1970.
fn days(year: i16, month: u32, day: u32) -> Option<i64> {
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    Some(Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?.as_second().div_euclid(DAY))
}

impl Day {
    /// The day that is named from `at` on.
    pub(super) fn read(text: &Text<'_>, at: usize, today: Today) -> Option<Self> {
        if !text.opens(at) {
            return None;
        }
        let ago = ago::days(text, at).map(|(days, to)| Self::on(today.days - days, to));
        let day = if text.is_number(at) {
            let digits = stamp(text, at).or_else(|| dotted(text, at, today)).or_else(|| slashed(text, at, today));
            digits.or_else(|| day_first(text, at, today))
        } else {
            let words = weekday(text, at, today).or_else(|| relative(text, at, today));
            words.or_else(|| month_first(text, at, today))
        };
        let day = ago.or(day)?;
        let is_timed = day.is_stamp && text.word(day.to) == "t" && text.is_glued(day.to + 1);
        (is_timed || text.closes(day.to)).then_some(Self { from: at, ..day })
    }

    fn on(days: i64, to: usize) -> Self {
        Self { days: Some(days), to, ..Self::default() }
    }

    /// With the part of it that is named behind it.
    fn with_part(self, text: &Text<'_>) -> Self {
        part(text.stem(self.to)).map_or(self, |part| Self { part: Some(part), to: self.to + 1, ..self })
    }

    /// Both: what the nearer of them does not say is as the other says.
    pub(super) fn or(self, other: Self) -> Self {
        let known = if self.days.is_some() { self } else { other };
        Self {
            days: known.days,
            is_weekday: known.is_weekday,
            part: self.part.or(other.part),
            is_unclear: self.is_unclear || other.is_unclear,
            ..self
        }
    }
}

fn part(word: &str) -> Option<Part> {
    match word {
        "morning" | "morgen" | "früh" | "vormittag" => Some(Part::Morning),
        "afternoon" | "evening" | "nachmittag" | "abend" => Some(Part::Afternoon),
        "night" | "nacht" => Some(Part::Night),
        _ => None,
    }
}

/// `2026-11-21`, `2026/11/21`.
fn stamp(text: &Text<'_>, at: usize) -> Option<Day> {
    let mark = text.glued_mark(at + 1).filter(|mark| matches!(mark, '-' | '/'))?;
    let is_whole = text.glued_mark(at + 3) == Some(mark) && text.is_glued(at + 2) && text.is_glued(at + 4);
    let year = i16::try_from(text.number(at, 4, 4)?).ok()?;
    let days = days(year, text.number(at + 2, 1, 2)?, text.number(at + 4, 1, 2)?)?;
    is_whole.then_some(Day { is_stamp: true, ..Day::on(days, at + 5) })
}

/// `21.11.2026`, `21.11.26`, `21.11.`
fn dotted(text: &Text<'_>, at: usize, today: Today) -> Option<Day> {
    let is_dotted =
        text.glued_mark(at + 1) == Some('.') && text.is_glued(at + 2) && text.glued_mark(at + 3) == Some('.');
    let (day, month) = (text.number(at, 1, 2)?, text.number(at + 2, 1, 2)?);
    let year = year_behind(text, at + 4);
    let days = today.date(day, month, year).filter(|_| is_dotted)?;
    let is_weak = year.is_none_or(|year| year < 100);
    // `at 10.12.` ends a sentence.
    let is_time = year.is_none() && Cue::of(text, at).is_for_points(text);
    let is_version = year.is_some() && is_weak && !today.is_within(days, SHORT_DAYS);
    (!is_time && !is_version).then_some(Day { is_weak, ..Day::on(days, at + 4 + usize::from(year.is_some())) })
}

/// `11/21/2026`, `21/11/26`, `11/21`: of both orders the one that is a day not long ago.
fn slashed(text: &Text<'_>, at: usize, today: Today) -> Option<Day> {
    let is_slashed = text.glued_mark(at + 1) == Some('/') && text.is_glued(at + 2);
    let (one, two) = (text.number(at, 1, 2)?, text.number(at + 2, 1, 2).filter(|_| is_slashed)?);
    let year = if text.glued_mark(at + 3) == Some('/') { Some(year_behind(text, at + 4)?) } else { None };
    let orders = [today.date(one, two, year), today.date(two, one, year)];
    let recent = orders.iter().flatten().find(|days| today.is_within(**days, RECENT_DAYS));
    let days = *recent.or_else(|| orders.iter().flatten().next())?;
    Some(Day { is_weak: year.is_none(), ..Day::on(days, at + if year.is_some() { 5 } else { 3 }) })
}

/// A year of four or two digits that touches what is before it.
fn year_behind(text: &Text<'_>, at: usize) -> Option<u32> {
    text.number(at, 4, 4).or_else(|| text.number(at, 2, 2)).filter(|_| text.is_glued(at))
}

/// `21 Nov`, `21st of November 2026`, `21. November`, `the 21st`.
fn day_first(text: &Text<'_>, at: usize, today: Today) -> Option<Day> {
    let day = text.number(at, 1, 2)?;
    let mut next = ordinal(text, at + 1);
    let alone = (next > at + 1).then_some(next);
    next += usize::from(text.glued_mark(next) == Some('.'));
    next += usize::from(text.word(next) == "of");
    // "3 may have failed" is no day.
    let is_verb = !text.is_capital(next) && text.is_word(next + 1, &["be", "have", "not", "need", "also", "still"]);
    match month(text, next).filter(|_| !is_verb) {
        Some(month) => with_year(text, next + 1, today, day, month),
        None => Some(Day { is_weak: true, ..Day::on(today.day_of_month(day)?, alone?) }),
    }
}

/// `Nov 21`, `November 21st, 2026`.
fn month_first(text: &Text<'_>, at: usize, today: Today) -> Option<Day> {
    let month = month(text, at).filter(|_| text.is_capital(at) || !text.is_word(at, &["may", "march"]))?;
    let at = at + 1 + usize::from(text.glued_mark(at + 1) == Some('.'));
    if text.number(at, 4, 4).is_some() {
        return Some(Day { to: at + 1, is_unclear: true, ..Day::default() });
    }
    let day = text.number(at, 1, 2)?;
    let is_time = matches!(text.glued_mark(at + 1), Some(':' | '.')) && text.is_glued(at + 2);
    with_year(text, ordinal(text, at + 1), today, day, month).filter(|_| !is_time)
}

/// What is behind `st`, `nd`, `rd`, `th`, if that is at `at`.
fn ordinal(text: &Text<'_>, at: usize) -> usize {
    at + usize::from(text.is_glued(at) && text.is_word(at, &["st", "nd", "rd", "th"]))
}

/// A day and its month, and the year if it is at `at`.
fn with_year(text: &Text<'_>, at: usize, today: Today, day: u32, month: u32) -> Option<Day> {
    let at = if text.glued_mark(at) == Some('.') && text.is_number(at + 1) { at + 1 } else { at };
    let place = at + usize::from(text.glued_mark(at) == Some(','));
    let year = text.number(place, 4, 4).filter(|year| (1970..2200).contains(year));
    let days = today.date(day, month, year)?;
    Some(Day::on(days, if year.is_some() { place + 1 } else { at }))
}

/// The number of the month that is named at `at`.
fn month(text: &Text<'_>, at: usize) -> Option<u32> {
    let word = text.word(at);
    let is_named =
        |name: &str| word == name || name.chars().take(3).eq(word.chars()) || (word == "sept" && name == "september");
    let month = (0..12).find(|month| is_named(MONTHS[*month]) || is_named(GERMAN_MONTHS[*month]))?;
    u32::try_from(month + 1).ok()
}

/// `Monday`, `last Monday evening`, `Mon`.
fn weekday(text: &Text<'_>, at: usize, today: Today) -> Option<Day> {
    let is_last = text.word(at) == "last";
    let at = at + usize::from(is_last || text.word(at) == "this");
    let word = text.stem(at);
    let is_short = |name: &str| text.is_capital(at) && matches!(word.len(), 3..=5) && name.starts_with(word);
    let is_named = |(english, german): &(&str, &str)| word == *english || word == *german || is_short(english);
    let weekday = WEEKDAYS.iter().position(is_named)?;
    let days = today.weekday(i64::try_from(weekday).ok()?);
    let days = if is_last && days == today.days { days - 7 } else { days };
    let is_weak = word.len() < 6;
    let to = at + 1 + usize::from(is_weak && text.glued_mark(at + 1) == Some('.'));
    Some(Day { is_weekday: true, is_weak, ..Day::on(days, to) }.with_part(text))
}

/// `yesterday`, `last night`, `this morning`, `in the morning`.
fn relative(text: &Text<'_>, at: usize, today: Today) -> Option<Day> {
    let back = |days: i64, to: usize| Some(Day::on(today.days - days, to).with_part(text));
    let unclear = |to: usize| Some(Day { to, is_unclear: true, ..Day::default() });
    let next_part = part(text.stem(at + 1));
    match text.stem(at) {
        "today" | "heute" => back(0, at + 1),
        "yesterday" | "gestern" => back(1, at + 1),
        "vorgestern" => back(2, at + 1),
        "the" if text.is_phrase(at, &["the", "day", "before", "yesterday"]) => back(2, at + 4),
        "day" if text.is_phrase(at, &["day", "before", "yesterday"]) => back(2, at + 3),
        "tomorrow" | "next" => unclear(at + 1),
        "last" if matches!(text.stem(at + 1), "week" | "month" | "year") => unclear(at + 2),
        "tonight" => Some(Day { part: Some(Part::Night), ..Day::on(today.evening(), at + 1) }),
        "last" if next_part.is_some() => Some(Day { part: next_part, ..Day::on(today.days - 1, at + 2) }),
        "this" if next_part == Some(Part::Morning) => back(0, at + 1),
        "this" if next_part.is_some() => Some(Day { part: next_part, ..Day::on(today.evening(), at + 2) }),
        "in" if text.word(at + 1) == "the" => {
            Some(Day { part: Some(part(text.word(at + 2))?), to: at + 3, ..Day::default() })
        }
        "at" if text.word(at + 1) == "night" => Some(Day { part: Some(Part::Night), to: at + 2, ..Day::default() }),
        _ => None,
    }
}
