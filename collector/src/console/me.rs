//! One's own account: who one is here, and another password.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;

use super::chrome::{Chrome, page};
use crate::access::gate::Caller;
use crate::access::{AccessError, NewPassword, PASSWORD_CHARACTERS_MIN, PasswordError};
use crate::api::extract::{Posted, Search};
use crate::api::problem::{Fault, Problem, sentence};
use crate::app::App;

#[derive(Template)]
#[template(path = "me.html")]
struct MePage {
    chrome: Chrome,
    /// Why the password was not changed; empty before a try.
    fault: String,
    is_changed: bool,
    least: usize,
}

impl MePage {
    fn new(caller: &Caller, fault: String) -> Self {
        let chrome = Chrome::new("Your account", "", caller);
        Self { chrome, fault, is_changed: false, least: PASSWORD_CHARACTERS_MIN }
    }
}

/// What the address may say.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Told {
    changed: Option<String>,
}

/// What the form sends. The password that is to be is typed twice, since nobody sees what was typed.
#[derive(Deserialize)]
pub(super) struct Form {
    old: String,
    new: String,
    again: String,
}

/// `GET /me`.
pub(super) async fn show(caller: Caller, Search(told): Search<Told>) -> Result<Response, Fault> {
    page(&MePage { is_changed: told.changed.is_some(), ..MePage::new(&caller, String::new()) })
}

/// `POST /me/password`.
pub(super) async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Posted(form): Posted<Form>,
) -> Result<Response, Fault> {
    if form.new != form.again {
        return again(&caller, "The new password was not typed the same twice. Nothing was changed.".to_owned());
    }
    let order = NewPassword { old: form.old, new: form.new };
    let token = caller.token.as_deref().unwrap_or_default();
    match app.access.change_password(order, token, &caller.actor()).await {
        Ok(()) => Ok(Redirect::to("/me?changed=yes").into_response()),
        Err(
            error @ (AccessError::WrongPassword
            | AccessError::SamePassword
            | AccessError::Wait(_)
            | AccessError::Password(PasswordError::Length)),
        ) => again(&caller, format!("{} Nothing was changed.", sentence(&error.to_string()))),
        Err(error) => Err(error.into()),
    }
}

/// The form once more, with what was wrong; no password is sent back.
fn again(caller: &Caller, fault: String) -> Result<Response, Fault> {
    let text = MePage::new(caller, fault).render().map_err(|error| Problem::failed(&error))?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(text)).into_response())
}
