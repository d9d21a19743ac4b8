//! Tickets, notes and attachments as people and scripts receive them.

use firstline_diagnosis::vocabulary::{Impact, Priority, Timestamp, Urgency};
use serde::{Deserialize, Serialize};

use super::closing::ClosingCode;
use super::rich_text::RichText;
use crate::desk::Outside;

/// Where a ticket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketState {
    /// Nobody looked yet.
    #[default]
    New,
    /// Somebody works on it.
    Open,
    /// Waits for the requester.
    Pending,
    /// Solved, as far as we know.
    Resolved,
    /// Done with.
    Closed,
}

impl TicketState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::New, Self::Open, Self::Pending, Self::Resolved, Self::Closed];

    /// The word in documents, tables and on screens.
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Open => "open",
            Self::Pending => "pending",
            Self::Resolved => "resolved",
            Self::Closed => "closed",
        }
    }

    /// The state with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether nobody works on it any more.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Resolved | Self::Closed)
    }
}

/// The person a ticket is about.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Requester {
    /// Name, for people.
    pub name: String,
    /// E-mail address; empty when unknown.
    pub email: String,
    /// Sign-in name on their machine; empty when unknown.
    pub sign_in: String,
}

/// The order for a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTicket {
    /// Who complains.
    #[serde(default)]
    pub requester: Requester,
    /// One line.
    pub subject: String,
    /// What they say; plain text.
    #[serde(default)]
    pub text: String,
    /// The endpoint's identity, when it is known.
    #[serde(default)]
    pub endpoint: Option<String>,
}

/// What to change on a ticket; absent fields stay.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TicketUpdate {
    /// Where it stands.
    pub state: Option<TicketState>,
    /// One line.
    pub subject: Option<String>,
    /// The endpoint's identity.
    pub endpoint: Option<String>,
    /// `Storage/Capacity`.
    pub category: Option<String>,
    /// How many are hit.
    pub impact: Option<Impact>,
    /// How soon.
    pub urgency: Option<Urgency>,
    /// How it ended; only of one of the built-in desk, and with the state that ends it.
    pub closing: Option<ClosingCode>,
}

/// A ticket of the built-in desk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    /// Which desk; `builtin`, or the name of another in the configuration.
    pub desk: String,
    /// What people type here, `FL-1042`.
    pub number: String,
    /// What addresses need here.
    pub api_id: String,
    /// Where it stands, when it is another desk's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<Outside>,
    /// One line.
    pub subject: String,
    /// What the person says; plain text.
    pub text: String,
    /// Who complains.
    pub requester: Requester,
    /// The machine it is about; absent when nobody said.
    pub endpoint: Option<TicketEndpoint>,
    /// Where it stands.
    pub state: TicketState,
    /// How it ended; absent while it is open, and when nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closing: Option<ClosingCode>,
    /// `Storage/Capacity`; empty when nobody said.
    pub category: String,
    /// How many are hit.
    pub impact: Option<Impact>,
    /// How soon.
    pub urgency: Option<Urgency>,
    /// Follows from the two.
    pub priority: Option<Priority>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Who opened it.
    pub opened_by: String,
    /// The queue that it was handed over to; empty: to none.
    #[serde(default)]
    pub handed_to: String,
    /// Notes, oldest first. Empty in lists.
    pub notes: Vec<Note>,
    /// Attachments, those of notes included. Empty in lists.
    pub attachments: Vec<Attachment>,
}

/// The machine a ticket is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketEndpoint {
    /// Identity.
    pub id: String,
    /// Name now; the identity when it is unknown.
    pub name: String,
}

/// Who may read a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// People at the desk.
    #[default]
    Private,
    /// The requester, too.
    Public,
}

impl Visibility {
    /// The word in documents and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Public => "public",
        }
    }
}

/// The order for a note.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewNote {
    /// Who writes.
    pub author: String,
    /// Who may read.
    pub visibility: Visibility,
    /// What it says.
    pub body: RichText,
    /// Files that come with it.
    pub files: Vec<NewFile>,
    /// Two notes with the same key on a ticket are one note; empty: always a new one.
    pub key: String,
}

/// A file on its way to a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// File name, without a path.
    pub name: String,
    /// Media type.
    pub media_type: String,
    /// Content.
    pub bytes: Vec<u8>,
}

/// A note on a ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// Identity (UUID version 7).
    pub id: String,
    /// Who wrote it.
    pub author: String,
    /// Who may read it.
    pub visibility: Visibility,
    /// When.
    pub at: Timestamp,
    /// What it says. `body.to_html()` is escaped and safe on a page.
    pub body: RichText,
    /// What it says, as plain text.
    pub text: String,
    /// The pull that wrote it; absent when a person did.
    pub pull: Option<String>,
    /// Its files.
    pub attachments: Vec<Attachment>,
}

/// A file on a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Identity (UUID version 7).
    pub id: String,
    /// File name.
    pub name: String,
    /// Media type.
    pub media_type: String,
    /// Length.
    pub size_bytes: u64,
    /// SHA-256 of the content, hexadecimal.
    pub sha256: String,
    /// When it was added.
    pub at: Timestamp,
}

/// A file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentContent {
    /// What it is.
    pub attachment: Attachment,
    /// The ticket it is on.
    pub ticket: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileResult {
    /// Its name.
    pub name: String,
    /// The attachment, or nothing when it was refused.
    pub attachment: Option<Attachment>,
    /// Why it was refused; empty when it was not.
    pub refused: String,
}

/// What became of a note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteResult {
    /// The note.
    pub note_id: String,
    /// Whether it was there already.
    pub repeated: bool,
    /// A result for each file, in order.
    pub files: Vec<FileResult>,
}

/// Which tickets.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TicketQuery {
    /// Only in this state.
    pub state: Option<TicketState>,
    /// Only those that are neither resolved nor closed.
    pub open: bool,
    /// Only of this endpoint (identity).
    pub endpoint: Option<String>,
    /// Words in number, subject or requester.
    pub search: Option<String>,
    /// What [`TicketList::next`] said.
    pub after: Option<String>,
    /// How many, 1 to 500; absent: 100.
    pub limit: Option<u32>,
}

/// A page of tickets, newest first, without notes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TicketList {
    /// The tickets of this page.
    pub tickets: Vec<Ticket>,
    /// What to pass as `after` for the next page; absent on the last.
    pub next: Option<String>,
}

/// A machine that a ticket may be about, and why we think so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suggestion {
    /// The machine.
    pub endpoint: TicketEndpoint,
    /// How sure, 0 to 1.
    pub confidence: f64,
    /// Why, in plain words.
    pub reason: String,
}
