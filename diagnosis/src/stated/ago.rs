//! Spans of time since something happened: `half an hour ago`.

use super::number;
use super::token::Text;

/// Beyond this the words name no moment. Far above what is answered, and small enough to be multiplied.
const AMOUNT_MAX: u32 = 10_000;

const MINUTE_SECONDS: u32 = 60;
const HOUR_SECONDS: u32 = 3600;

/// How exact people are, in seconds: with minutes, with an hour or two, with more.
const GIVE_MINUTES: u32 = 600;
const GIVE_HOUR: u32 = 1200;
const GIVE_HOURS: u32 = 1800;

/// How long ago.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ago {
    /// The token behind the words.
    pub(super) to: usize,
    pub(super) seconds: u32,
    pub(super) give_seconds: u32,
}

impl Ago {
    /// The span that is named from `at` on, with its `ago`.
    pub(super) fn read(text: &Text<'_>, at: usize) -> Option<Self> {
        if !text.opens(at) {
            return None;
        }
        let (mut seconds, mut to) = span(text, at)?;
        let more = to + usize::from(text.word(to) == "and");
        if let Some((minutes, end)) = span(text, more).filter(|(minutes, _)| *minutes < HOUR_SECONDS) {
            seconds = seconds.checked_add(minutes)?;
            to = end;
        }
        let give_seconds = match seconds {
            ..1800 => GIVE_MINUTES,
            1800..10_800 => GIVE_HOUR,
            _ => GIVE_HOURS,
        };
        to += if text.is_phrase(to, &["or", "so"]) { 2 } else { 0 };
        (text.word(to) == "ago").then_some(Self { to: to + 1, seconds, give_seconds })
    }
}

/// The days of `two days ago`, and the token behind it.
pub(super) fn days(text: &Text<'_>, at: usize) -> Option<(i64, usize)> {
    let (tenths, unit) = amount(text, at)?;
    let length = match text.word(unit) {
        "day" | "days" => 1,
        "week" | "weeks" => 7,
        "month" | "months" => 30,
        _ => return None,
    };
    let is_whole = tenths.is_multiple_of(10) && text.word(unit + 1) == "ago";
    is_whole.then_some((i64::from(tenths / 10) * length, unit + 2))
}

/// `an hour and a half`, `20 minutes`: seconds, and the token behind it.
fn span(text: &Text<'_>, at: usize) -> Option<(u32, usize)> {
    let (tenths, place) = amount(text, at)?;
    let unit = match text.word(place) {
        "minute" | "minutes" | "min" | "mins" => MINUTE_SECONDS,
        "hour" | "hours" | "hr" | "hrs" | "h" => HOUR_SECONDS,
        _ => return None,
    };
    let (half, place) = half_more(text, place + 1);
    Some(((tenths + half) * (unit / 10), place))
}

/// How many, in tenths: `20`, `1.5`, `half an`, `a couple of`, `one and a half`.
fn amount(text: &Text<'_>, at: usize) -> Option<(u32, usize)> {
    if text.word(at) == "half" {
        return Some((5, at + 1 + usize::from(text.is_word(at + 1, &["a", "an"]))));
    }
    let couple = at + usize::from(text.word(at) == "a");
    if text.word(couple) == "couple" {
        return Some((20, couple + 1 + usize::from(text.word(couple + 1) == "of")));
    }
    let article = text.is_word(at, &["a", "an"]).then_some((1, at + 1));
    let digits = || Some((text.number(at, 1, 5)?, at + 1));
    let (number, to) = article.or_else(|| number::spelled(text, at)).or_else(digits)?;
    let whole = (number < AMOUNT_MAX).then_some(number * 10)?;
    let is_parted = matches!(text.glued_mark(to), Some('.' | ',')) && text.is_glued(to + 1);
    if let Some(tenth) = text.number(to + 1, 1, 1).filter(|_| is_parted) {
        return Some((whole + tenth, to + 2));
    }
    let (half, place) = half_more(text, to);
    Some((whole + half, place))
}

/// Five tenths if `and a half` is at `at`, and the token behind it.
fn half_more(text: &Text<'_>, at: usize) -> (u32, usize) {
    if text.is_phrase(at, &["and", "a", "half"]) {
        (5, at + 3)
    } else if text.is_phrase(at, &["and", "half"]) {
        (5, at + 2)
    } else {
        (0, at)
    }
}
