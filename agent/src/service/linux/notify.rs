//! `sd_notify(3)`: a datagram to the socket that systemd names.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// systemd, when it started this process and wants to hear of it. Without it, everything here does nothing.
#[derive(Debug, Default)]
pub struct Supervisor {
    address: Option<SocketAddr>,
    patience: Option<Duration>,
    /// What it was told last, so that it is not woken for nothing.
    told: Mutex<String>,
}

impl Supervisor {
    /// The one that the environment names.
    pub fn of_this_process() -> Self {
        let variable = |name: &str| std::env::var_os(name);
        let own = std::process::id().to_string();
        // The watchdog may be meant for the process that started this one.
        let is_meant = variable("WATCHDOG_PID").is_none_or(|pid| pid == own.as_str());
        let micros = variable("WATCHDOG_USEC").filter(|_| is_meant);
        Self {
            address: variable("NOTIFY_SOCKET").and_then(|name| address(&name)),
            patience: micros.and_then(|micros| micros.to_str()?.parse().ok()).map(Duration::from_micros),
            told: Mutex::default(),
        }
    }

    /// How long it waits for a sign of life before it ends and restarts the agent; `None` when it does not wait.
    pub fn patience(&self) -> Option<Duration> {
        self.patience
    }

    /// The agent runs: what was asked of it at the start is done.
    pub fn ready(&self) {
        self.tell("READY=1");
    }

    /// A sign of life.
    pub fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    /// The agent ends on purpose.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// How the agent is doing, in one line for `systemctl status`.
    pub fn status(&self, line: &str) {
        let line = line.replace(char::is_control, " ");
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if *told != line {
            self.tell(&format!("STATUS={line}"));
            *told = line;
        }
    }

    fn tell(&self, message: &str) {
        let Some(address) = &self.address else { return };
        if let Err(source) = send(address, message) {
            tracing::debug!("The service manager was not told {message:?}: {source}");
        }
    }
}

fn send(address: &SocketAddr, message: &str) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    // A manager that does not read must not hold the agent up.
    socket.set_nonblocking(true)?;
    socket.send_to_addr(message.as_bytes(), address).map(drop)
}

/// A path, or after `@` a name of the abstract namespace.
fn address(name: &OsStr) -> Option<SocketAddr> {
    match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name).ok(),
        [b'/', ..] => SocketAddr::from_pathname(name).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn supervisor(address: SocketAddr) -> Supervisor {
        Supervisor { address: Some(address), ..Supervisor::default() }
    }

    fn heard(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 256];
        let length = socket.recv(&mut buffer).expect("a datagram");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn tells_over_a_path() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("bound");
        let supervisor = supervisor(address(path.as_os_str()).expect("a path is an address"));
        supervisor.ready();
        assert_eq!(heard(&socket), "READY=1");
    }

    #[test]
    fn tells_over_an_abstract_name_and_each_status_once() {
        let name = format!("@firstline-{}", std::process::id());
        let at = address(OsStr::new(&name)).expect("an abstract name is an address");
        let socket = UnixDatagram::bind_addr(&at).expect("bound");
        let supervisor = supervisor(at);
        supervisor.status("connected");
        supervisor.status("connected");
        supervisor.status("a line\nREADY=1");
        supervisor.stopping();
        assert_eq!(heard(&socket), "STATUS=connected");
        assert_eq!(heard(&socket), "STATUS=a line READY=1", "a status cannot say anything else");
        assert_eq!(heard(&socket), "STOPPING=1");
    }

    #[test]
    fn a_manager_that_is_gone_or_was_never_there_is_no_trouble() {
        let gone = supervisor(address(OsStr::new("/nowhere/notify")).expect("a path is an address"));
        gone.alive();
        Supervisor::default().alive();
        assert!(address(OsStr::new("nonsense")).is_none());
    }
}
