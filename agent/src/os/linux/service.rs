use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use zbus::Connection;
use zbus::wire::{OwnedObjectPath, Type};

use crate::os::exists;
use crate::probe::{Context, ProbeError};

/// systemd, over the system bus. The connection is kept: making one costs more than asking.
#[derive(Debug, Default)]
pub(crate) struct ServiceManager {
    bus: Mutex<Option<Connection>>,
}

/// How long the bus may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// One entry of `ListUnitsFiltered`, as systemd documents it in org.freedesktop.systemd1(5).
#[derive(Debug, Deserialize, Type)]
struct Unit {
    name: String,
    _description: String,
    _load_state: String,
    _active_state: String,
    _sub_state: String,
    _following: String,
    _path: OwnedObjectPath,
    _job: u32,
    _job_type: String,
    _job_path: OwnedObjectPath,
}

impl ServiceManager {
    /// Names of the units that failed.
    pub(crate) fn failed_units(&self, root: &Path) -> Result<Vec<String>, ProbeError> {
        // The sign that sd_booted(3) goes by.
        if !exists(root, "run/systemd/system") {
            return Err(ProbeError::NotPresent("systemd"));
        }
        let known = self.bus.lock().unwrap_or_else(PoisonError::into_inner).take();
        let asked = Context::wait_for(tokio_timeout(ask(known)))?;
        let (bus, units) = asked?;
        *self.bus.lock().unwrap_or_else(PoisonError::into_inner) = Some(bus);
        Ok(units)
    }
}

async fn tokio_timeout<T>(work: impl Future<Output = zbus::Result<T>>) -> Result<T, ProbeError> {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(result) => result.map_err(|error| failed(&error)),
        Err(_) => Err(ProbeError::Timeout("the system bus".to_owned())),
    }
}

/// Asks over `known`; a connection that broke since is made anew.
async fn ask(known: Option<Connection>) -> zbus::Result<(Connection, Vec<String>)> {
    if let Some(bus) = known
        && let Ok(units) = list(&bus).await
    {
        return Ok((bus, units));
    }
    let bus = Connection::system().await?;
    let units = list(&bus).await?;
    Ok((bus, units))
}

async fn list(bus: &Connection) -> zbus::Result<Vec<String>> {
    let reply = bus
        .call_method(
            Some("org.freedesktop.systemd1"),
            "/org/freedesktop/systemd1",
            Some("org.freedesktop.systemd1.Manager"),
            "ListUnitsFiltered",
            &(vec!["failed"],),
        )
        .await?;
    let units: Vec<Unit> = reply.body().deserialize()?;
    Ok(units.into_iter().map(|unit| unit.name).collect())
}

fn failed(error: &zbus::Error) -> ProbeError {
    match error {
        zbus::Error::InputOutput(source) if source.kind() == std::io::ErrorKind::NotFound => {
            ProbeError::NotPresent("system bus")
        }
        zbus::Error::InputOutput(source) => ProbeError::io("the system bus", source),
        other => ProbeError::Failed(format!("the system bus: {other}")),
    }
}
