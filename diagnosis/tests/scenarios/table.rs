//! The tables of `docs/scenarios.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::judged::{Judged, OfCheck, OfTicket, Outcome, area};

/// Set to anything to let the test write what it would otherwise compare.
const WRITE: &str = "FIRSTLINE_WRITE";

#[derive(Default)]
struct Count {
    found: usize,
    missed: usize,
    alarms: usize,
    tickets: usize,
    right: usize,
}

impl Count {
    fn check(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Found => self.found += 1,
            Outcome::Missed(_) => self.missed += 1,
            Outcome::FalseAlarm(_) => self.alarms += 1,
        }
    }

    fn ticket(&mut self, ticket: &OfTicket) {
        self.tickets += 1;
        self.right += usize::from(ticket.is_right());
    }

    fn row(&self, name: &str) -> String {
        let Self { found, missed, alarms, tickets, right } = self;
        let (precision, recall) = (share(*found, found + alarms), share(*found, found + missed));
        format!(
            "| {name} | {} | {found} | {missed} | {alarms} | {precision} | {recall} | {tickets} | {right} |",
            found + missed
        )
    }
}

fn share(part: usize, whole: usize) -> String {
    if whole == 0 { "–".to_owned() } else { format!("{:.0} %", 100.0 * part as f64 / whole as f64) }
}

/// Precision and recall, by area and in total.
pub(crate) fn totals(days: &[Judged]) -> String {
    let (mut areas, mut total) = (BTreeMap::<String, Count>::new(), Count::default());
    for check in days.iter().flat_map(|day| &day.checks) {
        areas.entry(area(&check.check)).or_default().check(&check.outcome);
        total.check(&check.outcome);
    }
    for ticket in days.iter().flat_map(|day| &day.tickets) {
        let name = ticket.wanted.as_deref().map_or("nothing wrong".to_owned(), area);
        areas.entry(name).or_default().ticket(ticket);
        total.ticket(ticket);
    }
    let mut text =
        "| area | to be found | found | missed | false alarms | precision | recall | tickets | right answer |\n\
        | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
            .to_owned();
    let rows = areas.iter().map(|(name, count)| count.row(name)).chain([total.row("**all**")]);
    rows.for_each(|row| writeln!(text, "{row}").expect("memory"));
    let quiet: Vec<&Judged> = days.iter().filter(|day| day.is_quiet).collect();
    let kept = quiet.iter().filter(|day| day.checks.is_empty()).count();
    writeln!(
        text,
        "\n{} days; on {} of them nothing must fire, and on {kept} of those nothing did.",
        days.len(),
        quiet.len()
    )
    .expect("memory");
    text
}

/// Every miss and false alarm by name.
pub(crate) fn faults(days: &[Judged]) -> String {
    let mut text = String::new();
    for day in days {
        let remark = if day.remark.is_empty() { String::new() } else { format!(" {}", day.remark) };
        let said = day.checks.iter().filter_map(of_check).chain(day.tickets.iter().filter_map(of_ticket));
        for said in said {
            writeln!(text, "- `{}`: {said}.{remark}", day.name).expect("memory");
        }
    }
    if text.is_empty() { "None.".to_owned() } else { text }
}

fn of_check(check: &OfCheck) -> Option<String> {
    match &check.outcome {
        Outcome::Found => None,
        Outcome::Missed(why) => Some(format!("missed `{}`, which {why}", check.check)),
        Outcome::FalseAlarm(what) => Some(format!("false alarm `{}` {what}", check.check)),
    }
}

fn of_ticket(ticket: &OfTicket) -> Option<String> {
    let name = |one: &Option<String>| one.as_deref().map_or("nothing".to_owned(), |id| format!("`{id}`"));
    let said = || format!("{:?} was answered with {}, not {}", ticket.says, name(&ticket.given), name(&ticket.wanted));
    (!ticket.is_right()).then(said)
}

/// Every day with what had to come of it.
pub(crate) fn days(days: &[Judged]) -> String {
    let mut text =
        "| day | what it is like | must be found | tickets and their answers |\n| --- | --- | --- | --- |\n".to_owned();
    for day in days {
        let expected = day.checks.iter().filter(|check| !matches!(check.outcome, Outcome::FalseAlarm(_)));
        let expected: Vec<String> = expected.map(|check| format!("`{}`", check.check)).collect();
        let answer = |ticket: &OfTicket| ticket.wanted.as_deref().map_or("nothing".to_owned(), |id| format!("`{id}`"));
        let tickets: Vec<String> =
            day.tickets.iter().map(|ticket| format!("\"{}\": {}", ticket.says, answer(ticket))).collect();
        let expected = if expected.is_empty() { "nothing".to_owned() } else { expected.join(", ") };
        writeln!(text, "| `{}` | {} | {expected} | {} |", day.name, day.title, tickets.join("; ")).expect("memory");
    }
    text
}

/// Compares the part of the document between its two marks named `part` with `wanted`; what differs.
pub(crate) fn in_step(part: &str, wanted: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/scenarios.md");
    let text = std::fs::read_to_string(&path).expect("the document exists");
    let (begin, end) = (format!("<!-- {part}: begin -->\n"), format!("<!-- {part}: end -->"));
    let start = text.find(&begin).unwrap_or_else(|| panic!("there is no {begin:?}")) + begin.len();
    let length = text[start..].find(&end).unwrap_or_else(|| panic!("there is no {end:?}"));
    let (found, wanted) = (&text[start..start + length], format!("\n{}\n\n", wanted.trim()));
    if found == wanted {
        return None;
    }
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, [&text[..start], &wanted, &text[start + length..]].concat())
            .expect("the document is ours");
        return None;
    }
    Some(format!("docs/scenarios.md: {part} is not what comes of the days; {WRITE}=1 makes this test write it"))
}
