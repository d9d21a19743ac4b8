//! Turns a parser's error into a sentence that helps.

use std::io;
use std::path::{Path, PathBuf};

use firstline_diagnosis::spelling::{nearest, plainly};
use thiserror::Error;

/// A configuration that cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}{}", path.display(), hint(path, cause))]
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
fn hint(path: &Path, cause: &io::Error) -> &'static str {
    let holds_a_collector = path.parent().is_some_and(|folder| folder.join("authority").exists());
    match cause.kind() {
        io::ErrorKind::NotFound if holds_a_collector => {
            ", though the folder holds a collector; put the file back from a backup, or write one anew: in an empty one every key \
             has its default"
        }
        io::ErrorKind::NotFound => "; `firstline-collector init` makes a collector with one",
        _ => "",
    }
}

/// The parser's error in `file` with its line, and a guess for a misspelt key.
pub(super) fn explain(error: &toml::de::Error, file: &str) -> String {
    let text = error.to_string();
    // The first line says where; the message itself follows the quoted source.
    let place = text.lines().next().and_then(|line| line.split_once(" at ").map(|(_, place)| format!("{place}: ")));
    let at = error.span().and_then(|span| file.get(span)).unwrap_or_default();
    let message = match error.message() {
        "duplicate key" => format!("`{at}` is there twice"),
        other => plain(other),
    };
    place.unwrap_or_default() + &message
}

/// The parser's words, in words of the file.
fn plain(message: &str) -> String {
    const WORDS: [(&str, &str); 3] = [
        (
            "invalid socket address syntax",
            "this is no address with its port, such as \"0.0.0.0:8443\" or \"[::]:8443\"",
        ),
        ("expected socket address", "expected an address with its port in quotes, such as \"0.0.0.0:8443\""),
        ("invalid IP address syntax", "this is no network, such as \"10.20.0.0/16\""),
    ];
    /// Types of this program, and how their tables are written.
    const TABLES: [(&str, &str); 19] = [
        ("struct Agents", "[agents]"),
        ("struct AuthorityFiles", "[authority]"),
        ("struct Alerts", "[alerts]"),
        ("struct Database", "[database]"),
        ("struct DeskSettings", "[[desk]] with name, kind and url"),
        ("struct DirectorySettings", "[[directory]] with name and kind"),
        ("struct DnsName", "[[agents.dns_names]] with name and class"),
        ("struct History", "[history]"),
        ("struct HookSettings", "hook = { signature = \"..\", secret_file = \"..\" }"),
        ("struct Limits", "[limits]"),
        ("struct Listen", "[listen]"),
        ("struct Log", "[log]"),
        ("struct OutputSettings", "[[output]] with name, kind and url"),
        ("struct PortalObject", "[agents.portal] with host and text"),
        ("struct ProbeTarget", "[[agents.probe_targets]] with label, host and port"),
        ("struct Replicas", "[replicas]"),
        ("struct TagRule", "[[tags.rules]] with name, tags and what they match"),
        ("struct Tags", "[tags]"),
        ("struct TicketRule", "[[alerts.tickets]] with desk"),
    ];
    let said = WORDS.iter().fold(plainly(message), |text, (from, to)| text.replace(from, to));
    // Among types of which one begins like another, the whole name counts.
    let table = TABLES.iter().find(|(name, _)| said.ends_with(&format!("expected {name}")));
    table.map_or(said.clone(), |(name, written)| said.replace(name, &format!("a table, as in {written}")))
}

/// The question whether the nearest of `names` was meant; nothing when none is near.
pub(super) fn guess(unknown: &str, names: &[&str]) -> String {
    nearest(unknown, names.iter().copied()).map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"))
}
