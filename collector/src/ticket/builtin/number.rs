//! Ticket numbers as people read and type them.

use crate::ticket::DeskError;

/// What stands before the number.
const PREFIX: &str = "FL-";

/// The first ticket's number.
pub(super) const FIRST: i64 = 1001;

/// `FL-1042`.
pub(crate) fn display(number: i64) -> String {
    format!("{PREFIX}{number}")
}

/// Reads `FL-1042`, `fl-1042`, `#1042` and `1042`.
pub(crate) fn parse(text: &str) -> Result<i64, DeskError> {
    let trimmed = text.trim();
    let digits = match trimmed.get(..PREFIX.len()) {
        Some(head) if head.eq_ignore_ascii_case(PREFIX) => &trimmed[PREFIX.len()..],
        _ => trimmed.strip_prefix('#').unwrap_or(trimmed),
    };
    let number = digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
    number.ok_or_else(|| DeskError::NotFound(format!("ticket {:?}", super::clean_line(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_may_type_numbers_as_they_like() {
        for text in ["FL-1042", "fl-1042", "#1042", " 1042 "] {
            assert_eq!(parse(text).expect(text), 1042);
        }
        for text in ["", "FL-", "FL--1", "INC1", "99999999999999999999", "é"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
