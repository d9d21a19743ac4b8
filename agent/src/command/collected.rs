use std::io::Write;

use anyhow::Result;
use firstline_diagnosis::registry::{Privacy, Registry, SignalSpec, Source};

use super::sentence;
use crate::config::Config;

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
    let read_here = |spec: &&SignalSpec| matches!(spec.source.on(os), Some(Source::Api(_)));
    for class in Privacy::ALL {
        let of_class: Vec<_> =
            Registry::builtin().iter().filter(|spec| spec.privacy == class).filter(read_here).collect();
        let (kept_back, told): (Vec<_>, Vec<_>) = of_class.into_iter().partition(|spec| denied.contains(&spec.name));
        writeln!(out, "{} ({} kinds)", heading(class), told.len())?;
        for spec in &told {
            writeln!(out, "  {}: {} [{}, {}]", spec.label, reason(&spec.purpose), spec.name, spec.tier.name())?;
        }
        if !kept_back.is_empty() {
            let labels: Vec<_> = kept_back.iter().map(|spec| spec.label.as_str()).collect();
            writeln!(out, "  Kept back by this machine's policy: {}.", labels.join(", "))?;
        }
        writeln!(out)?;
    }
    writeln!(out, "{NEVER}")?;
    writeln!(out, "The last snapshots that left are in the state directory, in `snapshots`, as they left.")?;
    Ok(())
}

/// Why something is read, in the words behind the names of the checks that read it; the names themselves where there are no
/// others.
fn reason(purpose: &str) -> String {
    let mut behind = [": ", "; ", ". "].into_iter().filter_map(|mark| purpose.split_once(mark));
    match behind.find(|(names, _)| are_checks(names)) {
        Some((_, words)) => sentence(words),
        None if are_checks(purpose.trim_end_matches('.')) => format!("To find: {}", purpose.replace('-', " ")),
        None => purpose.to_owned(),
    }
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
        let text = told("");
        for spec in Registry::builtin().iter().filter(|spec| matches!(spec.source.linux, Source::Api(_))) {
            assert!(
                text.contains(&format!("{}: {} [{},", spec.label, reason(&spec.purpose), spec.name)),
                "{}",
                spec.name
            );
        }
        assert!(text.starts_with("About people") && !text.contains("Kept back"), "the most personal first");
    }

    #[test]
    fn reasons_are_words_and_not_names_of_checks() {
        assert_eq!(reason("long-uptime: some faults go away."), "Some faults go away.");
        assert_eq!(reason("dns-slow; only fixed names."), "Only fixed names.");
        assert_eq!(reason("charger-underpowered, battery-worn."), "To find: charger underpowered, battery worn.");
        assert_eq!(reason("Needed for warranty, and more: a kind."), "Needed for warranty, and more: a kind.");
        let purposes = Registry::builtin().iter().map(|spec| reason(&spec.purpose));
        let odd: Vec<String> = purposes.filter(|words| words.starts_with(|first: char| first.is_lowercase())).collect();
        assert_eq!(odd, [""; 0]);
    }

    #[test]
    fn what_the_policy_keeps_back_is_said() {
        let text = told("[policy]\ndenied_classes = ['person']");
        assert!(text.starts_with("About people (0 kinds)\n  Kept back by this machine's policy: "), "{text}");
    }
}
