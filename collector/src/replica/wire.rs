//! The connection to NATS. Nobody waits for it: while it is away, messages are dropped and counted, and who gets none looks
//! into the database more often.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, Subscriber};
use futures_util::StreamExt as _;
use metrics::{counter, gauge};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::message::{Message, Opened, Seal};
use crate::config::Nats;
use crate::metrics as names;

/// Messages that may wait to go out; what comes later is dropped.
const WAITING: usize = 4096;

/// How long a first connection may take until it is said that there is none.
const FIRST_CONNECTION: Duration = Duration::from_secs(5);

/// The longest pause between attempts to connect.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// One replica's end of the wire.
#[derive(Debug)]
pub(super) struct Wire {
    subject: String,
    seal: Seal,
    nats: Nats,
    name: String,
    outgoing: mpsc::Sender<Message>,
    waiting: tokio::sync::Mutex<mpsc::Receiver<Message>>,
    state: Arc<State>,
    client: OnceLock<Client>,
}

/// What the client says of its connection.
#[derive(Debug, Default)]
struct State {
    connected: AtomicBool,
    /// Messages may have been lost.
    lost: AtomicBool,
    changed: Notify,
}

/// Where an answer goes.
#[derive(Debug)]
pub struct Reply(async_nats::Subject);

/// What comes in.
#[derive(Debug)]
pub enum Incoming {
    /// A message of another replica, and where an answer goes when it is a question.
    Message(Message, Option<Reply>),
    /// Messages were lost, or may have been: whatever they told must be looked up.
    Lost,
}

impl Wire {
    pub(super) fn new(nats: Nats, name: &str, installation: &str, seal: Seal) -> Self {
        let (outgoing, waiting) = mpsc::channel(WAITING);
        Self {
            subject: format!("firstline.{}.replicas", &installation[..16]),
            seal,
            nats,
            name: name.to_owned(),
            outgoing,
            waiting: tokio::sync::Mutex::new(waiting),
            state: Arc::default(),
            client: OnceLock::new(),
        }
    }

    /// Whether messages go out and come in.
    pub(super) fn is_connected(&self) -> bool {
        self.state.connected.load(Ordering::Relaxed)
    }

    /// Tells the other replicas. Never waits.
    pub(super) fn tell(&self, message: Message) {
        if !self.is_connected() || self.outgoing.try_send(message).is_err() {
            count("dropped");
        }
    }

    /// Asks whoever may know, and gives the first answer that comes `within` this time.
    pub(super) async fn ask(&self, run_id: &str, question: &Message, within: Duration) -> Option<Message> {
        let client = self.client.get().filter(|_| self.is_connected())?;
        let sealed = self.seal.seal(run_id, question);
        let request = async_nats::Request::new().payload(sealed.into()).timeout(Some(within));
        let answer = client.send_request(self.subject.clone(), request).await.ok()?;
        match self.seal.open(&answer.payload) {
            Opened::Message(_, message) => Some(message),
            Opened::Unknown | Opened::Forged => None,
        }
    }

    /// Answers a question.
    pub(super) async fn answer(&self, run_id: &str, reply: Reply, answer: &Message) {
        if let Some(client) = self.client.get() {
            // Who asked does without, when it cannot be sent.
            let _ = client.publish(reply.0, self.seal.seal(run_id, answer).into()).await;
        }
    }

    /// Carries messages both ways until `stop`. `run_id` says in whose name.
    pub(super) async fn run(
        &self,
        run_id: impl Fn() -> String + Send,
        incoming: mpsc::Sender<Incoming>,
        stop: CancellationToken,
    ) -> Result<(), async_nats::Error> {
        let client = self.connect().await?;
        let client = self.client.get_or_init(|| client).clone();
        let mut subscriber = client.subscribe(self.subject.clone()).await?;
        let mut waiting = self.waiting.lock().await;
        let mut said = Said::default();
        let first = tokio::time::sleep(FIRST_CONNECTION);
        tokio::pin!(first);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.state.changed.notified() => said.say(self.is_connected(), &self.nats),
                () = &mut first, if !said.anything() => said.say(self.is_connected(), &self.nats),
                Some(message) = waiting.recv() => self.publish(&client, &run_id(), &message).await,
                received = subscriber.next() => match received {
                    Some(received) => self.take(&run_id(), received, &incoming),
                    None => subscriber = client.subscribe(self.subject.clone()).await?,
                },
            }
            if self.state.lost.swap(false, Ordering::Relaxed) && incoming.try_send(Incoming::Lost).is_err() {
                self.state.lost.store(true, Ordering::Relaxed);
            }
        }
        leave(client, subscriber).await;
        Ok(())
    }

    async fn publish(&self, client: &Client, run_id: &str, message: &Message) {
        let sealed = self.seal.seal(run_id, message);
        match client.publish(self.subject.clone(), sealed.into()).await {
            Ok(()) => count("sent"),
            Err(cause) => {
                count("dropped");
                debug!(error = %cause, "A message to the other replicas was dropped");
            }
        }
    }

    fn take(&self, run_id: &str, received: async_nats::Message, incoming: &mpsc::Sender<Incoming>) {
        let reply = received.reply.map(Reply);
        match self.seal.open(&received.payload) {
            Opened::Message(from, _) if from == run_id => {}
            Opened::Message(_, message) => {
                count("received");
                if incoming.try_send(Incoming::Message(message, reply)).is_err() {
                    self.state.lost.store(true, Ordering::Relaxed);
                }
            }
            Opened::Unknown => count("unknown"),
            Opened::Forged => count("forged"),
        }
    }

    async fn connect(&self) -> Result<Client, async_nats::Error> {
        let state = Arc::clone(&self.state);
        let options = ConnectOptions::new()
            .name(format!("firstline-collector {}", self.name))
            .retry_on_initial_connect()
            .no_echo()
            .reconnect_delay_callback(|attempts| {
                (Duration::from_millis(100) * u32::try_from(attempts).unwrap_or(u32::MAX).min(100)).min(PAUSE_MAX)
            })
            .event_callback(move |event| {
                state.hear(&event);
                std::future::ready(())
            });
        let options = match &self.nats.user {
            Some((user, password)) => options.user_and_password(user.clone(), password.clone()),
            None => options,
        };
        let options = match &self.nats.credentials {
            Some(credentials) => options.credentials(credentials)?,
            None => options,
        };
        let options = match &self.nats.roots {
            Some(roots) => options.add_root_certificates(roots.clone()),
            None => options,
        };
        Ok(options.connect(self.nats.servers.clone()).await?)
    }
}

impl State {
    fn hear(&self, event: &Event) {
        match event {
            Event::Connected => {
                self.connected.store(true, Ordering::Relaxed);
                self.lost.store(true, Ordering::Relaxed);
            }
            Event::Disconnected | Event::Closed => self.connected.store(false, Ordering::Relaxed),
            Event::SlowConsumer(_) => self.lost.store(true, Ordering::Relaxed),
            other => debug!("NATS: {other}"),
        }
        gauge!(names::NATS_CONNECTED).set(f64::from(u8::from(self.connected.load(Ordering::Relaxed))));
        self.changed.notify_one();
    }
}

/// What was last said of the connection.
#[derive(Default)]
struct Said(Option<bool>);

impl Said {
    fn anything(&self) -> bool {
        self.0.is_some()
    }

    /// Says it once.
    fn say(&mut self, connected: bool, nats: &Nats) {
        if self.0 == Some(connected) {
            return;
        }
        let servers = nats.servers.join(", ");
        if connected {
            info!("NATS ({servers}) carries messages between the replicas");
        } else {
            warn!(
                "NATS ({servers}) is away: replicas find out from the database what they would tell each other, which takes \
                 a few seconds"
            );
        }
        self.0 = Some(connected);
    }
}

/// Lets what was told go out.
async fn leave(client: Client, mut subscriber: Subscriber) {
    let _ = subscriber.unsubscribe().await;
    let _ = tokio::time::timeout(FIRST_CONNECTION, client.flush()).await;
}

fn count(outcome: &'static str) {
    counter!(names::MESSAGES, "outcome" => outcome).increment(1);
}
