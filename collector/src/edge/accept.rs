use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use rustls::server::Acceptor;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, StartHandshake};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::guests::Guests;
use super::hellos::Hellos;
use super::turns::{Ticket, Turns};
use super::{HANDSHAKE_TIMEOUT, HELLO_TIMEOUT, Peer, QUEUE, Socket};
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
    hellos: Hellos,
    /// Those that may do cryptography.
    turns: Turns,
    guests: Arc<Guests>,
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
    let (hellos, turns, guests) = (Hellos::default(), Turns::new(handshakes), Guests::new());
    let port = Arc::new(Port { name, tls, authority, ready, hellos, turns, guests });
    let queue = Arc::new(Semaphore::new(QUEUE));
    tokio::spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = listen(listener, queue, port) => {}
        }
    });
    sockets
}

async fn listen(listener: TcpListener, queue: Arc<Semaphore>, port: Arc<Port>) {
    loop {
        let permit = Arc::clone(&queue).acquire_owned().await.expect("the semaphore is never closed");
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
    let hello = timeout(HELLO_TIMEOUT, LazyConfigAcceptor::new(Acceptor::default(), stream));
    let outcome = match port.hellos.enter().hold(hello).await {
        Some(Ok(Ok(hello))) => {
            let answered = match port.turns.enter(address.ip()) {
                Some(ticket) => in_turn(hello, ticket, permit, &port).await,
                None => Err("crowded"),
            };
            match answered {
                Ok(Ok(stream)) => hand_over(stream, address, &port).await,
                Ok(Err(cause)) => failed(&cause, address, &port),
                Err(outcome) => outcome,
            }
        }
        Some(Ok(Err(cause))) => failed(&cause, address, &port),
        Some(Err(_)) => "no_hello",
        None => "displaced",
    };
    counter!(HANDSHAKES, "port" => port.name, "outcome" => outcome).increment(1);
}

/// Waits for the turn, and does the rest of a handshake. The place in the queue is free as soon as it is begun.
async fn in_turn(
    hello: StartHandshake<TcpStream>,
    ticket: Ticket<'_>,
    permit: OwnedSemaphorePermit,
    port: &Port,
) -> Result<io::Result<TlsStream<TcpStream>>, &'static str> {
    let _turn = ticket.turn().await;
    drop(permit);
    timeout(HANDSHAKE_TIMEOUT, answer(hello, port)).await.map_err(|_| "timeout")
}

/// The rest of a handshake. Boxed, since it is large and most of the tasks that wait never come so far.
async fn answer(hello: StartHandshake<TcpStream>, port: &Port) -> io::Result<TlsStream<TcpStream>> {
    Box::pin(hello.into_stream(port.tls.load_full())).await
}

async fn hand_over(stream: TlsStream<TcpStream>, address: SocketAddr, port: &Port) -> &'static str {
    let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let certificate = certificate.and_then(|one| port.authority.recognise(one).ok()).map(Arc::new);
    let guest = match &certificate {
        None => None,
        Some(certificate) => match port.guests.enter(&certificate.endpoint_id) {
            None => return "too_often",
            guest => guest,
        },
    };
    let _ = port.ready.send(Ok(Socket::new(stream, Peer::new(address, certificate), guest))).await;
    "done"
}

fn failed(cause: &io::Error, address: SocketAddr, port: &Port) -> &'static str {
    debug!(port = port.name, client.address = %address, error = %cause, "Handshake with {address} failed");
    "failed"
}
