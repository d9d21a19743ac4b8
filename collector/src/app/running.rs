//! A collector that serves, from its listeners to its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use firstline_proto::v1::agent_service_server::AgentServiceServer;
use firstline_proto::v1::enrollment_service_server::EnrollmentServiceServer;
use tokio::net::{TcpListener, TcpSocket};
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::transport::Server;
use tracing::{error, info, warn};

use super::{App, neighbours, people, retagged, task};
use crate::config::Config;
use crate::edge;
use crate::ingest::{COLLECTOR_FRAME_BYTES_MAX, Drain, FRAME_BYTES_MAX, Listener};
use crate::{enrollment, ingest};

/// How long streams and requests may take to end.
const GRACE: Duration = Duration::from_secs(10);

/// How long the last writes may take. What hangs then (a database that does not answer, a transaction that does not go on) ends
/// with the process, which frees what it held for the others; service managers would kill it later, and less kindly.
const CLOSING: Duration = Duration::from_secs(5);

/// A connection on which nothing arrives for so long is asked for a sign of life, and closed when it gives none. More than
/// a minute, so that an agent that sends its samples need not answer.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(75);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// Bytes that a connection may send ahead of what is read: the largest frame goes in pieces of this, and an endpoint that
/// sends faster than its records are stored fills no more.
const WINDOW_BYTES: u32 = 128 * 1024;

/// Bytes that the kernel keeps for an endpoint that does not read. A collector says little: it would keep megabytes, and nobody
/// would notice for hours.
const UNREAD_BYTES: u32 = 64 * 1024;

/// Connections that wait in the kernel until they are accepted.
const BACKLOG: u32 = 1024;

/// Calls on one connection at the same time: the stream, and a renewal.
const CALLS_MAX: u32 = 8;

/// A collector that serves.
#[derive(Debug)]
pub struct Running {
    /// Where agents reach it.
    pub agents: SocketAddr,
    /// Where people reach it.
    pub people: SocketAddr,
    app: Arc<App>,
    drain: Drain,
    tasks: TaskTracker,
    stop: CancellationToken,
    stop_agents: CancellationToken,
    /// Ends the agents' port, not what came through it.
    stop_accepting: CancellationToken,
}

impl App {
    /// Opens both ports and starts every task.
    ///
    /// # Errors
    /// When an address cannot be used.
    pub fn start(self: &Arc<Self>) -> anyhow::Result<Running> {
        let listen = &self.config.listen;
        let agents = bind(listen.agents, Some(UNREAD_BYTES)).with_context(|| in_use(listen.agents, "agents"))?;
        let people = bind(listen.people, None).with_context(|| in_use(listen.people, "people"))?;
        let running = Running {
            agents: agents.local_addr()?,
            people: people.local_addr()?,
            app: Arc::clone(self),
            drain: Drain::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            stop_agents: CancellationToken::new(),
            stop_accepting: CancellationToken::new(),
        };
        let running = running.serve_agents(agents);
        running.serve_people(people);
        task::start(self, &running.tasks, &running.stop);
        neighbours::start(self, &running.tasks, &running.stop);
        retagged::start(self, &running.tasks, &running.stop);
        Ok(running)
    }
}

impl Running {
    fn serve_agents(mut self, listener: TcpListener) -> Self {
        let app = &self.app;
        let limits = &app.config.limits;
        let listens: Arc<dyn Listener> = Arc::clone(app) as Arc<dyn Listener>;
        let streams = ingest::Service::new(
            app.store.clone(),
            app.fleet.clone(),
            app.settings.clone(),
            Arc::clone(&app.clock),
            listens,
            limits.streams,
        );
        self.drain = streams.drain();
        let enrolments =
            enrollment::Service::new(app.enrollment.clone(), app.fleet.clone(), limits.wrong_tokens_per_minute);
        let agents = AgentServiceServer::new(streams)
            .max_decoding_message_size(FRAME_BYTES_MAX)
            .max_encoding_message_size(COLLECTOR_FRAME_BYTES_MAX);
        let enrolments = EnrollmentServiceServer::new(enrolments).max_decoding_message_size(64 * 1024);
        let sockets = edge::accept(
            "agents",
            listener,
            app.authority.agents_tls(),
            Arc::clone(&app.authority),
            limits.handshakes,
            self.stop_accepting.clone(),
        );
        let strangers = edge::Strangers::new("agents", edge::Bounds::ENROLLING);
        let sockets =
            ReceiverStream::new(sockets).map(move |socket| socket.map(|socket| socket.received_by(&strangers)));
        let server = Server::builder()
            .http2_keepalive_interval(Some(KEEPALIVE_EVERY))
            .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
            .max_concurrent_streams(CALLS_MAX)
            .initial_stream_window_size(Some(WINDOW_BYTES))
            .initial_connection_window_size(Some(WINDOW_BYTES))
            .add_service(agents)
            .add_service(enrolments)
            .serve_with_incoming_shutdown(sockets, self.stop_agents.clone().cancelled_owned());
        self.tasks.spawn(async move {
            if let Err(cause) = server.await {
                error!(error = %cause, "The agents' port has failed");
            }
        });
        self
    }

    fn serve_people(&self, listener: TcpListener) {
        let app = &self.app;
        let sockets = edge::accept(
            "people",
            listener,
            app.authority.people_tls(),
            Arc::clone(&app.authority),
            app.config.limits.handshakes,
            self.stop.clone(),
        );
        self.tasks.spawn(edge::serve(sockets, people::router(Arc::clone(app)), self.stop.clone(), GRACE));
    }

    /// Takes another configuration into force, as far as that needs no restart.
    ///
    /// # Errors
    /// When the database or a certificate is not there; the rest is in force.
    pub async fn reload(&self, config: &Config) -> anyhow::Result<()> {
        if let Some(frame) = self.app.settings.replace(&config.agents).await? {
            let told = self.app.fleet.broadcast(&frame);
            info!(count = told, "New settings went to {told} endpoints");
        }
        let retagged = self.app.fleet.replace_tag_rules(config.tags.rules.clone()).await?;
        if retagged > 0 {
            info!(count = retagged, "By the rules in force now, {retagged} endpoints have other tags");
        }
        self.app.fleet.refresh_authority().await?;
        let version = self.app.detect.reload().await.context("the checks in force before stay")?;
        info!(catalogue.version = %version, "Catalogue {version} is in force");
        Ok(())
    }

    /// Ends everything in order: streams are told to leave, requests finish, what waits is written, the store closes.
    pub async fn end(self) {
        // Who is told to leave and dials the same address again must come to another replica.
        if self.app.replicas.members().len() > 1 {
            self.stop_accepting.cancel();
        }
        self.drain.run(GRACE).await;
        self.stop_accepting.cancel();
        self.stop_agents.cancel();
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(GRACE, self.tasks.wait()).await.is_err() {
            info!("Some connections did not end in time");
        }
        self.app.outbox.close().await;
        if tokio::time::timeout(CLOSING, self.close()).await.is_err() {
            warn!(
                "The database did not take in time what was left; what was not acknowledged is sent again by those who \
                 sent it"
            );
        }
    }

    /// Writes what waits, and lets the others and the database go.
    async fn close(&self) {
        self.app.pulls.drain().await;
        if let Err(cause) = self.app.replicas.leave().await {
            info!(error = %cause, "The other replicas will find out that this one has stopped: {cause}");
        }
        if let Err(cause) = self.app.access.audit().catch_up().await {
            warn!(error = %cause, "Looks that are in this log only are not in the audit log: {cause}");
        }
        self.app.store.close().await;
    }
}

/// A port whose connections keep so much for a reader that is slow; absent: as much as the kernel finds good.
fn bind(address: SocketAddr, unread_bytes: Option<u32>) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A collector that was stopped a moment ago has left its port. On Windows the same word means that two may have one.
    socket.set_reuseaddr(std::env::consts::FAMILY == "unix")?;
    if let Some(bytes) = unread_bytes {
        socket.set_send_buffer_size(bytes)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn in_use(address: SocketAddr, port: &str) -> String {
    format!(
        "listening on {address} for {port}; if another program has this port, choose another with --listen-{port} or in \
         firstline.toml"
    )
}
