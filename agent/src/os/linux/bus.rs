//! The system bus: one connection, kept, since making one costs more than asking. This file and the typed replies of its
//! callers are the only ones that know the D-Bus library.
//!
//! Every question is bounded by a time. Nothing here changes anything: callers ask for lists and properties, and one for a
//! moment before the machine sleeps (`sleep.rs`). A name that nobody owns is `not_present`, and is never started by asking.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zbus::message::{Flags, Message, Type as MessageType};
use zbus::wire::Type;
use zbus::{Connection, DynamicType, MessageStream, OwnedVariant};

use crate::os::exists;
use crate::probe::{Context, ProbeError};

/// Properties by name, as a service gives them.
pub(crate) type Properties = HashMap<String, OwnedVariant>;

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// The machine's own bus, where it has always been.
const SOCKET: &str = "run/dbus/system_bus_socket";

/// The bus itself.
const DAEMON: &str = "org.freedesktop.DBus";
const DAEMON_PATH: &str = "/org/freedesktop/DBus";

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
    Context::wait_for(ask(object, method, body))?
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

/// The connection that is kept, or a new one.
///
/// # Errors
/// There is no bus.
pub(super) async fn connection() -> Result<Connection, ProbeError> {
    let known = BUS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(bus) = known.filter(|bus| !bus.is_closed()) {
        return Ok(bus);
    }
    if !exists(Path::new("/"), SOCKET) {
        return Err(ProbeError::NotPresent("system bus"));
    }
    let bus = match tokio::time::timeout(PATIENCE, Connection::system()).await {
        Ok(Ok(bus)) => bus,
        Ok(Err(error)) => return Err(ProbeError::Failed(format!("the system bus: {error}"))),
        Err(_) => return Err(ProbeError::Timeout("the system bus".to_owned())),
    };
    *BUS.lock().unwrap_or_else(PoisonError::into_inner) = Some(bus.clone());
    Ok(bus)
}

/// The bus's own name of who has the service's name now.
///
/// # Errors
/// Nobody has.
pub(super) async fn owner(bus: &Connection, object: Object<'_>) -> Result<String, ProbeError> {
    let name = (object.service,);
    let asked = bus.call_method(Some(DAEMON), DAEMON_PATH, Some(DAEMON), "GetNameOwner", &name);
    let reply = tokio::time::timeout(PATIENCE, asked).await.map_err(|_| ProbeError::Timeout(DAEMON.to_owned()))?;
    let reply = reply.map_err(|error| failed(object, &error))?;
    reply.body().deserialize().map_err(|error| failed(object, &error))
}

/// Calls a method and gives its reply, in time. A connection that broke since the last question is made anew.
///
/// # Errors
/// As [`call`].
pub(super) async fn ask<B, R>(object: Object<'_>, method: &str, body: &B) -> Result<R, ProbeError>
where
    B: Serialize + DynamicType,
    R: DeserializeOwned + Type,
{
    let asked = async {
        match once(&connection().await?, object, method, body).await {
            Err(zbus::Error::InputOutput(_)) => {
                BUS.lock().unwrap_or_else(PoisonError::into_inner).take();
                Ok(once(&connection().await?, object, method, body).await)
            }
            answer => Ok(answer),
        }
    };
    let answer: Result<zbus::Result<Message>, ProbeError> =
        tokio::time::timeout(PATIENCE, asked).await.map_err(|_| ProbeError::Timeout(object.service.to_owned()))?;
    let reply = answer?.map_err(|error| failed(object, &error))?;
    reply.body().deserialize().map_err(|error| failed(object, &error))
}

/// Asks somebody who is there; whoever is not is not started for it. That can be said of a message alone, and by the
/// library of its proxies, which are much code.
async fn once<B>(bus: &Connection, object: Object<'_>, method: &str, body: &B) -> zbus::Result<Message>
where
    B: Serialize + DynamicType,
{
    let question = Message::method_call(object.path, method).destination(object.service).interface(object.interface);
    let question = question.with_flags(Flags::NO_AUTO_START).build(body)?;
    let serial = question.primary_header().serial_num();
    let mut said = MessageStream::from(bus);
    bus.send(&question).await?;
    while let Some(message) = said.next().await {
        let message = message?;
        if message.header().reply_serial() == Some(serial) {
            return if message.message_type() == MessageType::Error { Err(message.into()) } else { Ok(message) };
        }
    }
    Err(zbus::Error::InputOutput(Arc::new(ErrorKind::BrokenPipe.into())))
}

pub(super) fn failed(object: Object<'_>, error: &zbus::Error) -> ProbeError {
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
