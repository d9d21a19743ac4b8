//! "Did you mean": the nearest of the names that exist.

use crate::order::Arrange as _;

/// The candidate nearest to `word`, when it is near enough to be what was meant.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).clamp(1, 4);
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

/// Levenshtein distance.
fn distance(one: &str, two: &str) -> usize {
    let two: Vec<char> = two.chars().collect();
    let mut row: Vec<usize> = (0..=two.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in two.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
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
    }
}
