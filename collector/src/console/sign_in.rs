use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;

use super::chrome::{Chrome, page};
use crate::access::gate::{COOKIE, Caller};
use crate::access::{AccessError, SessionKind};
use crate::api::extract::{Posted, Search};
use crate::api::problem::{Fault, Problem, sentence};
use crate::app::App;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    chrome: Chrome,
    fault: String,
    name: String,
    next: String,
}

#[derive(Deserialize)]
pub(super) struct Next {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct Credentials {
    name: String,
    password: String,
    #[serde(default)]
    next: String,
}

/// `GET /sign-in`.
pub(super) async fn show(caller: Caller, Search(query): Search<Next>) -> Result<Response, Fault> {
    let next = own_path(&query.next);
    if caller.principal.is_some() {
        return Ok(Redirect::to(&next).into_response());
    }
    page(&SignInPage { chrome: Chrome::bare("Sign in"), fault: String::new(), name: String::new(), next })
}

/// `POST /sign-in`.
pub(super) async fn sign_in(
    State(app): State<Arc<App>>,
    caller: Caller,
    Posted(form): Posted<Credentials>,
) -> Result<Response, Fault> {
    let next = own_path(&form.next);
    let answer = app.access.sign_in(&form.name, &form.password, SessionKind::Browser, caller.address).await;
    let signed_in = match answer {
        Ok(signed_in) => signed_in,
        Err(error @ (AccessError::WrongCredentials | AccessError::Wait(_))) => {
            let waits = matches!(error, AccessError::Wait(_));
            let status = if waits { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::UNAUTHORIZED };
            let fault = sentence(&error.to_string());
            let again = SignInPage { chrome: Chrome::bare("Sign in"), fault, name: form.name, next };
            let text = again.render().map_err(|error| Problem::failed(&error))?;
            return Ok((status, Html(text)).into_response());
        }
        Err(error) => return Err(error.into()),
    };
    with_cookie(Redirect::to(&next), &cookie(&signed_in.token, SessionKind::Browser.lifetime().as_secs()))
}

/// `POST /sign-out`.
pub(super) async fn sign_out(State(app): State<Arc<App>>, caller: Caller) -> Result<Response, Fault> {
    app.access.sign_out(caller.token.as_deref().unwrap_or_default(), &caller.actor()).await?;
    with_cookie(Redirect::to("/sign-in"), &cookie("", 0))
}

fn cookie(token: &str, seconds: u64) -> String {
    format!("{COOKIE}={token}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax")
}

fn with_cookie(redirect: Redirect, cookie: &str) -> Result<Response, Fault> {
    let mut response = redirect.into_response();
    let cookie = HeaderValue::from_str(cookie).map_err(|error| Problem::failed(&error))?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// A path of ours, whatever was asked for: never another site.
fn own_path(next: &str) -> String {
    let ours = next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n', '\t']);
    if ours && next.is_ascii() { next.to_owned() } else { "/".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_leads_to_another_site() {
        for bad in ["https://evil", "//evil", "/\\evil", "", "javascript:alert(1)", "/\t/evil"] {
            assert_eq!(own_path(bad), "/", "{bad:?}");
        }
        assert_eq!(own_path("/tickets/FL-1?x=1"), "/tickets/FL-1?x=1");
    }

    #[test]
    fn the_cookie_is_locked_to_this_host() {
        let cookie = cookie("t", 60);
        for part in ["__Host-", "Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(cookie.contains(part), "{cookie}");
        }
    }
}
