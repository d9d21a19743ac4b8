//! Turns a configuration into running tasks, and owns their end.
//!
//! [`App`] is what every room stands on: each adds its own field, made in [`App::open`] from the fields before it.

mod clock;
#[cfg(test)]
pub(crate) mod fixture;
mod listener;
mod measure;
mod neighbours;
pub(crate) mod owner;
mod people;
mod retagged;
mod running;
mod task;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;

pub use clock::{Clock, ManualClock, SystemClock};
pub use running::Running;

use crate::access::Access;
use crate::alert::Alerts;
use crate::authority::Authority;
use crate::change::Changes;
use crate::config::Config;
use crate::desk::{Desks, Outbox, OutboxParts};
use crate::detect::{Catalogues, Detect, DetectParts};
use crate::directory::Directories;
use crate::enrollment::Enrollment;
use crate::feed::Feed;
use crate::fleet::{Fleet, FleetParts, settle_roots};
use crate::history::History;
use crate::incident::Incidents;
use crate::pull::{PullParts, Pulls};
use crate::replica::Replicas;
use crate::settings::Settings;
use crate::store::{Location, Store, StoreError};
use crate::symptom::Symptoms;
use crate::ticket::BuiltinDesk;

/// A collector, ready to run.
#[derive(Debug)]
pub struct App {
    /// Where configuration, keys and database live.
    pub folder: PathBuf,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What the administrator decided.
    pub config: Arc<Config>,
    /// The database.
    pub store: Store,
    /// Issues and revokes certificates.
    pub authority: Arc<Authority>,
    /// The collectors that share the database, if any do.
    pub replicas: Replicas,
    /// What just happened.
    pub feed: Feed,
    /// The endpoints and their streams.
    pub fleet: Fleet,
    /// Makes tokens and turns them into identities.
    pub enrollment: Enrollment,
    /// What agents are asked to collect.
    pub settings: Settings,
    /// What endpoints told earlier.
    pub history: History,
    /// Who may do what.
    pub access: Access,
    /// Findings that people are told about.
    pub alerts: Alerts,
    /// Where people's accounts are.
    pub directories: Directories,
    /// The built-in desk.
    pub desk: BuiltinDesk,
    /// What goes out to other desks, and what comes in from them.
    pub outbox: Outbox,
    /// How likely the candidates of symptoms are.
    pub symptoms: Symptoms,
    /// Evaluates the catalogue over live endpoints.
    pub detect: Detect,
    /// One cause seen on many endpoints.
    pub incidents: Incidents,
    /// What changed on endpoints.
    pub changes: Changes,
    /// Requests for fresh snapshots.
    pub pulls: Pulls,
}

impl App {
    /// Makes what a new collector needs in `folder`: authority and keys, and the empty file of its database when it is
    /// one, for its owner's eyes only. Refuses when there is a collector already.
    ///
    /// # Errors
    /// When the folder cannot be written, or holds a collector.
    pub fn create(folder: &Path, config: &Config, clock: &dyn Clock) -> anyhow::Result<()> {
        Authority::create(&config.authority.place(folder), clock.now()).context("making the certificate authority")?;
        let database = config.database.location(folder).map_err(anyhow::Error::msg)?;
        let Location::Sqlite(database) = database else { return Ok(()) };
        owner::create(&database).map(drop).with_context(|| format!("making the database {}", database.display()))
    }

    /// Opens the collector that lives in `folder`.
    ///
    /// # Errors
    /// When the database or the keys cannot be opened; the text says what was attempted on which file.
    pub async fn open(folder: &Path, config: Config, clock: Arc<dyn Clock>) -> anyhow::Result<Arc<Self>> {
        // All rooms at once are large, and whoever waits for them would be as large.
        Box::pin(Self::open_rooms(folder, config, clock)).await
    }

    async fn open_rooms(folder: &Path, config: Config, clock: Arc<dyn Clock>) -> anyhow::Result<Arc<Self>> {
        let database = config.database.location(folder).map_err(anyhow::Error::msg)?;
        if let Location::Sqlite(file) = &database
            && !file.exists()
        {
            return Err(StoreError::Gone(file.clone())).with_context(|| format!("opening the database {database}"));
        }
        let store = Store::open(&database).await.with_context(|| format!("opening the database {database}"))?;
        let config = Arc::new(config);
        let authority = Authority::open(config.authority.place(folder), &config.listen, clock.now())
            .context("opening the authority")?;
        let authority = Arc::new(authority.with_lifetime(config.limits.certificate_lifetime()));
        settle_roots(&store, &authority, &config, clock.now()).await.context("bringing the roots in step")?;
        authority.refresh(&config.listen, &[], clock.now()).context("opening the authority")?;
        let replicas = Replicas::join(&store, &authority, &config, folder).await?;
        let feed = Feed::new(clock.now());
        let fleet = Fleet::new(FleetParts {
            store: store.clone(),
            authority: Arc::clone(&authority),
            config: Arc::clone(&config),
            feed: feed.clone(),
            clock: Arc::clone(&clock),
            replicas: replicas.clone(),
        });
        let enrollment = Enrollment::new(store.clone(), Arc::clone(&authority), Arc::clone(&clock));
        let settings = Settings::open(store.clone(), &config.agents).await.context("reading the settings of agents")?;
        let history = History::new(store.clone(), config.history.clone());
        let access = Access::new(store.for_people(), Arc::clone(&clock))?;
        let alerts = Alerts::new(store.for_people(), Arc::clone(&clock), feed.clone(), config.alerts.clone());
        let directories = Directories::open(&config, folder, Arc::clone(&clock));
        let desk = BuiltinDesk::new(store.for_people(), Arc::clone(&clock), feed.clone()).asking(directories.clone());
        let outbox = Outbox::new(OutboxParts {
            store: store.for_people(),
            clock: Arc::clone(&clock),
            feed: feed.clone(),
            replicas: replicas.clone(),
            desks: Desks::open(&config, folder),
            builtin: desk.clone(),
        });
        let catalogues = Catalogues::open(folder);
        let symptoms = Symptoms::open(store.clone(), Arc::clone(&clock), Arc::clone(&config), catalogues.clone());
        let symptoms = symptoms.await.context("reading the order of symptoms")?;
        let detect = Detect::new(DetectParts {
            store: store.clone(),
            clock: Arc::clone(&clock),
            fleet: fleet.clone(),
            alerts: alerts.clone(),
            catalogues: catalogues.clone(),
            history: history.clone(),
        });
        let incidents = Incidents::new(
            store.for_people(),
            Arc::clone(&clock),
            feed.clone(),
            catalogues.clone(),
            Arc::clone(alerts.policy()),
        );
        let changes = Changes::new(store.clone(), history.clone(), detect.clone(), incidents.clone());
        // All that is opened here lives in one future; the largest part of it is kept apart.
        let pulls = Box::pin(Pulls::open(PullParts {
            store: store.for_people(),
            clock: Arc::clone(&clock),
            feed: feed.clone(),
            replicas: replicas.clone(),
            fleet: fleet.clone(),
            authority: Arc::clone(&authority),
            desk: desk.clone(),
            catalogues,
            changes: changes.clone(),
        }));
        let pulls = pulls.await.context("taking up pulls that have not ended")?;
        Ok(Arc::new(Self {
            folder: folder.to_owned(),
            clock,
            config,
            store,
            authority,
            replicas,
            feed,
            fleet,
            enrollment,
            settings,
            history,
            access,
            alerts,
            directories,
            desk,
            outbox,
            symptoms,
            detect,
            incidents,
            changes,
            pulls,
        }))
    }
}
