//! Bodies and queries, refused with problem documents.

use axum::extract::rejection::{FormRejection, JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::{Form, Json, RequestExt};
use http::StatusCode;
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::problem::{Fault, Problem};

/// A JSON body.
pub(crate) struct Body<T>(pub T);

impl<T: DeserializeOwned + 'static, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let answer: Result<Json<T>, JsonRejection> = request.extract().await;
        answer.map(|Json(body)| Self(body)).map_err(|rejection| refused(rejection.status(), &rejection.body_text()))
    }
}

/// The fields of a form.
pub(crate) struct Posted<T>(pub T);

impl<T: DeserializeOwned + 'static, S: Send + Sync> FromRequest<S> for Posted<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, _: &S) -> Result<Self, Fault> {
        let answer: Result<Form<T>, FormRejection> = request.extract().await;
        let refuse = |rejection: FormRejection| Fault(refused(rejection.status(), &rejection.body_text()));
        answer.map(|Form(body)| Self(body)).map_err(refuse)
    }
}

/// The fields after the question mark.
pub(crate) struct Search<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Search<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let answer: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, state).await;
        answer.map(|Query(query)| Self(query)).map_err(|rejection| refused(rejection.status(), &rejection.body_text()))
    }
}

fn refused(status: StatusCode, text: &str) -> Problem {
    if status == StatusCode::PAYLOAD_TOO_LARGE { Problem::too_large() } else { Problem::invalid(plain(text)) }
}

/// What was wrong, without what the library was about.
fn plain(text: &str) -> &str {
    const ABOUT: [&str; 4] = [
        "Failed to deserialize query string: ",
        "Failed to deserialize form body: ",
        "Failed to deserialize the JSON body into the target type: ",
        "Failed to parse the request body as JSON: ",
    ];
    ABOUT.iter().find_map(|about| text.strip_prefix(about)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_is_wrong_and_no_more() {
        let refused = refused(StatusCode::BAD_REQUEST, "Failed to deserialize query string: limit: invalid digit");
        assert_eq!(refused.detail, "limit: invalid digit");
    }
}
