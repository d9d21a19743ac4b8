//! The one contract of all ticket systems.
//!
//! They differ in what they call a ticket (people type a number, addresses need another id), in how files arrive (with a note,
//! on the record, by a link), in the text they take, and in how they refuse (some with success). The contract asks for what all
//! of them can do:
//!
//! - A note with files is one order with a result for each file. A desk that takes files apart from notes sends the files
//!   first: a note that is there says that all was tried.
//! - Whatever is written carries a mark by which it can be found again. After an answer that is not clear, the mark is looked
//!   for ([`Notes::noted`], [`Desk::created`]) before anything is written anew.
//! - Nothing counts as done because the desk said so: what can be read back is read back. A file counts as stored when its
//!   digest or, where the desk does not give the bytes, its length is what was sent.
//! - Text is neutral [`RichText`]; states, priorities and categories are Firstline's words, and the desk's own come from the
//!   configuration's maps.
//! - What a desk refuses is told in its own words, with the permission that is missing in its own terms ([`Trouble`]).

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use firstline_diagnosis::vocabulary::{Priority, Timestamp};
use serde::{Deserialize, Serialize};

use super::maps::Known;
use super::trouble::Trouble;
use crate::config::DeskSettings;
use crate::ticket::rich_text::RichText;
use crate::ticket::{NewFile, Requester, TicketState};

/// A ticket by both of its names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TicketRef {
    /// What people type.
    pub display_number: String,
    /// What addresses need.
    pub api_id: String,
}

/// Names of files that a desk did not take, and its words.
pub type Refused = BTreeMap<String, String>;

/// What is written onto the tickets of a desk, and found there again.
#[async_trait]
pub trait Notes: Send + Sync + Debug {
    /// Sends a note with its files; those that were refused.
    async fn write_note(&self, ticket: &TicketRef, note: &OutgoingNote) -> Result<Refused, Trouble>;

    /// The note with this mark, if it is on the ticket.
    async fn noted(&self, ticket: &TicketRef, note: &OutgoingNote) -> Result<Option<Noted>, Trouble>;

    /// Why a note that was taken is not seen.
    fn unseen(&self) -> Trouble;

    /// Writes a note with its files, and reads both back.
    async fn note(&self, ticket: &TicketRef, note: &OutgoingNote) -> Result<Noted, Trouble> {
        let refused = self.write_note(ticket, note).await?;
        // What was written and cannot be seen may be there: it is looked for before it is written again.
        let noted = self.noted(ticket, note).await.map_err(Trouble::unclear)?;
        Ok(noted.ok_or_else(|| self.unseen().unclear())?.explained(&refused))
    }
}

/// A ticket system.
#[async_trait]
pub trait Desk: Notes {
    /// Whether it answers, and what it says of itself and of us.
    async fn verify(&self) -> Result<Standing, Trouble>;

    /// The words that the installation has for the maps of the configuration; a map that it does not tell is left out or empty.
    async fn known(&self) -> Result<Vec<Known>, Trouble> {
        Ok(Vec::new())
    }

    /// The ticket that people call `number`, under the number that it has now: a merged one is found as the one that it
    /// became. What is found but is not what was asked for is refused.
    async fn find(&self, number: &str) -> Result<Option<Found>, Trouble>;

    /// The ticket that this one is now: another one when it was merged or moved, where the desk says which.
    async fn present(&self, ticket: &TicketRef) -> Result<TicketRef, Trouble> {
        Ok(ticket.clone())
    }

    /// Opens a ticket.
    async fn create(&self, order: &OutgoingTicket) -> Result<TicketRef, Trouble>;

    /// The ticket that was opened under this mark.
    async fn created(&self, mark: &str) -> Result<Option<TicketRef>, Trouble>;

    /// How long a ticket that was opened may be missing from what [`Desk::created`] looks through.
    fn found_within(&self) -> Duration {
        Duration::from_mins(3)
    }

    /// How a ticket ended beyond its state: closing code, resolution; empty where the desk has no such thing.
    async fn closing(&self, _: &TicketRef) -> Result<String, Trouble> {
        Ok(String::new())
    }

    /// Changes fields, and reads back that they have changed. Asking twice is as asking once.
    async fn change(&self, ticket: &TicketRef, change: &Change) -> Result<(), Trouble>;

    /// Ends what is open there. To be called when nothing more is asked; what is asked all the same opens it anew.
    async fn close(&self) {}

    /// The tickets that came after `mark`; without one only where to begin, since the past is nobody's news.
    async fn arrivals(&self, mark: Option<&str>) -> Result<Arrivals, Trouble>;
}

/// What a desk says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// What it is, in its own words: `Request Tracker 5.0.3`.
    pub product: String,
    /// What was seen, in lines for people.
    pub seen: Vec<String>,
}

/// A ticket as the desk has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its names.
    pub ticket: TicketRef,
    /// Where people look at it.
    pub url: String,
    /// One line.
    pub subject: String,
    /// What the person says; plain text.
    pub text: String,
    /// Who complains.
    pub requester: Requester,
    /// Queue or group, in the desk's words.
    pub queue: String,
    /// State, in the desk's words.
    pub state: String,
    /// What the field for the device holds; empty without one.
    pub device: String,
    /// When it should be solved.
    pub due: Option<Timestamp>,
}

/// A note on its way out.
#[derive(Debug, Clone, PartialEq)]
pub struct OutgoingNote {
    /// By which it is found again.
    pub mark: String,
    /// In a few words, where the desk has a place for that.
    pub title: String,
    /// What it says.
    pub body: RichText,
    /// Whether the requester may read it.
    pub public: bool,
    /// What comes with it.
    pub files: Vec<NewFile>,
}

/// What became of a note.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Noted {
    /// The ticket on which it is, when that is another one than was asked for: what was asked for has become this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// What the desk calls it.
    pub note_id: String,
    /// A result for each file, in order.
    pub files: Vec<FileOutcome>,
}

impl Noted {
    /// The same, where files that are not there because they were refused are told of in the desk's words.
    fn explained(mut self, refused: &Refused) -> Self {
        for file in self.files.iter_mut().filter(|file| file.problem.is_some()) {
            if let Some(said) = refused.get(&file.name) {
                file.problem = Some(said.clone());
            }
        }
        self
    }
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileOutcome {
    /// Its name.
    pub name: String,
    /// Why it is not there as it was sent; absent when it is.
    pub problem: Option<String>,
}

/// A ticket on its way out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutgoingTicket {
    /// By which it is found again.
    pub mark: String,
    /// Where it goes, in the desk's words; empty: the desk's first queue.
    pub queue: String,
    /// One line.
    pub subject: String,
    /// What it says.
    pub body: RichText,
    /// Whose it is; may be nobody's.
    pub requester: Requester,
}

impl OutgoingTicket {
    /// Where it goes, when no queue is given to the first one of `settings`.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn destination<'a>(&'a self, settings: &'a DeskSettings) -> Result<&'a str, Trouble> {
        let first = settings.queues.first().map(String::as_str);
        let queue = if self.queue.is_empty() { first } else { Some(self.queue.as_str()) };
        queue.ok_or_else(|| Trouble::refused("the desk has no queues in the configuration"))
    }
}

/// What to change on a ticket; absent fields stay.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Change {
    /// Where it stands.
    pub state: Option<TicketState>,
    /// `Storage/Capacity`.
    pub category: Option<String>,
    /// How soon and for how many.
    pub priority: Option<Priority>,
    /// Queue or group, in the desk's words.
    pub queue: Option<String>,
}

impl Change {
    /// Whether there is nothing to change.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The desk's word for the state; that of a new installation unless the administrator gave one.
    pub(super) fn state_word(&self, settings: &DeskSettings, usual: fn(TicketState) -> &'static str) -> Option<String> {
        self.state.map(|state| settings.states.get(state.name()).cloned().unwrap_or_else(|| usual(state).to_owned()))
    }

    /// The desk's word for the priority, likewise.
    pub(super) fn priority_word(&self, settings: &DeskSettings, usual: fn(Priority) -> &'static str) -> Option<String> {
        self.priority.map(|priority| settings.priority(priority).unwrap_or_else(|| usual(priority)).to_owned())
    }

    /// Its words for impact and urgency, where it works out the priority from them.
    ///
    /// # Errors
    /// When the administrator gave something else.
    pub(super) fn impact_and_urgency(
        &self,
        settings: &DeskSettings,
        usual: fn(Priority) -> (&'static str, &'static str),
    ) -> Result<(Option<String>, Option<String>), Trouble> {
        let both = self.priority.map(|priority| settings.impact_and_urgency(priority, usual(priority)));
        Ok(both.transpose().map_err(Trouble::refused)?.unzip())
    }

    /// The desk's word for the category, where the desk has a field for it.
    pub(super) fn category_word(&self, settings: &DeskSettings) -> Option<String> {
        let category = self.category.as_ref().filter(|_| !settings.category_field.is_empty());
        category.map(|category| settings.category(category).to_owned())
    }
}

/// New tickets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Arrivals {
    /// The tickets, oldest first.
    pub tickets: Vec<Found>,
    /// What to pass the next time.
    pub mark: String,
}
