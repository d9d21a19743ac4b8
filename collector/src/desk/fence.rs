//! What is asked before anything is written at a desk or an output: whether the rows that it is for are still this run's.
//!
//! A collector that stood still for longer than its lease may have lost them to another one, which has sent them meanwhile. So
//! the database is asked in the moment before each request that writes, whichever connector makes it and however many it
//! makes. A collector that is alone loses nothing, and asks nothing. A request that is not through within [`PROMPT`] of that answer is
//! given up before its next step ([`prompt`]), since whoever makes it stood still meanwhile. What remains is one that stands still
//! for the whole lease in the very step that writes; only a desk that knows the request by a name of its own could notice that.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use super::outbox::OutboxError;
use super::trouble::Trouble;
use crate::store::{Connection, Store, sql};

/// How long a request may last: longer than [`super::http::ANSWER_WITHIN`], and a part of the lease only.
const PROMPT: Duration = Duration::from_mins(1);

tokio::task_local! {
    static FENCE: Fence;
}

/// Rows under way, and who sends them.
#[derive(Debug, Clone)]
pub(super) struct Fence {
    pub(super) store: Store,
    pub(super) run_id: String,
    /// Each by its id and attempt.
    pub(super) rows: Arc<Vec<(String, i64)>>,
}

/// Does `work`, whose requests that write ask first where there is a fence.
pub(super) async fn within<F: Future>(fence: Option<Fence>, work: F) -> F::Output {
    match fence {
        Some(fence) => FENCE.scope(fence, work).await,
        None => work.await,
    }
}

/// Goes on when what is about to be written is still this run's to write.
///
/// # Errors
/// When it is not, or the database cannot tell.
pub(super) async fn pass() -> Result<(), Trouble> {
    let Ok(Fence { store, run_id, rows }) = FENCE.try_with(Clone::clone) else { return Ok(()) };
    // Within a transaction of the writer, which a collector that the others gave up cannot begin.
    let asked = store.write(move |tx| Box::pin(async move { are_ours(tx, &rows, &run_id).await }));
    match asked.await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Trouble::away("another collector has taken it over")),
        Err(error) => Err(Trouble::away(error.to_string())),
    }
}

/// Makes a request that writes, and does no further step of it once this process stood still.
///
/// # Errors
/// When it did. What was asked may have been done all the same.
pub(super) async fn prompt<F: Future>(request: F) -> Result<F::Output, Trouble> {
    let (begun, mut request) = (Instant::now(), pin!(request));
    poll_fn(|context| {
        if begun.elapsed() > PROMPT {
            let said = format!("this collector stood still for {} s in the middle of it", begun.elapsed().as_secs());
            return Poll::Ready(Err(Trouble::away(said).unclear()));
        }
        request.as_mut().poll(context).map(Ok)
    })
    .await
}

async fn are_ours(tx: &mut Connection, rows: &[(String, i64)], run_id: &str) -> Result<bool, OutboxError> {
    for (id, attempts) in rows {
        let ours: i64 = sql::query_scalar(
            "SELECT COUNT(*) FROM outbox WHERE id = $1 AND attempts = $2 AND run_id = $3 AND state = 'sending'",
        )
        .bind(id)
        .bind(*attempts)
        .bind(run_id)
        .fetch_one(&mut *tx)
        .await?;
        if ours == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_request_goes_no_further_after_a_standstill() {
        let written = Cell::new(false);
        let request = async |standstill: Duration| {
            tokio::time::sleep(standstill).await;
            written.set(true);
        };
        assert!(
            prompt(request(Duration::from_mins(5))).await.is_err_and(|trouble| trouble.unclear && trouble.passes())
        );
        assert!(!written.get());
        assert!(prompt(request(Duration::from_secs(45))).await.is_ok());
        assert!(written.get());
    }
}
