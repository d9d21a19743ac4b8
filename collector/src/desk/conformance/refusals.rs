//! How each desk refuses, in its own shape, and what must come of it: the same at all of them.

use std::time::Duration;

use super::Room;
use super::faults::Fault;
use super::stories::{file, note, opened};
use crate::desk::trouble::{Trouble, TroubleKind};

/// How a desk refuses. What its documentation does not tell comes from what stands in front of it.
#[derive(Debug)]
pub(crate) struct Refusals {
    /// Whoever was let in a moment ago is not any more.
    pub(crate) expired: Fault,
    /// Whether the connector then signs in anew.
    pub(crate) renews: bool,
    /// The account may not.
    pub(crate) denied: Fault,
    /// Too many requests; it is to be left alone for [`LIMITED`].
    pub(crate) limited: Fault,
    /// A file is too long.
    pub(crate) too_long: Fault,
    /// Not now.
    pub(crate) down: Fault,
}

/// How long a desk that has enough wants to be left alone.
pub(crate) const LIMITED: Duration = Duration::from_secs(17);

/// What a fault must come to: the kind, whether it may have been done, and how long to wait.
type Told = (TroubleKind, bool, Option<Duration>);

impl Refusals {
    /// What goes wrong with a write, and what must come of it.
    fn of_writes(&self) -> [(&'static str, Fault, Told); 3] {
        [
            ("denied", self.denied.clone(), (TroubleKind::Forbidden, false, None)),
            ("limited", self.limited.clone(), (TroubleKind::RateLimited, false, Some(LIMITED))),
            ("down", self.down.clone(), (TroubleKind::Away, true, None)),
        ]
    }

    /// The same with a read, which leaves nothing unclear.
    fn of_reads(&self) -> [(&'static str, Fault, Told); 6] {
        [
            ("denied", self.denied.clone(), (TroubleKind::Forbidden, false, None)),
            ("limited", self.limited.clone(), (TroubleKind::RateLimited, false, Some(LIMITED))),
            ("down", self.down.clone(), (TroubleKind::Away, false, None)),
            ("slow", Fault::Late, (TroubleKind::Away, false, None)),
            ("reset", Fault::Broken, (TroubleKind::Away, false, None)),
            ("page", Fault::Page, (TroubleKind::Odd, false, None)),
        ]
    }
}

fn told(trouble: &Trouble) -> Told {
    (trouble.kind, trouble.unclear, trouble.wait)
}

/// Whether `said` has a phrase of what the desk said, where that was no page.
fn quotes(said: &str, fault: &Fault) -> bool {
    let Fault::Refused(_, _, text) = fault else { return true };
    let mut phrases = text.split('"').map(str::trim).filter(|phrase| phrase.len() > 8);
    text.starts_with('<') || phrases.any(|phrase| said.contains(phrase))
}

pub(crate) async fn every_refusal_of_a_write_is_told_for_what_it_is(room: Room) {
    let found = opened(&room, "Outlook hangs").await;
    for (name, fault, wanted) in room.side.refusals().of_writes() {
        room.side.faults().next(fault.clone());
        let trouble = room.desk.note(&found.ticket, &note(name, Vec::new())).await.expect_err(name);
        assert_eq!(told(&trouble), wanted, "{name}: {trouble:?}");
        assert!(quotes(&trouble.said, &fault), "{name}: in its own words: {trouble:?}");
        assert!(!trouble.said.contains('<'), "{name}: {trouble:?}");
        assert!(room.side.notes(&found.ticket.display_number).is_empty(), "{name}");
    }
}

pub(crate) async fn every_refusal_of_a_read_is_told_for_what_it_is(room: Room) {
    let number = opened(&room, "Outlook hangs").await.ticket.display_number;
    for (name, fault, wanted) in room.side.refusals().of_reads() {
        room.side.faults().next_read(fault.clone());
        let trouble = room.desk.find(&number).await.expect_err(name);
        assert_eq!(told(&trouble), wanted, "{name}: {trouble:?}");
        room.desk.find(&number).await.expect(name).expect("it is over");
    }
}

pub(crate) async fn credentials_that_run_out_are_renewed_or_told_and_nothing_is_lost(room: Room) {
    let found = opened(&room, "Outlook hangs").await;
    let refusals = room.side.refusals();
    room.side.faults().next(refusals.expired.clone());
    let noted = room.desk.note(&found.ticket, &note("m1", Vec::new())).await;
    if refusals.renews {
        noted.expect("with new ones");
    } else {
        let trouble = noted.expect_err("refused");
        assert_eq!(told(&trouble), (TroubleKind::Unauthorized, false, None), "{trouble:?}");
        assert!(trouble.passes() && quotes(&trouble.said, &refusals.expired), "it waits: {trouble:?}");
        room.desk.note(&found.ticket, &note("m1", Vec::new())).await.expect("they were put right");
    }
    assert_eq!(room.side.notes(&found.ticket.display_number).len(), 1);
}

pub(crate) async fn a_file_that_the_desk_finds_too_long_keeps_no_note_away(room: Room) {
    let found = opened(&room, "Outlook hangs").await;
    let fault = room.side.refusals().too_long;
    room.side.faults().next(fault.clone());
    let noted = room.desk.note(&found.ticket, &note("m1", vec![file("a.json", b"{}")])).await.expect("noted");
    let notes = room.side.notes(&found.ticket.display_number);
    assert_eq!(notes.iter().filter(|one| one.text.contains("It is full.")).count(), 1, "{notes:?}");
    let there = notes.iter().any(|one| !one.files.is_empty());
    assert_eq!(noted.files[0].problem.is_none(), there, "{noted:?}");
    assert!(noted.files[0].problem.as_ref().is_none_or(|said| quotes(said, &fault)), "{noted:?}");
}
