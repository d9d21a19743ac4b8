//! A time with all that is said about it.

use super::cue::{self, Context, Cue};
use super::day::Day;
use super::scan::{Found, joined};
use super::token::Text;

/// So many tokens before a time a day may be named: `Yesterday my laptop froze at 10:40`.
const DAY_TOKENS: usize = 15;

/// The longest quotation, in bytes, that goes back to a day that stands apart.
const QUOTE_MAX: usize = 60;

/// Words that belong to a day.
const ARTICLES: &[&str] = &["on", "am", "the"];

/// A time in its sentence.
#[derive(Debug)]
pub(super) struct Phrase {
    /// The first token of the words.
    pub(super) from: usize,
    /// The token behind them.
    pub(super) to: usize,
    pub(super) cue: Cue,
    pub(super) day: Option<Day>,
    pub(super) context: Context,
    /// Something else than when it happened: a mail's head, a day that is not known.
    pub(super) is_other: bool,
}

impl Phrase {
    /// The words around the time at `place`.
    pub(super) fn around(text: &Text<'_>, found: &[Found], place: usize) -> Self {
        let time = found[place];
        let cue = Cue::of(text, time.from);
        let context = Context::of(text, cue.from, time.to);
        let mut phrase = Self { from: cue.from, to: time.to, cue, day: None, context, is_other: false };
        phrase.take_before(text, &found[..place]);
        phrase.take_after(text, &found[place + 1..]);
        let is_unclear = phrase.day.is_some_and(|day| day.is_unclear);
        phrase.is_other = is_unclear || cue::is_letterhead(text, phrase.from, phrase.to);
        if phrase.day.is_none_or(|day| day.days.is_none()) {
            phrase.take_apart(text, &found[..place]);
        }
        phrase
    }

    fn take(&mut self, day: Day) {
        self.day = Some(self.day.map_or(day, |nearer| nearer.or(day)));
    }

    /// The days right before the time: `on Monday, 23 November at`.
    fn take_before(&mut self, text: &Text<'_>, found: &[Found]) {
        for day in found.iter().rev().map_while(Found::day) {
            if !joined(text, day.to, self.from) {
                break;
            }
            self.take(day);
            self.begin_at(text, day.from);
        }
    }

    /// The days right behind it: `yesterday`, `on Monday in the morning`.
    fn take_after(&mut self, text: &Text<'_>, found: &[Found]) {
        for (place, one) in found.iter().enumerate() {
            let Some(day) = one.day() else { break };
            let is_own = day.from == self.to || !is_of_next(text, &day, found.get(place + 1));
            let is_more = self.day.is_none_or(|known| known.days.is_none() || day.days.is_none());
            if !joined(text, self.to, day.from) || !is_own || !is_more {
                break;
            }
            self.take(day);
            self.to = day.to;
        }
    }

    /// The day that the sentence named before.
    fn take_apart(&mut self, text: &Text<'_>, found: &[Found]) {
        let is_near = |day: &Day| {
            self.from.saturating_sub(day.to) <= DAY_TOKENS && !(day.to..self.from).any(|at| text.is_stop(at))
        };
        let days = found.iter().rev().filter_map(Found::day);
        let usable = |day: &Day| day.days.is_some() && !day.is_weak && !day.is_unclear;
        let Some(day) = days.take_while(is_near).find(usable) else { return };
        self.take(day);
        if text.quote(day.from, self.to).len() <= QUOTE_MAX {
            self.from = with_articles(text, day.from);
        }
    }

    /// Goes back to a day, with what leads to it.
    fn begin_at(&mut self, text: &Text<'_>, from: usize) {
        let cue = Cue::of(text, from);
        self.cue = self.cue.with(cue);
        self.from = with_articles(text, cue.from);
    }
}

/// Where the words begin that belong to a day: `on the`.
fn with_articles(text: &Text<'_>, from: usize) -> usize {
    let is_article = |at: usize| text.is_word(at.wrapping_sub(1), ARTICLES);
    from - usize::from(is_article(from)) - usize::from(is_article(from) && is_article(from - 1))
}

/// Whether a day belongs to the time behind it.
fn is_of_next(text: &Text<'_>, day: &Day, next: Option<&Found>) -> bool {
    next.is_some_and(|next| next.day().is_none() && joined(text, day.to, Cue::of(text, next.from).from))
}
