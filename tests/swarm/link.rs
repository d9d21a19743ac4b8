//! A connection of a simulated machine: real TCP from an address of its own, mutual TLS 1.3, HTTP/2.
//!
//! It is leaner than a client's channel: no queue, no reconnecting, nothing that waits in the background but the
//! connection itself. What it costs is printed in the table.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use anyhow::Context as _;
use firstline_proto::v1::agent_service_client::AgentServiceClient;
use firstline_proto::v1::{AgentFrame, CollectorFrame};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::{Request, Streaming};

/// Machines behind one address of the loopback, as of an office behind one router: each has a port of its own there.
const BEHIND_ONE_ADDRESS: usize = 250;

/// Frames that wait to be sent. Boxed, since a queue reserves room for many at once.
const WAITING_FRAMES: usize = 4;

/// One connection's requests.
struct Requests(http2::SendRequest<Body>);

type Answer = Pin<Box<dyn Future<Output = Result<http::Response<Incoming>, hyper::Error>> + Send>>;

impl tower::Service<http::Request<Body>> for Requests {
    type Response = http::Response<Incoming>;
    type Error = hyper::Error;
    type Future = Answer;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

/// An open stream. Dropping it cuts the connection.
pub(super) struct Link {
    pub(super) out: mpsc::Sender<Box<AgentFrame>>,
    pub(super) inward: Streaming<CollectorFrame>,
    connection: JoinHandle<()>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// A connection of machine `number` that has shaken hands.
async fn connect(
    server: SocketAddr,
    number: usize,
    tls: Arc<ClientConfig>,
) -> anyhow::Result<(Requests, JoinHandle<()>)> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((address(number), 0))).context("choose an address of the loopback")?;
    let stream = socket.connect(server).await?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from("localhost").expect("a valid name");
    let stream = tokio_rustls::TlsConnector::from(tls).connect(name, stream).await?;
    let (requests, connection) = http2::Builder::new(TokioExecutor::new()).handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(async move {
        connection.await.ok();
    });
    Ok((Requests(requests), connection))
}

/// Opens a stream whose first frame is `hello`.
pub(super) async fn open(
    server: SocketAddr,
    number: usize,
    tls: Arc<ClientConfig>,
    hello: AgentFrame,
) -> anyhow::Result<Link> {
    let (requests, connection) = connect(server, number, tls).await?;
    let (out, frames) = mpsc::channel(WAITING_FRAMES);
    out.send(Box::new(hello)).await.expect("the queue is empty");
    let mut client = AgentServiceClient::with_origin(requests, http::Uri::from_static("http://localhost"));
    let call = client.connect(Request::new(ReceiverStream::new(frames).map(|frame: Box<AgentFrame>| *frame)));
    match call.await {
        Ok(answer) => Ok(Link { out, inward: answer.into_inner(), connection }),
        Err(status) => {
            connection.abort();
            Err(status.into())
        }
    }
}

fn address(number: usize) -> Ipv4Addr {
    let block = number / BEHIND_ONE_ADDRESS;
    let part = |number: usize| u8::try_from(number).unwrap_or(u8::MAX);
    Ipv4Addr::new(127, 1, part(block / 250), part(1 + block % 250))
}
