use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{HANDSHAKE_TIMEOUT, Peer, Socket};
use crate::authority::{Authority, LiveTls};
use crate::metrics::HANDSHAKES;

/// Sockets that are through and wait to be served.
const READY_SOCKETS: usize = 64;

/// Rest after an error of the listener itself (no file descriptors left), so that it is not asked in a tight loop.
const REST: Duration = Duration::from_millis(100);

/// What every handshake of a port needs.
struct Port {
    name: &'static str,
    tls: LiveTls,
    authority: Arc<Authority>,
    ready: mpsc::Sender<io::Result<Socket>>,
}

/// Accepts connections until `stop`; those whose handshake is done come out of the channel.
pub fn accept(
    name: &'static str,
    listener: TcpListener,
    tls: LiveTls,
    authority: Arc<Authority>,
    handshakes: usize,
    stop: CancellationToken,
) -> mpsc::Receiver<io::Result<Socket>> {
    let (ready, sockets) = mpsc::channel(READY_SOCKETS);
    let port = Arc::new(Port { name, tls, authority, ready });
    let permits = Arc::new(Semaphore::new(handshakes));
    tokio::spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = listen(listener, permits, port) => {}
        }
    });
    sockets
}

async fn listen(listener: TcpListener, permits: Arc<Semaphore>, port: Arc<Port>) {
    loop {
        let permit = Arc::clone(&permits).acquire_owned().await.expect("the semaphore is never closed");
        match listener.accept().await {
            Ok((stream, address)) => drop(tokio::spawn(shake_hands(stream, address, permit, Arc::clone(&port)))),
            Err(cause) => {
                warn!(port = port.name, error = %cause, "Port of {} cannot accept a connection", port.name);
                tokio::time::sleep(REST).await;
            }
        }
    }
}

async fn shake_hands(stream: TcpStream, address: SocketAddr, permit: OwnedSemaphorePermit, port: Arc<Port>) {
    let _ = stream.set_nodelay(true);
    let acceptor = TlsAcceptor::from(port.tls.load_full());
    let outcome = timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await;
    drop(permit);
    let outcome = match outcome {
        Ok(Ok(stream)) => {
            let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
            let certificate = certificate.and_then(|one| port.authority.recognise(one).ok()).map(Arc::new);
            let _ = port.ready.send(Ok(Socket::new(stream, Peer { address, certificate }))).await;
            "done"
        }
        Ok(Err(cause)) => {
            debug!(port = port.name, client.address = %address, error = %cause, "Handshake with {address} failed");
            "failed"
        }
        Err(_) => "timeout",
    };
    counter!(HANDSHAKES, "port" => port.name, "outcome" => outcome).increment(1);
}
