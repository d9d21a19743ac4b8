//! A day through detection: live, as a collector plays what arrives, and as a recording, as `firstline check replay` does.

use firstline_diagnosis::catalogue::Catalogue;
use firstline_diagnosis::detector::Transition;
use firstline_diagnosis::document::{Diagnosis, FindingState};
use firstline_diagnosis::recording::{Line, Moved, Player, Replay, Replayed};
use firstline_diagnosis::vocabulary::Timestamp;

use super::corpus::told::Told;
use super::day::Day;
use super::file::Scenario;

const ENDPOINT: &str = "e1";
/// The endpoint was watched for so long before the day.
const WATCHED_MS: i64 = 60 * 24 * 3_600_000;

/// What came of a day.
pub(crate) struct Lived {
    pub(crate) moves: Vec<Transition>,
    /// The answer to each ticket.
    pub(crate) answers: Vec<Diagnosis>,
    /// What a replay must say.
    pub(crate) replayed: Replayed,
}

/// Plays a day as it happens, and asks at the moment of each ticket.
pub(crate) fn lived(day: &Day, scenario: &Scenario) -> Lived {
    let mut player = Player::new(Catalogue::builtin(), &day.os).with_diary();
    player.tell(|detector| detector.watched_since(since(day)));
    let (mut moves, mut answers) = (Vec::new(), Vec::new());
    let mut tickets = scenario.tickets.iter().peekable();
    for (at, told) in &day.told {
        while let Some(ticket) = tickets.next_if(|ticket| day.at(&ticket.at) <= *at) {
            player.advance(day.at(&ticket.at), &mut |moved| moves.push(moved));
            answers.extend(player.diagnose(Some(&ticket.says)));
        }
        player.advance(*at, &mut |moved| moves.push(moved));
        player.tell(|detector| told.to(detector, *at));
    }
    player.finish(day.end, &mut |moved| moves.push(moved));
    let diagnosis = player.diagnose(symptom(scenario)).expect("something was told");
    let timeline = moves.iter().map(moved).collect();
    let diagnosis = std::iter::once((ENDPOINT.to_owned(), diagnosis)).collect();
    Lived { moves, answers, replayed: Replayed { timeline, diagnosis, notes: Vec::new() } }
}

/// The day as a recording.
pub(crate) fn recording(day: &Day) -> Vec<String> {
    let declared = Line::Endpoint {
        endpoint: ENDPOINT.to_owned(),
        os: day.os.clone(),
        name: String::new(),
        since: Some(since(day)),
        attrs: std::collections::BTreeMap::new(),
    };
    let told = day.told.iter().flat_map(|(at, told)| lines(*at, told));
    std::iter::once(declared).chain(told).map(|line| serde_json::to_string(&line).expect("plain values")).collect()
}

/// Prints what came of a day, for whoever writes it, and leaves its recording for `firstline check replay`.
pub(crate) fn show(day: &Day, scenario: &Scenario, lived: &Lived) {
    for moved in lived.moves.iter().filter(|moved| moved.to != FindingState::Pending) {
        let (check, severity, instance) = (&moved.check, moved.finding.severity, &moved.instance);
        println!("{} {check} {instance} ({severity}): {} to {}", moved.at, moved.from.name(), moved.to.name());
    }
    for (ticket, answer) in scenario.tickets.iter().zip(&lived.answers) {
        println!("{:?}: {:?}, primary {:?}", ticket.says, answer.symptom, answer.primary);
        for finding in &answer.findings {
            println!("  {:?} {}: {}", finding.role, finding.id, finding.texts.tech);
        }
        answer.ruled_out.iter().for_each(|one| println!("  - {}: {}", one.id, one.why));
    }
    let path = std::env::temp_dir().join(format!("{}.jsonl", scenario.name));
    std::fs::write(&path, recording(day).join("\n")).expect("the temporary folder is there");
    println!("its recording: {}", path.display());
}

/// Replays a recording up to the end of the day.
pub(crate) fn replayed(recording: &[String], day: &Day, scenario: &Scenario) -> Replayed {
    let mut replay = Replay::new(Catalogue::builtin(), Some(day.end));
    for line in recording {
        replay.line(line).unwrap_or_else(|fault| panic!("{}: {line}: {fault}", scenario.name));
    }
    replay.finish(symptom(scenario))
}

fn symptom(scenario: &Scenario) -> Option<&str> {
    scenario.tickets.first().map(|ticket| ticket.says.as_str())
}

fn since(day: &Day) -> Timestamp {
    Timestamp(day.start.0 - WATCHED_MS)
}

fn lines(at: Timestamp, told: &Told) -> Vec<Line> {
    match told {
        Told::Mark(mark) => vec![Line::mark(ENDPOINT, at, *mark)],
        Told::Reading(reading) => vec![Line::inventory(ENDPOINT, reading)],
        Told::Event(event) => vec![Line::event(ENDPOINT, event)],
        Told::Sample(layout, sample) => {
            let numbers = layout.series().iter().zip(&sample.values).filter(|(_, value)| value.is_finite());
            let numbers =
                numbers.map(|(series, value)| Line::number(ENDPOINT, at, series, sample.step_seconds, *value));
            let why = |index: u32| &layout.series()[index as usize];
            let absences = sample.absences.iter().map(|(index, why_)| Line::absence(ENDPOINT, at, why(*index), *why_));
            numbers.chain(absences).collect()
        }
    }
}

fn moved(transition: &Transition) -> Moved {
    let Transition { check, instance, from, to, at, .. } = transition.clone();
    Moved { at, endpoint: ENDPOINT.to_owned(), finding: check, instance, from, to }
}
