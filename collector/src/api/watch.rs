//! Server-sent events from the feed.

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::Stream;
use futures_util::stream::unfold;
use http::HeaderMap;
use tokio::time::Instant;

use super::problem::Problem;
use crate::feed::{Feed, Watch, Watched};

/// How long one stream lives. Watchers come back by themselves, and then their session is looked at again.
const LIFETIME: Duration = Duration::from_mins(10);
/// A sign of life while nothing happens, so that proxies keep the connection.
const ALIVE_EVERY: Duration = Duration::from_secs(15);

/// What becomes of an item.
pub(crate) enum Step {
    /// It is nothing to this watcher.
    Skip,
    /// It is sent.
    Send(Event),
    /// It is sent, and then nothing more.
    Last(Event),
}

/// A watch that goes on where the `Last-Event-ID` of the request says.
pub(crate) fn watch(feed: &Feed, headers: &HeaderMap) -> Watch {
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    last.and_then(|last| feed.resume_at(last)).unwrap_or_else(|| feed.subscribe())
}

/// The events that `pick` makes of `first` (before anything happened) and of every item of `watch` after it.
pub(crate) fn stream<F, P>(
    watch: Watch,
    first: Vec<Event>,
    pick: P,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>>
where
    P: FnMut(Watched) -> F + Send + 'static,
    F: Future<Output = Step> + Send,
{
    let until = Instant::now() + LIFETIME;
    let state = Some((first.into_iter(), watch, pick));
    let events = unfold(state, move |state| async move {
        let (mut first, mut watch, mut pick) = state?;
        if let Some(event) = first.next() {
            return Some((Ok(event), Some((first, watch, pick))));
        }
        loop {
            let item = tokio::time::timeout_at(until, watch.next()).await.ok()??;
            match pick(item).await {
                Step::Skip => {}
                Step::Send(event) => return Some((Ok(event), Some((first, watch, pick)))),
                Step::Last(event) => return Some((Ok(event), None)),
            }
        }
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE_EVERY))
}

/// An event that carries a document.
pub(crate) fn document(name: &str, id: Option<String>, document: &impl serde::Serialize) -> Result<Event, Problem> {
    let event = Event::default().event(name);
    let event = match id {
        Some(id) => event.id(id),
        None => event,
    };
    event.json_data(document).map_err(|error| Problem::failed(&error))
}
