//! A ticket's words, when they were written, and the moment they name.

mod choice;
mod clocks;
mod days;
mod laws;
mod typed;

use super::*;

const MINUTE: u32 = 60;
const HOUR: i32 = 3600;

/// A Monday afternoon.
const MONDAY: &str = "2026-11-23T16:00:00Z";

fn at(moment: &str) -> Timestamp {
    moment.parse().expect(moment)
}

/// What is found, as `moment | words | minutes of give`.
fn found(text: &str, told_at: &str, offset: i32) -> Option<(String, String, u32)> {
    let stated = stated(text, at(told_at), offset)?;
    Some((stated.at.to_string(), stated.words, stated.give_seconds / MINUTE))
}

/// Each text names this moment with these words, when it was written on that Monday at four.
fn name_on_monday(cases: &[(&str, &str, &str, u32)]) {
    let mut wrong = Vec::new();
    for (text, moment, words, give) in cases {
        let found = found(text, MONDAY, 0);
        if found != Some(((*moment).to_owned(), (*words).to_owned(), *give)) {
            wrong.push((text, found));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Each text names this moment when it was written at that one.
fn name(cases: &[(&str, &str, &str)]) {
    let mut wrong = Vec::new();
    for (text, told_at, moment) in cases {
        let named = found(text, told_at, 0).map(|(moment, _, _)| moment);
        if named.as_deref() != Some(*moment) {
            wrong.push((text, told_at, named));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn name_nothing(told_at: &str, texts: &[&str]) {
    let wrong: Vec<_> = texts.iter().filter_map(|text| Some((text, found(text, told_at, 0)?))).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn reads_no_more_than_the_beginning() {
    let late = format!("{} froze at 10:40", "word ".repeat(900));
    assert_eq!(found(&late, MONDAY, 0), None);
    assert!(found(&late[700..], MONDAY, 0).is_some());
}
