use std::collections::BTreeMap;

use firstline_diagnosis::vocabulary::Value;

/// Longest text of an attribute or field. What is longer was not what a rule expected.
const CHARACTERS_MAX: usize = 64;

/// What a line means: an event of the registry, still without its time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    /// The event's signal.
    pub(crate) signal: &'static str,
    /// What tells it apart.
    pub(crate) attributes: BTreeMap<&'static str, String>,
    /// What describes it.
    pub(crate) fields: BTreeMap<&'static str, Value>,
    /// How often the line says that it happened.
    pub(crate) count: u32,
}

impl Found {
    /// An event of `signal`.
    pub(crate) fn new(signal: &'static str) -> Self {
        Self { signal, attributes: BTreeMap::new(), fields: BTreeMap::new(), count: 1 }
    }

    /// With an attribute.
    pub(crate) fn of(mut self, name: &'static str, value: &str) -> Self {
        self.attributes.insert(name, short(value));
        self
    }

    /// With a text.
    pub(crate) fn text(mut self, name: &'static str, value: &str) -> Self {
        self.fields.insert(name, Value::Text(short(value)));
        self
    }

    /// With a number.
    pub(crate) fn number(mut self, name: &'static str, value: f64) -> Self {
        self.fields.insert(name, Value::Number(value));
        self
    }

    /// With a yes or no.
    pub(crate) fn flag(mut self, name: &'static str, value: bool) -> Self {
        self.fields.insert(name, Value::Flag(value));
        self
    }

    /// That happened `count` times.
    pub(crate) fn times(mut self, count: u32) -> Self {
        self.count = count.max(1);
        self
    }
}

fn short(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(CHARACTERS_MAX).collect()
}

/// What stands in `line` between `before` and `after`; the nearest such piece.
pub(super) fn between<'a>(line: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let rest = line.split_once(before)?.1;
    rest.split_once(after).map(|(piece, _)| piece)
}

/// What follows `before` up to the next white space, comma, colon or closing bracket.
pub(super) fn word_after<'a>(line: &'a str, before: &str) -> Option<&'a str> {
    let rest = line.split_once(before)?.1;
    let word = rest.split([' ', '\t', ',', ':', ')', ']', ';']).next()?;
    (!word.is_empty()).then_some(word)
}

/// The last word of `text`.
pub(super) fn last_word(text: &str) -> Option<&str> {
    text.split_whitespace().next_back()
}

/// `text` when it can be the name of a device, an adapter or a driver: letters, digits and few signs, not long.
pub(super) fn name(text: &str) -> Option<&str> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-.!".contains(letter);
    (!text.is_empty() && text.len() <= 32 && text.chars().all(plain)).then_some(text)
}

/// The base name of a program: what follows the last slash, when it can be one.
pub(super) fn program(path: &str) -> Option<&str> {
    let base = path.rsplit('/').next()?.trim();
    let plain = |letter: char| !letter.is_control() && !letter.is_whitespace();
    (!base.is_empty() && base.chars().all(plain)).then_some(base)
}
