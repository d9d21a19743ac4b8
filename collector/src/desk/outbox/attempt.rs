//! One attempt: what a row tells, sent to its desk, or found there.

use super::rows::{AtTicket, Job, Order};
use super::{Outbox, OutboxError};
use crate::desk::contract::{Desk, Noted, OutgoingNote, TicketRef};
use crate::desk::tickets::renamed;
use crate::desk::trouble::Trouble;
use crate::ticket::rich_text::{Block, Line, RichText};
use crate::ticket::{AUTHOR, DeskError, NewNote, Note, Visibility};

impl Outbox {
    /// Sends a row, unless the desk has it already.
    pub(super) async fn attempt(&self, job: &Job<AtTicket>) -> Result<Noted, Trouble> {
        let (_, desk) = self.parts().desks.named(&job.desk)?;
        let (ticket, noted) = match &job.what.order {
            Order::Open(order) => return self.open(job, desk, order).await.map(|()| Noted::default()),
            Order::Note(id) => {
                let ticket = self.present(job, desk).await?;
                let noted = self.write(job, desk, &ticket, id).await?;
                (ticket, noted)
            }
            Order::Change(change) => {
                let ticket = self.present(job, desk).await?;
                desk.change(&ticket, change).await?;
                (ticket, Noted::default())
            }
        };
        Ok(Noted { ticket: (ticket != job.what.ticket).then_some(ticket.display_number), ..noted })
    }

    /// What the job's ticket is there now; its page here is told when it has become another one.
    async fn present(&self, job: &Job<AtTicket>, desk: &dyn Desk) -> Result<TicketRef, Trouble> {
        let ticket = desk.present(&job.what.ticket).await?;
        if ticket != job.what.ticket {
            let (number, now_there) = (job.what.number, ticket.clone());
            let stored = self.parts().store.write(move |tx| Box::pin(renamed(tx, number, now_there))).await;
            stored.map_err(|error: OutboxError| Trouble::away(error.to_string()))?;
        }
        Ok(ticket)
    }

    /// Writes a note, unless the desk has it already.
    async fn write(
        &self,
        job: &Job<AtTicket>,
        desk: &dyn Desk,
        ticket: &TicketRef,
        id: &str,
    ) -> Result<Noted, Trouble> {
        let note = self.outgoing(job, id).await?;
        let there = if job.unclear { desk.noted(ticket, &note).await? } else { None };
        match there {
            Some(noted) => Ok(noted),
            None => desk.note(ticket, &note).await,
        }
    }

    /// The note as it goes out.
    async fn outgoing(&self, job: &Job<AtTicket>, id: &str) -> Result<OutgoingNote, Trouble> {
        let read = self.parts().builtin.note_with_files(id).await;
        let (note, files) = read.map_err(|error| match error {
            DeskError::Store(_) => Trouble::away(error.to_string()),
            other => Trouble::refused(other.to_string()),
        })?;
        let number = crate::ticket::display(job.what.number);
        Ok(OutgoingNote {
            mark: job.id.clone(),
            title: format!("Firstline {number}"),
            public: note.visibility == Visibility::Public,
            body: signed(note),
            files,
        })
    }

    /// Says on the ticket which files are not there as they were sent.
    pub(super) async fn tell_of_files(&self, job: &Job<AtTicket>, noted: &Noted) -> Result<(), OutboxError> {
        let lost = noted
            .files
            .iter()
            .filter_map(|file| Some(Line::default().bold(&file.name).text(format!(": {}", file.problem.as_ref()?))));
        let lost: Vec<Line> = lost.collect();
        if lost.is_empty() {
            return Ok(());
        }
        let number = crate::ticket::display(job.what.number);
        let words = format!("Not all files of the last note arrived here whole. They are on {number} in Firstline.");
        let body = RichText(vec![Block::paragraph(words), Block::bullets(lost)]);
        let note = NewNote {
            author: AUTHOR.to_owned(),
            visibility: Visibility::Private,
            body,
            key: format!("files:{}", job.id),
            ..NewNote::default()
        };
        match self.parts().builtin.note(&number, note).await {
            Err(DeskError::Store(error)) => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// What a person wrote here says who they are; there, it comes from the account of the desk.
fn signed(note: Note) -> RichText {
    if note.author == AUTHOR || note.author.is_empty() {
        return note.body;
    }
    let mut blocks = vec![Block::paragraph(Line::default().bold(format!("{}, in Firstline:", note.author)))];
    blocks.extend(note.body.0);
    RichText(blocks)
}
