//! The desk that every collector has.
//!
//! Limits: subject [`SUBJECT_LETTERS`], text [`TEXT_LETTERS`], a file [`FILE_BYTES`], all files of a ticket
//! [`TICKET_BYTES`] and [`TICKET_FILES`]. What is longer is refused with the limit, not cut, since a cut text is a
//! different text. Contents are stored once per SHA-256.

mod files;
mod notes;
mod number;
mod serials;
mod suggestions;
#[cfg(test)]
mod tests;
mod tickets;

use std::sync::Arc;

use firstline_diagnosis::vocabulary::Timestamp;

use super::diagnosed::{self, NewDiagnosis};
use super::document::{
    Attachment, AttachmentContent, FileResult, NewFile, NewNote, NewTicket, Note, NoteResult, Requester, Suggestion,
    Ticket, TicketList, TicketQuery, TicketUpdate,
};
use super::error::DeskError;
use super::rich_text::{clean, clean_line};
use crate::app::Clock;
use crate::directory::{Asked, Directories};
use crate::feed::{Feed, FeedItem};
use crate::store::Store;

pub(crate) use notes::insert as insert_note;
pub(crate) use number::{display, parse as number_of};
pub(crate) use tickets::{change as change_ticket, insert as insert_ticket, unjudge as unjudge_ticket};

/// The desk's name in documents.
const NAME: &str = "builtin";

/// Who writes what no person wrote.
pub const AUTHOR: &str = "Firstline";

/// Longest subject, in letters.
pub const SUBJECT_LETTERS: usize = 200;
/// Longest text, in letters.
pub const TEXT_LETTERS: usize = 64 * 1024;
/// Longest name or address of a requester, in letters.
pub const NAME_LETTERS: usize = 200;
/// Largest file, in bytes.
pub const FILE_BYTES: usize = 20 * 1024 * 1024;
/// Most bytes of all files of a ticket.
pub const TICKET_BYTES: i64 = 100 * 1024 * 1024;
/// Most files of a ticket.
pub const TICKET_FILES: i64 = 200;

/// The built-in desk. Cheap to clone.
#[derive(Debug, Clone)]
pub struct BuiltinDesk {
    store: Store,
    clock: Arc<dyn Clock>,
    feed: Feed,
    directories: Directories,
}

impl BuiltinDesk {
    /// The desk on `store`.
    pub fn new(store: Store, clock: Arc<dyn Clock>, feed: Feed) -> Self {
        let directories = Directories::none(Arc::clone(&clock));
        Self { store, clock, feed, directories }
    }

    /// The same, where the people behind tickets are looked up in `directories`.
    #[must_use]
    pub fn asking(self, directories: Directories) -> Self {
        Self { directories, ..self }
    }

    /// Opens a ticket on behalf of `who`.
    ///
    /// # Errors
    /// Refused when the subject is empty or something is too long.
    pub async fn open(&self, order: NewTicket, who: &str) -> Result<Ticket, DeskError> {
        let order = checked(order)?;
        let (now, who) = (self.now(), clean_line(who));
        let number = self.store.write(move |tx| Box::pin(tickets::insert(tx, order, who, now))).await?;
        self.tell(number);
        self.ticket(number).await
    }

    /// Tickets that match, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list(&self, query: &TicketQuery) -> Result<TicketList, DeskError> {
        tickets::list(self.store.reads(), query).await
    }

    /// The ticket with `number` as people type it (`FL-1042`, `fl-1042` or `1042`), with notes and attachments.
    ///
    /// # Errors
    /// When there is none.
    pub async fn show(&self, number: &str) -> Result<Ticket, DeskError> {
        self.ticket(number::parse(number)?).await
    }

    /// Changes a ticket.
    ///
    /// # Errors
    /// When there is none, or the subject is empty or too long.
    pub async fn update(&self, number: &str, update: TicketUpdate, _who: &str) -> Result<Ticket, DeskError> {
        let (number, now) = (number::parse(number)?, self.now());
        let subject = update.subject.map(|subject| line("subject", &subject, 1, SUBJECT_LETTERS)).transpose()?;
        let category = update.category.map(|category| line("category", &category, 0, NAME_LETTERS)).transpose()?;
        let update = TicketUpdate { subject, category, ..update };
        self.store.write(move |tx| Box::pin(tickets::change(tx, number, update, now))).await?;
        self.tell(number);
        self.ticket(number).await
    }

    /// Writes a note. Files that are refused do not stop the note; their results say why.
    ///
    /// # Errors
    /// When there is no such ticket, or the note says nothing or too much.
    pub async fn note(&self, number: &str, note: NewNote) -> Result<NoteResult, DeskError> {
        self.note_of(number, note, None).await
    }

    /// Writes the note of a pull, with the diagnosis that it brought: one, however often it is asked for.
    ///
    /// # Errors
    /// As [`BuiltinDesk::note`].
    pub(crate) async fn note_of_pull(
        &self,
        number: &str,
        pull: &str,
        note: NewNote,
        diagnosis: Option<NewDiagnosis>,
    ) -> Result<NoteResult, DeskError> {
        let of_pull = Some((pull.to_owned(), diagnosis));
        self.note_of(number, NewNote { key: format!("pull:{pull}"), ..note }, of_pull).await
    }

    async fn note_of(
        &self,
        number: &str,
        note: NewNote,
        of_pull: Option<(String, Option<NewDiagnosis>)>,
    ) -> Result<NoteResult, DeskError> {
        let (number, now) = (number::parse(number)?, self.now());
        let author = line("author", &note.author, 0, NAME_LETTERS)?;
        let note = NewNote { author, ..note };
        let write = self.store.write(move |tx| {
            Box::pin(async move {
                let pull = of_pull.as_ref().map(|(pull, _)| pull.clone());
                let result = notes::insert(tx, number, note, pull, now).await?;
                if let Some((pull, Some(diagnosis))) = of_pull {
                    diagnosed::insert(tx, number, &pull, &diagnosis, now).await?;
                }
                Ok::<_, DeskError>(result)
            })
        });
        let result = write.await?;
        if !result.repeated {
            self.tell(number);
        }
        Ok(result)
    }

    /// Puts a file onto a ticket without a note.
    ///
    /// # Errors
    /// When there is no such ticket; a file that is refused is a result, not an error.
    pub async fn attach(&self, number: &str, file: NewFile) -> Result<FileResult, DeskError> {
        let (number, now) = (number::parse(number)?, self.now());
        let result = self.store.write(move |tx| Box::pin(files::attach(tx, number, file, now))).await?;
        self.tell(number);
        Ok(result)
    }

    /// A note with its files and their contents, as it goes out to another desk.
    pub(crate) async fn note_with_files(&self, id: &str) -> Result<(Note, Vec<NewFile>), DeskError> {
        let reads = self.store.reads();
        let note = notes::one(reads, id).await?;
        let mut files = Vec::new();
        for id in files::ids_of_note(reads, id).await? {
            let AttachmentContent { attachment, bytes, .. } = files::content(reads, &id).await?;
            files.push(NewFile { name: attachment.name, media_type: attachment.media_type, bytes });
        }
        Ok((note, files))
    }

    /// An attachment with its content.
    ///
    /// # Errors
    /// When there is none.
    pub async fn attachment(&self, id: &str) -> Result<AttachmentContent, DeskError> {
        files::content(self.store.reads(), id).await
    }

    /// The machines that a ticket may be about, the likeliest first, at most five.
    ///
    /// # Errors
    /// When there is no such ticket.
    pub async fn suggest(&self, number: &str) -> Result<Vec<Suggestion>, DeskError> {
        let ticket = self.show(number).await?;
        let person = self.directories.person(&ticket.requester).await;
        suggestions::of(self.store.reads(), &ticket, person.as_ref()).await
    }

    /// What a directory says of the person behind a ticket; nothing without directory or person.
    pub(crate) async fn ask_directories(&self, number: &str) -> Result<Option<Asked>, DeskError> {
        Ok(self.directories.ask(&self.show(number).await?.requester).await)
    }

    async fn ticket(&self, number: i64) -> Result<Ticket, DeskError> {
        let ticket = tickets::row(self.store.reads(), number).await?;
        let attachments: Vec<(Option<String>, Attachment)> = files::of_ticket(self.store.reads(), number).await?;
        let notes = notes::of_ticket(self.store.reads(), number, &attachments).await?;
        let attachments = attachments.into_iter().map(|(_, attachment)| attachment).collect();
        Ok(Ticket { notes, attachments, ..ticket })
    }

    fn tell(&self, number: i64) {
        self.feed.publish(FeedItem::Ticket { number: number::display(number) });
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// An order of another desk, whose texts are what they are: cut where they are too long for here.
pub(crate) fn bounded_order(order: NewTicket) -> NewTicket {
    let cut = |text: &str, most: usize| clean_line(text).chars().take(most).collect::<String>();
    let subject = cut(&order.subject, SUBJECT_LETTERS);
    NewTicket {
        subject: if subject.is_empty() { "(no subject)".to_owned() } else { subject },
        text: clean(&order.text).trim().chars().take(TEXT_LETTERS).collect(),
        requester: Requester {
            name: cut(&order.requester.name, NAME_LETTERS),
            email: cut(&order.requester.email, NAME_LETTERS),
            sign_in: cut(&order.requester.sign_in, NAME_LETTERS),
        },
        endpoint: order.endpoint,
    }
}

/// The order with its texts cleaned and measured.
fn checked(order: NewTicket) -> Result<NewTicket, DeskError> {
    let mut order = order;
    order.subject = line("subject", &order.subject, 1, SUBJECT_LETTERS)?;
    order.requester.name = line("requester's name", &order.requester.name, 0, NAME_LETTERS)?;
    order.requester.email = line("requester's e-mail address", &order.requester.email, 0, NAME_LETTERS)?;
    order.requester.sign_in = line("requester's sign-in name", &order.requester.sign_in, 0, NAME_LETTERS)?;
    clean(&order.text).trim().clone_into(&mut order.text);
    if order.text.chars().count() > TEXT_LETTERS {
        return Err(DeskError::Refused(format!("the text is longer than {TEXT_LETTERS} letters")));
    }
    Ok(order)
}

/// `text` on one line, when it has `least` to `most` letters.
fn line(what: &str, text: &str, least: usize, most: usize) -> Result<String, DeskError> {
    let text = clean_line(text);
    match text.chars().count() {
        letters if letters > most => Err(DeskError::Refused(format!("the {what} is longer than {most} letters"))),
        letters if letters < least => Err(DeskError::Refused(format!("the {what} is empty"))),
        _ => Ok(text),
    }
}
