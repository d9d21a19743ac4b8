//! Two machines with one key.
//!
//! A disk that was copied gives a second machine the first one's identity. When a stream opens while another run of the
//! agent holds one, the collector asks the older stream whether anybody is there. Nobody: the machine came back, and takes
//! its place. Somebody: they are two. Then the one whose hardware is not that which was enrolled, or when that says
//! nothing the one that came later, gets a permit to become an endpoint of its own; the other is not disturbed. Nothing of
//! the newcomer is stored before that is settled.
//!
//! Where several collectors share the database, the one that holds the older stream is asked. While NATS is away nobody can
//! be, and the newcomer takes the place; two machines that go on to take it from each other are told apart afterwards.

use std::collections::BTreeMap;
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;
use firstline_proto::convert::Machine;
use firstline_proto::v1::{self, CollectorFrame, collector_frame};

use super::evidence::{Verdict, compare};
use super::live::{Ending, Rival};
use super::{Agent, Fleet, FleetError, Known, permits};
use crate::replica::Message;
use crate::store::sql;

/// How long an older stream has to answer. Who opens the newer one waits for it.
const ANSWER: Duration = Duration::from_secs(2);

/// How much longer an answer may be on its way from another collector.
const MARGIN: Duration = Duration::from_millis(500);

/// What an older stream's machine says of its hardware, and whether it can become an endpoint of its own.
type Said = (BTreeMap<String, String>, bool);

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

/// A stream of what may be another machine with the same key, here or at another collector.
enum Other {
    Here(Rival),
    Elsewhere,
}

impl Fleet {
    /// Looks whether a machine that wants to open a stream is the only one of its name, and settles it when it is not.
    ///
    /// # Errors
    /// The database's.
    pub async fn contest(&self, known: &Known, machine: &Machine, agent: &Agent) -> Result<Contest, FleetError> {
        let now = self.shared.clock.now();
        let id = known.endpoint.id.as_str();
        let other = match self.shared.live.rival(id, agent, now) {
            Some(rival) => Other::Here(rival),
            None => Other::Elsewhere,
        };
        let (hardware, rival_can_fork) = match other {
            Other::Here(mut rival) => {
                if !self.is_there(id, &mut rival, now).await {
                    return Ok(Contest::None);
                }
                (rival.hardware, rival.can_fork)
            }
            Other::Elsewhere => match self.rival_elsewhere(known, agent).await? {
                Some(found) => found,
                None => return Ok(Contest::None),
            },
        };
        let enrolled = &known.hardware;
        let (newcomer, older) = (compare(enrolled, &machine.hardware), compare(enrolled, &hardware));
        let older_forks = older == Verdict::Different && newcomer != Verdict::Different;
        tracing::warn!(
            host.id = %id,
            "Two machines have the identity of endpoint {id}; the one that {} becomes an endpoint of its own",
            if older_forks { "is not the one that was enrolled" } else { "came later" }
        );
        let (can_fork, other) =
            if older_forks { (rival_can_fork, &machine.hardware) } else { (agent.can_fork, &hardware) };
        if !can_fork {
            return Ok(Contest::None);
        }
        Ok(match permits::give(&self.shared.store, id, other, now).await? {
            None => Contest::TooMany,
            Some(permit) if older_forks => {
                self.shared.live.end(id, Ending::Forks(permit.clone()));
                self.shared.replicas.tell(Message::Forks { endpoint_id: id.to_owned(), permit });
                Contest::None
            }
            Some(permit) => Contest::NewcomerForks(permit),
        })
    }

    /// Whether somebody answers on an older stream.
    async fn is_there(&self, id: &str, rival: &mut Rival, now: Timestamp) -> bool {
        let asked = now.unix_ms();
        let request = collector_frame::Frame::BeatRequest(v1::BeatRequest { sent_unix_ms: asked });
        self.send(id, CollectorFrame { frame: Some(request) }).is_ok() && rival.answers(asked, ANSWER).await
    }

    /// Asks the collector that holds the endpoint's stream, when that is another one, whether it is another machine's.
    async fn rival_elsewhere(&self, known: &Known, agent: &Agent) -> Result<Option<Said>, FleetError> {
        let replicas = &self.shared.replicas;
        if replicas.is_alone() || agent.run_id.is_empty() {
            return Ok(None);
        }
        let holder: Option<Option<String>> =
            sql::query_scalar("SELECT holder FROM endpoint_progress WHERE endpoint_key = $1")
                .bind(known.key)
                .fetch_optional(self.shared.store.reads())
                .await?;
        if !holder.flatten().is_some_and(|holder| replicas.is_other_member(&holder)) {
            return Ok(None);
        }
        let question = Message::IsThere { endpoint_id: known.endpoint.id.clone(), agent_run: agent.run_id.clone() };
        match replicas.ask(question, ANSWER + MARGIN).await {
            Some(Message::IsHere { hardware, can_fork }) => Ok(Some((hardware, can_fork))),
            _ => Ok(None),
        }
    }

    /// Answers another collector: whether another run of an agent than `agent_run` is there, and what it says.
    pub async fn is_rival_here(&self, endpoint_id: &str, agent_run: String) -> Option<Said> {
        let now = self.shared.clock.now();
        let agent = Agent { run_id: agent_run, ..Agent::default() };
        let mut rival = self.shared.live.rival(endpoint_id, &agent, now)?;
        let is_there = self.is_there(endpoint_id, &mut rival, now).await;
        is_there.then_some((rival.hardware, rival.can_fork))
    }

    /// Another collector found that the machine whose stream is here is a copy.
    pub fn forks(&self, endpoint_id: &str, permit: String) {
        self.shared.live.end(endpoint_id, Ending::Forks(permit));
    }
}
