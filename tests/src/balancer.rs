//! A balancer of connections in front of several ports: who dials it comes to whoever is alive, by turns.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

/// A relay to ports of the loopback.
#[derive(Debug)]
pub struct Balancer {
    /// Where it listens.
    pub port: u16,
}

impl Balancer {
    /// Starts it in front of these ports.
    pub async fn start(ports: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let (ports, turns): (Arc<[u16]>, _) = (ports.into(), AtomicUsize::new(0));
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let first = turns.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(carry(near, Arc::clone(&ports), first));
            }
        });
        Self { port }
    }
}

/// Goes on to the first port from this turn on that takes a connection.
async fn carry(mut near: TcpStream, ports: Arc<[u16]>, first: usize) {
    for turn in first..first + ports.len() {
        if let Ok(mut far) = TcpStream::connect(("127.0.0.1", ports[turn % ports.len()])).await {
            copy_bidirectional(&mut near, &mut far).await.ok();
            return;
        }
    }
}
