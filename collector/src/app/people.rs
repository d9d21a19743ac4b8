//! Everything that is served on the people's port.

use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;

use super::App;

/// How long `/readyz` waits for the database.
const READY_WITHIN: std::time::Duration = std::time::Duration::from_secs(2);

/// The routes of all rooms.
pub(super) fn router(app: Arc<App>) -> Router {
    let asked = Arc::clone(&app);
    let plain = Router::new()
        .route("/healthz", get(async || "alive\n"))
        .route("/metrics", get(metrics))
        .route("/readyz", get(move || ready(Arc::clone(&asked))))
        .merge(crate::desk::hooks::router(Arc::clone(&app)));
    crate::api::service(&app, plain)
}

async fn metrics() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], crate::metrics::render())
}

/// Whether the database answers, and takes what agents send.
async fn ready(app: Arc<App>) -> (StatusCode, String) {
    match tokio::time::timeout(READY_WITHIN, app.store.check()).await {
        Ok(Ok(())) => (StatusCode::OK, format!("ready\n{}", app.replicas.words())),
        Ok(Err(cause)) => (StatusCode::SERVICE_UNAVAILABLE, format!("nothing can be stored: {cause}\n")),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n".to_owned()),
    }
}
