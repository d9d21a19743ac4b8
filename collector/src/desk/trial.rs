//! Whether a desk is set up well: everything that Firstline does there, done once on a test ticket.

use uuid::Uuid;

use super::contract::{Change, Desk, Found, OutgoingNote, OutgoingTicket};
use super::document::{Trial, TrialOrder, TrialStep};
use super::maps::compared;
use super::outbox::{Outbox, OutboxError};
use super::trouble::Trouble;
use crate::config::DeskSettings;
use crate::ticket::rich_text::{Block, RichText};
use crate::ticket::{NewFile, Requester, TicketState};

/// The subject of a ticket that is opened for a test.
pub(super) const TEST_SUBJECT: &str = "Firstline test, please ignore";

/// What the steps come to.
#[derive(Debug, Default)]
pub(crate) struct Steps(Vec<TrialStep>);

impl Steps {
    /// Whether every step was done.
    pub(crate) fn passed(&self) -> bool {
        self.0.iter().all(|step| step.done)
    }

    /// The steps, in order.
    pub(crate) fn into_list(self) -> Vec<TrialStep> {
        self.0
    }

    /// Writes down a step, and gives what it brought.
    pub(crate) fn take<T>(
        &mut self,
        step: &str,
        tried: Result<T, Trouble>,
        words: impl FnOnce(&T) -> String,
    ) -> Option<T> {
        let (done, said) = match &tried {
            Ok(brought) => (true, words(brought)),
            Err(trouble) => (false, trouble.said.clone()),
        };
        self.0.push(TrialStep { step: step.to_owned(), done, said });
        tried.ok()
    }
}

impl Outbox {
    /// Walks verify, maps, (open,) find, note, attach and resolve at a desk.
    ///
    /// # Errors
    /// When there is no such desk.
    pub async fn try_out(&self, desk: &str, order: &TrialOrder) -> Result<Trial, OutboxError> {
        if !self.desks().all().iter().any(|one| one.settings.name == desk) {
            return Err(OutboxError::NotFound(format!("desk {desk:?}")));
        }
        let mut steps = Steps::default();
        match self.desks().named(desk) {
            Ok((settings, way)) => {
                walk(settings, way, order, &mut steps).await;
            }
            Err(trouble) => {
                steps.take("verify", Err::<(), _>(trouble), |()| String::new());
            }
        }
        Ok(Trial { desk: desk.to_owned(), passed: steps.passed(), steps: steps.into_list() })
    }
}

/// Takes the steps, up to the first without which the next makes no sense.
async fn walk(settings: &DeskSettings, desk: &dyn Desk, order: &TrialOrder, steps: &mut Steps) -> Option<()> {
    let mark = Uuid::now_v7().to_string();
    steps.take("verify", desk.verify().await, |standing| {
        let seen = [&standing.product].into_iter().chain(&standing.seen);
        seen.map(String::as_str).collect::<Vec<_>>().join(", ")
    })?;
    match desk.known().await {
        // It does not tell its words.
        Ok(known) if known.is_empty() => {}
        known => drop(steps.take("maps", known.and_then(|known| compared(settings, &known)), String::clone)),
    }
    let number = if let Some(number) = &order.ticket {
        number.clone()
    } else {
        let words = |ticket: &super::TicketRef| format!("ticket {} was opened", ticket.display_number);
        steps.take("open", opened(desk, &mark).await, words)?.display_number
    };
    let found = desk.find(&number).await.and_then(|found| {
        found.ok_or_else(|| Trouble::new(super::TroubleKind::NotFound, format!("there is no ticket {number}")))
    });
    let found: Found = steps.take("find", found, |found: &Found| {
        format!("ticket {}: {:?}, {}, in {}", found.ticket.display_number, found.subject, found.state, found.queue)
    })?;
    let body = RichText(vec![Block::paragraph("A test of Firstline: this note and its file may be ignored.")]);
    let bare =
        OutgoingNote { mark: mark.clone(), title: "Firstline test".to_owned(), body, public: false, files: Vec::new() };
    steps.take("note", desk.note(&found.ticket, &bare).await, |noted| format!("private note {}", noted.note_id))?;
    let file = NewFile {
        name: "firstline-test.html".to_owned(),
        media_type: "text/html".to_owned(),
        bytes: "<!doctype html><meta charset=utf-8><p>A test of Firstline \u{2713}</p>".repeat(2000).into_bytes(),
    };
    let size = file.bytes.len();
    let with_file = OutgoingNote { mark: format!("{mark}-file"), files: vec![file], ..bare };
    let attached = desk.note(&found.ticket, &with_file).await.and_then(|noted| {
        match noted.files.into_iter().find_map(|file| file.problem) {
            Some(problem) => Err(Trouble::refused(problem)),
            None => Ok(()),
        }
    });
    steps.take("attach", attached, |()| format!("{size} bytes, read back alike"));
    let change = Change { state: Some(TicketState::Resolved), ..Change::default() };
    let resolved = desk.change(&found.ticket, &change).await;
    steps.take("resolve", resolved, |()| "resolved, read back".to_owned())
}

/// A new ticket; looked for when the answer is not clear.
async fn opened(desk: &dyn Desk, mark: &str) -> Result<super::TicketRef, Trouble> {
    match desk.create(&test_ticket(mark)).await {
        Err(trouble) if trouble.unclear => desk.created(mark).await?.ok_or(trouble),
        made => made,
    }
}

fn test_ticket(mark: &str) -> OutgoingTicket {
    OutgoingTicket {
        mark: mark.to_owned(),
        queue: String::new(),
        subject: TEST_SUBJECT.to_owned(),
        body: RichText(vec![Block::paragraph(
            "Firstline tries out what it may do here, and resolves this ticket again.",
        )]),
        requester: Requester::default(),
    }
}
