use super::unit::Unit;

/// A fault in a condition, at a byte offset of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Byte offset into the condition's text.
    pub(crate) offset: usize,
    /// What is wrong, and what may have been meant.
    pub(crate) reason: String,
}

impl Fault {
    pub(super) fn new(offset: usize, reason: impl Into<String>) -> Self {
        Self { offset, reason: reason.into() }
    }
}

/// One word of a condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A number with its unit, when it has one.
    Number(f64, Option<Unit>),
    Text(String),
    Name(String),
    /// An operator, a bracket or a comma.
    Sign(&'static str),
    End,
}

/// A token and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lexeme {
    pub(super) token: Token,
    pub(super) offset: usize,
    pub(super) end: usize,
}

/// Longer ones first.
const SIGNS: [&str; 13] = ["<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "(", ")", ","];

/// Words that never name a unit or an input.
pub(super) const WORDS: [&str; 7] = ["and", "or", "not", "on", "of", "true", "false"];

/// Cuts a condition into tokens; the last one is `End`.
pub(super) fn lex(text: &str) -> Result<Vec<Lexeme>, Fault> {
    let mut lexemes = Vec::new();
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        let start = at;
        let token = if letter.is_whitespace() {
            at += letter.len_utf8();
            continue;
        } else if letter == '#' {
            at += text[at..].find('\n').unwrap_or(text.len() - at);
            continue;
        } else if letter.is_ascii_digit() {
            number(text, &mut at)?
        } else if is_name_start(letter) {
            Token::Name(take_while(text, &mut at, is_name_part).to_owned())
        } else if letter == '"' {
            quoted(text, &mut at)?
        } else if let Some(sign) = SIGNS.into_iter().find(|sign| text[at..].starts_with(sign)) {
            at += sign.len();
            Token::Sign(sign)
        } else {
            return Err(Fault::new(at, format!("{letter:?} has no meaning here{}", sign_hint(letter))));
        };
        lexemes.push(Lexeme { token, offset: start, end: at });
    }
    lexemes.push(Lexeme { token: Token::End, offset: text.len(), end: text.len() });
    Ok(lexemes)
}

fn sign_hint(letter: char) -> &'static str {
    match letter {
        '=' => "; did you mean ==?",
        '!' => "; did you mean not or !=?",
        '&' => "; did you mean and?",
        '|' => "; did you mean or?",
        '\'' => "; texts stand in double quotes",
        _ => "",
    }
}

fn is_name_start(letter: char) -> bool {
    letter.is_ascii_alphabetic() || letter == '_'
}

fn is_name_part(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

fn take_while<'a>(text: &'a str, at: &mut usize, keep: impl Fn(char) -> bool) -> &'a str {
    let rest = &text[*at..];
    let end = rest.find(|letter| !keep(letter)).unwrap_or(rest.len());
    *at += end;
    &rest[..end]
}

fn quoted(text: &str, at: &mut usize) -> Result<Token, Fault> {
    let start = *at;
    let rest = &text[start + 1..];
    let end = rest.find('"').ok_or_else(|| Fault::new(start, "this text is not closed"))?;
    *at = start + 1 + end + 1;
    Ok(Token::Text(rest[..end].to_owned()))
}

fn number(text: &str, at: &mut usize) -> Result<Token, Fault> {
    let start = *at;
    let digits = take_while(text, at, |letter| letter.is_ascii_digit() || letter == '.' || letter == '_');
    let value: f64 =
        digits.replace('_', "").parse().map_err(|_| Fault::new(start, format!("{digits:?} is not a number")))?;
    let unit = literal_unit(text, at)?;
    Ok(Token::Number(value, unit))
}

/// The unit after a number: directly, or after blanks when it is not a word of the language.
fn literal_unit(text: &str, at: &mut usize) -> Result<Option<Unit>, Fault> {
    let mut look = *at;
    take_while(text, &mut look, |letter| letter == ' ');
    let start = look;
    if text[look..].starts_with('%') {
        *at = look + 1;
        return Ok(Some(Unit::parse("%").expect("known")));
    }
    let word = take_while(text, &mut look, is_name_part);
    if word.is_empty() || WORDS.contains(&word) {
        return Ok(None);
    }
    let mut end = look;
    if let Some(per) = text[look..].strip_prefix('/') {
        let length = per.find(|letter| !is_name_part(letter)).unwrap_or(per.len());
        if length > 0 && Unit::parse(&per[..length]).is_ok() {
            end = look + 1 + length;
        }
    }
    let unit = Unit::parse(&text[start..end]).map_err(|reason| Fault::new(start, reason))?;
    *at = end;
    Ok(Some(unit))
}
