//! What came of a day against what had to come of it.

use std::collections::BTreeMap;

use firstline_diagnosis::catalogue::Catalogue;
use firstline_diagnosis::detector::Transition;
use firstline_diagnosis::document::FindingState;
use firstline_diagnosis::vocabulary::{Severity, Timestamp};

use super::day::Day;
use super::file::{Finds, Scenario};
use super::play::Lived;

/// From here on something that fires and should not is a false alarm; what is less is context.
const ALARMING: Severity = Severity::Medium;

/// What became of something that was expected, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Found,
    Missed(String),
    FalseAlarm(String),
}

/// A check on a day.
#[derive(Debug, Clone)]
pub(crate) struct OfCheck {
    pub(crate) check: String,
    pub(crate) outcome: Outcome,
}

/// A ticket's answer.
#[derive(Debug, Clone)]
pub(crate) struct OfTicket {
    pub(crate) says: String,
    pub(crate) wanted: Option<String>,
    pub(crate) given: Option<String>,
}

impl OfTicket {
    pub(crate) fn is_right(&self) -> bool {
        self.wanted == self.given
    }
}

/// A day, judged.
pub(crate) struct Judged {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) remark: String,
    pub(crate) checks: Vec<OfCheck>,
    pub(crate) tickets: Vec<OfTicket>,
    /// Nothing had to come of it.
    pub(crate) is_quiet: bool,
}

impl Judged {
    pub(crate) fn of(scenario: &Scenario, day: &Day, lived: &Lived) -> Self {
        let raised = raised(&lived.moves);
        let expected = scenario.finds.iter().map(|finds| OfCheck {
            check: finds.check.clone(),
            outcome: outcome(finds, day, raised.get(finds.check.as_str()).map(Vec::as_slice), &lived.moves),
        });
        let is_expected = |check: &str| {
            scenario.finds.iter().any(|finds| finds.check == check) || scenario.along.iter().any(|one| one == check)
        };
        let alarms = raised.iter().filter(|(check, _)| !is_expected(check)).filter_map(|(check, raised)| {
            // What fired on the days before is the past that the day was given.
            let alarm = raised.iter().find(|one| one.at >= day.start && one.finding.severity >= ALARMING)?;
            let said = format!("{} at {}", alarm.instance, time(day, alarm.at));
            Some(OfCheck { check: (*check).to_owned(), outcome: Outcome::FalseAlarm(said.trim().to_owned()) })
        });
        let tickets = scenario.tickets.iter().zip(&lived.answers).map(|(ticket, answer)| OfTicket {
            says: ticket.says.clone(),
            wanted: ticket.primary.clone(),
            given: answer.primary.clone(),
        });
        Self {
            name: scenario.name.clone(),
            title: scenario.title.clone(),
            remark: scenario.remark.clone(),
            checks: expected.chain(alarms).collect(),
            tickets: tickets.collect(),
            is_quiet: scenario.finds.is_empty(),
        }
    }
}

/// Every moment at which a check fired, by check.
fn raised(moves: &[Transition]) -> BTreeMap<&str, Vec<&Transition>> {
    let mut raised: BTreeMap<&str, Vec<&Transition>> = BTreeMap::new();
    let fired = |moved: &&Transition| {
        moved.to == FindingState::Active && !matches!(moved.from, FindingState::Recovering | FindingState::Stale)
    };
    for moved in moves.iter().filter(fired) {
        raised.entry(&moved.check).or_default().push(moved);
    }
    raised
}

fn outcome(finds: &Finds, day: &Day, raised: Option<&[&Transition]>, moves: &[Transition]) -> Outcome {
    let (from, until) = (day.at(&finds.from), day.at(&finds.until));
    let Some(first) = raised.and_then(|raised| raised.first()) else {
        return Outcome::Missed("did not fire".to_owned());
    };
    if first.at < from || first.at > until {
        let when = if first.at < from { "early" } else { "late" };
        return Outcome::Missed(format!("fired too {when}, at {}", time(day, first.at)));
    }
    match &finds.over {
        Some(over) if stands(&finds.check, day.at(over), moves) => Outcome::Missed(format!("still there at {over}")),
        _ => Outcome::Found,
    }
}

/// Whether a check holds on any instance at a moment.
fn stands(check: &str, at: Timestamp, moves: &[Transition]) -> bool {
    let mut state: BTreeMap<&str, FindingState> = BTreeMap::new();
    for moved in moves.iter().filter(|moved| moved.check == check && moved.at <= at) {
        state.insert(&moved.instance, moved.to);
    }
    state.values().any(|state| matches!(state, FindingState::Active | FindingState::Stale))
}

/// The time of the day, with the number of days after the first, or before it.
fn time(day: &Day, at: Timestamp) -> String {
    let minutes = (at.0 - day.start.0).div_euclid(60_000);
    let (days, hours, minutes) = (minutes.div_euclid(1440), minutes.rem_euclid(1440) / 60, minutes.rem_euclid(60));
    if days == 0 { format!("{hours:02}:{minutes:02}") } else { format!("{days:+} {hours:02}:{minutes:02}") }
}

/// The area of a check: the first part of its category.
pub(crate) fn area(check: &str) -> String {
    let catalogue = Catalogue::builtin();
    let check = catalogue.check(check).unwrap_or_else(|| panic!("there is no check {check}"));
    check.category.split('/').next().unwrap_or_default().to_owned()
}
