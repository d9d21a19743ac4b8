//! Requests to the API, and what its refusals mean at the command line.

use std::fmt::Write as _;

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::failure::Failure;
use super::kept::Kept;
use super::trust::Trust;
use crate::api::problem::Problem;

/// How long a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How long an answer may take that is no stream.
const ANSWER_WITHIN: Duration = Duration::from_mins(1);

/// A way to the API.
pub(super) struct Connection {
    client: reqwest::Client,
    collector: String,
    token: String,
}

impl Connection {
    /// The way to `collector`, believing `trust`.
    pub(super) fn new(collector: &str, trust: &Trust, token: &str) -> Result<Self, Failure> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(trust.config()?)
            .connect_timeout(CONNECT_WITHIN)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("firstline/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Failure::failed(format!("cannot prepare a connection: {error}")))?;
        Ok(Self { client, collector: collector.trim_end_matches('/').to_owned(), token: token.to_owned() })
    }

    /// The way of the last sign-in.
    pub(super) fn kept() -> Result<Self, Failure> {
        let sign_in = || Failure::failed("nobody is signed in; run: firstline sign-in --collector https://HOST:8443");
        let kept = Kept::read()?.filter(|kept| !kept.token.is_empty()).ok_or_else(sign_in)?;
        Self::new(&kept.collector, &kept.trust, &kept.token)
    }

    /// Reads the document at `path`, to which `query` is added.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, Failure> {
        let request = self.request(Method::GET, path).query(query).timeout(ANSWER_WITHIN);
        self.document(request, path).await
    }

    /// Sends an order and reads the answer.
    pub(super) async fn post<T: DeserializeOwned>(&self, path: &str, order: &impl Serialize) -> Result<T, Failure> {
        let request = self.request(Method::POST, path).json(order).timeout(ANSWER_WITHIN);
        self.document(request, path).await
    }

    /// Sends a file, and words about it, and reads the answer.
    pub(super) async fn upload<T: DeserializeOwned>(
        &self,
        path: &str,
        symptom: Option<&str>,
        file: Vec<u8>,
    ) -> Result<T, Failure> {
        let about: Vec<(&str, &str)> = symptom.into_iter().map(|symptom| ("symptom", symptom)).collect();
        let request = self.request(Method::POST, path).query(&about).timeout(ANSWER_WITHIN);
        self.document(request.header("content-type", "application/json").body(file), path).await
    }

    /// Sends an order that is answered with nothing.
    pub(super) async fn tell(&self, method: Method, path: &str) -> Result<(), Failure> {
        self.send(self.request(method, path).timeout(ANSWER_WITHIN), path).await.map(drop)
    }

    /// The same with a document.
    pub(super) async fn hand(&self, path: &str, order: &impl Serialize) -> Result<(), Failure> {
        self.send(self.request(Method::POST, path).json(order).timeout(ANSWER_WITHIN), path).await.map(drop)
    }

    /// A question for something long.
    pub(super) fn asked(&self, path: &str, query: &[(&str, String)]) -> RequestBuilder {
        self.request(Method::GET, path).query(query)
    }

    /// An order whose answer is long.
    pub(super) fn ordered(&self, path: &str, order: &impl Serialize) -> RequestBuilder {
        self.request(Method::POST, path).json(order)
    }

    /// Sends a request whose answer comes piece by piece.
    pub(super) async fn pieces(&self, request: RequestBuilder, path: &str) -> Result<Pieces<'_>, Failure> {
        Ok(Pieces { response: self.send(request, path).await?, connection: self })
    }

    /// Opens a stream of events.
    pub(super) async fn stream(&self, path: &str, last: Option<&str>) -> Result<Response, Failure> {
        let request = self.request(Method::GET, path).header("accept", "text/event-stream");
        let request = match last {
            Some(last) => request.header("last-event-id", last),
            None => request,
        };
        self.send(request, path).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}/api/v1{path}", self.collector));
        if self.token.is_empty() { request } else { request.bearer_auth(&self.token) }
    }

    async fn document<T: DeserializeOwned>(&self, request: RequestBuilder, path: &str) -> Result<T, Failure> {
        let response = self.send(request, path).await?;
        let unreadable = |error| {
            let newer = "is this firstline older than the collector?";
            Failure::failed(format!(
                "{} answered {path} with something that cannot be read ({error}); {newer}",
                self.collector
            ))
        };
        let bytes = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        serde_json::from_slice(&bytes).map_err(unreadable)
    }

    async fn send(&self, request: RequestBuilder, path: &str) -> Result<Response, Failure> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let problem: Option<Problem> = response.json().await.ok();
        Err(refused(status, path, problem))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let mut chain = String::new();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            chain = cause.to_string();
            source = cause.source();
        }
        let cause = if chain.is_empty() { error.to_string() } else { chain };
        let what_to_do = if cause.contains("certificate") {
            "it is not the collector that is trusted here; sign in with --ca FILE or --fingerprint SHA256 of the right one"
        } else {
            "check that it runs and that the address is right"
        };
        Failure::Unreachable(format!("cannot reach the collector at {}: {cause}; {what_to_do}", self.collector))
    }
}

/// An answer that comes piece by piece.
pub(super) struct Pieces<'a> {
    response: Response,
    connection: &'a Connection,
}

impl Pieces<'_> {
    /// The next piece; nothing at the end.
    pub(super) async fn next(&mut self) -> Result<Option<bytes::Bytes>, Failure> {
        self.response.chunk().await.map_err(|error| self.connection.unreachable(&error))
    }
}

fn refused(status: StatusCode, path: &str, problem: Option<Problem>) -> Failure {
    let Some(problem) = problem else {
        return Failure::failed(format!("the collector answered {path} with {status} and no reason"));
    };
    if problem.kind.ends_with("sign-in-required") {
        return Failure::failed("the session has ended; run: firstline sign-in");
    }
    let mut text = format!("{}: {}", problem.title.to_lowercase(), problem.detail);
    if status.is_server_error() {
        let _ = write!(text, " (correlation id {})", problem.correlation);
    }
    Failure::failed(text)
}

/// A part of a path: letters that would end it are encoded.
pub(super) fn part(text: &str) -> String {
    crate::access::gate::percent_encoded(text).replace('/', "%2F")
}
