//! The note on the ticket.

use firstline_diagnosis::document::{Finding, Outcome, Role, RuledOutResult};
use firstline_diagnosis::texts::moment;

use super::{Facts, primary, sentence, words};
use crate::retest::promise;
use crate::ticket::rich_text::{Block, Line, RichText};

/// The answer as neutral rich text.
pub(crate) fn note(facts: &Facts<'_>) -> RichText {
    let mut blocks = vec![answer(facts), Block::paragraph(words::machine(facts))];
    blocks.extend(before_and_after(facts));
    if let Some(finding) = primary(facts.diagnosis) {
        blocks.extend(why(finding));
        blocks.extend(what_to_do(finding));
    }
    blocks.extend(around(facts));
    blocks.extend(others(facts));
    blocks.extend(ruled_out(facts));
    blocks.extend(changes(facts));
    blocks.extend(data(facts));
    RichText(blocks).bounded()
}

fn answer(facts: &Facts<'_>) -> Block {
    let line = Line::default().bold(sentence(facts.diagnosis));
    Block::paragraph(match primary(facts.diagnosis) {
        Some(finding) => {
            let (severity, sure) = (words::severity(finding), finding.how_sure());
            line.text(format!("\n{} · {severity} · {sure} · since {}", facts.title(&finding.id), finding.since()))
        }
        None => line,
    })
}

/// What became of what was found last time.
pub(super) fn before_and_after(facts: &Facts<'_>) -> Vec<Block> {
    let Some(compared) = &facts.diagnosis.compared else { return Vec::new() };
    let Some(sentence) = compared.sentence() else { return Vec::new() };
    let then = format!("Then ({})", moment(compared.before));
    let head = vec!["Finding".into(), then.into(), "Now".into()];
    let row = |outcome: &Outcome| {
        let now = Line::default().bold(outcome.result.words()).text(format!(": {}", outcome.now));
        vec![words::outcome(outcome).into(), Line::from(outcome.then.clone()), now]
    };
    let rows = compared.outcomes.iter().map(row).collect();
    let mut blocks = vec![
        Block::heading("Before and after"),
        Block::paragraph(Line::default().bold(sentence)),
        Block::Table { head, rows },
    ];
    blocks.extend(promise(compared).map(Block::paragraph));
    blocks
}

pub(super) fn why(finding: &Finding) -> Vec<Block> {
    let mut blocks = vec![Block::heading("Why we think so"), Block::paragraph(finding.texts.tech.as_str())];
    let rows = words::evidence(finding);
    if !rows.is_empty() {
        let cells =
            |row: words::Row| vec![Line::default().code(row.what), Line::default().bold(row.found), row.limit.into()];
        let head = ["Measured", "Found", "Counts as a fault when"].map(Line::from).to_vec();
        blocks.push(Block::Table { head, rows: rows.into_iter().map(cells).collect() });
    }
    blocks
}

fn what_to_do(finding: &Finding) -> Vec<Block> {
    let mut blocks = Vec::new();
    if !finding.runbook.is_empty() {
        blocks.push(Block::heading("What to do"));
        blocks.push(Block::steps(finding.runbook.iter().map(|step| Line::step(step))));
    }
    if let Some(text) = words::escalation(finding) {
        blocks.push(Block::heading("When to hand over"));
        blocks.push(Block::paragraph(text));
    }
    blocks
}

/// How it was when the ticket says.
pub(super) fn around(facts: &Facts<'_>) -> Vec<Block> {
    let Some(around) = &facts.diagnosis.around else { return Vec::new() };
    vec![Block::heading(format!("Around {}", around.moment())), Block::bullets(around.lines())]
}

fn others(facts: &Facts<'_>) -> Vec<Block> {
    let mut blocks = Vec::new();
    for (role, title) in [
        (Role::Contributing, "It also contributes"),
        (Role::Also, "Also found, but not what this ticket is about"),
        (Role::Consequence, "Follows from the above"),
    ] {
        let line = |finding: &Finding| {
            let title = facts.title(&finding.id);
            Line::default().bold(format!("{title}. ")).text(finding.texts.tech.clone())
        };
        let items: Vec<Line> = facts.findings(role).map(line).collect();
        if !items.is_empty() {
            blocks.extend([Block::heading(title), Block::bullets(items)]);
        }
    }
    blocks
}

pub(super) fn ruled_out(facts: &Facts<'_>) -> Vec<Block> {
    let mut blocks = Vec::new();
    for (result, title) in [(RuledOutResult::NotFound, "Ruled out"), (RuledOutResult::Unknown, "Could not be checked")]
    {
        let line = |(title, why): (&str, &str)| Line::default().text(format!("{title}: ")).text(why);
        let items: Vec<Line> = words::ruled_out(facts, result).into_iter().map(line).collect();
        if !items.is_empty() {
            blocks.extend([Block::heading(title), Block::bullets(items)]);
        }
    }
    blocks
}

pub(super) fn changes(facts: &Facts<'_>) -> Vec<Block> {
    let mut blocks = Vec::new();
    for (heading, lines) in words::changed_before(facts) {
        blocks.extend([Block::heading(heading), Block::bullets(lines)]);
    }
    let items: Vec<String> = words::changes(facts).into_iter().map(|(at, what)| format!("{at}: {what}")).collect();
    if !items.is_empty() {
        blocks.extend([Block::heading("What changed lately"), Block::bullets(items)]);
    }
    blocks
}

pub(super) fn data(facts: &Facts<'_>) -> Vec<Block> {
    let mut items: Vec<String> = Vec::new();
    for note in facts.diagnosis.notes.iter().chain([&words::origin(facts)]) {
        if !items.contains(note) {
            items.push(note.clone());
        }
    }
    vec![Block::heading("About the data"), Block::bullets(items)]
}
