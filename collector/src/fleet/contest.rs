//! Two machines with one key.
//!
//! A disk that was copied gives a second machine the first one's identity. When a stream opens while another run of the
//! agent holds one, the collector asks the older stream whether anybody is there. Nobody: the machine came back, and takes
//! its place. Somebody: they are two. Then the one whose hardware is not that which was enrolled, or when that says
//! nothing the one that came later, gets a permit to become an endpoint of its own; the other is not disturbed. Nothing of
//! the newcomer is stored before that is settled.
//!
//! Permits are for one use within ten minutes, by the identity that they were given to, and so many a day.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use firstline_proto::convert::Machine;
use firstline_proto::v1::{self, CollectorFrame, collector_frame};
use rand::Rng as _;

use super::evidence::{Verdict, compare};
use super::live::Ending;
use super::{Agent, Fleet, Known};
use crate::authority::hexadecimal;

/// How long an older stream has to answer. Who opens the newer one waits for it.
const ANSWER: Duration = Duration::from_secs(2);

/// How long a permit is good.
const PERMIT: Duration = Duration::from_mins(10);

/// Endpoints that may come of one in a day: as many as a room of machines made from one image.
const FORKS_PER_DAY: usize = 200;

/// What must happen before a stream is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contest {
    /// Nothing.
    None,
    /// The newcomer must become an endpoint of its own, with this permit.
    NewcomerForks(String),
    /// There were too many already.
    TooMany,
}

/// Permits that were given and not used.
#[derive(Debug, Default)]
pub(super) struct Permits {
    given: Mutex<HashMap<String, Permit>>,
}

/// A right to become an endpoint of one's own.
#[derive(Debug, Clone)]
pub(super) struct Permit {
    /// Whose identity the machine has.
    endpoint_id: String,
    at: Timestamp,
    used: bool,
    /// What the other machine says of its hardware.
    pub(super) rival: BTreeMap<String, String>,
}

impl Permits {
    fn give(&self, endpoint_id: &str, rival: BTreeMap<String, String>, now: Timestamp) -> Option<String> {
        let mut given = self.given();
        given.retain(|_, permit| now.since(permit.at) < Duration::from_hours(24));
        if given.values().filter(|permit| permit.endpoint_id == endpoint_id).count() >= FORKS_PER_DAY {
            return None;
        }
        let mut bytes = [0; 24];
        rand::rng().fill_bytes(&mut bytes);
        let name = hexadecimal(&bytes);
        given.insert(name.clone(), Permit { endpoint_id: endpoint_id.to_owned(), at: now, used: false, rival });
        Some(name)
    }

    /// Uses a permit of this endpoint.
    pub(super) fn redeem(&self, name: &str, endpoint_id: &str, now: Timestamp) -> Option<Permit> {
        let mut given = self.given();
        let permit = given
            .get_mut(name)
            .filter(|permit| !permit.used && permit.endpoint_id == endpoint_id && now.since(permit.at) < PERMIT)?;
        permit.used = true;
        Some(permit.clone())
    }

    fn given(&self) -> MutexGuard<'_, HashMap<String, Permit>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fleet {
    /// Looks whether a machine that wants to open a stream is the only one of its name, and settles it when it is not.
    pub async fn contest(&self, known: &Known, machine: &Machine, agent: &Agent) -> Contest {
        let now = self.shared.clock.now();
        let id = known.endpoint.id.as_str();
        let Some(mut rival) = self.shared.live.rival(id, agent, now) else { return Contest::None };
        let asked = now.unix_ms();
        let request = collector_frame::Frame::BeatRequest(v1::BeatRequest { sent_unix_ms: asked });
        if self.send(id, CollectorFrame { frame: Some(request) }).is_err() || !rival.answers(asked, ANSWER).await {
            return Contest::None;
        }
        let enrolled = &known.hardware;
        let (newcomer, older) = (compare(enrolled, &machine.hardware), compare(enrolled, &rival.hardware));
        let older_forks = older == Verdict::Different && newcomer != Verdict::Different;
        tracing::warn!(
            host.id = %id,
            "Two machines have the identity of endpoint {id}; the one that {} becomes an endpoint of its own",
            if older_forks { "is not the one that was enrolled" } else { "came later" }
        );
        let (can_fork, other) =
            if older_forks { (rival.can_fork, &machine.hardware) } else { (agent.can_fork, &rival.hardware) };
        if !can_fork {
            return Contest::None;
        }
        match self.shared.permits.give(id, other.clone(), now) {
            None => Contest::TooMany,
            Some(permit) if older_forks => {
                self.shared.live.end(id, Ending::Forks(permit));
                Contest::None
            }
            Some(permit) => Contest::NewcomerForks(permit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    #[test]
    fn a_permit_is_for_one_use_one_endpoint_and_ten_minutes() {
        let permits = Permits::default();
        let give = |at| permits.give("e", BTreeMap::new(), at).expect("a permit");
        let (one, old) = (give(NOW), give(NOW));
        assert!(permits.redeem(&one, "another", NOW).is_none());
        assert!(permits.redeem("guessed", "e", NOW).is_none());
        assert!(permits.redeem(&one, "e", NOW).is_some());
        assert!(permits.redeem(&one, "e", NOW).is_none(), "a second time");
        assert!(permits.redeem(&old, "e", NOW + PERMIT).is_none(), "too late");
    }

    #[test]
    fn there_are_so_many_a_day() {
        let permits = Permits::default();
        let given = (0..FORKS_PER_DAY + 5).filter(|_| permits.give("e", BTreeMap::new(), NOW).is_some()).count();
        assert_eq!(given, FORKS_PER_DAY);
        assert!(permits.give("another", BTreeMap::new(), NOW).is_some());
        assert!(permits.give("e", BTreeMap::new(), NOW + Duration::from_hours(24)).is_some());
    }
}
