use firstline_diagnosis::document::Reason;
use firstline_diagnosis::vocabulary::Timestamp;

use super::BadField;
use super::bounds::{at_most, at_most_chars, some_chars};
use crate::v1;
pub use crate::v1::{Section, SectionState};

/// How far back the recorder's series go at most, seconds.
const WINDOW_SECONDS_MAX: u32 = 86_400;

/// A request for a fresh snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// Name of the pull.
    pub id: String,
    /// What to include, in order, each once; never empty.
    pub sections: Vec<Section>,
    /// How far back the recorder's series go, seconds.
    pub window_seconds: u32,
    /// When the technician stops waiting.
    pub deadline: Timestamp,
    /// The ticket, as people name it; empty when there is none.
    pub ticket: String,
    /// Who asked.
    pub requested_by: String,
    /// Why.
    pub reason: Reason,
    /// A moment that somebody names: around it the series are told as finely as they were recorded.
    pub around: Option<Timestamp>,
}

impl From<Pull> for v1::PullRequest {
    fn from(pull: Pull) -> Self {
        let reason = match pull.reason {
            Reason::Ticket => v1::PullReason::Ticket,
            Reason::Alert => v1::PullReason::Alert,
            Reason::Pull | Reason::Local => v1::PullReason::Pull,
        };
        Self {
            pull_id: pull.id,
            sections: pull.sections.into_iter().map(i32::from).collect(),
            window_seconds: Some(pull.window_seconds),
            deadline_unix_ms: pull.deadline.unix_ms(),
            ticket: pull.ticket,
            requested_by: pull.requested_by,
            reason: reason.into(),
            around_unix_ms: pull.around.map(Timestamp::unix_ms),
        }
    }
}

impl TryFrom<v1::PullRequest> for Pull {
    type Error = BadField;

    fn try_from(request: v1::PullRequest) -> Result<Self, BadField> {
        some_chars("pull_id", &request.pull_id, 64)?;
        at_most_chars("ticket", &request.ticket, 256)?;
        at_most_chars("requested_by", &request.requested_by, 256)?;
        let window_seconds = request.window_seconds.unwrap_or(WINDOW_SECONDS_MAX);
        if window_seconds > WINDOW_SECONDS_MAX {
            return Err(BadField::new("window_seconds", "is more than 86,400"));
        }
        Ok(Self {
            sections: sections(&request.sections)?,
            window_seconds,
            deadline: Timestamp(request.deadline_unix_ms),
            reason: reason(request.reason),
            around: request.around_unix_ms.map(Timestamp),
            id: request.pull_id,
            ticket: request.ticket,
            requested_by: request.requested_by,
        })
    }
}

/// Every section, in the order of the wire and of screens.
pub fn every_section() -> impl Iterator<Item = Section> {
    (1..).map_while(|number| Section::try_from(number).ok())
}

/// The sections asked for, in wire order, each once. Names of a newer collector are left out; empty means all.
fn sections(numbers: &[i32]) -> Result<Vec<Section>, BadField> {
    at_most("sections", numbers.len(), 64)?;
    Ok(every_section().filter(|&section| numbers.is_empty() || numbers.contains(&i32::from(section))).collect())
}

fn reason(number: i32) -> Reason {
    match v1::PullReason::try_from(number) {
        Ok(v1::PullReason::Ticket) => Reason::Ticket,
        Ok(v1::PullReason::Alert) => Reason::Alert,
        _ => Reason::Pull,
    }
}

/// How one section of a pull is going.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionProgress {
    /// Name of the pull.
    pub pull_id: String,
    /// The section.
    pub section: Section,
    /// Where it stands.
    pub state: SectionState,
    /// Readings gathered so far in it.
    pub readings: u32,
    /// Since it started, milliseconds.
    pub elapsed_ms: u32,
    /// What went wrong; empty when nothing did.
    pub detail: String,
}

impl From<SectionProgress> for v1::PullProgress {
    fn from(progress: SectionProgress) -> Self {
        Self {
            pull_id: progress.pull_id,
            section: progress.section.into(),
            state: progress.state.into(),
            readings: progress.readings,
            elapsed_ms: progress.elapsed_ms,
            detail: progress.detail.chars().take(256).collect(),
        }
    }
}

impl TryFrom<v1::PullProgress> for SectionProgress {
    type Error = BadField;

    fn try_from(progress: v1::PullProgress) -> Result<Self, BadField> {
        some_chars("pull_id", &progress.pull_id, 64)?;
        at_most_chars("detail", &progress.detail, 256)?;
        let section = Section::try_from(progress.section).unwrap_or(Section::Unspecified);
        let state = SectionState::try_from(progress.state).unwrap_or(SectionState::Unspecified);
        if section == Section::Unspecified || state == SectionState::Unspecified {
            return Err(BadField::new("section", "or its state is not said or not known"));
        }
        Ok(Self {
            pull_id: progress.pull_id,
            section,
            state,
            readings: progress.readings,
            elapsed_ms: progress.elapsed_ms,
            detail: progress.detail,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sections_means_all_and_doubles_count_once() {
        assert_eq!(sections(&[]).expect("all").len(), 9);
        assert_eq!(sections(&[5, 4, 4, 77]).expect("two"), [Section::Storage, Section::Network]);
    }

    #[test]
    fn a_request_comes_back_as_it_left() {
        let pull = Pull {
            id: "p1".into(),
            sections: vec![Section::Identity, Section::History],
            window_seconds: 3600,
            deadline: Timestamp(5),
            ticket: "17".into(),
            requested_by: "ann".into(),
            reason: Reason::Ticket,
            around: Some(Timestamp(3)),
        };
        assert_eq!(Pull::try_from(v1::PullRequest::from(pull.clone())), Ok(pull));
    }

    #[test]
    fn refuses_a_window_beyond_a_day() {
        let request = v1::PullRequest { pull_id: "p".into(), window_seconds: Some(86_401), ..Default::default() };
        assert_eq!(Pull::try_from(request).expect_err("too far").field, "window_seconds");
    }
}
