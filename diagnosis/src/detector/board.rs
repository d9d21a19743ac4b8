//! Where the checks of one endpoint stand, instance by instance.
//!
//! Twenty thousand endpoints live in one collector, each with some hundred checks, and almost all instances stand where
//! nothing holds and nothing ever did. Of these a byte is kept; a standing lies beside it only where something holds, or
//! did. Names of instances are lists that checks share, on an endpoint and among endpoints: what is judged for each volume
//! is judged for the same volumes.
//!
//! # Bounds
//! 256 instances of one check, 16,384 of all.

use std::iter::zip;
use std::sync::Arc;

use crate::document::FindingState;
use crate::window::Awake;

use super::standing::{Patience, Standing, Truth, Verdict};

/// Instances of one check on one endpoint, and of all.
const INSTANCES_MAX: usize = 256;
const PLACES_MAX: usize = 16 * 1024;
/// Moments are kept as milliseconds since one that moves on before these run out.
const MOMENTS_MAX: i64 = 1 << 31;
/// The past that stays when it moves on. Whatever is watched is judged every minute.
const MOMENTS_KEPT: i64 = 3_600_000;

/// A check without instances.
const NO_LIST: u16 = u16::MAX;

/// An instance: its values of `each`. The same for all endpoints that have it.
pub(super) type Name = Arc<[String]>;

/// Names of all instances of a check, in order.
pub(super) type NameList = Arc<[Name]>;

/// Where the instances of all checks stand.
#[derive(Debug, Clone)]
pub(super) struct Board {
    rows: Box<[Row]>,
    /// The lists of names that rows have, each once.
    lists: Vec<NameList>,
    /// Row by row, in the order of names.
    places: Vec<Place>,
    /// What is kept of the places that have a standing, in order of place.
    standings: Vec<(u16, Standing)>,
    /// What moments of rows are counted from.
    from: i64,
}

/// One check.
#[derive(Debug, Clone, Copy)]
struct Row {
    /// Which list of names it has, or [`NO_LIST`].
    list: u16,
    /// Its first place.
    start: u16,
    /// When it was judged, from 1 on; 0: never.
    judged: u32,
}

/// Where an instance stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It was not judged yet.
    New,
    /// The condition does not hold.
    Ok,
    /// It cannot be told.
    Unknown,
    /// Something holds, or did.
    Standing,
}

/// An instance, taken off the board.
type Taken = (Name, Place, Option<Standing>);

impl Board {
    /// The board of so many checks, none of which has an instance yet.
    pub(super) fn new(checks: usize) -> Self {
        let row = Row { list: NO_LIST, start: 0, judged: 0 };
        Self {
            rows: vec![row; checks].into(),
            lists: Vec::new(),
            places: Vec::new(),
            standings: Vec::new(),
            from: i64::MIN,
        }
    }

    /// The instances of a check by their values of `each`.
    pub(super) fn names(&self, check: usize) -> &[Name] {
        self.lists.get(usize::from(self.rows[check].list)).map_or(&[], |list| list)
    }

    /// Instances of a check on which something holds, or did.
    pub(super) fn standings(&self, check: usize) -> impl Iterator<Item = (&[String], &Standing)> {
        let start = self.rows[check].start;
        let names = self.names(check);
        let from = self.standings.partition_point(|(place, _)| *place < start);
        let ours =
            self.standings[from..].iter().take_while(move |(place, _)| usize::from(*place - start) < names.len());
        ours.map(move |(place, standing)| (&*names[usize::from(*place - start)], standing))
    }

    /// Where an instance of a check stands.
    pub(super) fn standing(&self, check: usize, name: &[String]) -> Standing {
        match self.names(check).binary_search_by(|known| (**known).cmp(name)) {
            Ok(index) => self.standing_at(usize::from(self.rows[check].start) + index, self.judged_at(check)),
            Err(_) => Standing::default(),
        }
    }

    fn standing_at(&self, place: usize, judged_at: i64) -> Standing {
        match self.places[place] {
            Place::New => Standing::default(),
            Place::Ok => Standing::calm(FindingState::Ok, judged_at),
            Place::Unknown => Standing::calm(FindingState::Unknown, judged_at),
            Place::Standing => self.beside(place).map(|index| self.standings[index].1.clone()).unwrap_or_default(),
        }
    }

    fn beside(&self, place: usize) -> Option<usize> {
        self.standings.binary_search_by_key(&place, |(other, _)| usize::from(*other)).ok()
    }

    /// When a check was last judged; the least moment when it never was.
    pub(super) fn judged_at(&self, check: usize) -> i64 {
        match self.rows[check].judged {
            0 => i64::MIN,
            judged => self.from + i64::from(judged),
        }
    }

    fn note_judged(&mut self, check: usize, at: i64) {
        if at <= self.from || at.saturating_sub(self.from) >= MOMENTS_MAX {
            let gone = at.saturating_sub(MOMENTS_KEPT).saturating_sub(self.from);
            let judged = self.rows.iter_mut().map(|row| &mut row.judged).filter(|judged| **judged > 0);
            judged.for_each(|judged| *judged = moment(i64::from(*judged).saturating_sub(gone)));
            self.from = at.saturating_sub(MOMENTS_KEPT);
        }
        self.rows[check].judged = moment(at.saturating_sub(self.from));
    }

    /// Moves every instance of a check on by its verdict, which is asked with its name and whether it is raised. `moved` is
    /// told of those that stand elsewhere now: where they stood, and where they stand.
    pub(super) fn judge(
        &mut self,
        check: usize,
        now: i64,
        awake: &Awake,
        patience: Patience,
        verdict: impl Fn(&[String], bool) -> Verdict,
        mut moved: impl FnMut(&Name, FindingState, FindingState),
    ) {
        let judged_at = self.judged_at(check);
        let start = usize::from(self.rows[check].start);
        let names = self.lists.get(usize::from(self.rows[check].list)).map(Arc::clone);
        for (place, name) in (start..).zip(names.iter().flat_map(|names| names.iter())) {
            let stands = self.places[place] == Place::Standing;
            let is_raised = stands && self.beside(place).is_some_and(|index| self.standings[index].1.is_raised());
            let verdict = verdict(name, is_raised);
            if now >= judged_at && !stands && (verdict.when != Truth::True || verdict.gone) {
                let is_unknown = verdict.when == Truth::Unknown && !verdict.gone;
                self.places[place] = if is_unknown { Place::Unknown } else { Place::Ok };
                continue;
            }
            let mut standing = self.standing_at(place, judged_at);
            if let Some(from) = standing.step(now, awake, verdict, patience) {
                moved(name, from, standing.state);
            }
            self.settle(place, standing, judged_at.max(now));
        }
        self.note_judged(check, judged_at.max(now));
    }

    /// Puts a standing at a place, or the byte that says as much.
    fn settle(&mut self, place: usize, standing: Standing, judged_at: i64) {
        let is_calm = standing.is_calm() && standing.judged_at == judged_at;
        let beside = self.standings.binary_search_by_key(&place, |(other, _)| usize::from(*other));
        self.places[place] = match standing.state {
            FindingState::Ok if is_calm => Place::Ok,
            FindingState::Unknown if is_calm => Place::Unknown,
            _ => Place::Standing,
        };
        match (self.places[place], beside) {
            (Place::Standing, Ok(index)) => self.standings[index].1 = standing,
            (Place::Standing, Err(index)) => {
                self.standings.reserve_exact(1);
                self.standings.insert(index, (narrow(place), standing));
            }
            (_, Ok(index)) => {
                self.standings.remove(index);
            }
            (_, Err(_)) => {}
        }
    }

    /// Takes in the instances of a check that are there now, and takes out those that are neither there nor worth
    /// remembering. `share` gives the one list of equal ones.
    pub(super) fn find(&mut self, check: usize, found: Vec<Name>, share: impl Fn(Vec<Name>) -> NameList) {
        if self.names(check) == found {
            return;
        }
        let mut taken = self.take(check);
        taken.retain(|(name, _, standing)| {
            let is_kept = |standing: &Standing| standing.holds() || standing.cleared_at.is_some();
            found.binary_search(name).is_ok() || standing.as_ref().is_some_and(is_kept)
        });
        for name in found {
            self.enter(&mut taken, name, None);
        }
        self.put(check, taken, share);
    }

    /// Takes in where an instance of a check stood when nobody watched.
    pub(super) fn recall(
        &mut self,
        check: usize,
        name: Name,
        standing: Standing,
        share: impl Fn(Vec<Name>) -> NameList,
    ) {
        if !standing.is_raised() {
            return;
        }
        let mut taken = self.take(check);
        self.enter(&mut taken, name, Some(standing));
        self.put(check, taken, share);
    }

    /// Puts an instance where it belongs. What is known already says more than what is new, unless it says nothing.
    fn enter(&self, taken: &mut Vec<Taken>, name: Name, standing: Option<Standing>) {
        let place = if standing.is_some() { Place::Standing } else { Place::New };
        match taken.binary_search_by(|(known, ..)| known.cmp(&name)) {
            Ok(index) if standing.is_some() && matches!(taken[index].1, Place::New | Place::Unknown) => {
                taken[index] = (name, place, standing);
            }
            Err(index) if taken.len() < INSTANCES_MAX && self.places.len() + taken.len() < PLACES_MAX => {
                taken.insert(index, (name, place, standing));
            }
            Ok(_) | Err(_) => {}
        }
    }

    /// Takes the instances of a check off the board.
    fn take(&mut self, check: usize) -> Vec<Taken> {
        let start = usize::from(self.rows[check].start);
        let names = self.names(check).to_vec();
        let end = start + names.len();
        let of_check = |place: u16| start <= usize::from(place) && usize::from(place) < end;
        let mut standings: Vec<(u16, Standing)> =
            self.standings.extract_if(.., |(place, _)| of_check(*place)).collect();
        let places: Vec<Place> = self.places.drain(start..end).collect();
        self.rows[check].list = NO_LIST;
        self.shift(check, start, -(names.len() as i64));
        let beside = |place: usize| standings.iter().position(|(other, _)| usize::from(*other) == place);
        let beside: Vec<Option<usize>> = (start..end).map(beside).collect();
        let mut standing = |index: Option<usize>| index.map(|index| std::mem::take(&mut standings[index].1));
        zip(zip(names, places), beside).map(|((name, place), beside)| (name, place, standing(beside))).collect()
    }

    /// Puts instances of a check, which has none, on the board.
    fn put(&mut self, check: usize, taken: Vec<Taken>, share: impl Fn(Vec<Name>) -> NameList) {
        let start = usize::from(self.rows[check].start);
        self.shift(check, start, taken.len() as i64);
        self.places.splice(start..start, taken.iter().map(|(_, place, _)| *place));
        self.places.shrink_to_fit();
        let at = self.standings.partition_point(|(place, _)| usize::from(*place) < start);
        let mut names = Vec::with_capacity(taken.len());
        let mut standings = Vec::new();
        for (place, (name, _, standing)) in (start..).zip(taken) {
            names.push(name);
            standings.extend(standing.map(|standing| (narrow(place), standing)));
        }
        self.standings.splice(at..at, standings);
        self.standings.shrink_to_fit();
        self.rows[check].list = self.list(share(names));
    }

    /// Moves what lies behind the places of a check by so many.
    fn shift(&mut self, check: usize, start: usize, by: i64) {
        let moved = |place: u16| u16::try_from(i64::from(place) + by).unwrap_or(u16::MAX);
        self.rows[check + 1..].iter_mut().for_each(|row| row.start = moved(row.start));
        let behind = self.standings.iter_mut().filter(|(place, _)| usize::from(*place) >= start);
        behind.for_each(|(place, _)| *place = moved(*place));
    }

    /// The place of a list among those of the endpoint; of none where there are no names.
    fn list(&mut self, list: NameList) -> u16 {
        if list.is_empty() {
            return NO_LIST;
        }
        let is_used = |index: usize| self.rows.iter().any(|row| usize::from(row.list) == index);
        let same = self.lists.iter().position(|known| **known == *list);
        let index = same.or_else(|| (0..self.lists.len()).find(|index| !is_used(*index)));
        if let Some(index) = index {
            self.lists[index] = list;
        } else {
            self.lists.reserve_exact(1);
            self.lists.push(list);
        }
        narrow(index.unwrap_or(self.lists.len() - 1))
    }

    /// The same for other checks: `of` says which of these each of them was. All are due.
    pub(super) fn adopted(mut self, of: &[Option<usize>], share: impl Fn(Vec<Name>) -> NameList) -> Self {
        let mut board = Self::new(of.len());
        for (check, before) in of.iter().enumerate() {
            if let Some(before) = before {
                board.put(check, self.take(*before), &share);
            }
        }
        board
    }
}

/// Places are bounded, and each list has one at least.
fn narrow(place: usize) -> u16 {
    u16::try_from(place).expect("there are at most 16,384 places")
}

/// A moment after the one that is counted from.
fn moment(after: i64) -> u32 {
    u32::try_from(after.max(1)).unwrap_or(u32::MAX)
}
