//! Whether a disk's counts of trouble began to move.
//!
//! What a disk counted before is past; what it counted within a week is a sign. A disk whose firmware changed counts anew, and
//! its first count after that says nothing.

use crate::vocabulary::{Series, Timestamp, Value};

use super::words;
use super::{Ask, Assessment, Doubt, Method, Output, OutputUnit, Role, blocks};

pub(super) const METHOD: Method = Method {
    name: "disk-watch",
    version: 1,
    roles: &[
        Role { name: "smart", needed: true, span: "window", step: "" },
        Role { name: "media", needed: false, span: "window", step: "" },
        Role { name: "firmware", needed: false, span: "window", step: "" },
    ],
    parameters: &[("window", "s"), ("recent", "s"), ("history", "s")],
    outputs: &[
        Output {
            name: "trouble",
            label: "What a disk counted of errors within the week",
            unit: OutputUnit::Unit("{error}"),
        },
        Output {
            name: "pending",
            label: "Sectors that became doubtful within the week",
            unit: OutputUnit::Unit("{sector}"),
        },
        Output {
            name: "lost",
            label: "Sectors that became unreadable within the week",
            unit: OutputUnit::Unit("{sector}"),
        },
        Output {
            name: "reported",
            label: "Errors that the disk reported within the week",
            unit: OutputUnit::Unit("{error}"),
        },
        Output {
            name: "timeouts",
            label: "Commands that ran out of time within the week",
            unit: OutputUnit::Unit("{command}"),
        },
        Output { name: "media", label: "Read errors of the medium within the week", unit: OutputUnit::Unit("{error}") },
        Output {
            name: "moved",
            label: "Sectors that were moved within the window",
            unit: OutputUnit::Unit("{sector}"),
        },
        Output { name: "moved_weeks", label: "Weeks in which sectors were moved", unit: OutputUnit::Unit("{week}") },
        Output { name: "words", label: "What began to move", unit: OutputUnit::Text },
    ],
    assess,
};

/// Counts by the output that they become, their name in `smart_attribute`, and what they are called.
const COUNTS: [(&str, &str, &str); 4] = [
    ("pending", "pending_sectors", "doubtful sectors"),
    ("lost", "offline_uncorrectable", "unreadable sectors"),
    ("reported", "reported_uncorrectable", "reported errors"),
    ("timeouts", "command_timeouts", "commands out of time"),
];
const MOVED: &str = "reallocated_sectors";
const WEEK_MS: i64 = 7 * blocks::DAY_MS;

/// A count with the moments at which it changed.
type Counted = Vec<(Timestamp, f64)>;

fn assess(ask: &Ask) -> Result<Assessment, Doubt> {
    let since = ask.states("firmware").last().filter(|_| ask.states("firmware").len() > 1).map(|(at, _)| *at);
    let smart: Vec<(&Series, Counted)> =
        ask.each_states("smart").into_iter().map(|(series, values)| (series, counted(&values, since))).collect();
    let media = counted(&ask.states("media"), since);
    let known_since = since.or(ask.past.since).or_else(|| first(&smart, &media)).unwrap_or(ask.now);
    let known_ms = ask.now.0 - known_since.0;
    if (smart.is_empty() && media.is_empty()) || known_ms < ask.span_ms("history") {
        let wanted = format!("{} of readings", words::span(ask.parameter("history")));
        return Err(Doubt::needs(wanted, words::span(known_ms as f64 / 1000.0)));
    }
    let count = |name: &str| smart.iter().find(|(series, _)| series.attributes.get("smart_attribute") == Some(name));
    let recent = ask.span_ms("recent");
    let rise = |counted: &Counted| rise(counted, ask.now.0 - recent);
    let mut assessment = Assessment::of(smart.iter().map(|(_, counted)| counted.len()).sum::<usize>() + media.len());
    let (mut moved, mut trouble) = (Vec::new(), 0.0);
    for (output, name, called) in COUNTS {
        let rise = count(name).map(|(_, counted)| rise(counted));
        moved.extend(rise.filter(|rise| *rise >= 1.0).map(|rise| format!("{rise:.0} {called}")));
        // A disk that runs out of time may have a loose cable: that alone is no sign.
        trouble += rise.filter(|_| output != "timeouts").unwrap_or(0.0);
        assessment = assessment.with(output, rise);
    }
    if !media.is_empty() {
        let rise = rise(&media);
        moved.extend((rise >= 1.0).then(|| format!("{rise:.0} read errors of the medium")));
        trouble += rise;
        assessment = assessment.with("media", rise);
    }
    let sectors = count(MOVED).map(|(_, counted)| counted);
    let all_moved = sectors.map(|counted| self::rise(counted, ask.now.0 - ask.span_ms("window")));
    moved.extend(all_moved.filter(|all| *all >= 1.0).map(|all| format!("{all:.0} moved sectors")));
    let total = moved.len() as f64;
    let said = if moved.is_empty() { "nothing".to_owned() } else { moved.join(", ") };
    Ok(assessment
        .with("trouble", trouble)
        .with("moved", all_moved)
        .with("moved_weeks", sectors.map(|counted| weeks(counted, ask.now)))
        .saying(said)
        .weighing(total))
}

/// The numbers of a count since a moment; without it from the first on.
fn counted(values: &[(Timestamp, &Value)], since: Option<Timestamp>) -> Counted {
    let numbers = values.iter().filter_map(|(at, value)| Some((*at, value.number()?)));
    numbers.filter(|(at, _)| since.is_none_or(|since| *at >= since)).collect()
}

fn first(smart: &[(&Series, Counted)], media: &Counted) -> Option<Timestamp> {
    let firsts = smart.iter().map(|(_, counted)| counted).chain([media]);
    firsts.filter_map(|counted| counted.first()).map(|(at, _)| *at).min()
}

/// How much a count grew after a moment. A count that fell was reset, and counts from there.
fn rise(counted: &Counted, since_ms: i64) -> f64 {
    let steps = counted.windows(2).filter(|pair| pair[1].0.0 > since_ms);
    steps.map(|pair| (pair[1].1 - pair[0].1).max(0.0)).sum()
}

/// In how many weeks, counted back from now, a count grew.
fn weeks(counted: &Counted, now: Timestamp) -> f64 {
    let grew = counted.windows(2).filter(|pair| pair[1].1 > pair[0].1);
    let mut weeks: Vec<i64> = grew.map(|pair| (now.0 - pair[1].0.0).div_euclid(WEEK_MS)).collect();
    weeks.dedup();
    weeks.len() as f64
}
