//! Tickets that were merged into others, at desks that tell which one only to people.
//!
//! There a merged ticket keeps its number and is closed, and the last comment on it names the other one, in the words of whoever
//! merged them. A number in somebody's words is not enough to put a diagnosis onto a ticket. So it is followed only when the other
//! one names it, too; else a person is told what that comment says, and decides.

use super::trouble::Trouble;

/// Numbers of a comment that are looked at.
const MOST: usize = 4;
/// How much of a comment is told, in letters.
const TOLD: usize = 200;
/// How often a ticket may have been merged on the way to what it is now.
pub(super) const MERGES: usize = 8;

/// The numbers that a text names, `own` left out; those first that are written as tickets are.
pub(super) fn named(text: &str, own: &str) -> Vec<String> {
    let mut found: Vec<(bool, &str)> = Vec::new();
    for (is_ticket, number) in numbers(text).filter(|(_, number)| *number != own) {
        if !found.iter().any(|(_, one)| *one == number) {
            found.push((is_ticket, number));
        }
    }
    found.sort_by_key(|(is_ticket, _)| !is_ticket);
    found.into_iter().take(MOST).map(|(_, number)| number.to_owned()).collect()
}

/// Whether a text names a number.
pub(super) fn names(text: &str, number: &str) -> bool {
    numbers(text).any(|(_, one)| one == number)
}

/// The last of the comments `texts`, oldest first, that did not come from here.
pub(super) fn last_said(texts: &[String]) -> Option<&String> {
    texts.iter().rev().find(|text| !text.contains("[firstline "))
}

/// Why nothing goes onto a merged ticket.
pub(super) fn unknown(number: &str, said: &str) -> Trouble {
    let said: String = said.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(TOLD).collect();
    let said = if said.is_empty() { String::new() } else { format!(" (the last comment on it says: {said:?})") };
    Trouble::refused(format!(
        "ticket {number} was merged into another one there, and the desk does not tell which{said}; bring that one and attach \
         the diagnosis to it, then drop this"
    ))
}

/// Runs of digits that stand for themselves, and whether a `#` stands before each.
fn numbers(text: &str) -> impl Iterator<Item = (bool, &str)> {
    let words = text.split(|letter: char| !letter.is_alphanumeric() && letter != '#');
    let numbers = words.map(|word| word.strip_prefix('#').map_or((false, word), |number| (true, number)));
    numbers.filter(|(_, word)| (1..=18).contains(&word.len()) && word.bytes().all(|digit| digit.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_that_a_comment_names_are_those_that_stand_alone() {
        let text = "Request #35436 \"PC-17 (10.0.0.1)\" was closed and merged into #35437. INC9, 35437.";
        assert_eq!(named(text, "35436"), ["35437", "17", "10", "0"], "never more than a few");
        assert_eq!(named("Zusammengef\u{fc}hrt mit 35437.", "35436"), ["35437"]);
        assert!(names("merged #12 here", "12") && !names("merged #123 here", "12") && !names("INC12", "12"));
        assert!(named("", "1").is_empty());
    }

    #[test]
    fn what_came_from_here_is_not_what_people_said_last() {
        let texts =
            ["Hello".to_owned(), "merged into #2".to_owned(), "Found. Firstline FL-1 [firstline m1]".to_owned()];
        assert_eq!(last_said(&texts).map(String::as_str), Some("merged into #2"));
        assert_eq!(last_said(&texts[2..]), None);
    }
}
