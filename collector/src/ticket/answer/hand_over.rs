//! The note by which a ticket is handed over: what the next queue needs, so that nobody asks again.
//!
//! In the order in which it is read there: who hands over, why and what the user suffers; the computer; the finding with its raw
//! numbers; what was done already; what was ruled out; what changed; who else has it; what else to bring.

use firstline_diagnosis::document::{Finding, SnapshotReading};
use firstline_diagnosis::texts::{behind, moment, quantity};
use firstline_diagnosis::vocabulary::{Timestamp, Value};

use super::{Facts, note, primary, sentence, words};
use crate::ticket::rich_text::{Block, Line, RichText};
use crate::ticket::{AUTHOR, Note};

/// When the machine was started.
const STARTED: &str = "endpoint.boot.time";
/// Most raw numbers.
const READINGS: usize = 40;
/// Most notes of people, and letters of each.
const NOTES: (usize, usize) = (10, 400);

/// Who hands over, to whom, and why.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HandOver<'a> {
    /// The queue, in Firstline's words.
    pub(crate) queue: &'a str,
    /// Who.
    pub(crate) who: &'a str,
    /// What they say; may be empty.
    pub(crate) reason: &'a str,
    /// Other endpoints that have the same now.
    pub(crate) others: i64,
}

/// The hand-over as neutral rich text.
pub(crate) fn hand_over(facts: &Facts<'_>, order: HandOver<'_>) -> RichText {
    let finding = primary(facts.diagnosis);
    let mut blocks = head(facts, finding, order);
    blocks.extend([Block::heading("The computer"), Block::bullets(computer(facts))]);
    if let Some(finding) = finding {
        blocks.extend(note::why(finding));
        blocks.extend(numbers(facts, finding));
    }
    blocks.extend(done(facts));
    blocks.extend(note::around(facts));
    blocks.extend(note::before_and_after(facts));
    blocks.extend(note::ruled_out(facts));
    blocks.extend(note::changes(facts));
    blocks.push(Block::heading("Who else has it"));
    blocks.push(Block::paragraph(match order.others {
        0 => "Nobody else in the fleet has the same now.".to_owned(),
        1 => "One other endpoint has the same now.".to_owned(),
        others => format!("{others} other endpoints have the same now."),
    }));
    if let Some(bring) = finding.map(|finding| finding.escalation.bring.as_str()).filter(|bring| !bring.is_empty()) {
        blocks.extend([Block::heading("Also needed"), Block::paragraph(bring)]);
    }
    blocks.extend(note::data(facts));
    RichText(blocks).bounded()
}

fn head(facts: &Facts<'_>, finding: Option<&Finding>, order: HandOver<'_>) -> Vec<Block> {
    let HandOver { queue, who, reason, .. } = order;
    let mut first = Line::default().bold(format!("Handed over to {queue} by {who}."));
    if !reason.is_empty() {
        first = first.text(format!(" {reason}"));
    }
    let mut blocks = vec![Block::paragraph(first)];
    let impact = finding.map_or_else(String::new, |finding| {
        let title = facts.title(&finding.id);
        let span = match finding.until {
            Some(until) => format!("from {} to {}", moment(finding.onset), moment(until)),
            None => format!("from {} to {} at least", finding.since(), moment(facts.snapshot.taken_at)),
        };
        format!(" {title}, {:?}, {span}.", finding.priority)
    });
    blocks.push(Block::paragraph(format!("What the user suffers: {}{impact}", sentence(facts.diagnosis))));
    let when = finding.map(|finding| finding.escalation.when.as_str()).filter(|when| !when.is_empty());
    blocks.extend(when.map(|when| Block::paragraph(format!("Handed over when: {when}"))));
    blocks
}

/// What the computer is, in lines.
fn computer(facts: &Facts<'_>) -> Vec<Line> {
    let of = [("Model", "device.model.identifier"), ("Build", "os.build_id"), ("Started", STARTED)];
    let told = of.into_iter().filter_map(|(name, signal)| {
        let reading = facts.snapshot.readings.iter().find(|reading| reading.signal == signal)?;
        Some(Line::default().bold(format!("{name}: ")).text(found(reading)))
    });
    [Line::from(words::machine(facts))].into_iter().chain(told).collect()
}

/// The raw numbers that the finding's check read, with the reason where there is none.
fn numbers(facts: &Facts<'_>, finding: &Finding) -> Vec<Block> {
    let Some(check) = facts.catalogue.check(&finding.id) else { return Vec::new() };
    let read = facts.snapshot.readings.iter().filter(|reading| check.signals.contains(&reading.signal));
    let row = |reading: &SnapshotReading| {
        let what = format!("{}{}", reading.signal, reading.attrs);
        vec![Line::default().code(what), found(reading).into(), moment(reading.at).into()]
    };
    let rows: Vec<_> = read.take(READINGS).map(row).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    let head = ["Read", "Value", "At"].map(Line::from).to_vec();
    vec![Block::heading("Raw numbers"), Block::Table { head, rows }]
}

/// A value with its unit, or why there is none.
fn found(reading: &SnapshotReading) -> String {
    match &reading.value {
        // It is a moment, though its unit is that of a span.
        Some(Value::Number(number)) if reading.signal == STARTED => {
            moment(Timestamp::from_unix_seconds(*number as i64))
        }
        Some(Value::Number(number)) => quantity(*number, &reading.unit),
        Some(Value::Flag(flag)) => if *flag { "yes" } else { "no" }.to_owned(),
        Some(Value::Text(text)) => text.clone(),
        None => {
            let why = reading.why.map_or("", |why| why.words());
            let detail = behind(&reading.detail);
            format!("unknown: {why}{detail}")
        }
    }
}

/// What people wrote on the ticket, steps that they took among it.
fn done(facts: &Facts<'_>) -> Vec<Block> {
    let notes = facts.ticket.map_or(&[][..], |ticket| &ticket.notes);
    let by_people = notes.iter().filter(|note| note.author != AUTHOR && note.pull.is_none());
    let line = |note: &Note| {
        let text: String = note.text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(NOTES.1).collect();
        Line::default().bold(format!("{} by {}: ", moment(note.at), note.author)).text(text)
    };
    let mut items: Vec<Line> = by_people.rev().take(NOTES.0).map(line).collect();
    items.reverse();
    if items.is_empty() {
        items.push("Nothing is written down on the ticket.".into());
    }
    vec![Block::heading("Done already"), Block::bullets(items)]
}

#[cfg(test)]
mod tests {
    use firstline_diagnosis::document::Quality;
    use firstline_diagnosis::vocabulary::{Attributes, Why};

    use super::*;

    #[test]
    fn a_moment_is_told_as_one_and_what_is_unknown_with_its_reason() {
        let started = SnapshotReading {
            signal: STARTED.to_owned(),
            attrs: Attributes::default(),
            value: Some(Value::Number(1_795_392_000.0)),
            unit: "s".to_owned(),
            quality: Quality::Ok,
            why: None,
            detail: String::new(),
            at: Timestamp(0),
        };
        assert_eq!(found(&started), "2026-11-23 00:00 UTC");
        let spent = SnapshotReading { signal: "process.cpu.time".to_owned(), ..started.clone() };
        assert_ne!(found(&spent), found(&started), "other seconds are a span");
        let model = SnapshotReading {
            value: None,
            why: Some(Why::NotPresent),
            detail: "there is no model in the firmware".to_owned(),
            ..started
        };
        assert_eq!(found(&model), "unknown: this machine has none (there is no model in the firmware)");
    }
}
