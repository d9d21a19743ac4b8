//! A desk in memory, as bad as desks can be. It counts what was really written.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::oneshot;

use super::contract::{
    Arrivals, Change, Desk, FileOutcome, Found, Noted, Notes, OutgoingNote, OutgoingTicket, Refused, Standing,
    TicketRef,
};
use super::trouble::{Trouble, TroubleKind};
use super::{Configured, Desks, Outbox, OutboxParts};
use crate::app::App;
use crate::config::DeskSettings;
use crate::ticket::Requester;

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
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
pub(crate) struct Written {
    pub(crate) ticket: String,
    pub(crate) mark: String,
    pub(crate) text: String,
    pub(crate) files: usize,
}

/// The desk's side.
#[derive(Debug, Default)]
pub(crate) struct Side {
    pub(crate) notes: Vec<Written>,
    pub(crate) changes: Vec<(String, Change)>,
    pub(crate) tickets: BTreeMap<String, Found>,
    /// Numbers of tickets that were read.
    pub(crate) read: Vec<String>,
    /// What goes wrong with the next reads.
    pub(crate) unreadable: VecDeque<Fault>,
    /// Calls that write.
    pub(crate) calls: usize,
    /// What goes wrong with which of them.
    pub(crate) faults: BTreeMap<usize, Fault>,
    /// Files are cut to so many bytes.
    pub(crate) cut: Option<usize>,
    /// Marks of tickets that were opened from outside, and their numbers.
    pub(crate) opened: Vec<(String, String)>,
    /// Whether what was opened is not found yet.
    pub(crate) lags: bool,
    /// How closed tickets ended.
    pub(crate) closing: String,
    /// Who looks for a note next stands still after that until this is told.
    pub(crate) frozen: Option<oneshot::Receiver<()>>,
    /// Numbers of merged tickets, and of those that they became.
    pub(crate) merged: BTreeMap<String, String>,
}

impl Side {
    fn open(&mut self, number: &str, subject: &str, text: String, requester: Requester) -> TicketRef {
        let ticket = TicketRef { display_number: number.to_owned(), api_id: format!("id-{number}") };
        let found = Found {
            ticket: ticket.clone(),
            url: format!("https://desk.example/{number}"),
            subject: subject.to_owned(),
            text,
            requester,
            queue: "Workstations".to_owned(),
            state: "new".to_owned(),
            device: String::new(),
            due: None,
        };
        self.tickets.insert(number.to_owned(), found);
        ticket
    }
}

/// Makes `desk` the only one of a collector that is not used by anybody yet.
pub(crate) fn install(app: &mut Arc<App>, settings: DeskSettings, desk: &StandIn) {
    install_desk(app, settings, Box::new(desk.clone()));
}

/// The same with any desk.
pub(crate) fn install_desk(app: &mut Arc<App>, settings: DeskSettings, desk: Box<dyn Desk>) {
    let own = Arc::get_mut(app).expect("nobody else has it");
    let mut config = (*own.config).clone();
    config.desk = vec![settings.clone()];
    own.config = Arc::new(config);
    let desks = Desks::of(vec![Configured { settings, desk: Ok(desk) }]);
    own.outbox = Outbox::new(OutboxParts { desks, ..own.outbox.parts().clone() });
}

/// A desk in memory. Copies are the same desk.
#[derive(Debug, Clone, Default)]
pub(crate) struct StandIn(Arc<Mutex<Side>>);

impl StandIn {
    pub(crate) fn side(&self) -> MutexGuard<'_, Side> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A ticket that somebody opened there.
    pub(crate) fn open(&self, number: &str, subject: &str) -> TicketRef {
        let requester = Requester { sign_in: "ana".to_owned(), ..Requester::default() };
        self.side().open(number, subject, String::new(), requester)
    }

    /// Does `work`, or what goes wrong instead or with it.
    async fn call<T>(&self, work: impl FnOnce(&mut Side) -> T) -> Result<T, Trouble> {
        super::fence::pass().await?;
        let fault = {
            let mut side = self.side();
            side.calls += 1;
            let fault = side.faults.get(&side.calls).copied();
            match fault {
                None => return Ok(work(&mut side)),
                Some(fault @ (Fault::LostAfter | Fault::Page | Fault::Hangs)) => {
                    work(&mut side);
                    fault
                }
                Some(fault) => fault,
            }
        };
        Err(fault.trouble().await)
    }
}

impl Fault {
    /// What whoever asked sees of it.
    async fn trouble(self) -> Trouble {
        match self {
            Self::Limited(seconds) => Trouble {
                wait: Some(Duration::from_secs(seconds)),
                ..Trouble::new(TroubleKind::RateLimited, "429: slow down")
            },
            Self::Unreached => Trouble::away("cannot be reached: connection refused"),
            Self::LostAfter | Self::LostBefore => Trouble::away("connection reset").unclear(),
            Self::Page => Trouble::odd("answered 200 with a page").unclear(),
            Self::Unauthorized => Trouble::new(TroubleKind::Unauthorized, "401: token expired"),
            Self::Forbidden => Trouble::new(TroubleKind::Forbidden, "403: no right to comment"),
            Self::Hangs => std::future::pending().await,
        }
    }
}

#[async_trait]
impl Notes for StandIn {
    async fn write_note(&self, ticket: &TicketRef, note: &OutgoingNote) -> Result<Refused, Trouble> {
        let work = |side: &mut Side| {
            side.notes.push(Written {
                ticket: ticket.display_number.clone(),
                mark: note.mark.clone(),
                text: note.body.to_plain(),
                files: note.files.len(),
            });
        };
        self.call(work).await.map(|()| Refused::new())
    }

    async fn noted(&self, ticket: &TicketRef, note: &OutgoingNote) -> Result<Option<Noted>, Trouble> {
        let (found, frozen) = {
            let mut side = self.side();
            let there = side.notes.iter().any(|one| one.mark == note.mark && one.ticket == ticket.display_number);
            (there.then(|| noted(&side, note)), side.frozen.take())
        };
        if let Some(frozen) = frozen {
            frozen.await.ok();
        }
        Ok(found)
    }

    fn unseen(&self) -> Trouble {
        Trouble::odd("the note was taken, but is not there")
    }
}

#[async_trait]
impl Desk for StandIn {
    async fn verify(&self) -> Result<Standing, Trouble> {
        Ok(Standing { product: "Stand-in".to_owned(), seen: Vec::new() })
    }

    async fn find(&self, number: &str) -> Result<Option<Found>, Trouble> {
        let fault = {
            let mut side = self.side();
            side.read.push(number.to_owned());
            match side.unreadable.pop_front() {
                None => return Ok(side.tickets.get(side.merged.get(number).map_or(number, String::as_str)).cloned()),
                Some(fault) => fault,
            }
        };
        Err(fault.trouble().await)
    }

    async fn present(&self, ticket: &TicketRef) -> Result<TicketRef, Trouble> {
        let found = self.find(&ticket.display_number).await?;
        Ok(found.map_or_else(|| ticket.clone(), |found| found.ticket))
    }

    async fn create(&self, order: &OutgoingTicket) -> Result<TicketRef, Trouble> {
        let work = |side: &mut Side| {
            let number = format!("{}", 1000 + side.opened.len());
            side.opened.push((order.mark.clone(), number.clone()));
            side.open(&number, &order.subject, order.body.to_plain(), order.requester.clone())
        };
        self.call(work).await
    }

    async fn created(&self, mark: &str) -> Result<Option<TicketRef>, Trouble> {
        let side = self.side();
        let number = side.opened.iter().find(|(one, _)| one == mark && !side.lags).map(|(_, number)| number);
        Ok(number.and_then(|number| side.tickets.get(number)).map(|found| found.ticket.clone()))
    }

    async fn closing(&self, _: &TicketRef) -> Result<String, Trouble> {
        Ok(self.side().closing.clone())
    }

    async fn change(&self, ticket: &TicketRef, change: &Change) -> Result<(), Trouble> {
        let work = |side: &mut Side| {
            side.changes.push((ticket.display_number.clone(), change.clone()));
            if let Some((found, state)) = side.tickets.get_mut(&ticket.display_number).zip(change.state) {
                state.name().clone_into(&mut found.state);
            }
        };
        self.call(work).await
    }

    async fn arrivals(&self, mark: Option<&str>) -> Result<Arrivals, Trouble> {
        let side = self.side();
        let newest = side.tickets.keys().next_back().cloned().unwrap_or_else(|| "0".to_owned());
        let Some(mark) = mark else { return Ok(Arrivals { tickets: Vec::new(), mark: newest }) };
        let tickets = side.tickets.iter().filter(|(number, _)| number.as_str() > mark);
        Ok(Arrivals { tickets: tickets.map(|(_, found)| found.clone()).collect(), mark: newest })
    }
}

fn noted(side: &Side, note: &OutgoingNote) -> Noted {
    let one = |file: &crate::ticket::NewFile| {
        let cut = side.cut.filter(|cut| file.bytes.len() > *cut);
        let problem = cut.map(|cut| format!("only {cut} of {} bytes were stored", file.bytes.len()));
        FileOutcome { name: file.name.clone(), problem }
    };
    Noted { ticket: None, note_id: note.mark.clone(), files: note.files.iter().map(one).collect() }
}
