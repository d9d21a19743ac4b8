use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::address::is_public;
use super::system::{Found, SystemResolver};
use crate::settings::ProbeTarget;

/// One attempt to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attempt {
    /// `name` or `address`.
    pub(super) by: &'static str,
    /// Why it failed: `name`, `refused`, `timeout`, `unreachable` or `reset`.
    pub(super) error: Option<&'static str>,
    /// For connecting alone; the look-up has a signal of its own.
    pub(super) took: Duration,
    /// The address that was tried, if it came to that.
    pub(super) tried: Option<IpAddr>,
}

/// What came of the attempts at one target.
#[derive(Debug)]
pub(super) struct Connected {
    /// By name first, where the target has one.
    pub(super) attempts: Vec<Attempt>,
    /// The first connection that came about.
    pub(super) stream: Option<TcpStream>,
}

/// How long connecting may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);
/// The head start of the first family, as programs give it, before the other one is tried too.
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects by name, or by address where the target is one; after a name failed, or where the target lists addresses,
/// by address too. `found` is where the name leads, `last` where it led last.
pub(super) async fn connect(target: &ProbeTarget, found: Option<&Found>, last: Option<IpAddr>) -> Connected {
    if let Ok(address) = target.host.parse::<IpAddr>() {
        return gather([by_address(address, target.port).await]);
    }
    let listed = target.addresses.iter().find_map(|address| address.parse::<IpAddr>().ok());
    let addresses = found.map_or(&[][..], |found| found.addresses.as_deref().unwrap_or_default());
    let (by_name, listed) = tokio::join!(by_name(addresses, target.port), async {
        match listed {
            Some(address) => Some(by_address(address, target.port).await),
            None => None,
        }
    });
    match (listed, last.filter(|_| by_name.0.error.is_some())) {
        (Some(listed), _) => gather([by_name, listed]),
        (None, Some(last)) => gather([by_name, by_address(last, target.port).await]),
        (None, None) => gather([by_name]),
    }
}

fn gather<const N: usize>(all: [(Attempt, Option<TcpStream>); N]) -> Connected {
    let mut connected = Connected { attempts: Vec::new(), stream: None };
    for (attempt, stream) in all {
        connected.attempts.push(attempt);
        connected.stream = connected.stream.or(stream);
    }
    connected
}

/// To the first address of each family; the second family starts a little later and the first connection wins, as it
/// does in programs, so that a broken family does not look like a broken target.
async fn by_name(addresses: &[IpAddr], port: u16) -> (Attempt, Option<TcpStream>) {
    let Some(first) = addresses.first() else {
        let attempt = Attempt { by: "name", error: Some("name"), took: Duration::ZERO, tried: None };
        return (attempt, None);
    };
    let second = addresses.iter().find(|address| address.is_ipv4() != first.is_ipv4());
    let one = Box::pin(to(SocketAddr::new(*first, port)));
    let (mut attempt, stream) = match second {
        None => one.await,
        Some(second) => {
            let other = Box::pin(async {
                sleep(HEAD_START).await;
                to(SocketAddr::new(*second, port)).await
            });
            match select(one, other).await {
                Either::Left(((attempt, None), other)) => better((attempt, None), other.await),
                Either::Right(((attempt, None), one)) => better(one.await, (attempt, None)),
                Either::Left((done, _)) | Either::Right((done, _)) => done,
            }
        }
    };
    attempt.by = "name";
    (attempt, stream)
}

/// The second when it connected, else the first.
fn better(first: (Attempt, Option<TcpStream>), second: (Attempt, Option<TcpStream>)) -> (Attempt, Option<TcpStream>) {
    if first.1.is_none() && second.1.is_some() { second } else { first }
}

async fn by_address(address: IpAddr, port: u16) -> (Attempt, Option<TcpStream>) {
    to(SocketAddr::new(address, port)).await
}

/// Connects to `address`.
pub(super) async fn to(address: SocketAddr) -> (Attempt, Option<TcpStream>) {
    let start = Instant::now();
    let result = timeout(PATIENCE, TcpStream::connect(address)).await;
    let (stream, error) = match result {
        Ok(Ok(stream)) => (Some(stream), None),
        Ok(Err(source)) => (None, Some(class(&source))),
        Err(_) => (None, Some("timeout")),
    };
    (Attempt { by: "address", error, took: start.elapsed(), tried: Some(address.ip()) }, stream)
}

/// Connects to `host`, a name or an address, in either family; with the time that connecting took.
///
/// # Errors
/// As [`Attempt::error`].
pub(super) async fn reach(
    resolver: &SystemResolver,
    host: &str,
    port: u16,
) -> Result<(TcpStream, Duration), &'static str> {
    let addresses = match host.parse() {
        Ok(address) => vec![address],
        Err(_) => resolver.look_up(host).await.addresses.map_err(|_| "name")?,
    };
    let (attempt, stream) = by_name(&addresses, port).await;
    stream.map(|stream| (stream, attempt.took)).ok_or(attempt.error.unwrap_or("unreachable"))
}

fn class(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::ConnectionRefused => "refused",
        io::ErrorKind::TimedOut => "timeout",
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => "reset",
        _ => "unreachable",
    }
}

impl Attempt {
    /// Where it led, when it did.
    pub(super) fn reached(&self) -> Option<IpAddr> {
        self.tried.filter(|_| self.error.is_none())
    }

    /// Whether the machine is one that only the internet leads to.
    pub(super) fn is_beyond(&self) -> bool {
        self.tried.is_some_and(is_public)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    fn target(host: &str, port: u16) -> ProbeTarget {
        ProbeTarget { label: "t".into(), host: host.into(), port, tls: false, addresses: Vec::new() }
    }

    fn found(addresses: &[IpAddr]) -> Found {
        Found { addresses: Ok(addresses.to_vec()), took: Duration::ZERO }
    }

    #[tokio::test]
    async fn an_open_port_connects_and_a_closed_one_refuses() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let open = connect(&target("127.0.0.1", port), None, None).await;
        assert_eq!((open.attempts.len(), open.attempts[0].by, open.attempts[0].error), (1, "address", None));
        assert!(open.stream.is_some());
        drop(listener);
        let closed = connect(&target("127.0.0.1", port), None, None).await;
        assert_eq!(closed.attempts[0].error, Some("refused"));
        assert_eq!(closed.attempts[0].reached(), None);
    }

    #[tokio::test]
    async fn a_name_that_fails_is_tried_at_its_last_address() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let last = Some(IpAddr::from([127, 0, 0, 1]));
        let attempts = connect(&target("no.such.name", port), None, last).await.attempts;
        assert_eq!(attempts[0].error, Some("name"));
        assert_eq!((attempts[1].by, attempts[1].error), ("address", None));
    }

    #[tokio::test]
    async fn a_family_that_does_not_work_does_not_hide_one_that_does() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        // Nobody listens on the other family's loopback; where there is none it is unreachable.
        let both = found(&[IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]), IpAddr::from([127, 0, 0, 1])]);
        let connected = connect(&target("here", port), Some(&both), None).await;
        assert_eq!((connected.attempts[0].by, connected.attempts[0].error), ("name", None));
        assert_eq!(connected.attempts[0].reached(), Some(IpAddr::from([127, 0, 0, 1])));
    }

    #[tokio::test]
    async fn a_host_is_reached_by_name_and_by_address() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let resolver = SystemResolver::default();
        for host in ["localhost", "127.0.0.1"] {
            assert!(reach(&resolver, host, port).await.is_ok_and(|(_, took)| took < PATIENCE), "{host}");
        }
        drop(listener);
        assert_eq!(reach(&resolver, "127.0.0.1", port).await.expect_err("closed"), "refused");
    }

    #[test]
    fn knows_the_classes_of_errors() {
        assert_eq!(class(&io::ErrorKind::ConnectionReset.into()), "reset");
        assert_eq!(class(&io::ErrorKind::NetworkUnreachable.into()), "unreachable");
        assert_eq!(class(&io::ErrorKind::TimedOut.into()), "timeout");
    }
}
