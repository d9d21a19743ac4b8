//! Words, numbers and signs.

/// What is beyond this many characters is not read: an incident is told at the beginning.
const READ_CHARS_MAX: usize = 4000;

/// Signs that may touch the beginning of a time.
const OPENING: &str = "([{\"'“„‘’«»~≈>*=,;!?–—@|`";

/// Signs that may touch its end.
const CLOSING: &str = ",;!?)]}\"'“”‘’«»<*…–—|`";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    /// A run of ASCII digits and its value.
    Number(u32),
    Mark(char),
}

#[derive(Debug)]
struct Token {
    kind: Kind,
    /// In lower case; nothing unless it is a word.
    word: String,
    from: usize,
    to: usize,
}

/// A text in tokens. A token that is not there is no word, no number and no sign, whatever its number.
#[derive(Debug)]
pub(super) struct Text<'a> {
    text: &'a str,
    tokens: Vec<Token>,
}

impl<'a> Text<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let end = text.char_indices().nth(READ_CHARS_MAX).map_or(text.len(), |(end, _)| end);
        let text = &text[..end];
        let mut tokens = Vec::new();
        let mut from = 0;
        while let Some(letter) = text[from..].chars().next() {
            let to = from + run(&text[from..]).max(letter.len_utf8());
            tokens.extend(token(text, from, to));
            from = to;
        }
        Self { text, tokens }
    }

    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// The word at `at` in lower case, or nothing.
    pub(super) fn word(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| &token.word)
    }

    pub(super) fn is_word(&self, at: usize, words: &[&str]) -> bool {
        let word = self.word(at);
        !word.is_empty() && words.contains(&word)
    }

    /// The same, without its genitive: `yesterday's crash`.
    pub(super) fn stem(&self, at: usize) -> &str {
        let word = self.word(at);
        word.strip_suffix("'s").unwrap_or(word)
    }

    /// Whether these words follow each other from `at` on.
    pub(super) fn is_phrase(&self, at: usize, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(place, word)| self.word(at + place) == *word)
    }

    /// Whether a word begins with a capital.
    pub(super) fn is_capital(&self, at: usize) -> bool {
        !self.word(at).is_empty() && self.letters(at).starts_with(char::is_uppercase)
    }

    /// The sign at `at`.
    pub(super) fn mark(&self, at: usize) -> Option<char> {
        match self.tokens.get(at)?.kind {
            Kind::Mark(mark) => Some(mark),
            _ => None,
        }
    }

    /// The number at `at`, if it has so many digits.
    pub(super) fn number(&self, at: usize, least: usize, most: usize) -> Option<u32> {
        match self.tokens.get(at)?.kind {
            Kind::Number(number) => Some(number).filter(|_| (least..=most).contains(&self.letters(at).len())),
            _ => None,
        }
    }

    pub(super) fn is_number(&self, at: usize) -> bool {
        self.number(at, 1, usize::MAX).is_some()
    }

    /// Whether a number is written with a zero in front of its other digit.
    pub(super) fn is_padded(&self, at: usize) -> bool {
        self.is_number(at) && self.letters(at).len() == 2 && self.letters(at).starts_with('0')
    }

    /// Whether a token touches the one before it.
    pub(super) fn is_glued(&self, at: usize) -> bool {
        let before = at.checked_sub(1).and_then(|before| self.tokens.get(before));
        before.zip(self.tokens.get(at)).is_some_and(|(before, token)| before.to == token.from)
    }

    /// The sign at `at` if it touches the token before it.
    pub(super) fn glued_mark(&self, at: usize) -> Option<char> {
        self.mark(at).filter(|_| self.is_glued(at))
    }

    /// Whether something that stands by itself can begin here: not within `10.0.2`, `PC-10`, `fe80::10:40`.
    pub(super) fn opens(&self, at: usize) -> bool {
        if !self.is_glued(at) {
            return true;
        }
        match self.mark(at - 1) {
            Some('-') => !self.is_glued(at - 1),
            Some(mark) => OPENING.contains(mark),
            None => false,
        }
    }

    /// Whether something that stands by itself can have ended before `at`: not within `10:40.5`, `10.40€`, `10:40:aa`.
    pub(super) fn closes(&self, at: usize) -> bool {
        if !self.is_glued(at) {
            return true;
        }
        match self.mark(at) {
            Some('.' | ':') => !self.is_glued(at + 1) || self.mark(at + 1).is_some_and(|mark| CLOSING.contains(mark)),
            Some(',') => !(self.is_glued(at + 1) && self.is_number(at + 1)) || self.glued_mark(at + 2) == Some(':'),
            Some('-') => !self.is_glued(at + 1) || !self.word(at + 1).is_empty(),
            Some(mark) => CLOSING.contains(mark),
            None => false,
        }
    }

    /// Whether a sentence, or the half of one, ends with this token.
    pub(super) fn is_stop(&self, at: usize) -> bool {
        match self.mark(at) {
            Some('\n' | ';') => true,
            Some('.' | '!' | '?') => !self.is_glued(at + 1),
            _ => self.word(at) == "but",
        }
    }

    /// What is written from one token to before another, on one line.
    pub(super) fn quote(&self, from: usize, to: usize) -> String {
        let last = to.checked_sub(1).and_then(|last| self.tokens.get(last));
        let span = self.tokens.get(from).zip(last).and_then(|(first, last)| self.text.get(first.from..last.to));
        span.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn letters(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| &self.text[token.from..token.to])
    }
}

/// How many bytes of the same kind a text begins with.
fn run(text: &str) -> usize {
    let first = text.chars().next().unwrap_or(' ');
    let end = |is_part: &dyn Fn(char) -> bool| text.find(|letter| !is_part(letter)).unwrap_or(text.len());
    if first.is_whitespace() {
        end(&char::is_whitespace)
    } else if first.is_ascii_digit() {
        end(&|letter| letter.is_ascii_digit())
    } else if first.is_alphabetic() {
        word_end(text)
    } else {
        first.len_utf8()
    }
}

/// Where the word ends that a text begins with; an apostrophe between letters belongs to it.
fn word_end(text: &str) -> usize {
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let is_next_letter = letters.peek().is_some_and(|(_, next)| next.is_alphabetic());
        if !(letter.is_alphabetic() || (matches!(letter, '\'' | '’') && is_next_letter)) {
            return at;
        }
    }
    text.len()
}

/// The token between two places; blanks are none, except where a paragraph ends, or an item of a list begins.
fn token(text: &str, from: usize, to: usize) -> Option<Token> {
    let letters = &text[from..to];
    let first = letters.chars().next()?;
    if first.is_whitespace() {
        let is_list = letters.contains('\n') && text[to..].starts_with(['-', '*', '•']);
        // It touches neither neighbour.
        let end = Token { kind: Kind::Mark('\n'), word: String::new(), from: usize::MAX, to: usize::MAX };
        return (is_list || letters.matches('\n').count() > 1).then_some(end);
    }
    let kind = if first.is_ascii_digit() {
        Kind::Number(letters.parse().unwrap_or(u32::MAX))
    } else if first.is_alphabetic() {
        Kind::Word
    } else {
        Kind::Mark(first)
    };
    let word = if kind == Kind::Word { letters.to_lowercase().replace('’', "'") } else { String::new() };
    Some(Token { kind, word, from, to })
}
