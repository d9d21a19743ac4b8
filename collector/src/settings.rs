//! What agents are asked to collect, and how often.
//!
//! Agents tell newer settings from older ones by a revision that grows with every change, also across restarts; it is
//! kept in the database beside the settings it names.

use std::sync::Arc;

use arc_swap::ArcSwap;
use firstline_proto::v1;
use uuid::Uuid;

use crate::config::Agents;
use crate::store::{Store, StoreError, sql};

/// The settings in force. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Settings {
    current: Arc<ArcSwap<v1::Settings>>,
    store: Store,
    collector_id: Arc<str>,
}

impl Settings {
    /// Takes `agents` into force.
    ///
    /// # Errors
    /// The database's.
    pub async fn open(store: Store, agents: &Agents) -> Result<Self, StoreError> {
        let revision = revise(&store, agents).await?;
        let current = Arc::new(ArcSwap::from_pointee(message(agents, revision)));
        Ok(Self { current, store, collector_id: Uuid::now_v7().to_string().into() })
    }

    /// What a welcome carries.
    pub fn current(&self) -> v1::Settings {
        v1::Settings::clone(&self.current.load())
    }

    /// Name of this process, for logs.
    pub fn collector_id(&self) -> &str {
        &self.collector_id
    }

    /// Takes other settings into force; the frame for those who are connected, when anything changed.
    ///
    /// # Errors
    /// The database's.
    pub async fn replace(&self, agents: &Agents) -> Result<Option<v1::CollectorFrame>, StoreError> {
        let revision = revise(&self.store, agents).await?;
        if revision == self.current.load().revision {
            return Ok(None);
        }
        let settings = message(agents, revision);
        self.current.store(Arc::new(settings.clone()));
        let frame = v1::collector_frame::Frame::Settings(settings);
        Ok(Some(v1::CollectorFrame { frame: Some(frame) }))
    }
}

/// The revision of `agents`: the stored one when they are the stored ones, else the next.
async fn revise(store: &Store, agents: &Agents) -> Result<u64, StoreError> {
    let text = serde_json::to_string(agents).expect("settings are always JSON");
    let revision: i64 = store
        .write(move |tx| {
            Box::pin(async move {
                let stored: Option<(i64, String)> =
                    sql::query_as("SELECT revision, settings FROM agent_settings WHERE key = 1")
                        .fetch_optional(&mut *tx)
                        .await?;
                let revision = match stored {
                    Some((revision, stored)) if stored == text => return Ok(revision),
                    Some((revision, _)) => revision + 1,
                    None => 1,
                };
                sql::query(
                    "INSERT INTO agent_settings (key, revision, settings) VALUES (1, $1, $2)
                     ON CONFLICT (key) DO UPDATE SET revision = excluded.revision, settings = excluded.settings",
                )
                .bind(revision)
                .bind(text)
                .execute(tx)
                .await?;
                Ok::<_, StoreError>(revision)
            })
        })
        .await?;
    Ok(revision.unsigned_abs())
}

fn message(agents: &Agents, revision: u64) -> v1::Settings {
    let target = |one: &crate::config::ProbeTarget| v1::ProbeTarget {
        label: one.label.clone(),
        host: one.host.clone(),
        port: u32::from(one.port),
        tls: one.tls,
        addresses: one.addresses.clone(),
    };
    let name = |one: &crate::config::DnsName| v1::DnsName { name: one.name.clone(), name_class: one.class.clone() };
    v1::Settings {
        revision,
        fast_period_seconds: Some(agents.fast_period_seconds),
        minute_period_seconds: Some(agents.minute_period_seconds),
        probe_targets: agents.probe_targets.iter().map(target).collect(),
        dns_names: agents.dns_names.iter().map(name).collect(),
        denied_signals: agents.denied_signals.clone(),
        portal: agents.portal.as_ref().map(|one| v1::PortalObject {
            host: one.host.clone(),
            port: u32::from(one.port),
            text: one.text.clone(),
        }),
        corporate_networks: agents.corporate_networks.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::fixture;

    #[tokio::test]
    async fn the_revision_grows_with_changes_only() {
        let folder = tempfile::tempdir().expect("folder");
        let store = fixture::open(folder.path()).await;
        let mut agents = Agents::default();
        let settings = Settings::open(store.clone(), &agents).await.expect("open");
        assert_eq!(settings.current().revision, 1);
        assert_eq!(settings.replace(&agents).await.expect("same"), None);
        agents.fast_period_seconds = 30;
        assert!(settings.replace(&agents).await.expect("other").is_some());
        assert_eq!(settings.current().revision, 2);
        let again = Settings::open(store, &agents).await.expect("again");
        assert_eq!(again.current().revision, 2);
    }
}
