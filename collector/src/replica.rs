//! Several collectors on one database: who they are, and who does what only one of them may do.
//!
//! Truth is in PostgreSQL; NATS only makes it quick. A collector that shares its database is a row of `replicas`, its right to
//! write ([`crate::store`] asks for it in every transaction). It lets its row grow every [`BEAT_EVERY`], and looks at the
//! others' at the same time: a row that has not grown for [`LOOKS`] looks in a row is taken away, and with it the right to
//! write. Looks are counted, not time: while the database is away or this process stands still, nobody's row grows older,
//! and no clock of one machine is held against another's.
//!
//! - An endpoint's stream is held under a number that grows whenever it changes hands ([`crate::store::Claim`]). Records and
//!   verdicts are stored only under the present number, so that a collector which was frozen and wakes up harms nothing.
//! - A pull is seen to by one run, its owner: the one that holds the endpoint's stream, else the keeper.
//! - What belongs to no stream (who is silent or offline, what is forgotten) is done by the keeper, the oldest member.
//! - A member that finds its row gone ends its streams, forgets what it knew, and joins as a new run.
//!
//! A collector that is alone has none of this: no row, no question, no connection.

mod installation;
mod members;
mod message;
#[cfg(test)]
pub(crate) mod tests;
mod wire;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use metrics::gauge;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use uuid::Uuid;

pub use members::Member;
pub use message::Message;
pub use wire::{Incoming, Reply};

use crate::authority::{Authority, hexadecimal};
use crate::config::Config;
use crate::metrics as names;
use crate::store::{Store, StoreError};
use message::Seal;
use wire::Wire;

/// How often a collector shows that it is alive, and looks whether the others are.
pub const BEAT_EVERY: Duration = Duration::from_secs(2);

/// Looks in a row at which a collector has not shown that it is alive, until it is given up.
const LOOKS: u32 = 8;

/// How long a collector that starts watches for signs of life where there should be none.
const WATCH: Duration = Duration::from_secs(5);

/// This collector among others, or alone. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Replicas {
    shared: Option<Arc<Shared>>,
}

#[derive(Debug)]
struct Shared {
    store: Store,
    name: String,
    /// What this replica shows of its authority: SHA-256 of the root, and whether its key is there.
    standing: Mutex<(String, bool)>,
    members: ArcSwap<Vec<Member>>,
    /// How often each other member was seen at the same beat.
    looks: Mutex<HashMap<String, Look>>,
    wire: Wire,
}

/// What was seen of a member.
#[derive(Debug, Clone, Copy)]
struct Look {
    beat: i64,
    unchanged: u32,
}

/// What a beat brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// This collector is a member.
    Member,
    /// The others gave it up.
    Expelled,
}

/// Refuses an authority that is not the one of the collectors that work on this database.
///
/// # Errors
/// When it is not, or the database fails.
pub async fn refuse_stranger(store: &Store, authority: &Authority) -> anyhow::Result<()> {
    installation::check(store, authority, true).await
}

impl Replicas {
    /// Nobody else is there.
    pub fn alone() -> Self {
        Self { shared: None }
    }

    /// Joins the collectors that work on `store`, when `config` says so.
    ///
    /// # Errors
    /// When the authority is not the one of this database, a collector of this name works on it already, one that is to be
    /// alone is not, or the database fails.
    pub async fn join(store: &Store, authority: &Authority, config: &Config, folder: &Path) -> anyhow::Result<Self> {
        let nats = config.replicas.nats(folder).map_err(anyhow::Error::msg)?;
        installation::check(store, authority, nats.is_some()).await?;
        let Some(nats) = nats else {
            members::refuse_company(store).await?;
            return Ok(Self::alone());
        };
        let name = config.replicas.name();
        let wire = Wire::new(nats, &name, &installation::digest(authority), Seal::of(authority));
        let shared = Shared {
            store: store.clone(),
            name,
            standing: Mutex::new((hexadecimal(&authority.fingerprint()), authority.key().1)),
            members: ArcSwap::default(),
            looks: Mutex::default(),
            wire,
        };
        members::make_way(store, &shared.name).await?;
        let replicas = Self { shared: Some(Arc::new(shared)) };
        replicas.enter().await.context("joining the other collectors")?;
        Ok(replicas)
    }

    /// Whether this collector has its database to itself.
    pub fn is_alone(&self) -> bool {
        self.shared.is_none()
    }

    /// What this replica is called; nothing when it is alone.
    pub fn name(&self) -> Option<&str> {
        self.shared.as_ref().map(|shared| shared.name.as_str())
    }

    /// The members as last seen, the oldest first; none when this collector is alone.
    pub fn members(&self) -> Arc<Vec<Member>> {
        self.shared.as_ref().map(|shared| shared.members.load_full()).unwrap_or_default()
    }

    /// The name of this run; none when this collector is alone.
    pub fn run_id(&self) -> Option<Arc<String>> {
        self.shared.as_ref()?.store.membership().run_id()
    }

    /// Whether this collector does what only one may do.
    pub fn is_keeper(&self) -> bool {
        let Some(run_id) = self.run_id() else { return true };
        self.members().first().is_some_and(|first| first.run_id == *run_id)
    }

    /// Whether a run is another member.
    pub fn is_other_member(&self, run_id: &str) -> bool {
        self.run_id().is_some_and(|mine| *mine != run_id) && self.members().iter().any(|one| one.run_id == run_id)
    }

    /// How it stands, in lines for people; nothing when this collector is alone.
    pub fn words(&self) -> String {
        let Some(name) = self.name() else { return String::new() };
        let members: Vec<String> = self.members().iter().map(|one| one.name.clone()).collect();
        let keeper = members.first().cloned().unwrap_or_default();
        let nats = if self.is_connected() { "NATS is connected" } else { "NATS is away; what it tells is looked up" };
        format!("replica {name} of {}; {keeper} keeps house\n{nats}\n", members.join(", "))
    }

    /// Tells the other replicas. Never waits, and may be lost.
    pub fn tell(&self, message: Message) {
        if let Some(shared) = &self.shared {
            shared.wire.tell(message);
        }
    }

    /// Asks the other replicas; the first answer, if one comes in time.
    pub async fn ask(&self, question: Message, within: Duration) -> Option<Message> {
        let (shared, run_id) = (self.shared.as_ref()?, self.run_id()?);
        shared.wire.ask(&run_id, &question, within).await
    }

    /// Answers a question of another replica.
    pub async fn answer(&self, reply: Reply, answer: Message) {
        if let (Some(shared), Some(run_id)) = (&self.shared, self.run_id()) {
            shared.wire.answer(&run_id, reply, &answer).await;
        }
    }

    /// Whether what one tells reaches the others; also when nobody else is there to be told.
    pub fn is_connected(&self) -> bool {
        self.shared.as_ref().is_none_or(|shared| shared.wire.is_connected())
    }

    /// Carries messages until `stop`.
    pub async fn carry(&self, incoming: mpsc::Sender<Incoming>, stop: CancellationToken) {
        let Some(shared) = &self.shared else { return };
        let run_id = || shared.store.membership().run_id().map(|run_id| String::clone(&run_id)).unwrap_or_default();
        if let Err(cause) = shared.wire.run(run_id, incoming, stop).await {
            error!(error = %cause, "NATS cannot be used: {cause}");
        }
    }

    /// Shows that this collector is alive, looks at the others, and gives up who shows nothing. To be called every
    /// [`BEAT_EVERY`].
    ///
    /// # Errors
    /// The database's.
    pub async fn beat(&self) -> Result<Beat, StoreError> {
        let (Some(shared), Some(run_id)) = (&self.shared, self.run_id()) else { return Ok(Beat::Member) };
        let Some(members) = members::beat(&shared.store, &run_id).await? else { return Ok(Beat::Expelled) };
        let silent = shared.look(&members, &run_id);
        shared.seen(members, &run_id);
        for member in silent {
            if members::expel(&shared.store, &member).await? {
                warn!(replica = %member.name, "Replica {} is no longer heard; the others take over", member.name);
            }
        }
        Ok(Beat::Member)
    }

    /// Becomes a member as a new run.
    ///
    /// # Errors
    /// The database's.
    pub async fn enter(&self) -> Result<(), StoreError> {
        let Some(shared) = &self.shared else { return Ok(()) };
        let run_id = Uuid::now_v7().to_string();
        // Nothing may be written in the name of the run before, nor before this one is known.
        shared.store.membership().begin(&run_id);
        let members = members::enter(&shared.store, &run_id, &shared.name, shared.standing()).await?;
        info!(replica = %shared.name, "Replica {} is one of {}", shared.name, members.len());
        shared.seen(members, &run_id);
        Ok(())
    }

    /// Shows the others which root this replica has, and whether it has its key.
    ///
    /// # Errors
    /// The database's.
    pub async fn note_roots(&self, root_sha256: &str, key_present: bool) -> Result<(), StoreError> {
        let (Some(shared), Some(run_id)) = (&self.shared, self.run_id()) else { return Ok(()) };
        let standing = (root_sha256.to_owned(), key_present);
        if shared.standing() == standing {
            return Ok(());
        }
        members::note_roots(&shared.store, &run_id, &standing).await?;
        *shared.standing.lock().unwrap_or_else(PoisonError::into_inner) = standing;
        Ok(())
    }

    /// Is no longer a member. What it held is free for the others at once.
    ///
    /// # Errors
    /// The database's; the others give it up then.
    pub async fn leave(&self) -> Result<(), StoreError> {
        let (Some(shared), Some(run_id)) = (&self.shared, self.run_id()) else { return Ok(()) };
        members::leave(&shared.store, &run_id).await
    }
}

impl Shared {
    fn standing(&self) -> (String, bool) {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes who has shown a sign of life, and gives those who have not for too long.
    fn look(&self, members: &[Member], run_id: &str) -> Vec<Member> {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.retain(|run_id, _| members.iter().any(|member| member.run_id == *run_id));
        let others = members.iter().filter(|member| member.run_id != run_id);
        let mut silent = Vec::new();
        for member in others {
            // The first look only says where it stands.
            let before = looks.get(&member.run_id).filter(|look| look.beat == member.beat);
            let unchanged = before.map_or(0, |look| look.unchanged + 1);
            looks.insert(member.run_id.clone(), Look { beat: member.beat, unchanged });
            if unchanged >= LOOKS {
                silent.push(member.clone());
            }
        }
        silent
    }

    fn seen(&self, members: Vec<Member>, run_id: &str) {
        gauge!(names::REPLICAS).set(members.len() as f64);
        let keeps = members.first().is_some_and(|first| first.run_id == run_id);
        gauge!(names::KEEPER).set(f64::from(u8::from(keeps)));
        self.members.store(Arc::new(members));
    }
}
