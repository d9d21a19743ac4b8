//! Print queues: their state, what they complain of, and how many jobs wait how long. Never what is printed.
//!
//! A queue is named by a keyed hash of where its printer is, so that the same printer on two machines has the same name.
//! The print service is asked every quarter of an hour, and every minute while jobs wait or something changed.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use firstline_diagnosis::order::Arrange as _;
use firstline_diagnosis::vocabulary::Timestamp;
use firstline_proto::v1::Section;
use futures_util::future::join_all;
use tokio::time::timeout;

use super::path::{SystemResolver, connect_to};
use super::{Collected, Context, Gather, Probe, ProbeError, Spec, Tier};
use crate::os::ipp::queue::Queue;
use crate::os::native;

static QUEUES: Spec = Spec {
    name: "printers",
    section: Section::Peripheral,
    tier: Tier::Minute,
    deadline: Duration::from_secs(10),
    priority: 5,
    waits: true,
    heavy: false,
    signals: &[
        "endpoint.printer.state",
        "endpoint.printer.reasons",
        "endpoint.printer.accepting",
        "endpoint.printer.default",
        "endpoint.printer.model",
        "endpoint.printer.connection",
        "endpoint.printer.queue.count",
        "endpoint.printer.queue.oldest_age",
    ],
};

static REACH: Spec = Spec {
    name: "printer-reach",
    section: Section::Peripheral,
    tier: Tier::Demand,
    deadline: Duration::from_secs(10),
    priority: 7,
    waits: true,
    heavy: true,
    signals: &["endpoint.printer.reachable"],
};

/// An answer about queues where nothing waits and nothing changed holds for this long.
const HOLDS: Duration = Duration::from_mins(15);
/// At most this many queues are told.
const MOST_QUEUES: usize = 32;
/// At most this many printers are knocked at for a ticket, each for so long.
const MOST_KNOCKS: usize = 4;
const KNOCK: Duration = Duration::from_secs(2);

/// Asks the print service.
#[derive(Default)]
pub(crate) struct Printers {
    known: Mutex<Option<Known>>,
}

struct Known {
    stamp: i64,
    at: Duration,
    queues: Vec<Queue>,
}

impl Probe for Printers {
    fn spec(&self) -> &'static Spec {
        &QUEUES
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let queues = self.queues(cx)?;
        if queues.is_empty() {
            return Err(ProbeError::NotPresent("printer"));
        }
        let mut gather = Gather::new(cx);
        queues.iter().take(MOST_QUEUES).for_each(|queue| tell(cx, &mut gather, queue));
        Ok(gather.done())
    }
}

impl Printers {
    fn queues(&self, cx: &Context) -> Result<Vec<Queue>, ProbeError> {
        let (stamp, now) = (native::print_stamp(&cx.root), cx.clock.since_boot());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.as_ref().filter(|known| known.holds(stamp, now)) {
            return Ok(known.queues.clone());
        }
        *known = None;
        let queues = native::print_queues(&cx.root)?;
        *known = Some(Known { stamp, at: now, queues: queues.clone() });
        Ok(queues)
    }
}

impl Known {
    fn holds(&self, stamp: i64, now: Duration) -> bool {
        let is_quiet = self.queues.iter().all(|queue| queue.jobs == Some(0) && queue.state == Some("idle"));
        is_quiet && self.stamp == stamp && now.saturating_sub(self.at) < HOLDS
    }
}

fn tell(cx: &Context, gather: &mut Gather, queue: &Queue) {
    let printer = printer(cx, queue);
    let attributes = || [("printer", printer.as_str())];
    let unsaid = |what| ProbeError::Unsupported(what);
    gather.outcome("endpoint.printer.state", attributes(), queue.state.ok_or(unsaid("the state of a queue")));
    let reasons = if queue.reasons.is_empty() { "none".to_owned() } else { queue.reasons.join(", ") };
    gather.value("endpoint.printer.reasons", attributes(), reasons);
    gather.outcome(
        "endpoint.printer.accepting",
        attributes(),
        queue.accepts.ok_or(unsaid("whether a queue takes jobs")),
    );
    gather.value("endpoint.printer.default", attributes(), queue.is_default);
    let model = queue.model.clone().ok_or(unsaid("the model of this printer"));
    gather.outcome("endpoint.printer.model", attributes(), model);
    let connection = queue.connection().ok_or(unsaid("how this printer is connected"));
    gather.outcome("endpoint.printer.connection", attributes(), connection);
    gather.outcome("endpoint.printer.queue.count", attributes(), queue.jobs.ok_or(unsaid("the jobs of a queue")));
    let oldest = match (queue.jobs, queue.oldest_seconds) {
        (Some(0), _) => Err(ProbeError::NotPresent("job in the queue")),
        (_, Some(at)) => Ok(cx.clock.now().seconds_since(Timestamp::from_unix_seconds(at)).max(0.0)),
        (_, None) => Err(unsaid("the age of the jobs of a queue")),
    };
    gather.outcome("endpoint.printer.queue.oldest_age", attributes(), oldest);
}

/// The name under which a printer is told: of where it is, when others may have the same; else of the queue.
fn printer(cx: &Context, queue: &Queue) -> String {
    let place = queue.device.as_deref().filter(|_| queue.connection() == Some("network"));
    let place = place.map(|place| place.split('?').next().unwrap_or(place).to_ascii_lowercase());
    cx.pseudonyms.name("printer", place.as_deref().unwrap_or(&queue.name))
}

/// Knocks at printers on the network, for a ticket only.
#[derive(Default)]
pub(crate) struct Reach {
    resolver: SystemResolver,
}

impl Probe for Reach {
    fn spec(&self) -> &'static Spec {
        &REACH
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let mut queues = native::print_queues(&cx.root)?;
        queues.retain(|queue| queue.host().is_some());
        // What the caller most likely means comes first.
        queues.arrange_by_key(|queue| (!queue.is_default, queue.jobs == Some(0), queue.name.clone()));
        if queues.is_empty() {
            return Err(ProbeError::NotPresent("printer with an address"));
        }
        let knocks = queues.iter().take(MOST_KNOCKS).map(|queue| self.answers(queue));
        let answers = Context::wait_for(join_all(knocks))?;
        let mut gather = Gather::new(cx);
        for (queue, answers) in queues.iter().zip(answers) {
            gather.value("endpoint.printer.reachable", [("printer", printer(cx, queue).as_str())], answers);
        }
        Ok(gather.done())
    }
}

impl Reach {
    /// Whether the queue's printer takes connections.
    async fn answers(&self, queue: &Queue) -> bool {
        let Some((host, port)) = queue.host() else { return false };
        timeout(KNOCK, connect_to(&self.resolver, &host, port)).await.is_ok_and(|answer| answer.is_ok())
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    fn queue_at(device: String) -> Queue {
        Queue {
            name: "desk".to_owned(),
            state: Some("idle"),
            reasons: Vec::new(),
            accepts: Some(true),
            is_default: true,
            model: None,
            device: Some(device),
            jobs: Some(0),
            oldest_seconds: None,
        }
    }

    #[tokio::test]
    async fn a_printer_answers_that_takes_connections() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let reach = Reach::default();
        assert!(reach.answers(&queue_at(format!("socket://127.0.0.1:{port}"))).await);
        drop(listener);
        assert!(!reach.answers(&queue_at(format!("socket://127.0.0.1:{port}"))).await);
        assert!(!reach.answers(&queue_at("ipp://no.such.name.invalid/ipp/print".to_owned())).await);
    }
}
