//! A ticket's words, when they were written, and the moment they name.

mod choice;
mod clocks;
mod days;
mod laws;
mod typed;

use std::fmt::Debug;

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

/// Of each case, what is found is what is meant; all that are not are told.
fn agree<C: Debug, T: Debug + PartialEq>(cases: impl IntoIterator<Item = (C, T, T)>) {
    let wrong: Vec<_> = cases.into_iter().filter(|(_, found, meant)| found != meant).collect();
    assert!(wrong.is_empty(), "case, what is found, what is meant: {wrong:#?}");
}

/// Each text names this moment with these words, when it was written on that Monday at four.
fn name_on_monday(cases: &[(&str, &str, &str, u32)]) {
    let meant = |moment: &str, words: &str, give| Some((moment.to_owned(), words.to_owned(), give));
    agree(cases.iter().map(|(text, moment, words, give)| (text, found(text, MONDAY, 0), meant(moment, words, *give))));
}

/// Each text names this moment when it was written at that one, where clocks are so far ahead of UTC.
fn name_there<'a>(cases: impl IntoIterator<Item = (&'a str, &'a str, i32, &'a str)>) {
    agree(cases.into_iter().map(|(text, told_at, offset, moment)| {
        let named = found(text, told_at, offset).map(|(moment, _, _)| moment);
        ((text, told_at, offset), named, Some(moment.to_owned()))
    }));
}

/// The same by UTC.
fn name(cases: &[(&'static str, &'static str, &'static str)]) {
    name_there(cases.iter().map(|(text, told_at, moment)| (*text, *told_at, 0, *moment)));
}

fn name_nothing(told_at: &str, texts: &[&str]) {
    agree(texts.iter().map(|text| (text, found(text, told_at, 0), None)));
}

#[test]
fn reads_no_more_than_the_beginning() {
    let late = format!("{} froze at 10:40", "word ".repeat(900));
    assert_eq!(found(&late, MONDAY, 0), None);
    assert!(found(&late[700..], MONDAY, 0).is_some());
}
