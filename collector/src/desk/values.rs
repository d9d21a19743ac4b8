//! What stands in the documents of desks, and what of it all of them read and write alike.
//!
//! Desks write an id as a number in one document and as a text in the next, and leave out what is empty.

use std::fmt::Display;

use serde_json::{Map, Value};

use super::trouble::Trouble;
use crate::ticket::NewFile;
use crate::ticket::rich_text::{Block, RichText};

/// Longest text of a person that is taken, in letters.
const TEXT_LETTERS: usize = 32 * 1024;

/// A text of a document; empty when there is none.
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// An id that is a number, however it is written.
pub(super) fn id(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit())).then_some(text)
}

/// A part of a path.
pub(super) fn part(text: &str) -> String {
    crate::access::gate::percent_encoded(text).replace('/', "%2F")
}

/// A title by which something is found again.
pub(super) fn marked(title: &str, mark: &str) -> String {
    format!("{title} [firstline {mark}]")
}

/// A text that ends with a mark, where a desk has no other place for one.
pub(super) fn ending_with_mark(text: &RichText, title: &str, mark: &str) -> RichText {
    let mut blocks = text.0.clone();
    blocks.push(Block::paragraph(marked(title, mark)));
    RichText(blocks)
}

/// Whether a text that a desk may have broken into other lines holds a mark.
pub(super) fn holds_mark(text: &str, mark: &str) -> bool {
    text.split_whitespace().collect::<Vec<_>>().join(" ").contains(&format!("[firstline {mark}]"))
}

/// What a person said, as much as is taken of it.
pub(super) fn bounded(text: &str) -> String {
    text.chars().take(TEXT_LETTERS).collect()
}

/// Those of some fields that have a value.
pub(super) fn given<const N: usize>(fields: [(&str, Option<impl Into<Value>>); N]) -> Map<String, Value> {
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))).collect()
}

/// Whether `now` holds what was `wanted`; a desk may answer with success and ignore it.
///
/// # Errors
/// With the fields that are otherwise.
pub(super) fn hold(now: &Value, wanted: &Map<String, Value>) -> Result<(), Trouble> {
    let other = wanted.iter().filter(|(name, value)| now[name.as_str()] != **value);
    let other: Vec<String> =
        other.map(|(name, value)| format!("{name} is {}, not {value}", now[name.as_str()])).collect();
    if other.is_empty() {
        return Ok(());
    }
    Err(Trouble::refused(format!("it answered with success, and {}", other.join(", "))))
}

/// What is wrong with a stored file whose bytes the desk gives.
pub(super) fn differs(stored: &[u8], sent: &NewFile) -> Option<String> {
    let (found, whole) = (stored.len(), sent.bytes.len());
    match found {
        _ if stored == sent.bytes => None,
        _ if found < whole => Some(format!("only {found} of {whole} bytes were stored")),
        _ => Some(format!("what was stored ({found} bytes) is not what was sent ({whole} bytes)")),
    }
}

/// What is wrong with a stored file of which the desk tells only how long it is.
pub(super) fn differs_in_length(stored: impl Display, sent: &NewFile) -> Option<String> {
    let (stored, whole) = (stored.to_string(), sent.bytes.len().to_string());
    (stored != whole).then(|| format!("{stored} of {whole} bytes were stored"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_id_is_a_number_however_it_is_written() {
        assert_eq!(id(&json!("17")).as_deref(), Some("17"));
        assert_eq!(id(&json!(17)).as_deref(), Some("17"));
        for odd in [json!(""), json!("17 or 1"), json!(-1), json!(1.5), json!(null)] {
            assert_eq!(id(&odd), None, "{odd}");
        }
    }

    #[test]
    fn a_mark_is_found_at_the_end_of_a_text_however_it_was_broken() {
        let text = ending_with_mark(&RichText::default(), "Firstline FL-1001", "m1").to_plain();
        assert!(holds_mark(&text.replace(' ', "\r\n"), "m1"), "{text}");
        assert!(!holds_mark(&text, "m"), "{text}");
    }

    #[test]
    fn what_was_stored_otherwise_than_it_was_sent_is_told() {
        let sent = NewFile { name: "a".to_owned(), media_type: String::new(), bytes: b"abc".to_vec() };
        assert_eq!(differs(b"abc", &sent), None);
        assert_eq!(differs(b"ab", &sent).as_deref(), Some("only 2 of 3 bytes were stored"));
        assert_eq!(differs(b"abd", &sent).as_deref(), Some("what was stored (3 bytes) is not what was sent (3 bytes)"));
        assert_eq!(differs_in_length("3", &sent), None);
        assert_eq!(differs_in_length(0, &sent).as_deref(), Some("0 of 3 bytes were stored"));
    }
}
