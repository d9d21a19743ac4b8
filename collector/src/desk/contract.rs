//! The one contract of all ticket systems.
//!
//! They differ in what they call a ticket (people type a number, addresses need another id), in how files arrive (with a note,
//! on the record, by a link), in the text they take, and in how they refuse (some with success). The contract asks for what all
//! of them can do:
//!
//! - A note with files is one order with a result for each file. A desk that takes files apart from notes sends the files
//!   first: a note that is there says that all was tried.
//! - Whatever is written carries a mark by which it can be found again. After an answer that is not clear, the mark is looked
//!   for ([`Desk::noted`], [`Desk::created`]) before anything is written anew.
//! - Nothing counts as done because the desk said so: what can be read back is read back. A file counts as stored when its
//!   digest or, where the desk does not give the bytes, its length is what was sent.
//! - Text is neutral [`RichText`]; states, priorities and categories are Firstline's words, and the desk's own come from the
//!   configuration's maps.
//! - What a desk refuses is told in its own words, with the permission that is missing in its own terms ([`Trouble`]).

use std::fmt::Debug;

use firstline_diagnosis::vocabulary::{Priority, Timestamp};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::trouble::Trouble;
use crate::ticket::rich_text::RichText;
use crate::ticket::{NewFile, Requester, TicketState};

/// An answer of a desk.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, Trouble>>;

/// A ticket by both of its names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TicketRef {
    /// What people type.
    pub display_number: String,
    /// What addresses need.
    pub api_id: String,
}

/// A ticket system.
pub trait Desk: Send + Sync + Debug {
    /// Whether it answers, and what it says of itself and of us.
    fn verify(&self) -> Answer<'_, Standing>;

    /// The ticket that people call `number`, under the number that it has now: a merged one is found as the one that it
    /// became. What is found but is not what was asked for is refused.
    fn find<'a>(&'a self, number: &'a str) -> Answer<'a, Option<Found>>;

    /// Writes a note with its files, and reads both back.
    fn note<'a>(&'a self, ticket: &'a TicketRef, note: &'a OutgoingNote) -> Answer<'a, Noted>;

    /// The note with this mark, if it is on the ticket.
    fn noted<'a>(&'a self, ticket: &'a TicketRef, note: &'a OutgoingNote) -> Answer<'a, Option<Noted>>;

    /// Opens a ticket.
    fn create<'a>(&'a self, order: &'a OutgoingTicket) -> Answer<'a, TicketRef>;

    /// The ticket that was opened under this mark.
    fn created<'a>(&'a self, mark: &'a str) -> Answer<'a, Option<TicketRef>>;

    /// Changes fields, and reads back that they have changed. Asking twice is as asking once.
    fn change<'a>(&'a self, ticket: &'a TicketRef, change: &'a Change) -> Answer<'a, ()>;

    /// The tickets that came after `mark`; without one only where to begin, since the past is nobody's news.
    fn arrivals<'a>(&'a self, mark: Option<&'a str>) -> Answer<'a, Arrivals>;
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
    /// What the desk calls it.
    pub note_id: String,
    /// A result for each file, in order.
    pub files: Vec<FileOutcome>,
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

/// New tickets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Arrivals {
    /// The tickets, oldest first.
    pub tickets: Vec<Found>,
    /// What to pass the next time.
    pub mark: String,
}
