//! A tenant that insists on what the real one insists on, as far as its interface is documented.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

/// Who opens it.
pub(super) const TENANT: &str = "corp.example";
pub(super) const CLIENT: &str = "6731de76-14a6-49ae-97bc-6eba6914391e";
pub(super) const SECRET: &str = "s3cret~value+/=";

/// Fields that a question may be about.
const ASKED: [&str; 4] = ["mail", "userPrincipalName", "onPremisesSamAccountName", "mailNickname"];

/// What it holds.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) users: Vec<Value>,
    /// Tokens that are good.
    pub(super) tokens: Vec<String>,
    /// How often a token was asked for.
    pub(super) sign_ins: usize,
    /// Whether an administrator consented to `User.Read.All`.
    pub(super) consented: bool,
    /// Whether it wants to be left alone.
    pub(super) limited: bool,
}

/// The tenant. Copies are the same.
#[derive(Debug, Clone)]
pub(super) struct StandIn(Arc<Mutex<Held>>);

impl Default for StandIn {
    fn default() -> Self {
        let user = |name: &str, mail: &str, enabled: bool, own: Value| {
            json!({ "id": format!("0-{name}"), "userPrincipalName": format!("{name}@corp.example"), "mail": mail,
                "accountEnabled": enabled, "onPremisesSamAccountName": own, "mailNickname": name })
        };
        let users = vec![
            user("ana", "ana.silva@corp.example", true, json!("asilva")),
            user("bob", "bob@corp.example", false, Value::Null),
            user("o'hara", "shared@corp.example", true, Value::Null),
            user("eve", "shared@corp.example", true, Value::Null),
        ];
        Self(Arc::new(Mutex::new(Held { users, tokens: Vec::new(), sign_ins: 0, consented: true, limited: false })))
    }
}

impl StandIn {
    pub(super) fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Both of its addresses, on one port.
    pub(super) fn routes(&self) -> Router {
        Router::new()
            .route("/{tenant}/oauth2/v2.0/token", post(token))
            .route("/v1.0/users", get(users))
            .fallback(async || refused(404, "ResourceNotFound", "Resource not found for the segment"))
            .with_state(self.clone())
    }
}

fn refused(status: u16, code: &str, message: &str) -> Response {
    let body = json!({ "error": { "code": code, "message": message, "innerError": { "request-id": "0" } } });
    (StatusCode::from_u16(status).expect("a status"), Json(body)).into_response()
}

fn no_token(status: u16, error: &str, description: &str) -> Response {
    let body = json!({ "error": error, "error_description": description, "error_codes": [0] });
    (StatusCode::from_u16(status).expect("a status"), Json(body)).into_response()
}

async fn token(State(tenant): State<StandIn>, Path(name): Path<String>, headers: HeaderMap, body: String) -> Response {
    if headers.get("content-type").is_none_or(|kind| kind != "application/x-www-form-urlencoded") {
        return no_token(
            400,
            "invalid_request",
            "AADSTS900144: The request body must contain the parameter 'grant_type'.",
        );
    }
    let form = reqwest::Url::parse(&format!("http://form/?{body}")).expect("a form");
    let field = |wanted: &str| form.query_pairs().find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned());
    if name != TENANT {
        return no_token(400, "invalid_request", "AADSTS90002: Tenant not found.");
    }
    if field("grant_type").as_deref() != Some("client_credentials")
        || field("scope").is_none_or(|scope| !scope.ends_with("/.default"))
    {
        return no_token(400, "invalid_scope", "AADSTS1002012: The provided value for scope is not valid.");
    }
    if field("client_id").as_deref() != Some(CLIENT) {
        return no_token(400, "unauthorized_client", "AADSTS700016: Application was not found in the directory.");
    }
    if field("client_secret").as_deref() != Some(SECRET) {
        return no_token(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.");
    }
    let mut held = tenant.held();
    held.sign_ins += 1;
    let token = format!("t{}", held.sign_ins);
    held.tokens.push(token.clone());
    Json(json!({ "token_type": "Bearer", "expires_in": 3599, "access_token": token })).into_response()
}

async fn users(
    State(tenant): State<StandIn>,
    headers: HeaderMap,
    Query(query): Query<std::collections::BTreeMap<String, String>>,
) -> Response {
    let held = tenant.held();
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let bearer = header("authorization").strip_prefix("Bearer ").unwrap_or_default();
    if !held.tokens.iter().any(|token| token == bearer) {
        return refused(401, "InvalidAuthenticationToken", "Access token has expired or is not yet valid.");
    }
    if held.limited {
        return ([("retry-after", "17")], refused(429, "TooManyRequests", "Too many requests.")).into_response();
    }
    if !held.consented {
        return refused(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.");
    }
    let Some(filter) = query.get("$filter") else {
        return Json(json!({ "value": held.users.iter().take(1).collect::<Vec<_>>() })).into_response();
    };
    if header("consistencylevel") != "eventual" || query.get("$count").is_none_or(|count| count != "true") {
        return refused(400, "Request_UnsupportedQuery", "Unsupported property filter clause.");
    }
    let terms: Option<Vec<(&str, String)>> = filter.split(" or ").map(term).collect();
    let Some(terms) = terms else { return refused(400, "Request_UnsupportedQuery", "Invalid filter clause.") };
    let fits = |user: &&Value| {
        terms.iter().any(|(field, text)| user[*field].as_str().is_some_and(|own| own.eq_ignore_ascii_case(text)))
    };
    let select: Vec<&str> = query.get("$select").map(|select| select.split(',').collect()).unwrap_or_default();
    let seen =
        |user: &Value| Value::Object(select.iter().map(|field| ((*field).to_owned(), user[*field].clone())).collect());
    Json(json!({ "value": held.users.iter().filter(fits).map(seen).collect::<Vec<_>>() })).into_response()
}

/// `mail eq 'x'`, in which a quote within is doubled.
fn term(text: &str) -> Option<(&str, String)> {
    let (field, value) = text.split_once(" eq ")?;
    let value = value.strip_prefix('\'')?.strip_suffix('\'')?;
    let alone = value.replace("''", "");
    (ASKED.contains(&field) && !alone.contains('\'')).then(|| (field, value.replace("''", "'")))
}
