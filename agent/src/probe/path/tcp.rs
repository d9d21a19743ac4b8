use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::settings::ProbeTarget;

/// One attempt to connect.
#[derive(Debug)]
pub(super) struct Attempt {
    /// `name` or `address`.
    pub(super) by: &'static str,
    /// Why it failed: `name`, `refused`, `timeout`, `unreachable` or `reset`.
    pub(super) error: Option<&'static str>,
    /// For connecting alone; the look-up has a signal of its own.
    pub(super) took: Duration,
    /// The connection, until somebody takes it.
    pub(super) stream: Option<TcpStream>,
    /// The address that was tried, if it came to that.
    tried: Option<IpAddr>,
}

/// How long connecting, look-up included, may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Connects by name, or by address where the target is one; after a name failed, or where the target lists addresses,
/// by address too. `last` is where the name led last.
pub(super) async fn connect(target: &ProbeTarget, last: Option<IpAddr>) -> Vec<Attempt> {
    if let Ok(address) = target.host.parse::<IpAddr>() {
        return vec![by_address(address, target.port).await];
    }
    let listed = target.addresses.iter().find_map(|address| address.parse::<IpAddr>().ok());
    let (by_name, listed) = tokio::join!(by_name(target), async {
        match listed {
            Some(address) => Some(by_address(address, target.port).await),
            None => None,
        }
    });
    let mut attempts = vec![by_name];
    if let Some(attempt) = listed {
        attempts.push(attempt);
    } else if let Some(address) = last.filter(|_| attempts[0].error.is_some()) {
        attempts.push(by_address(address, target.port).await);
    }
    attempts
}

async fn by_name(target: &ProbeTarget) -> Attempt {
    let start = Instant::now();
    let resolved = timeout(PATIENCE, tokio::net::lookup_host((target.host.as_str(), target.port))).await;
    match resolved.ok().and_then(Result::ok).and_then(|mut addresses| addresses.next()) {
        Some(address) => Attempt { by: "name", ..to(address, PATIENCE.saturating_sub(start.elapsed())).await },
        None => Attempt { by: "name", error: Some("name"), took: Duration::ZERO, stream: None, tried: None },
    }
}

async fn by_address(address: IpAddr, port: u16) -> Attempt {
    to(SocketAddr::new(address, port), PATIENCE).await
}

async fn to(address: SocketAddr, patience: Duration) -> Attempt {
    let start = Instant::now();
    let result = timeout(patience, TcpStream::connect(address)).await;
    let (stream, error) = match result {
        Ok(Ok(stream)) => (Some(stream), None),
        Ok(Err(source)) => (None, Some(class(&source))),
        Err(_) => (None, Some("timeout")),
    };
    Attempt { by: "address", error, took: start.elapsed(), stream, tried: Some(address.ip()) }
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

    /// Whether the machine is one that only the internet leads to. A name that leads nowhere counts: it should have.
    pub(super) fn is_beyond(&self) -> bool {
        match self.tried {
            Some(IpAddr::V4(four)) => !(four.is_private() || four.is_loopback() || four.is_link_local()),
            Some(IpAddr::V6(six)) => !(six.is_unique_local() || six.is_loopback() || six.is_unicast_link_local()),
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    fn target(host: &str, port: u16) -> ProbeTarget {
        ProbeTarget { label: "t".into(), host: host.into(), port, tls: false, addresses: Vec::new() }
    }

    #[tokio::test]
    async fn an_open_port_connects_and_a_closed_one_refuses() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let open = connect(&target("127.0.0.1", port), None).await;
        assert_eq!((open.len(), open[0].by, open[0].error), (1, "address", None));
        drop(listener);
        let closed = connect(&target("127.0.0.1", port), None).await;
        assert_eq!(closed[0].error, Some("refused"));
        assert_eq!(closed[0].reached(), None);
    }

    #[tokio::test]
    async fn a_name_that_fails_is_tried_at_its_last_address() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let attempts = connect(&target("no such name", port), Some(IpAddr::from([127, 0, 0, 1]))).await;
        assert_eq!(attempts[0].error, Some("name"));
        assert_eq!((attempts[1].by, attempts[1].error), ("address", None));
    }

    #[test]
    fn knows_the_classes_of_errors() {
        assert_eq!(class(&io::ErrorKind::ConnectionReset.into()), "reset");
        assert_eq!(class(&io::ErrorKind::NetworkUnreachable.into()), "unreachable");
        assert_eq!(class(&io::ErrorKind::TimedOut.into()), "timeout");
    }
}
