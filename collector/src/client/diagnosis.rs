//! A diagnosis in plain words for a terminal.

use std::fmt::Write as _;

use firstline_diagnosis::document::{Compared, Diagnosis, Finding, Role, RuledOutResult, Texts, WhatChanged};
use firstline_diagnosis::texts;

use super::table::harmless;

/// The whole answer.
pub(super) fn words(diagnosis: &Diagnosis) -> String {
    let mut text = diagnosis.compared.as_ref().map(compared_words).unwrap_or_default();
    let over = diagnosis.around.as_ref().and_then(|around| Some((around, around.explains()?)));
    if let (Some((around, finding)), None) = (over, &diagnosis.primary) {
        let told = Finding { texts: Texts { user: around.over(finding), ..finding.texts.clone() }, ..finding.clone() };
        text.push_str(&finding_words(diagnosis, &told));
    }
    for finding in &diagnosis.findings {
        text.push_str(&finding_words(diagnosis, finding));
    }
    if diagnosis.findings.is_empty() && diagnosis.answer().is_none() {
        let _ = writeln!(text, "{}\n", diagnosis.nothing_found());
    }
    if let Some(around) = &diagnosis.around {
        let _ = writeln!(text, "Around {}:", harmless(&around.moment()));
        around.lines().iter().for_each(|line| _ = writeln!(text, "  {}", harmless(line)));
        text.push('\n');
    }
    if let Some(changed) = &diagnosis.changes {
        text.push_str(&changes(changed));
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

/// What became of what was found last time.
fn compared_words(compared: &Compared) -> String {
    let Some(sentence) = compared.sentence() else { return String::new() };
    let mut text = format!("{sentence} (held against {})\n", compared.before);
    for outcome in &compared.outcomes {
        let place = texts::behind(&harmless(&outcome.instance));
        let _ = writeln!(text, "  {}{place}: {}", harmless(&outcome.title), outcome.result.words());
        for (when, numbers) in [("then", &outcome.then), ("now", &outcome.now)] {
            if !numbers.is_empty() {
                let _ = writeln!(text, "    {when}: {}", harmless(numbers));
            }
        }
    }
    text.push('\n');
    text
}

/// What changed before it began, and since.
fn changes(changed: &WhatChanged) -> String {
    let mut text = format!("{}\n", harmless(&changed.words));
    for one in &changed.related {
        let _ = writeln!(text, "  {}", harmless(&one.words));
    }
    if !changed.after.is_empty() {
        text.push_str("Changed since, perhaps to fix it:\n");
    }
    for one in &changed.after {
        let _ = writeln!(text, "  {}", harmless(&one.words));
    }
    text.push('\n');
    text
}

fn finding_words(diagnosis: &Diagnosis, finding: &Finding) -> String {
    let part = match finding.role {
        Role::Primary => String::new(),
        Role::Contributing => "adds to it; ".to_owned(),
        Role::Also => "also found; ".to_owned(),
        Role::Consequence => {
            format!("follows from: {}; ", harmless(diagnosis.cause(finding).unwrap_or_default()))
        }
    };
    let mut text = format!(
        "{}\n  {part}{}, {}, since {}\n  Why: {}\n",
        harmless(&finding.texts.user),
        finding.severity,
        finding.how_sure(),
        finding.since(),
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
