//! The system bus: connections that are kept, since making one costs more than asking. This folder and the typed replies of its
//! callers are the only places that know the D-Bus library, of which the agent uses the format of the messages.
//!
//! Every question is bounded by a time. Nothing here changes anything: callers ask for lists and properties, and one for a
//! moment before the machine sleeps (`sleep.rs`). A name that nobody owns is `not_present`, and is never started by asking.
//!
//! Who asks has a connection for itself as long as it asks; the next takes it over. A service that hangs makes others wait
//! for nothing. A connection on which an answer did not come in time is not kept.

mod line;
mod message;

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use zbus::wire::Type;
use zbus::{DynamicType, OwnedVariant};

use crate::os::exists;
use crate::probe::ProbeError;
use line::Line;
pub(super) use message::Message;
use message::Question;

/// Properties by name, as a service gives them.
pub(crate) type Properties = HashMap<String, OwnedVariant>;

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// The machine's own bus, where it has always been.
const SOCKET: &str = "run/dbus/system_bus_socket";

/// The bus itself.
const BUS: Object<'static> =
    Object { service: "org.freedesktop.DBus", path: "/org/freedesktop/DBus", interface: "org.freedesktop.DBus" };

/// Connections that nobody uses at the moment.
static KEPT: Mutex<Vec<Line>> = Mutex::new(Vec::new());
const KEPT_MAX: usize = 2;

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

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Whoever was asked refused, with an error of this name.
    Refused(String),
    /// The connection: it is not there, it broke, nothing came in time.
    Broken(io::Error),
    /// What was said, or is to be said, is not understood.
    Odd(String),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

impl From<zbus::Error> for Fault {
    fn from(error: zbus::Error) -> Self {
        Self::Odd(error.to_string())
    }
}

impl Fault {
    fn is_late(&self) -> bool {
        matches!(self, Self::Broken(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
    }
}

/// Calls a method and gives its reply; waits for it.
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
    let said = Question::new(object, method, body).and_then(|question| answer(&question));
    said.and_then(|said| said.body()).map_err(|fault| failed(object, &fault))
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

/// The bus's own name of who has the service's name now.
///
/// # Errors
/// Nobody has.
pub(super) fn owner(object: Object<'_>) -> Result<String, ProbeError> {
    call(Path::new("/"), BUS, "GetNameOwner", &(object.service,)).map_err(|why| match why {
        ProbeError::Missing(_) => ProbeError::Missing(object.service.to_owned()),
        other => other,
    })
}

/// Asks on a connection that is kept, or on a new one when there is none or it broke since the last question.
fn answer(question: &Question) -> Result<Message, Fault> {
    let until = Instant::now() + PATIENCE;
    let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner).pop();
    if let Some(line) = kept {
        match on(line, question, until) {
            Err(fault @ Fault::Broken(_)) if !fault.is_late() => {}
            said => return said,
        }
    }
    on(Line::open(&Path::new("/").join(SOCKET), until)?, question, until)
}

/// Asks on this connection, and keeps it while it can be used.
fn on(mut line: Line, question: &Question, until: Instant) -> Result<Message, Fault> {
    let said = line.ask(question, until);
    if matches!(said, Ok(_) | Err(Fault::Refused(_))) {
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT_MAX {
            kept.push(line);
        }
    }
    said
}

/// A connection of its own for signals of one kind.
#[derive(Debug)]
pub(super) struct Signals {
    line: AsyncFd<Line>,
    object: Object<'static>,
    member: &'static str,
}

impl Signals {
    /// Wants to hear when `object` says `member`.
    ///
    /// # Errors
    /// There is no bus, or it refuses.
    pub(super) async fn of(object: Object<'static>, member: &'static str) -> Result<Self, ProbeError> {
        if !exists(Path::new("/"), SOCKET) {
            return Err(ProbeError::NotPresent("system bus"));
        }
        let rule = format!(
            "type='signal',sender='{}',path='{}',interface='{}',member='{member}'",
            object.service, object.path, object.interface
        );
        let line = aside(move || -> Result<Line, Fault> {
            let until = Instant::now() + PATIENCE;
            let mut line = Line::open(&Path::new("/").join(SOCKET), until)?;
            line.ask(&Question::new(BUS, "AddMatch", &(rule,))?, until)?;
            line.be_hasty()?;
            Ok(line)
        });
        let line = line.await?.map_err(|fault| failed(object, &fault))?;
        // SAFETY: the socket is the line's own, and stays the same and open until the line is dropped.
        let line = unsafe { AsyncFd::register_with_interest(line, Interest::READABLE) };
        let line = line.map_err(|source| ProbeError::io("the system bus", &source.into()))?;
        Ok(Self { line, object, member })
    }

    /// The next one; `None` when the bus is gone, or says what cannot be read. Who sent it is for the caller to look at:
    /// whoever is on the bus may send a signal of any name to the agent alone, past what it asked for.
    pub(super) async fn next(&mut self) -> Option<Message> {
        loop {
            match self.line.get_mut().receive(None) {
                Ok(said) if said.is_signal(self.object.interface, self.member) => return Some(said),
                Ok(_) => {}
                Err(fault) if fault.is_late() => self.line.readable_mut().await.ok()?.clear_ready(),
                Err(_) => return None,
            }
        }
    }
}

/// Does `work`, which waits, on a thread for that.
///
/// # Errors
/// It panicked, or the runtime ends.
pub(super) async fn aside<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> Result<R, ProbeError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| ProbeError::Failed("a question to the system bus was dropped".to_owned()))
}

fn failed(object: Object<'_>, fault: &Fault) -> ProbeError {
    match fault {
        fault if fault.is_late() => ProbeError::Timeout(object.service.to_owned()),
        Fault::Broken(source) if source.kind() == ErrorKind::NotFound => ProbeError::NotPresent("system bus"),
        Fault::Broken(source) => ProbeError::io("the system bus", source),
        Fault::Refused(name) => refused(object, name),
        Fault::Odd(what) => ProbeError::Failed(format!("{}: {what}", object.service)),
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
pub(super) mod tests {
    use super::*;

    /// A signal of logind's, by whoever has this name.
    pub(in super::super) fn signal<B: Serialize + DynamicType>(sender: &str, member: &str, body: &B) -> Message {
        Message::read(&message::tests::signal(sender, member, body), &mut Vec::new()).expect("a message")
    }

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
