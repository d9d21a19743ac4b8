use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::{Postgres, section};
use crate::wait;

/// The statement that commits, as it goes over the line, with the zero at its end: no other statement ends so.
const COMMIT: &[u8] = b"COMMIT\0";

/// A relay in front of a server that loses the word on one commit, and the server with it: what was asked is done, and nobody
/// hears of it.
#[derive(Debug)]
pub struct Relay {
    port: u16,
    secret: std::path::PathBuf,
    away: Arc<watch::Sender<bool>>,
}

impl Relay {
    /// Starts one that lets everything through until a transaction holds `sign`.
    pub async fn start(server: &Postgres, sign: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let away = Arc::new(watch::Sender::new(false));
        let (told, far, sign): (_, _, Arc<[u8]>) = (Arc::clone(&away), server.port(), sign.into());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if !*told.borrow() {
                    tokio::spawn(carry(near, far, Arc::clone(&told), Arc::clone(&sign)));
                }
            }
        });
        Self { port, secret: server.secret(), away }
    }

    /// What a collector's configuration says about it.
    pub fn configuration(&self) -> String {
        section(self.port, &self.secret, "none")
    }

    /// Waits until the word on a commit is lost. From then on nobody comes through.
    pub async fn lost(&self, within: Duration) {
        wait::for_condition("a commit to be lost", within, async || *self.away.borrow()).await;
    }

    /// Lets everybody through again.
    pub fn open(&self) {
        self.away.send_replace(false);
    }
}

async fn carry(near: TcpStream, port: u16, away: Arc<watch::Sender<bool>>, sign: Arc<[u8]>) {
    let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let (from_near, mut to_near) = near.into_split();
    let (mut from_far, to_far) = far.into_split();
    let mut gone = away.subscribe();
    tokio::select! {
        committed = until_commit(from_near, to_far, &sign) => {
            let Some(_held) = committed else { return };
            // The server's word on it: when it is there, the transaction is.
            let _ = from_far.read(&mut [0; 256]).await;
            away.send_replace(true);
        }
        _ = copy(&mut from_far, &mut to_near) => {}
        () = async { drop(gone.wait_for(|away| *away).await) } => {}
    }
}

/// Passes on what comes until a transaction with the sign has been told to commit; both ends then, so that neither is closed.
async fn until_commit(
    mut near: OwnedReadHalf,
    mut far: OwnedWriteHalf,
    sign: &[u8],
) -> Option<(OwnedReadHalf, OwnedWriteHalf)> {
    let (mut seen, mut signed, mut buffer) = (Vec::new(), false, [0; 16 * 1024]);
    loop {
        let count = near.read(&mut buffer).await.ok().filter(|count| *count > 0)?;
        seen.extend_from_slice(&buffer[..count]);
        let holds = |what: &[u8]| seen.windows(what.len()).any(|part| part == what);
        signed |= holds(sign);
        let commits = signed && holds(COMMIT);
        far.write_all(&buffer[..count]).await.ok()?;
        if commits {
            return Some((near, far));
        }
        // What is looked for may lie across two pieces.
        seen.drain(..seen.len().saturating_sub(sign.len().max(COMMIT.len())));
    }
}
