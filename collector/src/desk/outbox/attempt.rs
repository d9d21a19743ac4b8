//! One attempt: what a row tells, sent to its desk, or found there.

use super::rows::{Job, Order};
use super::{Outbox, OutboxError};
use crate::desk::contract::{Noted, OutgoingNote};
use crate::desk::trouble::Trouble;
use crate::ticket::rich_text::{Block, Line, RichText};
use crate::ticket::{AUTHOR, DeskError, NewNote, Note, Visibility};

impl Outbox {
    /// Sends a row, unless the desk has it already.
    pub(super) async fn attempt(&self, job: &Job) -> Result<Noted, Trouble> {
        let (_, desk) = self.shared.desks.named(&job.desk)?;
        match &job.order {
            Order::Change(change) => desk.change(&job.ticket, change).await.map(|()| Noted::default()),
            Order::Note(id) => {
                let note = self.outgoing(job, id).await?;
                if job.unclear
                    && let Some(noted) = desk.noted(&job.ticket, &note).await?
                {
                    return Ok(noted);
                }
                desk.note(&job.ticket, &note).await
            }
        }
    }

    /// The note as it goes out.
    async fn outgoing(&self, job: &Job, id: &str) -> Result<OutgoingNote, Trouble> {
        let read = self.shared.builtin.note_with_files(id).await;
        let (note, files) = read.map_err(|error| match error {
            DeskError::Store(_) => Trouble::away(error.to_string()),
            other => Trouble::refused(other.to_string()),
        })?;
        let number = crate::ticket::display(job.number);
        Ok(OutgoingNote {
            mark: job.id.clone(),
            title: format!("Firstline {number}"),
            public: note.visibility == Visibility::Public,
            body: signed(note),
            files,
        })
    }

    /// Says on the ticket which files are not there as they were sent.
    pub(super) async fn tell_of_files(&self, job: &Job, noted: &Noted) -> Result<(), OutboxError> {
        let lost = noted
            .files
            .iter()
            .filter_map(|file| Some(Line::default().bold(&file.name).text(format!(": {}", file.problem.as_ref()?))));
        let lost: Vec<Line> = lost.collect();
        if lost.is_empty() {
            return Ok(());
        }
        let number = crate::ticket::display(job.number);
        let words = format!("Not all files of the last note arrived here whole. They are on {number} in Firstline.");
        let body = RichText(vec![Block::paragraph(words), Block::bullets(lost)]);
        let note = NewNote {
            author: AUTHOR.to_owned(),
            visibility: Visibility::Private,
            body,
            key: format!("files:{}", job.id),
            ..NewNote::default()
        };
        match self.shared.builtin.note(&number, note).await {
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
