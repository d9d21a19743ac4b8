//! Stands between the agent and the collector and counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A relay to one port of the loopback.
pub(super) struct Relay {
    /// Where it listens.
    pub(super) port: u16,
    sent: Arc<AtomicU64>,
}

impl Relay {
    /// Starts it.
    pub(super) async fn start(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let sent = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&sent);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, to, Arc::clone(&count)));
            }
        });
        Self { port, sent }
    }

    /// Bytes that came from the agent, TLS and all.
    pub(super) fn sent(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.sent)
    }
}

async fn carry(near: TcpStream, to: u16, sent: Arc<AtomicU64>) {
    let Ok(far) = TcpStream::connect(("127.0.0.1", to)).await else { return };
    let (mut near_in, mut near_out) = near.into_split();
    let (mut far_in, mut far_out) = far.into_split();
    let up = async {
        let mut bytes = vec![0; 16 * 1024];
        while let Ok(count) = near_in.read(&mut bytes).await {
            if count == 0 || far_out.write_all(&bytes[..count]).await.is_err() {
                break;
            }
            sent.fetch_add(count as u64, Ordering::Relaxed);
        }
        far_out.shutdown().await.ok();
    };
    let down = async {
        tokio::io::copy(&mut far_in, &mut near_out).await.ok();
        near_out.shutdown().await.ok();
    };
    tokio::join!(up, down);
}
