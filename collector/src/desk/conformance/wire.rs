//! What stand-ins read of requests, and how they answer.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::Value;

/// A header of a request; empty without one.
pub(in crate::desk) fn header<'r>(request: &'r Request, name: &str) -> &'r str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// A number that was asked for, or the usual one.
pub(in crate::desk) fn number(asked: &BTreeMap<String, String>, name: &str, usual: usize) -> usize {
    asked.get(name).and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// An answer in a document.
pub(in crate::desk) fn said(status: u16, document: Value) -> Response {
    (StatusCode::from_u16(status).expect("a status"), Json(document)).into_response()
}
