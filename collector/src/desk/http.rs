//! Requests to a desk, and what their failures mean.
//!
//! Limits: 10 s to connect, [`ANSWER_WITHIN`] for an answer, [`ANSWER_BYTES`] of it. Redirects are not followed and no cookies
//! kept; the system's certificates are believed, or those of the desk's `ca_file` alone. A page where JSON was expected is no
//! answer, whatever its status. Before each request that writes stands [`fence::pass`].

use std::path::Path;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use reqwest::multipart::Form;
use reqwest::{Certificate, Client, Method, RequestBuilder, Response};
use serde_json::Value;

use super::fence;
use super::trouble::{Trouble, TroubleKind};
use crate::config::DeskSettings;
use crate::ticket::NewFile;
use crate::ticket::rich_text::clean_line;

/// How long a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How long an answer may take.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(45);
/// Most bytes of an answer: the largest attachment, in base64.
const ANSWER_BYTES: usize = 40 * 1024 * 1024;
/// Most letters of a desk's words that are kept.
const WORDS: usize = 500;
/// Where desks have their words in a refusal, and where there is more of them.
const WORDS_AT: [(&str, &str); 8] = [
    ("/message", "-"),
    ("/error/message", "/error/detail"),
    ("/error_description", "-"),
    ("/error", "-"),
    ("/errorMessage", "-"),
    ("/description", "-"),
    ("/0/messageText", "/0/messageAppendedText"),
    ("/0", "/1"),
];
/// The longest time that a desk is left alone because it said so.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// The way to a desk.
#[derive(Debug)]
pub(crate) struct Http {
    client: Client,
    base: String,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The document; null for none.
    pub(crate) body: Value,
    /// What stood above it.
    pub(crate) headers: HeaderMap,
}

/// What opens a desk that wants a name and a secret.
pub(super) fn basic(user: &str, secret: &str) -> (HeaderName, String) {
    (header::AUTHORIZATION, format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{secret}"))))
}

impl Http {
    /// The way to a desk, where `secrets` stand in each request.
    ///
    /// # Errors
    /// When the certificates cannot be read, or a secret cannot stand in a header.
    pub(super) fn new(
        settings: &DeskSettings,
        folder: &Path,
        secrets: impl IntoIterator<Item = (HeaderName, String)>,
    ) -> Result<Self, String> {
        Self::to(&settings.url, &settings.ca_file, folder, secrets)
    }

    /// The way to `base`, held against the certificates of `ca_file`, if there is one, in `folder`.
    ///
    /// # Errors
    /// As [`Http::new`].
    pub(crate) fn to(
        base: &str,
        ca_file: &Path,
        folder: &Path,
        secrets: impl IntoIterator<Item = (HeaderName, String)>,
    ) -> Result<Self, String> {
        let mut headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static("application/json"))]);
        for (name, secret) in secrets {
            headers.insert(name, sensitive(&secret)?);
        }
        let mut client = Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN)
            .default_headers(headers)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("firstline-collector/", env!("CARGO_PKG_VERSION")));
        if !ca_file.as_os_str().is_empty() {
            client = client.tls_certs_only(certificates(&folder.join(ca_file))?);
        }
        let client = client.build().map_err(|error| format!("cannot prepare connections: {error}"))?;
        Ok(Self { client, base: base.trim_end_matches('/').to_owned() })
    }

    /// Reads; a failure leaves nothing unclear.
    pub(super) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Reply, Trouble> {
        let request = self.request(Method::GET, path).query(query);
        self.send(request).await.map_err(Trouble::clear)
    }

    /// Reads what is no document.
    pub(super) async fn bytes(&self, path: &str) -> Result<Vec<u8>, Trouble> {
        self.fetch(self.request(Method::GET, path)).await.map_err(Trouble::clear)
    }

    /// Sends what [`Http::request`] began, where the answer is no document.
    pub(super) async fn fetch(&self, request: RequestBuilder) -> Result<Vec<u8>, Trouble> {
        self.answered(request).await.map(|(_, _, bytes)| bytes)
    }

    /// Writes.
    pub(super) async fn write(&self, method: Method, path: &str, body: &Value) -> Result<Reply, Trouble> {
        self.send(self.request(method, path).json(body)).await
    }

    /// Writes a form with files.
    pub(super) async fn form(&self, path: &str, form: Form) -> Result<Reply, Trouble> {
        self.send(self.request(Method::POST, path).multipart(form)).await
    }

    /// Writes a file as it is.
    pub(super) async fn upload(&self, path: &str, query: &[(&str, &str)], file: &NewFile) -> Result<Reply, Trouble> {
        let request = self.request(Method::POST, path).query(query);
        self.send(request.header(header::CONTENT_TYPE, &file.media_type).body(file.bytes.clone())).await
    }

    /// A request to `path`, for what the others do not do.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    async fn answered(&self, request: RequestBuilder) -> Result<(StatusCode, HeaderMap, Vec<u8>), Trouble> {
        let request = request.build().map_err(|error| unreached(&error))?;
        let response = if request.method() == Method::GET {
            self.client.execute(request).await
        } else {
            fence::pass().await?;
            fence::prompt(self.client.execute(request)).await?
        };
        let response = response.map_err(|error| unreached(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = bounded(response).await?;
        if status.is_success() { Ok((status, headers, bytes)) } else { Err(refusal(status, &headers, &bytes)) }
    }

    /// Sends what [`Http::request`] began.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Reply, Trouble> {
        let (status, headers, bytes) = self.answered(request).await?;
        let body = match bytes.len() {
            0 => Value::Null,
            _ => serde_json::from_slice(&bytes).map_err(|_| no_answer(status, &bytes))?,
        };
        Ok(Reply { body, headers })
    }
}

fn sensitive(secret: &str) -> Result<HeaderValue, String> {
    let mut value =
        HeaderValue::from_str(secret).map_err(|_| "the secret has letters that cannot be sent".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

fn certificates(file: &Path) -> Result<Vec<Certificate>, String> {
    let unreadable = |why: String| format!("ca_file: cannot read {}: {why}", file.display());
    let pem = std::fs::read(file).map_err(|error| unreadable(error.to_string()))?;
    let found = Certificate::from_pem_bundle(&pem).map_err(|error| unreadable(error.to_string()))?;
    if found.is_empty() { Err(unreadable("it holds no certificate in PEM form".to_owned())) } else { Ok(found) }
}

async fn bounded(mut response: Response) -> Result<Vec<u8>, Trouble> {
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| unreached(&error))? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > ANSWER_BYTES {
            return Err(Trouble::odd(format!("the answer is longer than {} MiB", ANSWER_BYTES >> 20)).unclear());
        }
    }
    Ok(bytes)
}

/// What became of a request whose answer did not arrive: before the connection stood, certainly nothing.
fn unreached(error: &reqwest::Error) -> Trouble {
    let mut cause = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(next) = source {
        cause = next.to_string();
        source = next.source();
    }
    if error.is_connect() {
        return Trouble::away(format!("cannot be reached: {cause}"));
    }
    let cause = if error.is_timeout() { format!("no answer within {} s", ANSWER_WITHIN.as_secs()) } else { cause };
    Trouble::away(cause).unclear()
}

/// What a refusal means.
pub(super) fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Trouble {
    let said = format!("{}: {}", status.as_u16(), words(status, body));
    let is_limited = status == StatusCode::TOO_MANY_REQUESTS;
    let wait = wait(headers).or_else(|| if is_limited { until_reset(headers) } else { None });
    let kind = match status.as_u16() {
        401 | 407 => TroubleKind::Unauthorized,
        403 => TroubleKind::Forbidden,
        404 | 410 => TroubleKind::NotFound,
        429 => TroubleKind::RateLimited,
        503 if wait.is_some() => TroubleKind::RateLimited,
        500 if is_numbered(body) => TroubleKind::Refused,
        408 | 500..=599 => TroubleKind::Away,
        300..=399 => TroubleKind::Odd,
        _ => TroubleKind::Refused,
    };
    // What stands in front of a desk answers 5xx also after the desk has done it.
    let unclear = matches!(status.as_u16(), 408 | 500..=599) && kind == TroubleKind::Away;
    Trouble { kind, said, wait, unclear }
}

/// Whether an AR System says itself why it did not do it, in which case it was not done. Its time-outs say nothing.
fn is_numbered(body: &[u8]) -> bool {
    let body = serde_json::from_slice::<Value>(body).unwrap_or_default();
    body.pointer("/0/messageNumber").and_then(Value::as_u64).is_some_and(|number| !(90..=94).contains(&number))
}

fn no_answer(status: StatusCode, body: &[u8]) -> Trouble {
    let start = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
    let what = if start.trim_start().starts_with('<') { "a page" } else { "something that is no JSON" };
    let said = format!("answered {} with {what}: {}", status.as_u16(), clean_line(&start));
    Trouble::odd(said).unclear()
}

/// The desk's own words in the body of a refusal.
fn words(status: StatusCode, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let found = serde_json::from_slice::<Value>(body).ok().and_then(|body| {
        let at = |path: &str| body.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty());
        let first = WORDS_AT.iter().find_map(|(path, more)| match (at(path), at(more)) {
            (Some(said), Some(more)) => Some(format!("{said}: {more}")),
            (said, _) => said.map(str::to_owned),
        });
        let mut said: Vec<String> = first.into_iter().collect();
        for list in ["errorMessages", "errors", "details"] {
            in_detail(&body[list], "", &mut said);
        }
        (!said.is_empty()).then(|| said.join("; "))
    });
    let said = match found {
        Some(said) => said,
        None if text.trim_start().starts_with('<') || text.trim().is_empty() => {
            status.canonical_reason().unwrap_or("refused").to_owned()
        }
        None => text.into_owned(),
    };
    clean_line(&said).chars().take(WORDS).collect()
}

/// What a desk says of single fields, which it lists by their names or names within each.
fn in_detail(detail: &Value, field: &str, said: &mut Vec<String>) {
    match detail {
        Value::String(words) if field.is_empty() => said.push(words.clone()),
        Value::String(words) => said.push(format!("{field}: {words}")),
        Value::Array(all) => all.iter().for_each(|one| in_detail(one, field, said)),
        Value::Object(all) => match all.get("message").or_else(|| all.get("description")) {
            Some(words) => in_detail(words, all.get("field").and_then(Value::as_str).unwrap_or(field), said),
            None => all.iter().for_each(|(field, detail)| in_detail(detail, field, said)),
        },
        _ => {}
    }
}

/// How long a desk wants to be left alone: seconds or a date, in any of the headers that desks use.
fn wait(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let after = text("retry-after").and_then(|after| match after.parse::<u64>() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => until(after),
    });
    let reset = || ["ratelimit-reset", "rate-limit-reset"].into_iter().find_map(|name| text(name)?.parse::<u64>().ok());
    Some(after.or_else(|| reset().map(Duration::from_secs))?.min(LONGEST_WAIT))
}

/// How long it is until what may be done is counted anew, where a desk names the moment: in seconds since 1970, or as a date.
/// Small numbers are seconds from now.
fn until_reset(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("x-ratelimit-reset")?.to_str().ok()?.trim();
    let seconds = match text.parse::<u64>() {
        Ok(seconds) if seconds <= LONGEST_WAIT.as_secs() => return Some(Duration::from_secs(seconds)),
        Ok(seconds) => seconds,
        Err(_) => u64::try_from(text.parse::<jiff::Timestamp>().ok()?.as_second()).ok()?,
    };
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    Some(at.duration_since(SystemTime::now()).unwrap_or_default().min(LONGEST_WAIT))
}

/// How long it is until a date as HTTP writes them: `Thu, 15 Jan 2026 10:20:30 GMT`.
fn until(date: &str) -> Option<Duration> {
    let date = jiff::fmt::rfc2822::parse(date).ok()?.timestamp();
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(date.as_second()).ok()?);
    Some(at.duration_since(SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Trouble {
        let headers =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        refusal(StatusCode::from_u16(status).expect("status"), &headers.collect(), body.as_bytes())
    }

    #[test]
    fn a_desk_that_wants_to_be_left_alone_is() {
        let limited = refused(429, &[("retry-after", "17")], "Rate limit for ticket updates exceeded");
        assert_eq!(limited.kind, TroubleKind::RateLimited);
        assert_eq!(limited.wait, Some(Duration::from_secs(17)));
        assert_eq!(limited.said, "429: Rate limit for ticket updates exceeded");
        assert!(!limited.unclear, "nothing was done");
        assert_eq!(refused(429, &[("ratelimit-reset", "41")], "").wait, Some(Duration::from_secs(41)));
        assert_eq!(refused(429, &[("retry-after", "999999")], "").wait, Some(LONGEST_WAIT));
        for (reset, wait) in [
            ("1768472430", Duration::ZERO),
            ("2026-01-15T10:21Z", Duration::ZERO),
            ("99999999999", LONGEST_WAIT),
            ("17", Duration::from_secs(17)),
        ] {
            assert_eq!(refused(429, &[("x-ratelimit-reset", reset)], "").wait, Some(wait), "{reset}");
            assert_eq!(
                refused(429, &[("x-ratelimit-reset", reset), ("retry-after", "5")], "").wait,
                Some(Duration::from_secs(5))
            );
        }
        let down = refused(503, &[("x-ratelimit-reset", "17")], "");
        assert_eq!((down.kind, down.unclear), (TroubleKind::Away, true), "it says nothing about what was asked");
        assert_eq!(refused(429, &[("retry-after", "Thu, 15 Jan 2015 10:20:30 GMT")], "").wait, Some(Duration::ZERO));
    }

    #[test]
    fn refusals_are_told_in_the_desks_own_words() {
        assert_eq!(refused(403, &[], "{\"message\":\"Forbidden\"}").said, "403: Forbidden");
        assert_eq!(refused(400, &[], "{\"error\":{\"message\":\"No such field\"}}").said, "400: No such field");
        assert_eq!(refused(400, &[], "[\"ERROR_GLPI\",\"long\"]").said, "400: ERROR_GLPI: long");
        let blank = refused(
            500,
            &[],
            "[{\"messageText\":\"Required\",\"messageAppendedText\":\"Company\",\"messageNumber\":1}]",
        );
        assert_eq!((blank.kind, blank.said.as_str()), (TroubleKind::Refused, "500: Required: Company"));
        let late = refused(500, &[], "[{\"messageText\":\"Timeout\",\"messageNumber\":92}]");
        assert!(late.unclear, "it may have been done");
        for (body, said) in [
            (
                r#"{"error":"RecordInvalid","details":{"status":[{"description":"Status: closed prevents ticket update"}]}}"#,
                "422: RecordInvalid; status: Status: closed prevents ticket update",
            ),
            (
                r#"{"description":"Validation failed","errors":[{"field":"priority","message":"It should be 1","code":"x"}]}"#,
                "422: Validation failed; priority: It should be 1",
            ),
            (r#"{"errorMessages":["Gone."],"errors":{"labels":"Unknown"}}"#, "422: Gone.; labels: Unknown"),
            (r#"{"errors":[]}"#, r#"422: {"errors":[]}"#),
        ] {
            assert_eq!(refused(422, &[], body).said, said);
        }
        let page = refused(502, &[], "<html><script>x</script></html>");
        assert_eq!(page.said, "502: Bad Gateway");
        assert!(page.unclear, "the desk behind it may have done it");
    }
}
