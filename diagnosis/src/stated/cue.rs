//! What the words around a time say about it.

mod words;

use self::words::{
    COUNTED, FOLLOWING, HEADS, INCIDENT, OTHER_NUMBERS, PLAN_NOUNS, PLAN_VERBS, SHAPED, SPANNING, SPANS, UNITS,
};
use super::token::Text;

/// So many words may lead to one time: `since at about 10:40`.
const LEADING_MAX: usize = 3;

/// So many tokens before a time are about it.
const CONTEXT_TOKENS: usize = 8;

/// So many tokens before a time say that it is the one when it happened.
const NEARBY_TOKENS: usize = 4;

/// An incident right before a time: `crashed again at`.
const TOLD_TOKENS: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lead {
    At,
    About,
    Since,
    From,
    Until,
    Between,
}

const LEADS: &[(&str, Lead)] = &[
    ("at", Lead::At),
    ("um", Lead::At),
    ("kl", Lead::At),
    ("klokken", Lead::At),
    ("om", Lead::At),
    ("à", Lead::At),
    ("about", Lead::About),
    ("around", Lead::About),
    ("circa", Lead::About),
    ("ca", Lead::About),
    ("approx", Lead::About),
    ("approximately", Lead::About),
    ("roughly", Lead::About),
    ("gegen", Lead::About),
    ("rond", Lead::About),
    ("vers", Lead::About),
    ("since", Lead::Since),
    ("seit", Lead::Since),
    ("from", Lead::From),
    ("von", Lead::From),
    ("ab", Lead::From),
    ("after", Lead::From),
    ("by", Lead::Until),
    ("until", Lead::Until),
    ("till", Lead::Until),
    ("before", Lead::Until),
    ("bis", Lead::Until),
    ("between", Lead::Between),
    ("zwischen", Lead::Between),
];

/// The words that lead to a time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cue {
    /// The first token that belongs to it.
    pub(super) from: usize,
    /// `about`: no more exact than that.
    pub(super) is_about: bool,
    /// `at`.
    is_at: bool,
    /// `since`.
    pub(super) is_since: bool,
    /// `by`, `until`.
    pub(super) is_until: bool,
    /// `from`.
    is_from: bool,
    pub(super) is_between: bool,
    is_any: bool,
}

impl Cue {
    /// The words that lead to the token at `at`.
    pub(super) fn of(text: &Text<'_>, at: usize) -> Self {
        let mut cue = Self { from: at, ..Self::default() };
        for _ in 0..LEADING_MAX {
            let Some((from, lead)) = lead_before(text, cue.from) else { break };
            cue.from = from;
            cue.is_any = true;
            match lead {
                Lead::At => cue.is_at = true,
                Lead::About => cue.is_about = true,
                Lead::Since => cue.is_since = true,
                Lead::From => cue.is_from = true,
                Lead::Between => cue.is_between = true,
                Lead::Until => cue.is_until = true,
            }
        }
        cue
    }

    /// Both together, for a time with its day.
    pub(super) fn with(self, other: Self) -> Self {
        Self {
            from: self.from.min(other.from),
            is_about: self.is_about || other.is_about,
            is_at: self.is_at || other.is_at,
            is_since: self.is_since || other.is_since,
            is_until: self.is_until || other.is_until,
            is_from: self.is_from || other.is_from,
            is_between: self.is_between || other.is_between,
            is_any: self.is_any || other.is_any,
        }
    }

    /// Whether it makes a time the one that is meant.
    pub(super) fn is_pointing(&self) -> bool {
        self.is_any && !self.is_until
    }

    /// Whether the time may as well be one that is to come.
    pub(super) fn is_open(&self) -> bool {
        self.is_at && !self.is_since
    }

    /// Whether a range of times can begin after it.
    pub(super) fn is_for_ranges(&self) -> bool {
        self.is_from || self.is_between
    }

    /// Whether a number with two digits behind a point is a time after it.
    pub(super) fn is_for_points(&self, text: &Text<'_>) -> bool {
        (self.is_at || self.is_about) && !self.is_counting(text)
    }

    /// Whether a whole number is an hour after it. `is_twelve`: it is one on a clock of twelve hours; what else is `about` a
    /// number is a count.
    pub(super) fn is_for_hours(&self, text: &Text<'_>, is_twelve: bool) -> bool {
        (self.is_at || self.is_since || (self.is_about && is_twelve)) && !self.is_counting(text)
    }

    /// Whether an hour that is written `10h` is a time after it, and no duration.
    pub(super) fn is_for_spans(&self, text: &Text<'_>) -> bool {
        self.is_at && !self.is_about && !self.is_counting(text)
    }

    fn is_counting(&self, text: &Text<'_>) -> bool {
        let before = self.from.wrapping_sub(1);
        text.is_word(before, COUNTED) || text.is_word(before, SPANNING)
    }
}

/// The word or sign that leads to the token at `at`, and where it begins: `about`, `ca.`, `~`.
fn lead_before(text: &Text<'_>, at: usize) -> Option<(usize, Lead)> {
    let before = at.checked_sub(1)?;
    match text.mark(before) {
        Some('~' | '≈') => return Some((before, Lead::About)),
        Some('@') if !text.is_glued(before) => return Some((before, Lead::At)),
        _ => {}
    }
    let word = if text.mark(before) == Some('.') && text.is_glued(before) { before.checked_sub(1)? } else { before };
    let is_short = word == before || text.is_word(word, &["ca", "approx", "kl"]);
    let (_, lead) = LEADS.iter().find(|(lead, _)| *lead == text.word(word) && is_short)?;
    Some((word, *lead))
}

/// What is said around a time, in the same sentence.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Context {
    /// Something happened, a few words before or behind.
    pub(super) is_nearby: bool,
    /// Something happened, right before.
    pub(super) is_told: bool,
    /// The time is that of a meeting, or of something that somebody wants.
    pub(super) is_plan: bool,
}

impl Context {
    /// What is said around the words from `at` to before `to`.
    pub(super) fn of(text: &Text<'_>, at: usize, to: usize) -> Self {
        let before = || (at.saturating_sub(CONTEXT_TOKENS)..at).rev().take_while(|token| !text.is_stop(*token));
        let incident = before().find(|token| text.is_word(*token, INCIDENT));
        let verb = before().find(|token| text.is_word(*token, PLAN_VERBS));
        let has_noun = before().any(|token| text.is_word(token, PLAN_NOUNS));
        let mut after =
            (to..to + NEARBY_TOKENS).take_while(|token| !text.is_stop(*token) && text.mark(*token) != Some(','));
        let is_next = after.any(|token| text.is_word(token, INCIDENT));
        let is_within = |tokens: usize| incident.is_some_and(|token| at - token <= tokens);
        Self {
            is_nearby: is_next || is_within(NEARBY_TOKENS),
            is_told: is_within(TOLD_TOKENS),
            is_plan: if incident.is_some() || verb.is_some() { verb > incident } else { has_noun },
        }
    }
}

/// Whether a time that ends before `to` is a ratio, a duration, a line of a file or the like. `is_wide`: it reads 16:10.
pub(super) fn is_other(text: &Text<'_>, cue: &Cue, to: usize, is_wide: bool) -> bool {
    let before = cue.from.wrapping_sub(1);
    let is_signed = matches!(text.mark(before), Some(':' | '#'));
    let named = if is_signed { before.wrapping_sub(1) } else { before };
    let is_named = !cue.is_any && (text.is_word(named, OTHER_NUMBERS) || text.mark(before) == Some('#'));
    let is_span = text.is_word(named, SPANNING) || text.is_word(to, SPANS);
    let mut around = (before.saturating_sub(NEARBY_TOKENS)..=before).chain([to]);
    let is_shape = is_wide && !cue.is_any && around.any(|token| text.is_word(token, SHAPED));
    is_named || (!cue.is_open() && is_span) || is_shape || (is_wide && text.is_word(to, &["ratio", "aspect"]))
}

/// Whether no unit follows, so that a number with two digits behind a point can be a time.
pub(super) fn is_unitless(text: &Text<'_>, to: usize) -> bool {
    !text.is_word(to, UNITS) && !is_joined(text, to)
}

/// Whether what follows leaves a number alone, so that it can be an hour: no `users`, `GB`, `%`, `and 6`.
pub(super) fn is_alone(text: &Text<'_>, to: usize) -> bool {
    if text.word(to).is_empty() {
        let is_listed = text.mark(to) == Some(',') && text.is_number(to + 1);
        return !is_listed && !is_joined(text, to) && !matches!(text.glued_mark(to), Some('"' | '”' | '\''));
    }
    let is_more = text.word(to) == "and" && (text.is_number(to + 1) || text.word(to + 1) == "a");
    text.is_word(to, FOLLOWING) && !is_more
}

/// Whether a sign ties a number to what follows, or another number does.
fn is_joined(text: &Text<'_>, to: usize) -> bool {
    let is_sign = matches!(text.mark(to), Some('%' | '/' | '°' | '€' | '$' | '£' | '#' | '+' | '&' | '×'));
    let is_dash = matches!(text.mark(to), Some('-' | '–' | '—'));
    is_sign || text.is_number(to) || (is_dash && text.is_number(to + 1))
}

/// Whether a line of a mail says when it was sent: `Sent: Monday 10:45`, `On Monday at 10:45 Alice wrote:`.
pub(super) fn is_letterhead(text: &Text<'_>, from: usize, to: usize) -> bool {
    let is_head = text.mark(from.wrapping_sub(1)) == Some(':') && text.is_word(from.wrapping_sub(2), HEADS);
    let mut after = (to..to.saturating_add(CONTEXT_TOKENS)).take_while(|token| text.mark(*token) != Some('\n'));
    is_head || after.any(|token| text.is_word(token, &["wrote", "schrieb"]) && text.mark(token + 1) == Some(':'))
}
