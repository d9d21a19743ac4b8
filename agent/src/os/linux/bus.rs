//! The system bus: one connection, kept, since making one costs more than asking. This file and the typed replies of its
//! callers are the only ones that know the D-Bus library.
//!
//! Every question is bounded by a time. Nothing here changes anything: callers ask for lists and properties. A name that
//! nobody owns is `not_present`, and is never started by asking.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use zbus::message::Message;
use zbus::wire::Type;
use zbus::{Connection, DynamicType, OwnedVariant};

use crate::os::exists;
use crate::probe::{Context, ProbeError};

/// Properties by name, as a service gives them.
pub(crate) type Properties = HashMap<String, OwnedVariant>;

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// The machine's own bus, where it has always been.
const SOCKET: &str = "run/dbus/system_bus_socket";

static BUS: Mutex<Option<Connection>> = Mutex::new(None);

/// Whom to ask, and about what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Object<'a> {
    /// Bus name.
    pub(crate) service: &'a str,
    /// Path of the object.
    pub(crate) path: &'a str,
    /// Interface of the method or properties.
    pub(crate) interface: &'a str,
}

/// Calls a method and gives its reply.
///
/// # Errors
/// There is no bus (`root` stands for another machine, too), nobody owns the name, it is not allowed, takes too long,
/// or answers something else.
pub(crate) fn call<B, R>(root: &Path, object: Object<'_>, method: &str, body: &B) -> Result<R, ProbeError>
where
    B: Serialize + DynamicType,
    R: DeserializeOwned + Type,
{
    if root != Path::new("/") || !exists(root, SOCKET) {
        return Err(ProbeError::NotPresent("system bus"));
    }
    let known = BUS.lock().unwrap_or_else(PoisonError::into_inner).take();
    let (bus, reply) = Context::wait_for(ask_in_time(known, object, method, body))??;
    *BUS.lock().unwrap_or_else(PoisonError::into_inner) = Some(bus);
    let reply = reply.map_err(|error| failed(object, &error))?;
    reply.body().deserialize().map_err(|error| failed(object, &error))
}

/// All properties of an object's interface.
///
/// # Errors
/// As [`call`].
pub(crate) fn properties(root: &Path, object: Object<'_>) -> Result<Properties, ProbeError> {
    let asked = Object { interface: "org.freedesktop.DBus.Properties", ..object };
    call(root, asked, "GetAll", &(object.interface,))
}

/// One property of an object's interface.
///
/// # Errors
/// As [`call`]; another type is an error, too.
pub(crate) fn property<T>(root: &Path, object: Object<'_>, name: &str) -> Result<T, ProbeError>
where
    T: TryFrom<OwnedVariant>,
{
    let asked = Object { interface: "org.freedesktop.DBus.Properties", ..object };
    let value: OwnedVariant = call(root, asked, "Get", &(object.interface, name))?;
    T::try_from(value).map_err(|_| ProbeError::Failed(format!("{}: {name} is of another type", object.service)))
}

async fn ask_in_time<B: Serialize + DynamicType>(
    known: Option<Connection>,
    object: Object<'_>,
    method: &str,
    body: &B,
) -> Result<(Connection, zbus::Result<Message>), ProbeError> {
    match tokio::time::timeout(PATIENCE, ask(known, object, method, body)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(failed(object, &error)),
        Err(_) => Err(ProbeError::Timeout(object.service.to_owned())),
    }
}

/// Asks over `known`; a connection that broke since is made anew.
async fn ask<B: Serialize + DynamicType>(
    known: Option<Connection>,
    object: Object<'_>,
    method: &str,
    body: &B,
) -> zbus::Result<(Connection, zbus::Result<Message>)> {
    if let Some(bus) = known {
        match once(&bus, object, method, body).await {
            Err(zbus::Error::InputOutput(_)) => {}
            answer => return Ok((bus, answer)),
        }
    }
    let bus = Connection::system().await?;
    let answer = once(&bus, object, method, body).await;
    Ok((bus, answer))
}

async fn once<B: Serialize + DynamicType>(
    bus: &Connection,
    object: Object<'_>,
    method: &str,
    body: &B,
) -> zbus::Result<Message> {
    // Asking somebody who is not there would start them, where the bus knows how.
    let (daemon, daemon_path) = ("org.freedesktop.DBus", "/org/freedesktop/DBus");
    let owned = bus.call_method(Some(daemon), daemon_path, Some(daemon), "NameHasOwner", &(object.service,)).await?;
    if !owned.body().deserialize::<bool>()? {
        let name = zbus::names::OwnedErrorName::try_from("org.freedesktop.DBus.Error.NameHasNoOwner")?;
        return Err(zbus::Error::MethodError(name, None, owned));
    }
    bus.call_method(Some(object.service), object.path, Some(object.interface), method, body).await
}

fn failed(object: Object<'_>, error: &zbus::Error) -> ProbeError {
    match error {
        zbus::Error::InputOutput(source) if source.kind() == std::io::ErrorKind::NotFound => {
            ProbeError::NotPresent("system bus")
        }
        zbus::Error::InputOutput(source) => ProbeError::io("the system bus", source),
        zbus::Error::MethodError(name, ..) => refused(object, name.as_str()),
        other => ProbeError::Failed(format!("{}: {other}", object.service)),
    }
}

/// What the name of an error says.
fn refused(object: Object<'_>, error: &str) -> ProbeError {
    match error.rsplit('.').next().unwrap_or(error) {
        "ServiceUnknown" | "NameHasNoOwner" | "UnknownObject" => ProbeError::Missing(object.service.to_owned()),
        "UnknownMethod" | "UnknownInterface" | "UnknownProperty" | "NotSupported" => {
            ProbeError::Unsupported("this question to a system service")
        }
        "AccessDenied" | "NotAuthorized" | "InteractiveAuthorizationRequired" => {
            ProbeError::NoPermission(object.service.to_owned())
        }
        "NoReply" | "Timeout" | "TimedOut" => ProbeError::Timeout(object.service.to_owned()),
        _ => ProbeError::Failed(format!("{}: {error}", object.service)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSTEMD: Object<'_> = Object {
        service: "org.freedesktop.systemd1",
        path: "/org/freedesktop/systemd1",
        interface: "org.freedesktop.systemd1.Manager",
    };

    #[test]
    fn a_fixture_tree_has_no_bus() {
        let error = properties(Path::new("/nowhere"), SYSTEMD).expect_err("no bus");
        assert_eq!(error, ProbeError::NotPresent("system bus"));
    }

    #[test]
    fn the_name_of_an_error_says_why() {
        let denied = refused(SYSTEMD, "org.freedesktop.DBus.Error.AccessDenied");
        assert_eq!(denied, ProbeError::NoPermission(SYSTEMD.service.to_owned()));
        let nobody = refused(SYSTEMD, "org.freedesktop.DBus.Error.ServiceUnknown");
        assert_eq!(nobody, ProbeError::Missing(SYSTEMD.service.to_owned()));
    }
}
