//! A diagnosis in plain words.

use std::io::{self, Write};

use firstline_diagnosis::document::{Diagnosis, Finding, Role, RuledOutResult};

/// Prints what is wrong, why, what to do, and what was ruled out.
pub(super) fn diagnosis(out: &mut impl Write, diagnosis: &Diagnosis) -> io::Result<()> {
    let Some(answer) = diagnosis.answer() else {
        writeln!(out, "{}", diagnosis.nothing_found())?;
        around(out, diagnosis)?;
        also(out, diagnosis)?;
        return ruled_out(out, diagnosis);
    };
    match &diagnosis.around {
        Some(around) if answer.until.is_some() => writeln!(out, "{}", around.over(answer))?,
        _ => writeln!(out, "{}", answer.texts.user)?,
    }
    writeln!(out)?;
    finding(out, answer)?;
    around(out, diagnosis)?;
    changes(out, diagnosis)?;
    also(out, diagnosis)?;
    ruled_out(out, diagnosis)
}

fn finding(out: &mut impl Write, finding: &Finding) -> io::Result<()> {
    writeln!(out, "Why ({}, {}): {}", finding.title, finding.how_sure(), finding.texts.tech)?;
    if !finding.runbook.is_empty() {
        writeln!(out, "\nWhat to do:")?;
    }
    for (number, step) in finding.runbook.iter().enumerate() {
        writeln!(out, "  {}. {step}", number + 1)?;
    }
    let escalation = &finding.escalation;
    if !escalation.queue.is_empty() {
        writeln!(out, "\nHand over to {} when: {}", escalation.queue, escalation.when)?;
    }
    Ok(())
}

/// How it was when the words say.
fn around(out: &mut impl Write, diagnosis: &Diagnosis) -> io::Result<()> {
    let Some(around) = &diagnosis.around else { return Ok(()) };
    writeln!(out, "\nAround {}:", around.moment())?;
    around.lines().iter().try_for_each(|line| writeln!(out, "  {line}"))
}

/// What changed before it began, and since.
fn changes(out: &mut impl Write, diagnosis: &Diagnosis) -> io::Result<()> {
    let Some(changed) = &diagnosis.changes else { return Ok(()) };
    writeln!(out, "\n{}", changed.words)?;
    for one in &changed.related {
        writeln!(out, "  {}", one.words)?;
    }
    if !changed.after.is_empty() {
        writeln!(out, "Changed since, perhaps to fix it:")?;
    }
    for one in &changed.after {
        writeln!(out, "  {}", one.words)?;
    }
    Ok(())
}

fn also(out: &mut impl Write, diagnosis: &Diagnosis) -> io::Result<()> {
    let others: Vec<_> = diagnosis.findings.iter().filter(|finding| finding.role != Role::Primary).collect();
    if !others.is_empty() {
        writeln!(out, "\nAlso found:")?;
    }
    for finding in others {
        let cause = diagnosis.cause(finding).map(|cause| format!(" (follows from: {cause})")).unwrap_or_default();
        writeln!(out, "  {}, {}{cause}: {}", finding.title, finding.severity, finding.texts.tech)?;
    }
    Ok(())
}

fn ruled_out(out: &mut impl Write, diagnosis: &Diagnosis) -> io::Result<()> {
    for (heading, result) in
        [("Ruled out", RuledOutResult::NotFound), ("Could not be checked", RuledOutResult::Unknown)]
    {
        let candidates = diagnosis.candidates(result);
        if !candidates.is_empty() {
            writeln!(out, "\n{heading}:")?;
        }
        for (titles, why) in candidates {
            writeln!(out, "  {}: {why}", titles.join("; "))?;
        }
    }
    for note in &diagnosis.notes {
        writeln!(out, "\nNote: {note}")?;
    }
    Ok(())
}
