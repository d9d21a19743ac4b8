//! A pull that has not ended: what happens to it, step by step. No clock, no store, no network of its own.

use std::time::Duration;

use firstline_diagnosis::document::Reason;
use firstline_diagnosis::vocabulary::Timestamp;
use firstline_proto::convert::{self, Piece, Section, SectionProgress, SectionState};
use firstline_proto::v1::{self, CollectorFrame, collector_frame};

use super::assembly::Assembly;
use super::{Pull, PullSection, PullState};

/// An endpoint that holds a stream but says nothing for this long is asked again.
const SILENCE: Duration = Duration::from_secs(90);

/// How often an endpoint may fall silent or send damaged answers. That it vanishes does not count: laptops do.
pub(super) const FAILURES: u32 = 5;

/// The recorder's series of one day.
const WINDOW_SECONDS: u32 = 86_400;

/// A pull that has not ended.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) pull: Pull,
    assembly: Option<Assembly>,
    heard_at: Timestamp,
    failures: u32,
    /// The answer is stored, and the store failed before all that follows was: it is tried again.
    pub(super) is_left: bool,
}

/// What a piece did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// More is to come.
    Part,
    /// The document is whole.
    Whole(Vec<u8>),
    /// The endpoint must be asked again, for this reason.
    Broken(String),
}

impl Flight {
    pub(super) fn new(pull: Pull) -> Self {
        Self { heard_at: pull.requested_at, pull, assembly: None, failures: 0, is_left: false }
    }

    /// The frame that asks the endpoint.
    pub(super) fn request(&self) -> CollectorFrame {
        let reason = if self.pull.ticket.is_some() { Reason::Ticket } else { Reason::Pull };
        let request = convert::Pull {
            id: self.pull.id.clone(),
            sections: convert::every_section().collect(),
            window_seconds: WINDOW_SECONDS,
            deadline: self.pull.expires_at,
            ticket: self.pull.ticket.clone().unwrap_or_default(),
            requested_by: self.pull.requested_by.clone(),
            reason,
            around: self.pull.around.as_ref().map(|stated| stated.at),
        };
        CollectorFrame { frame: Some(collector_frame::Frame::PullRequest(request.into())) }
    }

    /// The frame that tells the endpoint that nobody waits any more.
    pub(super) fn cancellation(&self) -> CollectorFrame {
        let cancel = v1::PullCancel { pull_id: self.pull.id.clone() };
        CollectorFrame { frame: Some(collector_frame::Frame::PullCancel(cancel)) }
    }

    /// The endpoint was asked.
    pub(super) fn asked(&mut self, now: Timestamp) {
        self.reset();
        self.heard_at = now;
        self.pull.state = PullState::Sent;
        self.pull.attempts += 1;
        "The computer was asked.".clone_into(&mut self.pull.why);
    }

    /// The endpoint must be asked (again) when it can be.
    pub(super) fn wait(&mut self, why: &str) {
        self.reset();
        self.pull.state = PullState::Queued;
        why.clone_into(&mut self.pull.why);
    }

    /// As `wait`, because the endpoint, though connected, gave no good answer.
    pub(super) fn wait_after_failure(&mut self, why: &str) {
        self.failures += 1;
        self.wait(why);
    }

    /// Whether asking again is no use.
    pub(super) fn is_hopeless(&self) -> bool {
        self.failures >= FAILURES
    }

    /// The pull ends.
    pub(super) fn end(&mut self, state: PullState, why: &str, now: Timestamp) {
        self.assembly = None;
        self.pull.state = state;
        self.pull.finished_at = Some(now);
        why.clone_into(&mut self.pull.why);
        if state == PullState::Failed {
            self.pull.error = Some(why.to_owned());
        }
    }

    fn reset(&mut self) {
        self.assembly = None;
        self.pull.received_bytes = 0;
        self.pull.total_bytes = 0;
        // An answer that could not be stored is none.
        self.pull.snapshot_id = None;
        self.pull.headline = None;
        self.pull.sections = waiting_sections();
    }

    /// Whether the endpoint has taken the order and has not answered it.
    pub(super) fn is_under_way(&self) -> bool {
        matches!(self.pull.state, PullState::Sent | PullState::Running | PullState::Receiving)
            && self.pull.snapshot_id.is_none()
    }

    /// Whether the endpoint should have said something by now.
    pub(super) fn is_overdue(&self, now: Timestamp) -> bool {
        self.is_under_way() && now.since(self.heard_at) > SILENCE
    }

    /// A section moved on.
    pub(super) fn progress(&mut self, progress: &SectionProgress, now: Timestamp) {
        if !self.is_under_way() {
            return;
        }
        self.heard_at = now;
        if self.pull.state == PullState::Sent {
            self.pull.state = PullState::Running;
            "The computer gathers what was asked for.".clone_into(&mut self.pull.why);
        }
        let name = section_name(progress.section);
        if let Some(section) = self.pull.sections.iter_mut().find(|section| section.section == name) {
            state_name(progress.state).clone_into(&mut section.state);
            section.readings = progress.readings;
            section.elapsed_ms = progress.elapsed_ms;
            section.detail = crate::ticket::rich_text::clean_line(&progress.detail);
        }
    }

    /// A piece came in.
    pub(super) fn receive(&mut self, piece: &Piece, now: Timestamp) -> Received {
        if !self.is_under_way() {
            return Received::Part;
        }
        self.heard_at = now;
        self.pull.state = PullState::Receiving;
        "The answer comes in.".clone_into(&mut self.pull.why);
        // The endpoint starts over when it was asked again while it was answering.
        if piece.offset_bytes == 0 {
            self.assembly = None;
        }
        let assembly = match self.assembly.take() {
            Some(assembly) => Ok(assembly),
            None => Assembly::of(piece),
        };
        let added = assembly.and_then(|mut assembly| {
            let whole = assembly.add(piece)?;
            self.pull.received_bytes = piece.offset_bytes + piece.piece.len() as u64;
            self.pull.total_bytes = piece.total_bytes;
            self.assembly = Some(assembly);
            Ok(whole)
        });
        match added {
            Ok(None) => Received::Part,
            Ok(Some(document)) => Received::Whole(document),
            Err(broken) => Received::Broken(broken.to_string()),
        }
    }
}

/// Every section, not begun.
pub(super) fn waiting_sections() -> Vec<PullSection> {
    let section = |section| PullSection {
        section: section_name(section).to_owned(),
        state: "waiting".to_owned(),
        readings: 0,
        elapsed_ms: 0,
        detail: String::new(),
    };
    convert::every_section().map(section).collect()
}

fn section_name(section: Section) -> &'static str {
    match section {
        Section::Identity => "identity",
        Section::Performance => "performance",
        Section::Software => "software",
        Section::Storage => "storage",
        Section::Network => "network",
        Section::Hardware => "hardware",
        Section::Peripheral => "peripheral",
        Section::Trust => "trust",
        Section::History => "history",
        Section::Unspecified => "",
    }
}

fn state_name(state: SectionState) -> &'static str {
    match state {
        SectionState::Started => "started",
        SectionState::Finished => "finished",
        SectionState::Partial => "partial",
        SectionState::Failed => "failed",
        SectionState::TimedOut => "timed_out",
        SectionState::Unspecified => "waiting",
    }
}
