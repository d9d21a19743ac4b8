//! Connections that begin a handshake and leave it there.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;

/// The first bytes of a handshake: the head of a record that promises more.
const BEGINNING: [u8; 9] = [22, 3, 1, 2, 0, 1, 0, 1, 252];

/// Longest that one is held.
const LONGEST: Duration = Duration::from_mins(10);

/// How long each connection lived before the other side closed it; those that could not be opened are missing.
pub(super) async fn hold(server: SocketAddr, connections: usize) -> Vec<Duration> {
    let mut tasks = JoinSet::new();
    for number in 0..connections {
        tasks.spawn(one(server, number));
    }
    let mut lives: Vec<Duration> = tasks.join_all().await.into_iter().flatten().collect();
    lives.sort();
    lives
}

async fn one(server: SocketAddr, number: usize) -> Option<Duration> {
    let socket = TcpSocket::new_v4().ok()?;
    let block = u8::try_from(number / 10_000).unwrap_or(50);
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 1, 1 + block), 0))).ok()?;
    let mut stream = socket.connect(server).await.ok()?;
    let since = Instant::now();
    stream.write_all(&BEGINNING).await.ok()?;
    let mut answer = [0; 64];
    let closed = async { while stream.read(&mut answer).await.is_ok_and(|count| count > 0) {} };
    tokio::time::timeout(LONGEST, closed).await.ok()?;
    Some(since.elapsed())
}

/// Runs from the command line.
pub(super) async fn run(server: SocketAddr, connections: usize) {
    let since = Instant::now();
    let lives = hold(server, connections).await;
    let at = |share: usize| lives.get((lives.len() * share / 100).min(lives.len().saturating_sub(1)));
    println!(
        "{} of {connections} connections were opened and closed by the collector within {:.1} s; half lived {:.1} s, \
         the longest {:.1} s",
        lives.len(),
        since.elapsed().as_secs_f64(),
        at(50).map_or(0.0, Duration::as_secs_f64),
        at(100).map_or(0.0, Duration::as_secs_f64),
    );
}
