//! What tickets are told of alerts.

use crate::alert::Alert;
use crate::incident::Incident;
use crate::ticket::rich_text::{Block, Line, RichText};
use firstline_diagnosis::texts;

/// The ticket's subject: what is wrong, and where.
pub(super) fn subject(alert: &Alert) -> String {
    let title = alert.title.trim_end_matches('.');
    let instance = texts::behind(&alert.instance);
    format!("{title}{instance}: {}", alert.endpoint.name)
}

/// What the ticket says.
pub(super) fn opened(alert: &Alert, incident: Option<&Incident>) -> RichText {
    let finding = &alert.finding;
    let mut blocks = vec![Block::paragraph(Line::default().bold(alert.summary.as_str()))];
    let place = if incident.is_some() { "It is an incident" } else { alert.endpoint.name.as_str() };
    blocks.push(Block::paragraph(format!(
        "{place}, since {}. Severity {}, {:?}, {:.0} % sure. Nobody complained yet; Firstline saw it by itself.",
        alert.started_at,
        alert.severity,
        alert.priority,
        finding.confidence * 100.0
    )));
    if !finding.texts.user.is_empty() {
        blocks.push(Block::paragraph(format!("What to tell the user: {}", finding.texts.user)));
    }
    if !finding.runbook.is_empty() {
        blocks.push(Block::heading("What to do"));
        blocks.push(Block::steps(finding.runbook.iter().map(|step| Line::step(step))));
    }
    if let Some(incident) = incident {
        blocks.push(Block::heading("Endpoints"));
        blocks.push(endpoints(incident));
    }
    RichText(blocks).bounded()
}

/// What it is told when its alert fires once more.
pub(super) fn again(alert: &Alert) -> RichText {
    RichText(vec![
        Block::paragraph(Line::default().bold("It is back.")),
        Block::paragraph(format!("{} Since {}, for the {}. time.", alert.summary, alert.started_at, alert.times_fired)),
    ])
}

/// What it is told when endpoints joined its incident.
pub(super) fn grown(incident: &Incident) -> RichText {
    let head = format!("The incident has {} endpoints now.", incident.endpoints.len());
    RichText(vec![Block::paragraph(Line::default().bold(head)), endpoints(incident)]).bounded()
}

/// What it is told when its alert is over.
pub(super) fn over(alert: &Alert) -> RichText {
    let at = alert.resolved_at.unwrap_or(alert.updated_at);
    RichText(vec![
        Block::paragraph(Line::default().bold("It is over.")),
        Block::paragraph(format!("Since {at}: {}", alert.decision.words)),
    ])
}

fn endpoints(incident: &Incident) -> Block {
    Block::bullets(incident.endpoints.iter().map(|one| {
        let stands = if one.is_affected { "" } else { ", not affected any more" };
        Line::default().text(format!("{}, since {}{stands}", one.name, one.joined_at))
    }))
}
