//! The first address that answers.
//!
//! A name may have several addresses: of the two internet protocols, of several collectors. One of them may swallow packets
//! in silence, for minutes, and must not keep the others from being tried. So each is tried a moment after the one before,
//! beside it, and the first connection is taken. Which address comes first is the system's choice (RFC 6724).

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::time::sleep;

/// How long an address is tried alone before the next one is tried, too: what RFC 8305 recommends.
const HEAD_START: Duration = Duration::from_millis(250);

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;

/// A connection to one of `addresses`.
///
/// # Errors
/// What was wrong with the first of them to fail, when none answers.
pub(super) async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let attempt = async |turn: u32, address: SocketAddr| {
        sleep(HEAD_START * turn).await;
        TcpStream::connect(address).await
    };
    let attempts = (0..).zip(addresses.iter().take(ADDRESSES_MAX)).map(|(turn, address)| attempt(turn, *address));
    let mut attempts: FuturesUnordered<_> = attempts.collect();
    let mut first_failure = None;
    while let Some(outcome) = attempts.next().await {
        match outcome {
            Ok(tcp) => {
                tcp.set_nodelay(true)?;
                return Ok(tcp);
            }
            Err(failure) => first_failure = first_failure.or(Some(failure)),
        }
    }
    Err(first_failure.unwrap_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address")))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use rustix::net::{AddressFamily, SocketType};

    use super::*;

    /// A port of this machine that swallows what comes, like a firewall: its queue is full and nobody takes anything.
    struct Deaf {
        _listener: std::os::fd::OwnedFd,
        _queued: Vec<std::net::TcpStream>,
        address: SocketAddr,
    }

    impl Deaf {
        fn new() -> Self {
            let listener = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
            rustix::net::bind(&listener, &SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
            rustix::net::listen(&listener, 0).expect("it listens");
            let address = rustix::net::getsockname(&listener).expect("bound").try_into().expect("an address");
            let knock = || std::net::TcpStream::connect_timeout(&address, Duration::from_millis(300));
            let queued = std::iter::from_fn(|| knock().ok()).take(16).collect();
            Self { _listener: listener, _queued: queued, address }
        }
    }

    #[tokio::test]
    async fn an_address_that_swallows_everything_does_not_keep_the_next_from_being_tried() {
        let deaf = Deaf::new();
        let alive = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = alive.local_addr().expect("bound");
        let connected = tokio::time::timeout(Duration::from_secs(10), connect(&[deaf.address, address])).await;
        assert_eq!(connected.expect("in time").expect("connected").peer_addr().expect("there"), address);
    }

    #[tokio::test]
    async fn what_was_wrong_with_the_first_is_told() {
        let gone = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
        assert_eq!(connect(&[gone, gone]).await.expect_err("nobody").kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(connect(&[]).await.expect_err("nowhere").kind(), io::ErrorKind::NotFound);
    }
}
