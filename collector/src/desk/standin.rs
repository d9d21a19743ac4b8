//! A desk in memory, as bad as desks can be. It counts what was really written.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::contract::{
    Answer, Arrivals, Change, Desk, FileOutcome, Found, Noted, OutgoingNote, OutgoingTicket, Standing, TicketRef,
};
use super::trouble::{Trouble, TroubleKind};
use crate::ticket::Requester;

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Too many orders; wants so many seconds.
    Limited(u64),
    /// Cannot be reached.
    Unreached,
    /// Does it, and the answer is lost.
    LostAfter,
    /// The answer is lost before it is done.
    LostBefore,
    /// Does it, and answers with a page.
    Page,
    /// The token has run out.
    Unauthorized,
    /// Does it, and never answers: whoever asked is gone by then.
    Hangs,
    /// The account may not.
    Forbidden,
}

/// A note as the desk has it.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) ticket: String,
    pub(super) mark: String,
    pub(super) text: String,
    pub(super) files: usize,
}

/// The desk's side.
#[derive(Debug, Default)]
pub(super) struct Side {
    pub(super) notes: Vec<Written>,
    pub(super) changes: Vec<(String, Change)>,
    pub(super) tickets: BTreeMap<String, Found>,
    /// Calls that write.
    pub(super) calls: usize,
    /// What goes wrong with which of them.
    pub(super) faults: BTreeMap<usize, Fault>,
    /// Files are cut to so many bytes.
    pub(super) cut: Option<usize>,
}

/// A desk in memory. Copies are the same desk.
#[derive(Debug, Clone, Default)]
pub(super) struct StandIn(Arc<Mutex<Side>>);

impl StandIn {
    pub(super) fn side(&self) -> MutexGuard<'_, Side> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A ticket that somebody opened there.
    pub(super) fn open(&self, number: &str, subject: &str) -> TicketRef {
        let ticket = TicketRef { display_number: number.to_owned(), api_id: format!("id-{number}") };
        let found = Found {
            ticket: ticket.clone(),
            url: format!("https://desk.example/{number}"),
            subject: subject.to_owned(),
            text: String::new(),
            requester: Requester { sign_in: "ana".to_owned(), ..Requester::default() },
            queue: "Workstations".to_owned(),
            state: "new".to_owned(),
            device: String::new(),
            due: None,
        };
        self.side().tickets.insert(number.to_owned(), found);
        ticket
    }

    /// Does `work`, or what goes wrong instead or with it.
    async fn call<T>(&self, work: impl FnOnce(&mut Side) -> T) -> Result<T, Trouble> {
        let fault = {
            let mut side = self.side();
            side.calls += 1;
            let fault = side.faults.get(&side.calls).copied();
            match fault {
                None => return Ok(work(&mut side)),
                Some(Fault::LostAfter | Fault::Page | Fault::Hangs) => drop(work(&mut side)),
                Some(_) => {}
            }
            fault
        };
        Err(match fault {
            Some(Fault::Limited(seconds)) => Trouble {
                wait: Some(Duration::from_secs(seconds)),
                ..Trouble::new(TroubleKind::RateLimited, "429: slow down")
            },
            Some(Fault::Unreached) => Trouble::away("cannot be reached: connection refused"),
            Some(Fault::LostAfter | Fault::LostBefore) => Trouble::away("connection reset").unclear(),
            Some(Fault::Page) => Trouble::odd("answered 200 with a page").unclear(),
            Some(Fault::Unauthorized) => Trouble::new(TroubleKind::Unauthorized, "401: token expired"),
            Some(Fault::Forbidden) => Trouble::new(TroubleKind::Forbidden, "403: no right to comment"),
            Some(Fault::Hangs) | None => std::future::pending().await,
        })
    }
}

impl Desk for StandIn {
    fn verify(&self) -> Answer<'_, Standing> {
        Box::pin(async { Ok(Standing { product: "Stand-in".to_owned(), seen: Vec::new() }) })
    }

    fn find<'a>(&'a self, number: &'a str) -> Answer<'a, Option<Found>> {
        Box::pin(async move { Ok(self.side().tickets.get(number).cloned()) })
    }

    fn note<'a>(&'a self, ticket: &'a TicketRef, note: &'a OutgoingNote) -> Answer<'a, Noted> {
        let work = |side: &mut Side| {
            side.notes.push(Written {
                ticket: ticket.display_number.clone(),
                mark: note.mark.clone(),
                text: note.body.to_plain(),
                files: note.files.len(),
            });
            noted(side, note)
        };
        Box::pin(self.call(work))
    }

    fn noted<'a>(&'a self, ticket: &'a TicketRef, note: &'a OutgoingNote) -> Answer<'a, Option<Noted>> {
        Box::pin(async move {
            let side = self.side();
            let there = side.notes.iter().any(|one| one.mark == note.mark && one.ticket == ticket.display_number);
            Ok(there.then(|| noted(&side, note)))
        })
    }

    fn create<'a>(&'a self, _: &'a OutgoingTicket) -> Answer<'a, TicketRef> {
        Box::pin(async { Err(Trouble::refused("opens no tickets")) })
    }

    fn created<'a>(&'a self, _: &'a str) -> Answer<'a, Option<TicketRef>> {
        Box::pin(async { Ok(None) })
    }

    fn change<'a>(&'a self, ticket: &'a TicketRef, change: &'a Change) -> Answer<'a, ()> {
        Box::pin(self.call(|side| side.changes.push((ticket.display_number.clone(), change.clone()))))
    }

    fn arrivals<'a>(&'a self, mark: Option<&'a str>) -> Answer<'a, Arrivals> {
        Box::pin(async move {
            let side = self.side();
            let newest = side.tickets.keys().next_back().cloned().unwrap_or_else(|| "0".to_owned());
            let Some(mark) = mark else { return Ok(Arrivals { tickets: Vec::new(), mark: newest }) };
            let tickets = side.tickets.iter().filter(|(number, _)| number.as_str() > mark);
            Ok(Arrivals { tickets: tickets.map(|(_, found)| found.clone()).collect(), mark: newest })
        })
    }
}

fn noted(side: &Side, note: &OutgoingNote) -> Noted {
    let one = |file: &crate::ticket::NewFile| {
        let cut = side.cut.filter(|cut| file.bytes.len() > *cut);
        let problem = cut.map(|cut| format!("only {cut} of {} bytes were stored", file.bytes.len()));
        FileOutcome { name: file.name.clone(), problem }
    };
    Noted { note_id: note.mark.clone(), files: note.files.iter().map(one).collect() }
}
