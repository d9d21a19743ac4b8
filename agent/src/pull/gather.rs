use std::time::Duration;

use firstline_diagnosis::document::SnapshotSeries;
use firstline_diagnosis::order;
use firstline_diagnosis::vocabulary::{Reading, Why};
use firstline_proto::convert::{Pull, Section, SectionProgress, SectionState};
use firstline_proto::v1;
use firstline_proto::v1::agent_frame::Frame;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use super::Pulls;
use crate::app::{Wanted, is_state};
use crate::schedule::SectionReadings;
use crate::snapshot::HistoryEntry;

/// Time of one section.
const SECTION_LIMIT: Duration = Duration::from_secs(10);

/// What was gathered for a snapshot.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) readings: Vec<Reading>,
    pub(super) series: Vec<SnapshotSeries>,
    pub(super) history: Vec<HistoryEntry>,
    pub(super) missing_sections: Vec<String>,
}

/// Gathers the sections of a pull side by side and tells how each is going.
pub(super) async fn gather(pulls: &Pulls, pull: &Pull) -> Gathered {
    let mut gathered = Gathered::default();
    let probed = pull.sections.iter().filter(|section| **section != Section::History);
    let mut running: FuturesUnordered<_> = probed.map(|section| one(pulls, pull, *section)).collect();
    while let Some(section) = running.next().await {
        if !section.missing.is_empty() {
            gathered.missing_sections.push(missing_words(&section));
        }
        let mut intake = pulls.intake();
        intake.events(section.events, section.bookmarks);
        gathered.readings.extend(intake.admit(section.readings));
    }
    drop(running);
    add_states(pulls, pull, &mut gathered.readings);
    if pull.sections.contains(&Section::History) {
        history(pulls, pull, &mut gathered).await;
    }
    gathered
}

async fn one(pulls: &Pulls, pull: &Pull, section: Section) -> SectionReadings {
    tell(pulls, pull, section, SectionState::Started, 0, Duration::ZERO, String::new()).await;
    let mut readings = pulls.schedule.collect_section(section, SECTION_LIMIT).await;
    // What a machine does not have is an answer: the section is whole without it.
    readings.missing.retain(|missing| !matches!(missing.why.why, Why::NotPresent | Why::Unsupported));
    let (state, detail) = outcome(&readings);
    tell(pulls, pull, section, state, readings.readings.len(), readings.elapsed, detail).await;
    readings
}

/// Where a section stands after it was gathered, and what went wrong.
fn outcome(section: &SectionReadings) -> (SectionState, String) {
    let detail = if section.missing.is_empty() { String::new() } else { missing_words(section) };
    let some = section.readings.iter().any(|reading| reading.outcome.is_ok());
    let late = section.missing.iter().any(|missing| missing.why.why == Why::Timeout);
    let state = match (section.missing.is_empty(), some, late) {
        (true, ..) => SectionState::Finished,
        (false, true, _) => SectionState::Partial,
        (false, false, true) => SectionState::TimedOut,
        (false, false, false) => SectionState::Failed,
    };
    (state, detail)
}

fn missing_words(section: &SectionReadings) -> String {
    let words: Vec<_> =
        section.missing.iter().map(|missing| format!("{}: {}", missing.probe, missing.why.words())).collect();
    format!("{}: {}", section.section.as_str_name().trim_start_matches("SECTION_").to_lowercase(), words.join("; "))
}

/// States that this pull did not read again stand as they were last read.
fn add_states(pulls: &Pulls, pull: &Pull, readings: &mut Vec<Reading>) {
    let all = pull.sections.len() >= 6;
    let there = order::set(readings.iter().map(|reading| reading.series.clone()));
    let intake = pulls.intake();
    let missing = intake.latest().filter(|reading| all && is_state(&reading.series.signal));
    // That there was none of something is over when this pull found one.
    let is_over = |reading: &Reading| {
        let is_nameless = reading.series.attributes.is_empty() && reading.outcome.is_err();
        is_nameless && there.iter().any(|series| series.signal == reading.series.signal)
    };
    let missing = missing.filter(|reading| !there.contains(&reading.series) && !is_over(reading));
    let missing: Vec<_> = missing.cloned().collect();
    readings.extend(missing);
}

async fn history(pulls: &Pulls, pull: &Pull, gathered: &mut Gathered) {
    tell(pulls, pull, Section::History, SectionState::Started, 0, Duration::ZERO, String::new()).await;
    let start = Instant::now();
    {
        let now = pulls.clock.now();
        let mut intake = pulls.intake();
        let window = Duration::from_secs(u64::from(pull.window_seconds));
        gathered.series = intake.series(now, Wanted { window, around: pull.around });
        gathered.history = intake.history();
    }
    let count = gathered.series.len();
    tell(pulls, pull, Section::History, SectionState::Finished, count, start.elapsed(), String::new()).await;
}

async fn tell(
    pulls: &Pulls,
    pull: &Pull,
    section: Section,
    state: SectionState,
    readings: usize,
    elapsed: Duration,
    detail: String,
) {
    let progress = SectionProgress {
        pull_id: pull.id.clone(),
        section,
        state,
        readings: u32::try_from(readings).unwrap_or(u32::MAX),
        elapsed_ms: u32::try_from(elapsed.as_millis()).unwrap_or(u32::MAX),
        detail,
    };
    let _ = pulls.frames.send(v1::AgentFrame { frame: Some(Frame::PullProgress(progress.into())) }).await;
}
