//! The report beside the note: one HTML file that opens anywhere, offline, and prints.
//!
//! No scripts, no links to anything, one inline style sheet; a policy in the file itself forbids everything else, so
//! that whatever slipped past the escaping could not act.

use std::fmt::Write as _;

use firstline_diagnosis::document::{Finding, Role, RuledOutResult};

use super::{Facts, note, primary, sentence, sparkline, words};
use crate::ticket::rich_text::{Block, Line, RichText, escape};

/// Colours of both schemes, and of paper.
const STYLE: &str = include_str!("report.css");

/// The whole file.
pub(crate) fn report(facts: &Facts<'_>) -> String {
    report_after(facts, &RichText::default())
}

/// The whole file, with what stands before everything else.
pub(crate) fn report_after(facts: &Facts<'_>, first: &RichText) -> String {
    let mut page = String::with_capacity(32 * 1024);
    head(&mut page, facts);
    if !first.is_empty() {
        let _ = write!(page, "<section>{}</section>", first.to_html());
    }
    answer(&mut page, facts);
    before_and_after(&mut page, facts);
    if let Some(finding) = primary(facts.diagnosis) {
        why(&mut page, facts, finding);
        what_to_do(&mut page, finding);
    }
    around(&mut page, facts);
    others(&mut page, facts);
    ruled_out(&mut page, facts);
    changes(&mut page, facts);
    happened(&mut page, facts);
    data(&mut page, facts);
    page.push_str("</main></body></html>\n");
    page
}

fn head(page: &mut String, facts: &Facts<'_>) {
    let name = escape(&facts.snapshot.endpoint.name);
    let _ = write!(
        page,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"referrer\" content=\"no-referrer\">\
         <title>Diagnosis of {name}</title><style>{STYLE}</style></head><body><header><p>Firstline diagnosis</p><h1>{name}</h1><p>{}</p>",
        escape(&words::machine(facts)),
    );
    if let Some(ticket) = facts.ticket {
        let _ = write!(page, "<p>{} · {}</p>", escape(&ticket.number), escape(&ticket.subject));
    }
    page.push_str("</header><main>");
}

fn answer(page: &mut String, facts: &Facts<'_>) {
    let finding = primary(facts.diagnosis);
    // Green only when everything that could cause it was checked: unknown is not healthy.
    let unknown = facts.diagnosis.ruled_out.iter().any(|one| one.result == RuledOutResult::Unknown);
    let nothing = if unknown { "medium" } else { "none" };
    let class = finding.map_or(nothing, |finding| finding.severity.name());
    let _ = write!(
        page,
        "<section class=\"answer {class}\"><p class=\"sentence\">{}</p>",
        escape(&sentence(facts.diagnosis))
    );
    if let Some(finding) = finding {
        let _ = write!(
            page,
            "<p><strong class=\"badge\">{}</strong> {} · {} · since {}</p>",
            escape(words::severity(finding)),
            escape(&title(facts, finding)),
            finding.how_sure(),
            finding.since(),
        );
    }
    page.push_str("</section>");
}

fn before_and_after(page: &mut String, facts: &Facts<'_>) {
    let blocks = note::before_and_after(facts);
    if !blocks.is_empty() {
        let _ = write!(page, "<section>{}</section>", RichText(blocks).to_html());
    }
}

fn why(page: &mut String, facts: &Facts<'_>, finding: &Finding) {
    let _ = write!(page, "<section><h2>Why we think so</h2><p>{}</p>", escape(&finding.texts.tech));
    evidence(page, finding);
    let pictures = sparkline::of_finding(facts.snapshot, finding);
    if !pictures.is_empty() {
        let _ = write!(page, "<div class=\"figures\">{pictures}</div>");
    }
    guards(page, finding);
    page.push_str("</section>");
}

fn evidence(page: &mut String, finding: &Finding) {
    let rows = words::evidence(finding);
    if rows.is_empty() {
        return;
    }
    page.push_str(
        "<table><thead><tr><th>Measured</th><th>Found</th><th>Counts as a fault when</th></tr></thead><tbody>",
    );
    for row in rows {
        let (what, found, limit) = (escape(&row.what), escape(&row.found), escape(&row.limit));
        let _ = write!(page, "<tr><td><code>{what}</code></td><td><strong>{found}</strong></td><td>{limit}</td></tr>");
    }
    page.push_str("</tbody></table>");
}

fn guards(page: &mut String, finding: &Finding) {
    if finding.guards.is_empty() {
        return;
    }
    let name =
        |guard: &firstline_diagnosis::document::Guard| format!("{} ({})", escape(&guard.name), escape(&guard.result));
    let names: Vec<String> = finding.guards.iter().map(name).collect();
    let _ = write!(page, "<p class=\"quiet\">Considered as an excuse: {}.</p>", names.join(", "));
}

fn what_to_do(page: &mut String, finding: &Finding) {
    if !finding.runbook.is_empty() {
        let steps = RichText(vec![Block::steps(finding.runbook.iter().map(|step| Line::step(step)))]);
        let _ = write!(page, "<section><h2>What to do</h2>{}</section>", steps.to_html());
    }
    if let Some(text) = words::escalation(finding) {
        let _ = write!(page, "<section><h2>When to hand over</h2><p>{}</p></section>", escape(&text));
    }
}

/// How it was when the ticket says, in words and in pictures.
fn around(page: &mut String, facts: &Facts<'_>) {
    let Some(around) = &facts.diagnosis.around else { return };
    let words = RichText(note::around(facts)).to_html();
    let _ = write!(page, "<section>{words}");
    let pictures = sparkline::around(facts.snapshot, around);
    if !pictures.is_empty() {
        let _ = write!(page, "<div class=\"figures\">{pictures}</div>");
    }
    page.push_str("</section>");
}

fn others(page: &mut String, facts: &Facts<'_>) {
    for (role, heading) in [
        (Role::Contributing, "It also contributes"),
        (Role::Also, "Also found, but not what this ticket is about"),
        (Role::Consequence, "Follows from the above"),
    ] {
        let mut findings = facts.findings(role).peekable();
        if findings.peek().is_none() {
            continue;
        }
        let _ = write!(page, "<section><h2>{heading}</h2>");
        for finding in findings {
            other(page, facts, finding);
        }
        page.push_str("</section>");
    }
}

fn other(page: &mut String, facts: &Facts<'_>, finding: &Finding) {
    let (title, tech) = (escape(&title(facts, finding)), escape(&finding.texts.tech));
    let severity = finding.severity.name();
    let _ = write!(
        page,
        "<details class=\"{severity}\"><summary><strong class=\"badge\">{severity}</strong> {title}. {tech}</summary>",
    );
    evidence(page, finding);
    let steps = RichText(vec![Block::steps(finding.runbook.iter().map(|step| Line::step(step)))]);
    page.push_str(&steps.to_html());
    page.push_str("</details>");
}

fn ruled_out(page: &mut String, facts: &Facts<'_>) {
    for (result, heading) in
        [(RuledOutResult::NotFound, "Ruled out"), (RuledOutResult::Unknown, "Could not be checked")]
    {
        let lines = words::ruled_out(facts, result);
        let lines = lines.iter().map(|(title, why)| format!("<strong>{}</strong>: {}", escape(title), escape(why)));
        list(page, heading, lines.collect());
    }
}

fn changes(page: &mut String, facts: &Facts<'_>) {
    for (heading, lines) in words::changed_before(facts) {
        list(page, &heading, lines.iter().map(|line| escape(line)).collect());
    }
    let lines = words::changes(facts).into_iter().map(|(at, what)| format!("{}: {}", escape(&at), escape(&what)));
    list(page, "What changed lately", lines.collect());
}

fn happened(page: &mut String, facts: &Facts<'_>) {
    let lines = words::happened(facts).into_iter().map(|(at, what)| format!("{}: {}", escape(&at), escape(&what)));
    list(page, "What happened lately", lines.collect());
}

fn data(page: &mut String, facts: &Facts<'_>) {
    let notes = facts.diagnosis.notes.iter().cloned().chain([words::origin(facts)]);
    list(page, "About the data", notes.map(|note| escape(&note)).collect());
}

/// A section with a list; nothing when there is nothing to list. The lines are HTML already.
fn list(page: &mut String, heading: &str, lines: Vec<String>) {
    if lines.is_empty() {
        return;
    }
    let items = lines.join("</li><li>");
    let _ = write!(page, "<section><h2>{heading}</h2><ul><li>{items}</li></ul></section>");
}

fn title(facts: &Facts<'_>, finding: &Finding) -> String {
    let title = facts.title(&finding.id);
    if finding.instance.is_empty() { title.to_owned() } else { format!("{title}: {}", finding.instance) }
}
