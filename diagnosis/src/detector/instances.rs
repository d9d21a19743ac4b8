//! The instances of one check on one endpoint, and where each stands.
//!
//! Almost all stand where nothing holds and nothing ever did: for these a word is kept, and no standing.

use std::sync::Arc;

use crate::document::FindingState;
use crate::window::Awake;

use super::standing::{Patience, Standing, Truth, Verdict};

/// Instances of one check on one endpoint.
const INSTANCES_MAX: usize = 256;

/// An instance: its values of `each`. The same for all endpoints that have it.
pub(super) type Name = Arc<[String]>;

/// Instances in order of name.
#[derive(Debug, Clone)]
pub(super) struct Instances {
    list: Vec<(Name, Place)>,
    /// When those were judged that have no standing of their own.
    judged_at: i64,
}

/// Where an instance stands.
#[derive(Debug, Clone)]
enum Place {
    /// It was not judged yet.
    New,
    /// The condition does not hold.
    Ok,
    /// It cannot be told.
    Unknown,
    /// Something holds, or did.
    Standing(Box<Standing>),
}

impl Default for Instances {
    fn default() -> Self {
        Self { list: Vec::new(), judged_at: i64::MIN }
    }
}

impl Instances {
    /// Takes in instances that are there now, and takes out those that are neither there nor worth remembering.
    pub(super) fn find(&mut self, found: Vec<Name>) {
        self.list.retain(|(name, place)| {
            let is_kept = |standing: &Standing| standing.holds() || standing.cleared_at.is_some();
            found.binary_search(name).is_ok() || matches!(place, Place::Standing(standing) if is_kept(standing))
        });
        for name in found {
            if let Err(index) = self.list.binary_search_by(|(known, _)| known.cmp(&name))
                && self.list.len() < INSTANCES_MAX
            {
                self.list.insert(index, (name, Place::New));
            }
        }
        self.list.shrink_to_fit();
    }

    /// Takes in where an instance stood when nobody watched.
    pub(super) fn recall(&mut self, name: Name, standing: Standing) {
        if !standing.is_raised() {
            return;
        }
        let place = Place::Standing(Box::new(standing));
        match self.list.binary_search_by(|(known, _)| known.cmp(&name)) {
            // What is known already says more than what is recalled, unless it says nothing.
            Ok(index) if matches!(self.list[index].1, Place::New | Place::Unknown) => self.list[index].1 = place,
            Err(index) if self.list.len() < INSTANCES_MAX => self.list.insert(index, (name, place)),
            Ok(_) | Err(_) => {}
        }
    }

    /// The instances by their values of `each`.
    pub(super) fn names(&self) -> impl Iterator<Item = &[String]> {
        self.list.iter().map(|(name, _)| &**name)
    }

    /// Instances on which something holds, or did.
    pub(super) fn standings(&self) -> impl Iterator<Item = (&[String], &Standing)> {
        self.list.iter().filter_map(|(name, place)| match place {
            Place::Standing(standing) => Some((&**name, &**standing)),
            _ => None,
        })
    }

    /// Where an instance stands.
    pub(super) fn standing(&self, name: &[String]) -> Standing {
        match self.list.binary_search_by(|(known, _)| (**known).cmp(name)) {
            Ok(index) => self.list[index].1.standing(self.judged_at),
            Err(_) => Standing::default(),
        }
    }

    /// Moves every instance on by its verdict, which is asked with its name and whether it is raised. `moved` is told of
    /// those that stand elsewhere now: where they stood, and where they stand.
    pub(super) fn judge(
        &mut self,
        now: i64,
        awake: &Awake,
        patience: Patience,
        verdict: impl Fn(&[String], bool) -> Verdict,
        mut moved: impl FnMut(&Name, FindingState, FindingState),
    ) {
        let judged_at = self.judged_at;
        for (name, place) in &mut self.list {
            let is_raised = matches!(place, Place::Standing(standing) if standing.is_raised());
            let verdict = verdict(name, is_raised);
            if place.stays_calm(now, judged_at, verdict) {
                continue;
            }
            let mut standing = place.standing(judged_at);
            if let Some(from) = standing.step(now, awake, verdict, patience) {
                moved(name, from, standing.state);
            }
            *place = Place::of(standing, judged_at.max(now));
        }
        self.judged_at = judged_at.max(now);
    }
}

impl Place {
    /// Moves an instance on on which nothing holds and nothing did: the short way for almost all.
    fn stays_calm(&mut self, now: i64, judged_at: i64, verdict: Verdict) -> bool {
        if now < judged_at || matches!(self, Self::Standing(_)) || (verdict.when == Truth::True && !verdict.gone) {
            return false;
        }
        *self = if verdict.when == Truth::Unknown && !verdict.gone { Self::Unknown } else { Self::Ok };
        true
    }

    fn standing(&self, judged_at: i64) -> Standing {
        match self {
            Self::New => Standing::default(),
            Self::Ok => Standing::calm(FindingState::Ok, judged_at),
            Self::Unknown => Standing::calm(FindingState::Unknown, judged_at),
            Self::Standing(standing) => (**standing).clone(),
        }
    }

    fn of(standing: Standing, judged_at: i64) -> Self {
        match standing.state {
            FindingState::Ok if standing.is_calm() && standing.judged_at == judged_at => Self::Ok,
            FindingState::Unknown if standing.is_calm() && standing.judged_at == judged_at => Self::Unknown,
            _ => Self::Standing(Box::new(standing)),
        }
    }
}
