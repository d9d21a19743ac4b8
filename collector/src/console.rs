//! The pages that people look at.

use axum::response::{Html, IntoResponse, Response};
use http::StatusCode;

use crate::api::problem::Problem;

/// A page that says what went wrong.
pub(crate) fn fault_page(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Html(problem.title.clone())).into_response()
}
