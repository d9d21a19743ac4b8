//! Whether the collector runs, and whether somebody else is in its way.

use std::fs::{File, TryLockError};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Patient, Report};
use crate::store::Location;

#[cfg_attr(target_os = "linux", path = "running/linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "running/other.rs")]
mod system;

pub(super) use system::files_allowed;

/// How long a listener on this machine may take to take a connection.
const CONNECT: Duration = Duration::from_secs(2);

/// Who has the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Running {
    /// Whether a process has it, or listens where the collector would.
    pub(super) yes: bool,
    /// Which, when that is known.
    pub(super) process: Option<u32>,
}

/// Looks at the lock and at the ports.
pub(super) async fn look(patient: &Patient<'_>, report: &mut Report) -> Running {
    let listen = &patient.config.listen;
    let (held, process) = holder(patient);
    let answers = answers(listen.people).await;
    // A server's database has no lock on this machine: who listens is taken for the collector.
    let yes = held || (matches!(patient.database, Location::Postgres(_)) && answers);
    let words = match (yes, process) {
        (true, Some(process)) => format!("yes, process {process}"),
        (true, None) => "yes".to_owned(),
        (false, _) => "no".to_owned(),
    };
    report.fact("runs", words);
    if held && !answers {
        let who = process
            .map_or_else(|| "A process".to_owned(), |process| format!("Process {process} ({})", system::name(process)));
        let what = format!("{who} holds the database, and nobody listens on {}", listen.people);
        let why = "No collector can start on this folder, and people reach none. (One that was started with --listen-people has another port.)";
        let remedy = "If it is a collector that hangs, end it; its log says why. If it has another port, all is well.";
        report.advice("held", what, &patient.database, why, remedy);
    }
    if !yes {
        for (address, port) in [(listen.agents, "agents"), (listen.people, "people")] {
            port_is_free(address, port, report);
        }
    }
    Running { yes, process }
}

/// Whether another process has the database, and which.
fn holder(patient: &Patient<'_>) -> (bool, Option<u32>) {
    let Location::Sqlite(file) = patient.database else { return (false, None) };
    let Ok(lock) = File::open(file.with_extension("lock")) else { return (false, None) };
    match lock.try_lock_shared() {
        Err(TryLockError::WouldBlock) => (true, system::holder(&lock)),
        _ => (false, None),
    }
}

async fn answers(address: SocketAddr) -> bool {
    let ip = match address.ip() {
        ip if ip.is_unspecified() && ip.is_ipv4() => std::net::Ipv4Addr::LOCALHOST.into(),
        ip if ip.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    timeout(CONNECT, TcpStream::connect((ip, address.port()))).await.is_ok_and(|connected| connected.is_ok())
}

fn port_is_free(address: SocketAddr, port: &str, report: &mut Report) {
    let Err(cause) = TcpListener::bind(address) else { return };
    let why = "The collector does not start without its ports.";
    let key = format!("listen.{port} of firstline.toml");
    match cause.kind() {
        io::ErrorKind::AddrInUse => {
            let remedy = format!(
                "Find who has it (ss -ltnp 'sport = :{}'), and end that or choose another port.",
                address.port()
            );
            report.fault("port", format!("Another program has the port for {port}, {address}"), &key, why, remedy);
        }
        io::ErrorKind::AddrNotAvailable => {
            report.fault(
                "port",
                format!("This machine has no address {}", address.ip()),
                &key,
                why,
                "Correct the address; 0.0.0.0 or [::] are all of them.",
            );
        }
        io::ErrorKind::PermissionDenied => {
            let remedy = "Ask as the collector's user; for ports below 1024 give the service CAP_NET_BIND_SERVICE.";
            report.advice("port", format!("You may not listen on {address}"), &key, why, remedy);
        }
        _ => {
            report.fault("port", format!("Nobody can listen on {address}: {cause}"), &key, why, "Correct the address.");
        }
    }
}
