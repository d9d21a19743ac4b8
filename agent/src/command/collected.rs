use std::io::Write;

use anyhow::Result;
use firstline_diagnosis::catalogue::Catalogue;
use firstline_diagnosis::registry::{Privacy, Registry, SignalSpec, Source};

use super::sentence;
use crate::config::Config;
use crate::probe::signals_read;

/// Says what is collected here and why, the most personal first, and what the machine's policy keeps back.
pub(super) fn collected(config: &Config) -> Result<()> {
    let mut out = std::io::stdout().lock();
    tell(&mut out, config, std::env::consts::OS)
}

/// What is never read, whatever anybody asks.
const NEVER: &str = "Never read: what people type, see, browse, write or print; the names of their files, folders, \
mails and print jobs; arguments of programs; the names of wireless networks; where the machine is on a map; passwords, \
keys and memory of programs.";

fn tell(out: &mut impl Write, config: &Config, os: &str) -> Result<()> {
    let denied = config.policy(None).denied_signals;
    let os = if os == "macos" { "darwin" } else { os };
    let has_source = |spec: &&SignalSpec| matches!(spec.source.on(os), Some(Source::Api(_)));
    let (read, catalogue) = (signals_read(), Catalogue::builtin());
    let (read, asked): (Vec<&SignalSpec>, Vec<&SignalSpec>) =
        Registry::builtin().iter().filter(has_source).partition(|spec| read.contains(&spec.name.as_str()));
    for class in Privacy::ALL {
        let of_class = read.iter().copied().filter(|spec| spec.privacy == class);
        let (kept_back, told): (Vec<&SignalSpec>, Vec<&SignalSpec>) =
            of_class.partition(|spec| denied.contains(&spec.name));
        writeln!(out, "{} ({} kinds)", heading(class), told.len())?;
        for spec in &told {
            writeln!(
                out,
                "  {}: {} [{}, {}]",
                spec.label,
                reason(&spec.purpose, &catalogue),
                spec.name,
                spec.tier.name()
            )?;
        }
        if !kept_back.is_empty() {
            let labels: Vec<_> = kept_back.iter().map(|spec| spec.label.as_str()).collect();
            writeln!(out, "  Kept back by this machine's policy: {}.", labels.join(", "))?;
        }
        writeln!(out)?;
    }
    let asked: Vec<_> = asked.iter().map(|spec| spec.label.to_lowercase()).collect();
    writeln!(
        out,
        "Not read here: of the account of the person who opened a ticket, the collector may ask the company's directory \
         for this: {}.",
        asked.join("; ")
    )?;
    writeln!(out, "{NEVER}")?;
    writeln!(out, "The last snapshots that left are in the state directory, in `snapshots`, as they left.")?;
    Ok(())
}

/// Why something is read, in the words behind the names of the checks that read it; where there are no others, what these
/// checks find.
fn reason(purpose: &str, catalogue: &Catalogue) -> String {
    let mut behind = [": ", "; ", ". "].into_iter().filter_map(|mark| purpose.split_once(mark));
    match behind.find(|(names, _)| are_checks(names)) {
        Some((_, words)) => sentence(&titled(words, catalogue)),
        None if are_checks(purpose.trim_end_matches('.')) => format!("To find: {}", titled(purpose, catalogue)),
        None => titled(purpose, catalogue),
    }
}

/// The text with the titles of checks instead of their names.
fn titled(text: &str, catalogue: &Catalogue) -> String {
    // The name of one check is a word that means itself between others.
    let is_list = are_checks(text.trim_end_matches('.'));
    let is_gap = |letter: char| !letter.is_ascii_alphanumeric() && letter != '-';
    let title = |piece: &str| {
        let word = piece.trim_end_matches(is_gap);
        let check = catalogue.checks().iter().find(|check| check.id == word && (is_list || word.contains('-')));
        check.map_or_else(|| piece.to_owned(), |check| format!("\"{}\"{}", check.title, &piece[word.len()..]))
    };
    text.split_inclusive(is_gap).map(title).collect()
}

/// Whether a text is nothing but names of checks, which are words with dashes between them.
fn are_checks(text: &str) -> bool {
    let mut words = text.split([',', ' ']).filter(|word| !word.is_empty()).peekable();
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    words.peek().is_some()
        && words.all(|word| ["and", "overheating"].contains(&word) || (word.contains('-') && word.chars().all(plain)))
}

fn heading(class: Privacy) -> &'static str {
    match class {
        Privacy::Person => "About people",
        Privacy::Software => "About the programs that run",
        Privacy::Network => "About the network that the machine is in",
        Privacy::Machine => "About the machine alone",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(config: &str) -> String {
        let mut out = Vec::new();
        tell(&mut out, &Config::parse(config).expect("a good file"), "linux").expect("memory takes everything");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn everything_that_can_leave_is_listed_with_its_reason() {
        let (text, catalogue) = (told(""), Catalogue::builtin());
        for spec in signals_read().iter().filter_map(|signal| Registry::builtin().get(signal)) {
            if !matches!(spec.source.linux, Source::Api(_)) {
                continue;
            }
            assert!(
                text.contains(&format!("{}: {} [{},", spec.label, reason(&spec.purpose, &catalogue), spec.name)),
                "{}",
                spec.name
            );
        }
        assert!(text.starts_with("About people") && !text.contains("Kept back"), "the most personal first");
    }

    #[test]
    fn what_the_collector_asks_of_a_directory_is_not_said_to_be_read_here() {
        let text = told("");
        assert!(!text.contains("endpoint.user.account_expires_in"), "{text}");
        assert!(text.contains("Not read here: ") && text.contains(": time until an account ends; "), "{text}");
    }

    #[test]
    fn reasons_are_words_and_not_names_of_checks() {
        let catalogue = Catalogue::builtin();
        let reason = |purpose: &str| reason(purpose, &catalogue);
        assert_eq!(reason("long-uptime: some faults go away."), "Some faults go away.");
        assert_eq!(reason("dns-slow; only fixed names."), "Only fixed names.");
        assert_eq!(
            reason("charger-underpowered, overheating."),
            "To find: \"The charger does not give enough power\", \"The computer is overheating\"."
        );
        assert_eq!(
            reason("Shown with cpu-saturated: how much."),
            "Shown with \"The processor is fully busy\": how much."
        );
        assert_eq!(reason("Needed for warranty, and more: a kind."), "Needed for warranty, and more: a kind.");
        assert_eq!(reason("What overheating does to it."), "What overheating does to it.");
        let purposes = Registry::builtin().iter().map(|spec| reason(&spec.purpose));
        let odd: Vec<String> = purposes.filter(|words| words.starts_with(|first: char| first.is_lowercase())).collect();
        assert_eq!(odd, [""; 0]);
        let text = told("");
        let names: Vec<_> =
            catalogue.checks().iter().map(|check| check.id.as_str()).filter(|id| id.contains('-')).collect();
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
        let left: Vec<_> = text.split(|letter| !is_part(letter)).filter(|word| names.contains(word)).collect();
        assert_eq!(left, [""; 0], "names of checks are for technicians");
    }

    #[test]
    fn what_the_policy_keeps_back_is_said() {
        let text = told("[policy]\ndenied_classes = ['person']");
        assert!(text.starts_with("About people (0 kinds)\n  Kept back by this machine's policy: "), "{text}");
    }
}
