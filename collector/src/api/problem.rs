//! What programs and people get when something cannot be done: a fixed text per case, and a correlation id that
//! leads to the log. The chain of causes stays in the log.

use std::fmt::Display;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::{AccessError, PasswordError, Roles};
use crate::alert::AlertError;
use crate::authority::AuthorityError;
use crate::desk::outbox::OutboxError;
use crate::desk::{Trouble, TroubleKind};
use crate::detect::DetectError;
use crate::enrollment::EnrollmentError;
use crate::fleet::{FleetError, RetireError};
use crate::outage::{causes, is_passing};
use crate::pull::PullError;
use crate::store::StoreError;
use crate::ticket::DeskError;

/// When to come back while the database is away.
const RETRY_AFTER_SECONDS: u64 = 5;

/// A problem document (RFC 9457).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Names the case: `urn:firstline:problem:not-found`.
    #[serde(rename = "type")]
    pub kind: String,
    /// HTTP status.
    pub status: u16,
    /// The case in a few words.
    pub title: String,
    /// What was wrong and what to do, in one sentence.
    pub detail: String,
    /// Leads to the line in the collector's log.
    pub correlation: String,
    /// Seconds to wait before trying again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u64>,
}

impl Problem {
    fn new(status: StatusCode, kind: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:firstline:problem:{kind}"),
            status: status.as_u16(),
            title: title.to_owned(),
            detail: detail.into(),
            correlation: Uuid::now_v7().simple().to_string(),
            retry_after_seconds: None,
        }
    }

    /// Nobody is signed in.
    pub fn unauthorized() -> Self {
        let detail = "Nobody is signed in, or the session has ended. Sign in and try again.";
        Self::new(StatusCode::UNAUTHORIZED, "sign-in-required", "Sign in first", detail)
    }

    /// Somebody is signed in who may not.
    pub fn forbidden(roles: Roles) -> Self {
        let detail = format!("Your role does not allow this. It takes one of: {}.", roles.names().join(", "));
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed", detail)
    }

    /// There is no such thing.
    pub fn not_found(what: impl Display) -> Self {
        let detail = format!("There is no {what}. Check the spelling, or list what there is.");
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
    }

    /// The request does not make sense.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "The request was not understood", detail)
    }

    /// The body is longer than anything we take.
    pub fn too_large() -> Self {
        let detail = "The request is longer than this collector takes (1 MiB; 12 MiB for a diagnosis in a file). Send less at a time.";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Too large", detail)
    }

    /// The path is right, the method is not.
    pub fn method_not_allowed() -> Self {
        let detail = "This address does not take this method. The API's document lists what it takes.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed", detail)
    }

    /// It came from a page of another site.
    pub fn cross_site() -> Self {
        let detail =
            "The request came from a page of another site and was not followed. Open the console itself and try again.";
        Self::new(StatusCode::FORBIDDEN, "cross-site", "Refused", detail)
    }

    /// It took too long.
    pub fn too_slow() -> Self {
        let detail = "The collector did not answer in time. Try again in a moment.";
        Self::new(StatusCode::GATEWAY_TIMEOUT, "too-slow", "Took too long", detail)
    }

    /// Things do not stand as the request expects.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "This cannot be done now", detail)
    }

    /// A file was brought that is not taken.
    pub fn file_refused(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "file-refused", "The file is refused", detail)
    }

    /// Our fault: the cause goes to the log.
    pub fn internal(cause: &dyn Display) -> Self {
        let detail = "The collector could not finish this. Try again; if it stays so, give the correlation id to whoever runs it.";
        let problem = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong here", detail);
        tracing::error!(correlation = %problem.correlation, "A request failed: {cause}");
        problem
    }

    /// Our fault, with a chain of causes; or nobody's, when the database is away for a while.
    pub fn failed(error: &(dyn std::error::Error + 'static)) -> Self {
        let chain = causes(error);
        if is_passing(error) { Self::away(&chain) } else { Self::internal(&chain) }
    }

    /// The database is away, or takes nothing for a while.
    fn away(cause: &dyn Display) -> Self {
        let detail =
            "The database does not answer, or takes nothing in. Nothing is lost by waiting; try again in a moment.";
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "database-away", "Not available now", detail);
        problem.retry_after_seconds = Some(RETRY_AFTER_SECONDS);
        tracing::debug!(correlation = %problem.correlation, "A request was put off: {cause}");
        problem
    }
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        let detail = error.to_string();
        match error {
            AccessError::WrongCredentials => {
                let detail = "The name or the password is wrong, or the account is disabled.";
                Self::new(StatusCode::UNAUTHORIZED, "wrong-credentials", "Sign-in refused", detail)
            }
            AccessError::Wait(span) => {
                let mut problem =
                    Self::new(StatusCode::TOO_MANY_REQUESTS, "wait", "Too many tries", format!("There were {detail}."));
                problem.retry_after_seconds = Some(span.as_secs().max(1));
                problem
            }
            AccessError::WrongPassword => {
                Self::new(StatusCode::FORBIDDEN, "wrong-password", "The password stays", sentence(&detail))
            }
            AccessError::Name(_) | AccessError::SamePassword | AccessError::Password(PasswordError::Length) => {
                Self::invalid(sentence(&detail))
            }
            AccessError::NameTaken(_) | AccessError::LastAdministrator(_) => Self::conflict(sentence(&detail)),
            AccessError::NoSuchAccount(name) => Self::not_found(format_args!("account named {name:?}")),
            AccessError::Password(_) | AccessError::Store(_) => Self::failed(&error),
        }
    }
}

impl From<FleetError> for Problem {
    fn from(error: FleetError) -> Self {
        match &error {
            FleetError::Unknown(name) => Self::not_found(format_args!("endpoint {name:?}")),
            FleetError::Ambiguous { .. } | FleetError::Refused(_) => Self::conflict(sentence(&error.to_string())),
            FleetError::Authority(
                cause @ (AuthorityError::Rotating(_)
                | AuthorityError::NotRotating
                | AuthorityError::KeyAway(_)
                | AuthorityError::Behind),
            ) => Self::conflict(sentence(&cause.to_string())),
            FleetError::Store(_) | FleetError::Authority(_) => Self::failed(&error),
        }
    }
}

impl From<RetireError> for Problem {
    fn from(error: RetireError) -> Self {
        match error {
            RetireError::StillNeeded(_) | RetireError::WithoutKey(_) => Self::conflict(sentence(&error.to_string())),
            RetireError::Fleet(error) => error.into(),
        }
    }
}

impl From<AlertError> for Problem {
    fn from(error: AlertError) -> Self {
        match &error {
            AlertError::NotFound(what) => Self::not_found(what),
            AlertError::Refused(why) => Self::invalid(sentence(why)),
            AlertError::Store(_) => Self::failed(&error),
        }
    }
}

impl From<PullError> for Problem {
    fn from(error: PullError) -> Self {
        match error {
            PullError::NotFound(what) => Self::not_found(what),
            PullError::Refused(why) => Self::conflict(sentence(&why)),
            PullError::File(why) => Self::file_refused(sentence(&why)),
            PullError::Desk(error) => error.into(),
            PullError::Endpoint(error) => error.into(),
            PullError::Store(_) => Self::failed(&error),
        }
    }
}

impl From<DetectError> for Problem {
    fn from(error: DetectError) -> Self {
        match error {
            DetectError::Endpoint(error) => error.into(),
            DetectError::Alert(error) => error.into(),
            DetectError::Rebuild => Self::failed(&error),
            DetectError::Store(error) => error.into(),
        }
    }
}

impl From<EnrollmentError> for Problem {
    fn from(error: EnrollmentError) -> Self {
        match &error {
            EnrollmentError::Wish(why) => Self::invalid(sentence(why)),
            _ => Self::failed(&error),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::failed(&error)
    }
}

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Self {
        match &error {
            DeskError::NotFound(what) => Self::not_found(what),
            DeskError::Refused(why) => Self::invalid(sentence(why)),
            DeskError::Store(_) => Self::failed(&error),
        }
    }
}

impl From<OutboxError> for Problem {
    fn from(error: OutboxError) -> Self {
        match &error {
            OutboxError::NotFound(what) => Self::not_found(what),
            OutboxError::Refused(why) => Self::conflict(sentence(why)),
            OutboxError::Desk(..) => Self::conflict(sentence(&error.to_string())),
            OutboxError::Store(_) => Self::failed(&error),
        }
    }
}

impl From<Trouble> for Problem {
    fn from(trouble: Trouble) -> Self {
        match trouble.kind {
            TroubleKind::NotFound => Self::not_found(trouble),
            _ => Self::conflict(sentence(&trouble.said)),
        }
    }
}

/// The text with a capital and a full stop.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let head: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    let end = if text.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{head}{}{end}", letters.as_str())
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry = self.retry_after_seconds;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// The same as a page, for people.
#[derive(Debug, Clone)]
pub struct Fault(pub Problem);

impl<E: Into<Problem>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        crate::console::fault_page(&self.0)
    }
}
