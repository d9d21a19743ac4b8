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
