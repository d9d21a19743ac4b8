//! The endpoints, and which of them hold a stream.
//!
//! What is known of an endpoint is a row; that it holds a stream is known here only, in memory, since a stream does
//! not outlive the process. An endpoint's state follows from both and from the clock ([`state::of`]); it is written
//! to the row when it changes, so that lists can be searched and sorted by it.

mod contest;
mod departure;
mod evidence;
mod find;
mod fork;
pub(crate) mod hardware;
mod holding;
mod kin;
mod list;
mod live;
pub(crate) mod locked_out;
mod permits;
mod roots;
mod row;
mod rules;
mod shared_roots;
mod state;
pub(crate) mod tags;
mod task;

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use firstline_diagnosis::document::{Endpoint, EndpointState};
use firstline_diagnosis::vocabulary::Severity;
use firstline_proto::convert::Machine;
use firstline_proto::v1::CollectorFrame;
use thiserror::Error;

use crate::app::Clock;
use crate::authority::{Authority, RevokedSerial};
use crate::config::{Config, TagRule};
use crate::feed::{Feed, FeedItem};
use crate::outage::say_of;
use crate::replica::{Message, Replicas};
use crate::store::{Store, StoreError, sql};

pub use contest::Contest;
pub use departure::{Duplicate, Named};
pub(crate) use find::short;
pub use fork::ForkError;
pub(crate) use holding::guard;
pub use list::{ListQuery, Sort};
pub use live::{Ending, NotConnected, Outgoing, Stream};
pub use roots::{AuthorityStatus, RetireError, RootStatus, WaitingEndpoint};
pub use row::{Agent, Known};
pub(crate) use row::{json, told};
pub use shared_roots::ReplicaRoot;
pub(crate) use shared_roots::settle as settle_roots;
pub use tags::{Tag, TagSource};

/// The endpoints of this collector. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Fleet {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    parts: FleetParts,
    live: live::Live,
    /// Endpoints that may come back when all streams are lost.
    population: AtomicUsize,
    /// Which endpoints get which tags.
    rules: ArcSwap<Vec<TagRule>>,
}

/// What the endpoints stand on.
#[derive(Debug)]
pub struct FleetParts {
    /// The database.
    pub store: Store,
    /// Issues and revokes certificates.
    pub authority: Arc<Authority>,
    /// What the administrator decided.
    pub config: Arc<Config>,
    /// Who watches.
    pub feed: Feed,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Who else holds streams.
    pub replicas: Replicas,
}

impl Deref for Shared {
    type Target = FleetParts;

    fn deref(&self) -> &FleetParts {
        &self.parts
    }
}

/// Why something could not be done to an endpoint.
#[derive(Debug, Error)]
pub enum FleetError {
    /// There is none with this id or name.
    #[error("there is no endpoint {0:?}")]
    Unknown(String),
    /// Several endpoints have this name.
    #[error("{name:?} is the name of several endpoints: {candidates}; use these letters, or the id")]
    Ambiguous {
        /// The name.
        name: String,
        /// Those who have it.
        candidates: String,
    },
    /// It cannot be done to this one; why.
    #[error("{0}")]
    Refused(String),
    /// The store failed; trying again may help.
    #[error("the endpoints could not be stored or read")]
    Store(#[from] StoreError),
    /// The certificates could not be refreshed.
    #[error("the authority's files or TLS could not be brought up to date; what is stored is stored")]
    Authority(#[from] crate::authority::AuthorityError),
}

impl From<sql::Error> for FleetError {
    fn from(error: sql::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Fleet {
    /// The endpoints in a database; nobody holds a stream yet.
    pub fn new(parts: FleetParts) -> Self {
        let (live, population) = (live::Live::default(), AtomicUsize::new(0));
        let rules = ArcSwap::from_pointee(parts.config.tags.rules.clone());
        Self { shared: Arc::new(Shared { parts, live, population, rules }) }
    }

    /// Sends a frame to an endpoint that holds a stream. Never waits.
    ///
    /// # Errors
    /// When it holds none, or takes nothing in any more.
    pub fn send(&self, endpoint_id: &str, frame: CollectorFrame) -> Result<(), NotConnected> {
        self.shared.live.send(endpoint_id, frame)
    }

    /// Sends a frame to every endpoint that holds a stream; the number of those it went to.
    pub fn broadcast(&self, frame: &CollectorFrame) -> usize {
        self.shared.live.broadcast(frame)
    }

    /// Whether an endpoint holds a stream.
    pub fn is_connected(&self, endpoint_id: &str) -> bool {
        self.shared.live.holds(endpoint_id)
    }

    /// How many streams there are.
    pub fn streams(&self) -> usize {
        self.shared.live.count()
    }

    /// How many endpoints may come back at once when all streams are lost: those that were heard, or enrolled, lately.
    /// The first of them to connect must be told of all the others, too.
    pub fn population(&self) -> usize {
        self.shared.population.load(Ordering::Relaxed).max(self.streams())
    }

    /// An endpoint has enrolled and will connect.
    pub fn expect_one_more(&self) {
        self.shared.population.fetch_add(1, Ordering::Relaxed);
    }

    /// An endpoint by its id, by its name when only one has it (in any case of letters), or by its `short_id`.
    ///
    /// # Errors
    /// [`FleetError::Unknown`], [`FleetError::Ambiguous`], or the database's.
    pub async fn find(&self, id_or_name: &str) -> Result<Endpoint, FleetError> {
        let known = find::find(self.shared.store.reads(), id_or_name).await?;
        Ok(self.seen(known))
    }

    /// As [`Fleet::find`]; absent when there is none or the name is not unique.
    ///
    /// # Errors
    /// The database's.
    pub async fn show(&self, id_or_name: &str) -> Result<Option<Endpoint>, FleetError> {
        match self.find(id_or_name).await {
            Ok(endpoint) => Ok(Some(endpoint)),
            Err(FleetError::Unknown(_) | FleetError::Ambiguous { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// What the table says of an endpoint, with its internal key.
    ///
    /// # Errors
    /// [`FleetError::Unknown`], or the database's.
    pub async fn known(&self, endpoint_id: &str) -> Result<Known, FleetError> {
        row::by_id(self.shared.store.reads(), endpoint_id).await
    }

    /// Takes in a stream; an older one of the same endpoint ends.
    ///
    /// # Errors
    /// [`FleetError::Unknown`] when the endpoint was revoked since `known` was read; or the database's.
    pub async fn connect(&self, known: &Known, machine: Machine, agent: Agent) -> Result<Stream, FleetError> {
        let now = self.shared.clock.now();
        let (run_id, can_fork) = (agent.run_id.clone(), agent.can_fork);
        let claim = live::Claim { run_id, hardware: machine.hardware.clone(), can_fork };
        let epoch = self.shared.claim(known.key).await?;
        let stream = self.shared.live.connect(&known.endpoint.id, known.key, epoch, claim, now);
        self.shared.tell_others(&stream);
        // Whoever revokes it enters that before the stream is looked for: it is seen here, or the stream is found there.
        let entered = row::update_machine(&self.shared.store, known, machine, agent, now).await;
        if !matches!(entered, Ok(true)) {
            self.disconnect(&stream).await;
            return Err(entered.err().map_or_else(|| FleetError::Unknown(known.endpoint.id.clone()), FleetError::from));
        }
        self.changed(&known.endpoint.id, known.endpoint.state, EndpointState::Online);
        self.tag_again(&stream).await;
        Ok(stream)
    }

    /// Stores what an endpoint says that changed about its machine while it is connected: who is signed in, its name.
    ///
    /// # Errors
    /// The database's.
    pub async fn machine_changed(&self, stream: &Stream, machine: Machine) -> Result<(), FleetError> {
        row::change_machine(&self.shared.store, stream.endpoint_key, machine).await?;
        self.tag_again(stream).await;
        self.shared.feed.publish(FeedItem::Endpoint { id: stream.endpoint_id.clone(), state: None });
        Ok(())
    }

    /// Holds an endpoint against the rules; what fails is made up for at the next turn, and no reason to lose the stream.
    async fn tag_again(&self, stream: &Stream) {
        let id = &stream.endpoint_id;
        if let Err(cause) = self.tag_by_rules(stream.endpoint_key, id).await {
            tracing::warn!(host.id = %id, error = %cause, "Tags of endpoint {id} were not held against the rules: {cause}");
        }
    }

    /// Forgets a stream, unless another took its place.
    pub async fn disconnect(&self, stream: &Stream) {
        if let Some(heard) = self.shared.live.disconnect(stream) {
            if !self.shared.release(stream).await {
                return;
            }
            let settled = task::settle_one(&self.shared, stream, heard).await;
            if let Err(cause) = settled {
                say_of(&stream.endpoint_id, "its state is not stored yet", &cause);
            }
        }
    }

    /// Ends an endpoint's membership: its certificates are refused from now on, its stream ends. It cannot be undone;
    /// the machine can enrol again and is another endpoint then.
    ///
    /// # Errors
    /// As [`Fleet::find`]; or TLS could not be refreshed (the stream is ended all the same).
    pub async fn revoke(&self, id_or_name: &str, who: &str) -> Result<Endpoint, FleetError> {
        let endpoint = self.find(id_or_name).await?;
        row::revoke(&self.shared.store, &endpoint.id, self.shared.clock.now()).await?;
        tracing::info!(host.id = %endpoint.id, by = who, "Endpoint {} was revoked", endpoint.id);
        self.ended(&endpoint, Ending::Revoked).await?;
        self.find(&endpoint.id).await
    }

    /// Ends the stream of an endpoint that was revoked, and has its certificates refused from now on.
    async fn ended(&self, endpoint: &Endpoint, why: Ending) -> Result<(), FleetError> {
        self.shared.end_for_good(&endpoint.id, why).await?;
        self.shared.take_away(&endpoint.id).await?;
        self.shared.replicas.tell(Message::Revoked { endpoint_id: endpoint.id.clone() });
        self.changed(&endpoint.id, endpoint.state, EndpointState::Revoked);
        self.refresh_authority().await
    }

    /// Renews what is about to expire, and brings the revocation list to the edge.
    ///
    /// # Errors
    /// The database's or the authority's.
    pub async fn refresh_authority(&self) -> Result<(), FleetError> {
        let now = self.shared.clock.now();
        let revoked: Vec<RevokedSerial> = row::revoked(self.shared.store.reads(), now).await?;
        Ok(self.shared.authority.refresh(&self.shared.config.listen, &revoked, now)?)
    }

    /// Notes an endpoint's worst active finding, so that lists can show it and sort by it.
    ///
    /// # Errors
    /// The database's.
    pub async fn note_worst_severity(&self, endpoint_id: &str, worst: Option<Severity>) -> Result<(), FleetError> {
        row::note_worst_severity(&self.shared.store, endpoint_id, worst).await?;
        self.shared.feed.publish(FeedItem::Endpoint { id: endpoint_id.to_owned(), state: None });
        Ok(())
    }

    /// Tells watchers when an endpoint's state changed.
    fn changed(&self, id: &str, before: EndpointState, now: EndpointState) {
        self.shared.tell(id, before, now);
    }

    /// The endpoint as it is this moment: with what only memory knows.
    fn seen(&self, known: Known) -> Endpoint {
        let mut endpoint = known.endpoint;
        if let Some(heard) = self.shared.live.heard(&endpoint.id) {
            endpoint.last_seen = endpoint.last_seen.max(Some(heard.at));
        }
        endpoint
    }
}

impl Shared {
    fn tell(&self, id: &str, before: EndpointState, now: EndpointState) {
        if before != now {
            self.feed.publish(FeedItem::Endpoint { id: id.to_owned(), state: Some(now) });
        }
    }
}

#[cfg(test)]
mod tests;
