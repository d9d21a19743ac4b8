//! A diagnosis in plain words for a terminal.

use std::fmt::Write as _;

use firstline_diagnosis::document::{Diagnosis, Finding, Role, RuledOutResult};

use super::table::harmless;

/// The whole answer.
pub(super) fn words(diagnosis: &Diagnosis) -> String {
    let mut text = String::new();
    for finding in &diagnosis.findings {
        text.push_str(&finding_words(finding));
    }
    if diagnosis.findings.is_empty() {
        let _ = writeln!(text, "{}\n", diagnosis.nothing_found());
    }
    for (head, result) in [("Ruled out", RuledOutResult::NotFound), ("Could not be checked", RuledOutResult::Unknown)] {
        let candidates = diagnosis.candidates(result);
        if !candidates.is_empty() {
            let _ = writeln!(text, "{head}:");
            for (titles, why) in &candidates {
                let _ = writeln!(text, "  {}: {}", harmless(&titles.join("; ")), harmless(why));
            }
            text.push('\n');
        }
    }
    for note in &diagnosis.notes {
        let _ = writeln!(text, "Note: {}", harmless(note));
    }
    text
}

fn finding_words(finding: &Finding) -> String {
    let part = match finding.role {
        Role::Primary => String::new(),
        Role::Contributing => "adds to it; ".to_owned(),
        Role::Also => "also found; ".to_owned(),
        Role::Consequence => format!("follows from {}; ", finding.consequence_of.as_deref().unwrap_or_default()),
    };
    let mut text = format!(
        "{}\n  {part}{}, {:.0} % sure, since {}\n  Why: {}\n",
        harmless(&finding.texts.user),
        finding.severity,
        finding.confidence * 100.0,
        finding.onset,
        harmless(&finding.texts.tech)
    );
    if matches!(finding.role, Role::Primary | Role::Contributing) {
        text.push_str(&steps(finding));
    }
    text.push('\n');
    text
}

fn steps(finding: &Finding) -> String {
    let mut text = String::new();
    if !finding.runbook.is_empty() {
        text.push_str("  What to do:\n");
    }
    for (index, step) in finding.runbook.iter().enumerate() {
        let _ = writeln!(text, "    {}. {}", index + 1, harmless(step));
    }
    let over = &finding.escalation;
    if !over.queue.is_empty() {
        let _ = writeln!(text, "  Hand over to {} when: {}", harmless(&over.queue), harmless(&over.when));
        if !over.bring.is_empty() {
            let _ = writeln!(text, "  Bring: {}", harmless(&over.bring));
        }
    }
    text
}
