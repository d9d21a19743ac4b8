use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use super::guests::Guest;
use super::strangers::Stranger;
use super::{Peer, Strangers};

/// How long an endpoint may take nothing of what waits for it.
const STUCK_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection after its handshake. An endpoint's ends when another one took its place among those of the endpoint, and when the
/// other end takes nothing of what is written for [`STUCK_TIMEOUT`].
#[derive(Debug)]
pub struct Socket {
    stream: TlsStream<TcpStream>,
    peer: Peer,
    /// What bounds its stay, when it shows no certificate of an endpoint. Boxed, since few do.
    stranger: Option<Box<Stranger>>,
    /// Its place among those of its endpoint, when it shows one.
    guest: Option<Guest>,
    /// When it ends, while the other end takes nothing. Made when that begins, since it seldom does.
    stuck: Option<Pin<Box<Sleep>>>,
}

impl Socket {
    pub(super) fn new(stream: TlsStream<TcpStream>, peer: Peer, guest: Option<Guest>) -> Self {
        Self { stream, peer, stranger: None, guest, stuck: None }
    }

    /// The same, as one of `strangers` when it shows no certificate of an endpoint.
    #[must_use]
    pub fn received_by(self, strangers: &Strangers) -> Self {
        let stranger = self.peer.certificate.is_none().then(|| Box::new(strangers.enter(self.peer.address.ip())));
        Self { stranger, ..self }
    }

    fn heard(&self) {
        if let Some(stranger) = &self.stranger {
            stranger.heard();
        }
    }

    /// Who is at the other end.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Whether the other end has taken nothing for too long; to be asked whenever it takes nothing now.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        if self.guest.is_none() {
            return false;
        }
        self.peer.note_stuck(true);
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(STUCK_TIMEOUT)));
        stuck.as_mut().poll(cx).is_ready()
    }

    /// Passes on what became of a write. What was taken may lie here still: only a flush says that it went out.
    fn written(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Pending if self.is_over(cx) => Poll::Ready(Err(not_reading())),
            Poll::Pending => Poll::Pending,
            done @ Poll::Ready(_) => {
                self.stuck = None;
                done
            }
        }
    }
}

fn not_reading() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the other end does not read")
}

impl Connected for Socket {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Some(stranger) = &mut self.stranger
            && stranger.poll_end(cx).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if self.guest.as_mut().is_some_and(|guest| guest.poll_displaced(cx)) {
            let why = "a newer connection of the same endpoint took the place";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, why)));
        }
        if self.guest.as_mut().is_some_and(|guest| guest.poll_rest(cx).is_pending()) {
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let bytes = buffer.filled().len() - before;
        if bytes > 0 {
            self.heard();
        }
        if let Some(guest) = &mut self.guest {
            guest.read(bytes);
        }
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if written.is_ready() {
            self.heard();
        }
        self.written(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Pending if self.is_over(cx) => Poll::Ready(Err(not_reading())),
            Poll::Pending => Poll::Pending,
            done @ Poll::Ready(_) => {
                self.stuck = None;
                self.peer.note_stuck(false);
                done
            }
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        if written.is_ready() {
            self.heard();
        }
        self.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt as _;
    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, RootCertStore, ServerConfig};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio::task::yield_now;
    use tokio::time::{Instant, advance};
    use tokio_rustls::{TlsAcceptor, TlsConnector, client};

    use super::super::guests::Guests;
    use super::*;

    /// A connection of an endpoint, both of its ends.
    async fn connection() -> (Socket, client::TlsStream<TcpStream>) {
        rustls::crypto::ring::default_provider().install_default().ok();
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).expect("a key");
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).expect("a root");
        let key = signing_key.serialize_der().try_into().expect("a key");
        let server = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![cert.der().clone()], key);
        let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let dialled = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("connected");
        let (accepted, address) = listener.accept().await.expect("accepted");
        let acceptor = TlsAcceptor::from(Arc::new(server.expect("a configuration")));
        let connector = TlsConnector::from(Arc::new(client));
        let name = ServerName::try_from("localhost").expect("a name");
        let (here, there) = tokio::join!(acceptor.accept(accepted), connector.connect(name, dialled));
        let guest = Guests::new().enter("e1");
        (Socket::new(here.expect("a handshake"), Peer::new(address, None), guest), there.expect("a handshake"))
    }

    /// Does it while the clock stands, which otherwise moves as soon as nobody here has anything to do: what is on its way
    /// through the kernel takes no time then.
    async fn at_once<T>(work: impl Future<Output = T>) -> T {
        let busy = async {
            loop {
                yield_now().await;
            }
        };
        tokio::select! {
            done = work => done,
            () = busy => unreachable!("it goes on"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_from_the_line_loses_it_after_half_a_minute() {
        let (mut socket, _deaf) = connection().await;
        let mut since = Instant::now();
        let error = loop {
            match socket.write(&[7; 16 * 1024]).await {
                Ok(_) => since = Instant::now(),
                Err(error) => break error,
            }
        };
        assert_eq!((error.kind(), since.elapsed().as_secs()), (io::ErrorKind::TimedOut, STUCK_TIMEOUT.as_secs()));
        assert!(socket.peer().is_stuck(), "so that the end is told as what it is");
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_a_little_now_and_then_keeps_it() {
        let (mut socket, mut slow) = connection().await;
        let mut some = vec![0; 16 * 1024];
        for _ in 0..5 {
            while let Some(written) = socket.write(&[7; 16 * 1024]).now_or_never() {
                written.expect("the line stands");
            }
            assert!(socket.peer().is_stuck());
            advance(STUCK_TIMEOUT.saturating_sub(Duration::from_secs(1))).await;
            let reads = async { while slow.read(&mut some).await.expect("bytes") > 0 {} };
            let written = async {
                tokio::select! {
                    written = socket.write(&[7; 1024]) => written,
                    () = reads => unreachable!("it stays open"),
                }
            };
            assert!(at_once(written).await.expect("the line stands") > 0);
        }
    }
}
