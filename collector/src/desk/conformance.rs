//! What every connector must do, told once: each story is played with the connector of a desk against a strict stand-in of
//! that desk. [`conforms`] makes the tests of one desk; what is special to it stands beside it.

mod conversation;
mod endings;
mod faults;
mod format;
mod refusals;
mod stories;
mod wire;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use tempfile::TempDir;

pub(super) use conversation::*;
pub(super) use endings::*;
pub(super) use faults::{Fault, Faults};
pub(super) use format::*;
pub(super) use refusals::*;
pub(super) use stories::*;
pub(super) use wire::{header, number, said};

use super::contract::Desk;
use super::kinds;
use crate::config::DeskSettings;

/// A note as the desk has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) text: String,
    /// Whether the requester may read it.
    pub(super) public: bool,
    /// Names and bytes.
    pub(super) files: Vec<(String, Vec<u8>)>,
}

/// The desk's side of a stand-in.
pub(super) trait Side: Send + Sync {
    /// Its interface.
    fn routes(&self) -> Router;
    /// The secret that it takes.
    fn secret(&self) -> &'static str;
    /// What a connector is told of it, beside its address and secret; other secrets are put into `folder`.
    fn settings(&self, folder: &Path) -> DeskSettings;
    /// How many sessions are open, where it has sessions.
    fn sessions(&self) -> usize {
        0
    }
    /// A ticket that a person opens in the first queue; what people call it.
    fn opens(&self, subject: &str, text: &str) -> String;
    /// What was noted on a ticket after it was opened, oldest first.
    fn notes(&self, number: &str) -> Vec<Seen>;
    /// How many tickets there are.
    fn tickets(&self) -> usize;
    /// Where a ticket stands, in the desk's word.
    fn state(&self, number: &str) -> String;
    /// A person resolves a ticket with a closing code, or opens it again.
    fn ends(&self, number: &str, code: Option<&str>);
    /// What goes wrong.
    fn faults(&self) -> &Faults;
    /// How it refuses.
    fn refusals(&self) -> Refusals;
}

/// What a stand-in holds, with what goes wrong with it. Copies are the same.
#[derive(Debug)]
pub(super) struct Shared<Held> {
    held: Arc<Mutex<Held>>,
    pub(super) faults: Faults,
}

impl<Held> Shared<Held> {
    pub(super) fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Held> Clone for Shared<Held> {
    fn clone(&self) -> Self {
        Self { held: Arc::clone(&self.held), faults: self.faults.clone() }
    }
}

impl<Held: Default> Default for Shared<Held> {
    fn default() -> Self {
        Self { held: Arc::default(), faults: Faults::default() }
    }
}

/// A desk, both of its sides.
pub(super) struct Room {
    pub(super) desk: Box<dyn Desk>,
    pub(super) side: Box<dyn Side>,
    settings: DeskSettings,
    sent: Sent,
    heard: Overheard,
    _folder: TempDir,
}

impl Room {
    /// Serves a stand-in, with what goes wrong with it, and connects to it.
    pub(super) async fn of(side: impl Side + 'static) -> Self {
        Self::with(side, |_| ()).await
    }

    /// The same, where `more` is told to the connector.
    pub(super) async fn with(side: impl Side + 'static, more: impl FnOnce(&mut DeskSettings)) -> Self {
        let secret = side.secret();
        Self::open(side, secret, more).await
    }

    /// The same, with another secret.
    pub(super) async fn open(side: impl Side + 'static, secret: &str, more: impl FnOnce(&mut DeskSettings)) -> Self {
        let (sent, heard) = (Sent::default(), Overheard::default());
        let url = serve(heard.over(sent.over(side.faults().over(side.routes())))).await;
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("token"), secret).expect("written");
        let mut settings = DeskSettings {
            name: "helpdesk".to_owned(),
            url,
            token_file: "token".into(),
            ..side.settings(folder.path())
        };
        more(&mut settings);
        let desk = kinds::connect(&settings, folder.path()).expect("a connector");
        // So that what goes wrong next does not go wrong with the sign-in.
        drop(desk.verify().await);
        Self { desk, side: Box::new(side), settings, sent, heard, _folder: folder }
    }
}

/// Serves a stand-in; its address.
pub(super) async fn serve(app: Router) -> String {
    rustls::crypto::ring::default_provider().install_default().ok();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

/// `routes` that ask of each request first whether it is `refused`, whatever it is about.
pub(super) fn guarded<S>(routes: Router<S>, refused: fn(&Request) -> Option<Response>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    routes.layer(from_fn(move |request: Request, next: Next| async move {
        match refused(&request) {
            Some(refused) => refused,
            None => next.run(request).await,
        }
    }))
}

/// The tests of the desk for which `$standin` stands in.
macro_rules! conforms {
    ($standin:expr) => {
        $crate::desk::conformance::conforms!($standin;
            a_number_finds_its_ticket_and_nothing_else_is_taken_for_it,
            a_ticket_tells_who_complains_and_about_which_device,
            a_note_is_private_and_its_files_are_there,
            a_public_note_is_public,
            a_note_is_sent_in_the_desks_own_format,
            a_whole_conversation_reads_as_it_was_reviewed,
            an_answer_that_was_lost_leaves_it_unclear_and_the_mark_is_found,
            a_ticket_that_was_opened_without_an_answer_is_found,
            what_was_refused_before_it_was_done_leaves_no_trace,
            a_desk_that_wants_to_be_left_alone_says_how_long,
            a_page_instead_of_an_answer_is_no_success,
            a_page_instead_of_a_ticket_is_no_ticket,
            an_error_page_is_told_in_words_and_not_in_markup,
            what_the_account_may_not_do_is_told_as_such,
            every_refusal_of_a_write_is_told_for_what_it_is,
            every_refusal_of_a_read_is_told_for_what_it_is,
            credentials_that_run_out_are_renewed_or_told_and_nothing_is_lost,
            a_file_that_the_desk_finds_too_long_keeps_no_note_away,
            files_that_are_too_long_keep_no_note_away,
            what_is_open_is_closed_and_opened_anew_when_it_is_needed,
            a_resolved_ticket_is_read_back,
            how_a_persons_ticket_ended_judges_the_check_that_was_its_answer,
            only_new_tickets_come_in_oldest_first
        );
        #[tokio::test]
        async fn a_certificate_that_nobody_vouches_for_is_not_believed() {
            $crate::desk::conformance::a_certificate_that_nobody_vouches_for_is_not_believed($standin).await;
        }
        #[tokio::test]
        async fn wrong_credentials_are_told_as_such() {
            let room = $crate::desk::conformance::Room::open($standin, "wr0ng", |_| ()).await;
            $crate::desk::conformance::wrong_credentials_are_told_as_such(room).await;
        }
    };
    ($standin:expr; $($story:ident),+) => {$(
        #[tokio::test]
        async fn $story() {
            $crate::desk::conformance::$story($crate::desk::conformance::Room::of($standin).await).await;
        }
    )+};
}
pub(super) use conforms;
