//! Recordings of endpoints, as a stream.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use firstline_diagnosis::vocabulary::Timestamp;
use futures_util::StreamExt as _;
use http::header;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tracing::warn;

use super::endpoints::read;
use super::extract::Search;
use super::problem::Problem;
use crate::access::gate::Caller;
use crate::app::App;
use crate::recording::{Wanted, export};

/// JSON, one object a line.
const LINES: &str = "application/jsonl";
/// Pieces that wait to be sent.
const PIECES: usize = 4;

/// Which part of an endpoint's past.
#[derive(Debug, Deserialize)]
pub(super) struct Span {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    #[serde(default)]
    all: bool,
}

pub(super) async fn record(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    Search(span): Search<Span>,
) -> Result<Response, Problem> {
    let endpoint = read(&app, &caller, &name, "recording").await?;
    let to = span.to.unwrap_or_else(|| app.clock.now());
    let from = span.from.unwrap_or(to - Duration::from_hours(24));
    if from >= to {
        return Err(Problem::invalid(format!("A recording from {from} to {to} holds nothing: the end comes first.")));
    }
    let known = app.fleet.known(&endpoint.id).await?;
    let (pieces, taken) = mpsc::channel(PIECES);
    tokio::spawn(async move {
        let catalogue = app.detect.catalogues().current();
        let wanted = Wanted { from, to, all: span.all };
        if let Err(error) = export(&app.store, &known, &catalogue, wanted, &pieces).await {
            // The stream just ends; who replays it sees that the end is missing by the time of its last line.
            warn!(host.id = %known.endpoint.id, error = %error, "A recording could not be finished: {error}");
        }
    });
    Ok(lines(taken))
}

/// An answer that goes on while there are pieces.
pub(super) fn lines(pieces: mpsc::Receiver<Bytes>) -> Response {
    let body = Body::from_stream(ReceiverStream::new(pieces).map(Ok::<_, Infallible>));
    ([(header::CONTENT_TYPE, LINES)], body).into_response()
}
