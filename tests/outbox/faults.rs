//! A fault in every n-th call to a desk, whichever desk that is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Too many calls; it wants a second.
    Limited,
    /// What stands in front of it answers, and it was not asked.
    NotAsked,
    /// It is done, and what stands in front of it answers 502.
    LostAfter,
    /// It is done, and the connection ends in the middle of the answer.
    CutOff,
    /// It is done, and the answer is a page with success.
    Page,
}

const ALL: [Fault; 5] = [Fault::Limited, Fault::NotAsked, Fault::LostAfter, Fault::CutOff, Fault::Page];

#[derive(Debug, Default)]
struct Counts {
    calls: usize,
    faults: usize,
    /// Every n-th call goes wrong; 0: none.
    every: usize,
}

/// Faults between a collector and a desk. Copies are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults(Arc<Mutex<Counts>>);

impl Faults {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every n-th call goes wrong from now on.
    pub(crate) fn every(&self, calls: usize) {
        self.counts().every = calls;
    }

    /// Calls, and how many of them went wrong.
    pub(crate) fn calls(&self) -> (usize, usize) {
        let counts = self.counts();
        (counts.calls, counts.faults)
    }

    /// What becomes of the call that is the next one.
    fn due(&self) -> Option<Fault> {
        let mut counts = self.counts();
        counts.calls += 1;
        if counts.every == 0 || !counts.calls.is_multiple_of(counts.every) {
            return None;
        }
        counts.faults += 1;
        Some(ALL[counts.faults % ALL.len()])
    }
}

/// Does a call right, or wrong when its turn has come.
pub(crate) async fn interfere(State(faults): State<Faults>, request: Request, next: Next) -> Response {
    let gateway = || (StatusCode::BAD_GATEWAY, "<title>502</title>").into_response();
    match faults.due() {
        None => next.run(request).await,
        Some(Fault::Limited) => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")], "slow down").into_response(),
        Some(Fault::NotAsked) => gateway(),
        Some(Fault::LostAfter) => {
            drop(next.run(request).await);
            gateway()
        }
        Some(Fault::CutOff) => {
            drop(next.run(request).await);
            let pieces = [Ok(Bytes::from_static(b"{\"id\":")), Err(std::io::Error::other("cut off"))];
            Body::from_stream(futures_util::stream::iter(pieces)).into_response()
        }
        Some(Fault::Page) => {
            drop(next.run(request).await);
            (StatusCode::OK, "<title>Maintenance</title>").into_response()
        }
    }
}
