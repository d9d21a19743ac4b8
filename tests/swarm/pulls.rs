//! Technicians, who ask machines for snapshots while everybody else goes on.

use std::time::{Duration, Instant};

use firstline_tests::{Api, wait};
use serde_json::json;

/// How long a pull may take.
const LONG: Duration = Duration::from_mins(2);

/// How often a technician looks.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What pulls took.
#[derive(Debug, Default)]
pub(super) struct Pulled {
    /// From the order to the first section, seconds, sorted.
    pub(super) first: Vec<f64>,
    /// From the order to the diagnosis, seconds, sorted.
    pub(super) done: Vec<f64>,
    /// Those that ended otherwise.
    pub(super) failed: Vec<String>,
}

/// Pulls from each endpoint, one after the other, spread over this time.
pub(super) async fn pull(api: &Api, endpoints: &[String], over: Duration) -> Pulled {
    let mut pulled = Pulled::default();
    let every = over / u32::try_from(endpoints.len().max(1)).unwrap_or(u32::MAX);
    let mut turns = wait::turns(every.max(LOOK_EVERY));
    for endpoint in endpoints {
        turns.tick().await;
        let since = Instant::now();
        let pull = api.post("/api/v1/pulls", &json!({ "endpoint": endpoint, "symptom": "it is slow" })).await;
        let path = format!("/api/v1/pulls/{}", pull["id"].as_str().unwrap_or_default());
        let mut first = None;
        let over = wait::found(LOOK_EVERY, LONG, async || {
            let now = api.get(&path).await;
            let sections = now["sections"].as_array().into_iter().flatten();
            if first.is_none() && sections.into_iter().any(|section| section["state"] == "finished") {
                first = Some(since.elapsed().as_secs_f64());
            }
            let state = now["state"].as_str().unwrap_or_default().to_owned();
            matches!(state.as_str(), "done" | "failed" | "expired" | "cancelled").then_some(state)
        });
        let state = over.await.unwrap_or_else(|| "not over".to_owned());
        let took = since.elapsed().as_secs_f64();
        if state == "done" {
            pulled.first.push(first.unwrap_or(took));
            pulled.done.push(took);
        } else {
            pulled.failed.push(format!("{endpoint}: {state}"));
        }
    }
    pulled.first.sort_by(f64::total_cmp);
    pulled.done.sort_by(f64::total_cmp);
    pulled
}

/// The value that this share does not exceed.
pub(super) fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let index = ((sorted.len() as f64 * share).ceil() as usize).saturating_sub(1);
    sorted.get(index).copied()
}
