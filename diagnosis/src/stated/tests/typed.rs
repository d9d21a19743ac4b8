//! Moments that are typed.

use super::*;

#[test]
fn reads_what_is_typed() {
    let cases = [
        ("10:40", "2026-11-23T10:40:00Z"),
        (" 10.40 ", "2026-11-23T10:40:00Z"),
        ("at 10:40", "2026-11-23T10:40:00Z"),
        ("3:10", "2026-11-23T03:10:00Z"),
        ("17:00", "2026-11-22T17:00:00Z"),
        ("16:04", "2026-11-23T16:00:00Z"),
        ("yesterday 10:40", "2026-11-22T10:40:00Z"),
        ("today 3:10", "2026-11-23T03:10:00Z"),
        ("on Friday at 10:40", "2026-11-20T10:40:00Z"),
        ("2026-11-21 10:40", "2026-11-21T10:40:00Z"),
        ("2026-11-21T10:40", "2026-11-21T10:40:00Z"),
        ("2026-01-21 10:40", "2026-01-21T10:40:00Z"),
        ("2026-11-21T10:40:00+01:00", "2026-11-21T09:40:00Z"),
        ("2026-11-21T10:40:00.5Z", "2026-11-21T10:40:00.5Z"),
        ("2026-11-23T16:03:00Z", "2026-11-23T16:00:00Z"),
        ("20 minutes ago", "2026-11-23T15:40:00Z"),
        ("3 pm", "2026-11-23T15:00:00Z"),
        ("noon", "2026-11-23T12:00:00Z"),
    ];
    agree(cases.map(|(text, moment)| (text, typed(text, at(MONDAY), 0), Ok(at(moment)))));
    assert_eq!(typed("10:40", at(MONDAY), HOUR), Ok(at("2026-11-23T09:40:00Z")));
}

#[test]
fn says_what_is_wrong_with_what_is_typed() {
    for text in
        ["", "soon", "9", "10:40 or so", "10:40 11:20", "25:00", "yesterday", "tomorrow 10:40", "2026-13-21 10:40"]
    {
        let error = typed(text, at(MONDAY), 0).expect_err(text);
        assert!(error.starts_with(&format!("\"{text}\" names no moment; write it like 10:40")), "{error}");
    }
    for text in ["2026-11-24 10:40", "today 17:00", "2026-11-23T16:06:00Z"] {
        let error = typed(text, at(MONDAY), 0).expect_err(text);
        assert!(error.starts_with(&format!("\"{text}\" has not come yet")), "{error}");
    }
    assert!(typed(&"ä".repeat(100_000), at(MONDAY), 0).expect_err("no moment").len() < 300);
}
