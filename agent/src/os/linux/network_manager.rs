use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use zbus::wire::OwnedObjectPath;

use super::bus::{self, Object};
use crate::probe::ProbeError;
use crate::probe::vpn::{Managed, State};

const MANAGER: Object<'static> = Object {
    service: "org.freedesktop.NetworkManager",
    path: "/org/freedesktop/NetworkManager",
    interface: "org.freedesktop.NetworkManager",
};

/// A connection in use; the path is filled in.
pub(super) const ACTIVE: Object<'static> =
    Object { interface: "org.freedesktop.NetworkManager.Connection.Active", ..MANAGER };

/// What NetworkManager holds of the way to the internet: `none`, `portal`, `limited` or `full`.
pub(crate) fn connectivity(root: &Path) -> Result<&'static str, ProbeError> {
    // One that does not look says "full".
    if !bus::property::<bool>(root, MANAGER, "ConnectivityCheckEnabled")? {
        return Err(ProbeError::NotConfigured("connectivity check of NetworkManager"));
    }
    // NMConnectivityState; 0 is "not looked yet".
    match bus::property::<u32>(root, MANAGER, "Connectivity")? {
        1 => Ok("none"),
        2 => Ok("portal"),
        3 => Ok("limited"),
        4 => Ok("full"),
        _ => Err(ProbeError::NotPresent("verdict of NetworkManager yet")),
    }
}

/// Whether the way out costs by the byte, as far as NetworkManager was told or can guess; `None` when nobody knows. Cheap:
/// the answer is kept for a minute.
pub(crate) fn metered(root: &Path) -> Option<bool> {
    static KEPT: Mutex<Option<(Instant, Option<bool>)>> = Mutex::new(None);
    const KEEP: Duration = Duration::from_mins(1);
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((at, answer)) = *kept
        && at.elapsed() < KEEP
    {
        return answer;
    }
    // NMMetered: yes, no, and the two guesses.
    let answer = match bus::property::<u32>(root, MANAGER, "Metered").ok() {
        Some(1 | 3) => Some(true),
        Some(2 | 4) => Some(false),
        _ => None,
    };
    *kept = Some((Instant::now(), answer));
    answer
}

/// The connection that the default route goes through.
pub(super) fn primary_connection(root: &Path) -> Result<Option<OwnedObjectPath>, ProbeError> {
    let path: OwnedObjectPath = bus::property(root, MANAGER, "PrimaryConnection")?;
    Ok((path.as_str() != "/").then_some(path))
}

/// The VPNs that NetworkManager runs, or is bringing up or down.
pub(crate) fn managed_vpns(root: &Path) -> Result<Vec<Managed>, ProbeError> {
    let active: Vec<OwnedObjectPath> = bus::property(root, MANAGER, "ActiveConnections")?;
    Ok(active.iter().filter_map(|path| managed(root, path)).collect())
}

fn managed(root: &Path, path: &OwnedObjectPath) -> Option<Managed> {
    let properties = bus::properties(root, Object { path: path.as_str(), ..ACTIVE }).ok()?;
    let text = |name: &str| properties.get(name).and_then(|value| String::try_from(value.clone()).ok());
    let kind = text("Type")?;
    let is_plugin = properties.get("Vpn").and_then(|value| bool::try_from(value.clone()).ok()) == Some(true);
    if !is_plugin && kind != "wireguard" {
        return None;
    }
    // NMActiveConnectionState.
    let state = match properties.get("State").and_then(|value| u32::try_from(value.clone()).ok())? {
        1 => State::Connecting,
        2 => State::Up,
        _ => State::Down,
    };
    Some(Managed { id: text("Uuid")?, kind: if is_plugin { "plugin" } else { "wireguard" }, state })
}
