//! The agents' service of the wire: who may open a stream, and how many.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use firstline_proto::v1::agent_service_server::AgentService;
use firstline_proto::v1::{AgentFrame, CollectorFrame};
use metrics::counter;
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::{Request, Response, Status, Streaming};
use tracing::warn;

use super::session::Session;
use super::{Layouts, Listener};
use crate::app::Clock;
use crate::edge::Peer;
use crate::edge::budget::Budget;
use crate::fleet::Fleet;
use crate::metrics::STREAMS_REFUSED;
use crate::settings::Settings;
use crate::store::Store;

/// Frames on their way out that one stream may have.
const OUTBOUND_FRAMES: usize = 8;

/// Series that one endpoint may have in layouts that nobody knew: in a row, and how often another one after that. A machine that
/// was offline for days with a new program in each minute has the first; made up without end, it is 5.5 million a day.
pub(super) const SERIES_AT_ONCE: u32 = 262_144;
const SERIES_EVERY: Duration = Duration::from_micros(15_625);

/// Records that one endpoint may send in a row, and how often another one after that. Six weeks of minutes are the first; an agent
/// that is not behind sends one or two a minute.
pub(super) const RECORDS_AT_ONCE: u32 = 65_536;
const RECORDS_EVERY: Duration = Duration::from_nanos(3_906_250);

/// Streams that one endpoint may open in a row, and how often another one after that.
const STREAMS_IN_A_ROW: u32 = 60;
const STREAMS_EVERY: Duration = Duration::from_secs(2);

/// Streams that come back within one second after a drain.
const RETURNS_PER_SECOND: usize = 200;

/// Opens streams. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Service {
    pub(super) shared: Arc<Shared>,
}

/// What every stream needs.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: Store,
    pub(super) fleet: Fleet,
    pub(super) layouts: Layouts,
    pub(super) settings: Settings,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) listener: Arc<dyn Listener>,
    pub(super) drain: Drain,
    /// Series that each endpoint may make up.
    pub(super) series: Budget,
    /// Records that each endpoint may send.
    pub(super) records: Budget,
    /// Streams that each endpoint may open.
    openings: Budget,
    places: Arc<Semaphore>,
}

/// A frame on its way out, or the end. Boxed, since a queue reserves room for dozens although few are ever waiting.
pub(super) type Outgoing = Result<Box<CollectorFrame>, Box<Status>>;

/// The frames of one stream.
#[derive(Debug)]
pub struct Frames(mpsc::Receiver<Outgoing>);

impl Stream for Frames {
    type Item = Result<CollectorFrame, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|frame| frame.map(|frame| frame.map(|frame| *frame).map_err(|status| *status)))
    }
}

/// Ends all streams, spread over time. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Drain {
    begun: CancellationToken,
    streams: TaskTracker,
    /// How many there were when it began: while they leave, their number says nothing of how many will come back.
    leaving: Arc<AtomicUsize>,
}

impl Drain {
    /// Tells every stream to leave, and waits until they are gone or `grace` is over.
    pub async fn run(&self, grace: Duration) {
        self.leaving.store(self.streams.len(), Ordering::Relaxed);
        self.begun.cancel();
        self.streams.close();
        let _ = tokio::time::timeout(grace, self.streams.wait()).await;
    }

    pub(super) async fn begun(&self) {
        self.begun.cancelled().await;
    }

    /// Counts a stream for as long as it lasts.
    pub(super) fn join(&self, stream: impl Future<Output = ()> + Send + 'static) {
        self.streams.spawn(stream);
    }

    /// How many streams there were when it began.
    pub(super) fn leaving(&self) -> usize {
        self.leaving.load(Ordering::Relaxed)
    }

    /// How long agents should spread their return over, when there are `streams` of them.
    pub(super) fn spread(streams: usize) -> Duration {
        Duration::from_secs((streams / RETURNS_PER_SECOND) as u64 + 1)
    }
}

impl Service {
    /// At most `streams` at the same time.
    pub fn new(
        store: Store,
        fleet: Fleet,
        settings: Settings,
        clock: Arc<dyn Clock>,
        listener: Arc<dyn Listener>,
        streams: usize,
    ) -> Self {
        let layouts = Layouts::new(store.clone());
        let places = Arc::new(Semaphore::new(streams));
        let drain = Drain::default();
        let series = Budget::new(SERIES_AT_ONCE, SERIES_EVERY);
        let records = Budget::new(RECORDS_AT_ONCE, RECORDS_EVERY);
        let openings = Budget::new(STREAMS_IN_A_ROW, STREAMS_EVERY);
        let shared =
            Shared { store, fleet, layouts, settings, clock, listener, drain, series, records, openings, places };
        Self { shared: Arc::new(shared) }
    }

    /// Refuses the streams of an endpoint that opens one after the other.
    fn admit(&self, endpoint_id: &str) -> Result<(), Status> {
        self.shared.openings.take(endpoint_id, 1).map_err(|over| {
            counter!(STREAMS_REFUSED, "reason" => "too_often").increment(1);
            if over.first {
                warn!(
                    host.id = %endpoint_id,
                    "Endpoint {endpoint_id} opens streams more often than an agent does; beyond one in {} s they are refused. \
                     Revoke it when it does not end",
                    STREAMS_EVERY.as_secs()
                );
            }
            Status::resource_exhausted("this endpoint opens streams too often")
        })
    }

    /// What ends all streams.
    pub fn drain(&self) -> Drain {
        self.shared.drain.clone()
    }
}

#[tonic::async_trait]
impl AgentService for Service {
    type ConnectStream = Frames;

    async fn connect(&self, request: Request<Streaming<AgentFrame>>) -> Result<Response<Self::ConnectStream>, Status> {
        let peer = Peer::of(&request)?;
        let certificate = peer.endpoint()?.clone();
        if self.shared.drain.begun.is_cancelled() {
            return Err(Status::unavailable("the collector is about to stop"));
        }
        self.admit(&certificate.endpoint_id)?;
        let place = Arc::clone(&self.shared.places).try_acquire_owned().map_err(|_| {
            counter!(STREAMS_REFUSED, "reason" => "full").increment(1);
            Status::resource_exhausted("the collector has as many streams as it takes")
        })?;
        let (outbound, frames) = mpsc::channel(OUTBOUND_FRAMES);
        let session = Session::new(Arc::clone(&self.shared), peer, certificate, request.into_inner(), outbound);
        self.shared.drain.join(async move {
            session.run().await;
            drop(place);
        });
        Ok(Response::new(Frames(frames)))
    }
}
