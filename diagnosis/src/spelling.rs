//! "Did you mean": the nearest of the names that exist, and what the parser of TOML says in words of the file.

use crate::order::Arrange as _;

/// The candidate nearest to `word`, in whatever case, when it is near enough to be what was meant.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = ((word.chars().count() + 1) / 3).clamp(1, 4);
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// `; did you mean x?`, or nothing.
pub(crate) fn hint<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, candidates).map_or_else(String::new, |candidate| format!("; did you mean {candidate}?"))
}

/// At most so many names are offered.
const AKIN_MAX: usize = 5;

/// The dotted candidates that have the most parts in common with `word`, misspelt or not, those of fewer parts first.
pub(crate) fn akin<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let is_in = |part: &str, candidate: &str| {
        let parts = || candidate.split('.');
        parts().any(|one| one == part) || (part.len() > 4 && nearest(part, parts()).is_some())
    };
    let common = |candidate: &str| word.split('.').filter(|part| is_in(part, candidate)).count();
    let mut akin: Vec<_> = candidates.into_iter().map(|one| (common(one), one)).collect();
    let most = akin.iter().map(|(common, _)| *common).max().unwrap_or(0);
    akin.retain(|(common, _)| *common > 0 && *common == most);
    akin.arrange_by_key(|(_, candidate)| (candidate.split('.').count(), *candidate));
    akin.into_iter().take(AKIN_MAX).map(|(_, candidate)| candidate).collect()
}

/// The parser's words for what it expected, and words for people who write files.
const PLAIN: [(&str, &str); 10] = [
    ("invalid type: map, expected a sequence", "this is a list of tables, written with two brackets, as in [[name]]"),
    ("expected u32", "expected a whole number from 0, without quotes"),
    ("expected u16", "expected a whole number from 0 to 65535, without quotes"),
    ("expected usize", "expected a whole number from 0, without quotes"),
    ("expected f64", "expected a number, without quotes"),
    ("expected a boolean", "expected true or false, without quotes"),
    ("expected a sequence", "expected a list, as in [\"..\"]"),
    ("expected a string", "expected a text in quotes"),
    ("expected a map", "expected a table"),
    ("data did not match any variant of untagged enum Many", "expected a text in quotes, or a list of them"),
];

/// What the parser of TOML says, without the words of the language in which it is written, and with the key or value that
/// was probably meant.
pub fn plainly(message: &str) -> String {
    let message = message.trim();
    let mut names = message.split('`').skip(1).step_by(2);
    for (said, what) in [("unknown field ", "key"), ("unknown variant ", "value")] {
        if message.starts_with(said) {
            let unknown = names.next().unwrap_or_default();
            let known: Vec<&str> = names.collect();
            return match nearest(unknown, known.iter().copied()).or_else(|| begun(unknown, &known)) {
                Some(meant) => format!("unknown {what} `{unknown}`; did you mean `{meant}`?"),
                None if known.is_empty() => format!("unknown {what} `{unknown}`"),
                None => format!("unknown {what} `{unknown}`, it can be {}", known.join(", ")),
            };
        }
    }
    if message.starts_with("missing field ") {
        return format!("`{}` is missing", names.next().unwrap_or_default());
    }
    PLAIN.iter().fold(message.replace('\n', "; "), |text, (from, to)| text.replace(from, to))
}

/// The only one of `known` that begins with `word`, or with which `word` begins.
fn begun<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let is_begun =
        |one: &&&str| word.len() > 1 && (one.starts_with(word) || (one.len() > 3 && word.starts_with(**one)));
    let mut begun = known.iter().filter(is_begun);
    begun.next().copied().filter(|_| begun.next().is_none())
}

/// Letters to insert, drop, replace, or swap with their neighbour, to get from one word to the other, in whatever case.
fn distance(one: &str, two: &str) -> usize {
    let (one, two): (Vec<char>, Vec<char>) = (one.chars().collect(), two.chars().collect());
    let same = |i: usize, j: usize| one[i].eq_ignore_ascii_case(&two[j]);
    let (mut before, mut row) = (Vec::<usize>::new(), (0..=two.len()).collect::<Vec<usize>>());
    for i in 0..one.len() {
        let mut next = vec![i + 1];
        for j in 0..two.len() {
            let mut least = (row[j] + usize::from(!same(i, j))).min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && same(i, j - 1) && same(i - 1, j) {
                least = least.min(before[j - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[two.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_what_shares_a_part_when_the_beginning_is_left_out() {
        let names =
            ["endpoint.memory.available", "endpoint.memory.commit", "system.cpu.utilization", "endpoint.gpu.load"];
        assert_eq!(akin("memory.availble", names), ["endpoint.memory.available"]);
        assert_eq!(akin("memory.free", names), ["endpoint.memory.available", "endpoint.memory.commit"]);
        assert_eq!(akin("cpu.buzy", names), ["system.cpu.utilization"], "a short part is taken by the letter");
        assert_eq!(akin("printer.paper", names), [""; 0]);
    }

    #[test]
    fn finds_what_was_meant() {
        let names = ["system.memory.usage", "system.filesystem.usage", "system.filesystem.limit"];
        assert_eq!(nearest("system.filesytem.usage", names), Some("system.filesystem.usage"));
        assert_eq!(nearest("hw.fan.speed", names), None);
        assert_eq!(hint("maxx", ["max", "min"]), "; did you mean max?");
        assert_eq!(nearest("wehn", ["when", "hold"]), Some("when"), "two letters that changed places are one mistake");
        assert_eq!(nearest("GIB", ["GiB", "MiB"]), Some("GiB"));
        assert_eq!(nearest("category", ["categories", "url"]), Some("categories"));
        assert_eq!((nearest("", ["when"]), nearest("loud", ["low"])), (None, None));
    }

    #[test]
    fn a_parsers_words_become_those_of_the_file() {
        for (said, plain) in [
            ("unknown field `wehn`, expected one of `id`, `when`", "unknown key `wehn`; did you mean `when`?"),
            ("unknown field `colour`, expected one of `id`, `when`", "unknown key `colour`, it can be id, when"),
            ("unknown field `a`, there are no fields", "unknown key `a`"),
            ("unknown variant `hihg`, expected `low` or `high`", "unknown value `hihg`; did you mean `high`?"),
            (
                "unknown field `minutes`, expected `minutes_hours`",
                "unknown key `minutes`; did you mean `minutes_hours`?",
            ),
            ("missing field `id`\n", "`id` is missing"),
            (
                "invalid type: string \"0.9\", expected f64",
                "invalid type: string \"0.9\", expected a number, without quotes",
            ),
        ] {
            assert_eq!(plainly(said), plain);
        }
    }
}
