//! Numbers in words.

use super::token::Text;

const WORDS: &[(&str, u32)] = &[
    ("one", 1),
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("nine", 9),
    ("ten", 10),
    ("eleven", 11),
    ("twelve", 12),
    ("fifteen", 15),
    ("twenty", 20),
    ("thirty", 30),
    ("forty", 40),
    ("fifty", 50),
];

/// The number that a word is: `ten`.
pub(super) fn word(text: &Text<'_>, at: usize) -> Option<u32> {
    WORDS.iter().find(|(word, _)| *word == text.word(at)).map(|(_, number)| *number)
}

/// The number that one word is or two are, and the token behind it: `ten`, `twenty-five`, `thirty five`.
pub(super) fn spelled(text: &Text<'_>, at: usize) -> Option<(u32, usize)> {
    let number = word(text, at)?;
    let place = at + 1 + usize::from(text.glued_mark(at + 1) == Some('-'));
    let ones = word(text, place).filter(|ones| number >= 20 && *ones < 10);
    Some(ones.map_or((number, at + 1), |ones| (number + ones, place + 1)))
}
