//! Turns a parser's error into a sentence that helps.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// A configuration that cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}{}", path.display(), hint(cause))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// The file says something that cannot be.
    #[error("{}: {reason}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong, where, and what may have been meant.
        reason: String,
    },
}

/// What helps when there is no file; the rest of the causes speak for themselves.
fn hint(cause: &io::Error) -> &'static str {
    if cause.kind() == io::ErrorKind::NotFound { "; `firstline-collector init` makes one" } else { "" }
}

/// The parser's error in `file` with its line, and a guess for a misspelt key.
pub(super) fn explain(error: &toml::de::Error, file: &str) -> String {
    let text = error.to_string();
    // The first line says where; the message itself follows the quoted source.
    let place = text.lines().next().and_then(|line| line.split_once(" at ").map(|(_, place)| place.to_owned()));
    let at = error.span().and_then(|span| file.get(span)).unwrap_or_default();
    let message = match error.message() {
        "duplicate key" => format!("`{at}` is there twice"),
        other => plain(other),
    };
    let message = message.as_str();
    let place = place.map_or_else(String::new, |place| format!("{place}: "));
    match suggestion(message) {
        Some(meant) => format!("{place}{message}; did you mean `{meant}`?"),
        None => format!("{place}{message}"),
    }
}

/// The words of the language in which the parser is written, in words of the file.
fn plain(message: &str) -> String {
    const WORDS: [(&str, &str); 20] = [
        (
            "invalid socket address syntax",
            "this is no address with its port, such as \"0.0.0.0:8443\" or \"[::]:8443\"",
        ),
        ("expected socket address", "expected an address with its port in quotes, such as \"0.0.0.0:8443\""),
        ("expected u32", "expected a whole number from 0, without quotes"),
        ("expected u16", "expected a whole number from 0 to 65535, without quotes"),
        ("expected a boolean", "expected true or false, without quotes"),
        ("expected usize", "expected a whole number from 0, without quotes"),
        ("expected a sequence", "expected a list, as in [\"..\"]"),
        ("invalid IP address syntax", "this is no network, such as \"10.20.0.0/16\""),
        ("expected struct TagRule", "expected a table, as in [[tags.rules]] with name, tags and what they match"),
        ("expected struct DnsName", "expected a table, as in [[agents.dns_names]] with name and class"),
        ("expected struct Listen", "expected a table, as in [listen]"),
        ("expected struct Tags", "expected a table, as in [tags]"),
        ("expected struct Agents", "expected a table, as in [agents]"),
        ("expected struct AuthorityFiles", "expected a table, as in [authority]"),
        ("expected struct Database", "expected a table, as in [database]"),
        ("expected struct Replicas", "expected a table, as in [replicas]"),
        ("expected struct History", "expected a table, as in [history]"),
        ("expected struct Limits", "expected a table, as in [limits]"),
        ("expected struct Log", "expected a table, as in [log]"),
        ("expected struct ProbeTarget", "expected a table, as in [[agents.probe_targets]] with label, host and port"),
    ];
    WORDS.iter().fold(message.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// The expected key that is nearest to the unknown one, if it is near at all.
fn suggestion(message: &str) -> Option<&str> {
    let rest = message.strip_prefix("unknown field ").or_else(|| message.strip_prefix("unknown variant "))?;
    let mut names = rest.split('`').skip(1).step_by(2);
    let unknown = names.next()?;
    nearest(unknown, names)
}

/// The name that is nearest to an unknown one, if it is near at all.
pub(super) fn nearest<'a>(unknown: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let unknown = unknown.to_ascii_lowercase();
    let nearest = names.min_by_key(|name| distance(&unknown, name))?;
    (distance(&unknown, nearest) <= 1 + unknown.len() / 3).then_some(nearest)
}

/// The question whether the nearest of `names` was meant; nothing when none is near.
pub(super) fn guess(unknown: &str, names: &[&str]) -> String {
    nearest(unknown, names.iter().copied()).map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"))
}

/// Letters to insert, drop, or replace, to get from `one` to `other`.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, &target) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != target);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}
