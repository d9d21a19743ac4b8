//! Serves pages and JSON over connections that are through their handshake.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;
use tracing::debug;

use super::{Bounds, Socket, Strangers};

/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// Streams of one HTTP/2 connection at the same time.
const STREAMS_MAX: u32 = 128;

/// Serves `router` until `stop`, then lets requests that run finish within `grace`. Handlers find the client's address
/// as `ConnectInfo<SocketAddr>`.
pub async fn serve(
    mut sockets: mpsc::Receiver<io::Result<Socket>>,
    router: Router,
    stop: CancellationToken,
    grace: Duration,
) {
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    server.http2().timer(TokioTimer::new()).max_concurrent_streams(STREAMS_MAX).keep_alive_interval(HEAD_TIMEOUT * 2);
    let (running, strangers) = (TaskTracker::new(), Strangers::new("people", Bounds::PEOPLE));
    loop {
        let socket = tokio::select! {
            () = stop.cancelled() => break,
            socket = sockets.recv() => socket,
        };
        let Some(socket) = socket else { break };
        let Ok(socket) = socket else { continue };
        let address = socket.peer().address;
        let socket = socket.received_by(&strangers);
        let service = router.clone().map_request(move |mut request: ::http::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(ConnectInfo(address));
            request.map(axum::body::Body::new)
        });
        let connection = server.serve_connection(TokioIo::new(socket), TowerToHyperService::new(service)).into_owned();
        let stop = stop.clone();
        running.spawn(async move {
            let mut connection = std::pin::pin!(connection);
            let outcome = tokio::select! {
                outcome = connection.as_mut() => outcome,
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(cause) = outcome {
                debug!(client.address = %address, error = %cause, "Connection of {address} ended");
            }
        });
    }
    running.close();
    let _ = tokio::time::timeout(grace, running.wait()).await;
}
