//! A check file over the stored past.

use std::io::IsTerminal as _;
use std::path::Path;

use firstline_diagnosis::texts::quantity;

use super::Out;
use super::checks::read;
use super::connection::Connection;
use super::failure::Failure;
use super::table::{Table, harmless};
use crate::api::rehearsals::{Line, Trial};
use crate::recording::{OfCheck, Progress, Report};

/// Heights of a bar.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Orders a rehearsal, shows how far it is, and prints the report.
pub(super) async fn rehearse(
    connection: &Connection,
    file: &Path,
    days: u32,
    search: Option<String>,
    out: Out,
) -> Result<(), Failure> {
    let (name, text) = read(file)?;
    let path = "/checks/rehearse";
    let order = connection.ordered(path, &Trial { name, text, days, search });
    let mut pieces = connection.pieces(order, path).await?;
    let mut waiting = Vec::new();
    while let Some(piece) = pieces.next().await? {
        waiting.extend_from_slice(&piece);
        while let Some(end) = waiting.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = waiting.drain(..=end).collect();
            let unreadable = |error| Failure::failed(format!("the collector's answer cannot be read: {error}"));
            match serde_json::from_slice(&line).map_err(unreadable)? {
                Line::Progress(progress) => show(progress),
                Line::Failed(why) => return Err(Failure::failed(why)),
                Line::Report(report) => {
                    show(Progress { done: report.endpoints, of: report.endpoints });
                    return out.print(&report, || words(&report));
                }
            }
        }
    }
    Err(Failure::failed("the collector ended the rehearsal before its end; its log says why"))
}

/// On a terminal only: a line that is written over.
fn show(Progress { done, of }: Progress) {
    if std::io::stderr().is_terminal() {
        let end = if done == of { "\n" } else { "" };
        eprint!("\r{done} of {of} endpoints{end}");
    }
}

fn words(report: &Report) -> String {
    let mut text =
        format!("From {} to {}: {}.\n\n", report.from, report.to, heard(report.endpoints_heard, report.endpoints));
    let mut table = Table::new(["check", "fired", "endpoints", "tickets", "in all", "longest", "day by day"]);
    for check in &report.checks {
        let span = |seconds: u64| quantity(seconds as f64, "s");
        table.row([
            check.id.clone(),
            check.times.to_string(),
            check.endpoints.to_string(),
            check.tickets.to_string(),
            span(check.seconds),
            span(check.longest_seconds),
            bars(check),
        ]);
    }
    text.push_str(&table.print("No checks."));
    if !report.episodes.is_empty() {
        text.push_str("\n\n");
        text.push_str(&episodes(report));
    }
    text
}

/// On how many endpoints there was anything to judge.
fn heard(heard: usize, endpoints: usize) -> String {
    match (heard, endpoints) {
        (_, 0) => "no endpoints".to_owned(),
        (0, 1) => "1 endpoint, which told nothing".to_owned(),
        (_, 1) => "1 endpoint".to_owned(),
        (heard, all) if heard == all => format!("{all} endpoints"),
        (heard, all) => format!("{all} endpoints, of which {heard} told something"),
    }
}

fn episodes(report: &Report) -> String {
    let mut table =
        Table::new(["from", "to", "endpoint", "check", "instance", "severity", "ticket", "what it would have said"]);
    for episode in &report.episodes {
        table.row([
            episode.from.to_string(),
            episode.to.map_or_else(|| "holds".to_owned(), |to| to.to_string()),
            episode.name.clone(),
            episode.check.clone(),
            episode.instance.clone(),
            episode.severity.name().to_owned(),
            if episode.ticket { "yes" } else { "no" }.to_owned(),
            episode.text.clone(),
        ]);
    }
    let all: usize = report.checks.iter().map(|check| check.times).sum();
    let rest = all.saturating_sub(report.episodes.len());
    let more = if rest > 0 { format!("\nAnd {rest} more.") } else { String::new() };
    format!("{}{}", table.print(""), harmless(&more).trim_end())
}

/// A bar for each day, the first day first; a point where nothing fired.
fn bars(check: &OfCheck) -> String {
    let most = check.by_day.iter().copied().max().unwrap_or(0).max(1);
    let bar = |&times: &usize| if times == 0 { '·' } else { BARS[(times * BARS.len()).div_ceil(most) - 1] };
    check.by_day.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_told_in_plain_words() {
        let told = [(1, 1), (0, 1), (3, 3), (2, 3), (0, 0)].map(|(told, all)| heard(told, all));
        assert_eq!(
            told,
            [
                "1 endpoint",
                "1 endpoint, which told nothing",
                "3 endpoints",
                "3 endpoints, of which 2 told something",
                "no endpoints"
            ]
        );
    }

    #[test]
    fn the_worst_day_has_the_highest_bar() {
        let by_day = vec![0, 1, 4, 8];
        let check =
            OfCheck { id: "x".to_owned(), times: 13, endpoints: 2, tickets: 0, seconds: 0, longest_seconds: 0, by_day };
        assert_eq!(bars(&check), "·▁▄█");
    }
}
