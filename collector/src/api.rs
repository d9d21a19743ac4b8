//! JSON over HTTPS, and the service that carries it together with the console.
//!
//! [`service`] is everything that people and their programs reach: the API, its document, the console and the assets,
//! behind the same bounds: 1 MiB bodies (12 MiB where files come in), 30 s until an answer begins, compression, no cross-site changes, and security
//! headers on every answer, refusals included.

pub(crate) mod alerts;
pub(crate) mod authority;
mod checks;
pub(crate) mod departures;
pub(crate) mod desks;
pub(crate) mod directories;
pub(crate) mod endpoints;
pub(crate) mod extract;
pub(crate) mod incidents;
pub(crate) mod inventory;
mod openapi;
mod people;
pub mod problem;
pub(crate) mod pulls;
mod recordings;
pub(crate) mod rehearsals;
pub(crate) mod reports;
mod shield;
mod symptoms;
pub(crate) mod tags;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod tickets;
pub(crate) mod tokens;
pub(crate) mod watch;

use std::sync::Arc;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use http::header;

use crate::access::Roles;
use crate::access::gate::{Door, Doors, Face, Told};
use crate::app::App;
use crate::console;
pub(crate) use checks::{CheckList, CheckPage, CheckReport};
use problem::{Fault, Problem};
pub(crate) use tokens::{NewToken, TokenList, TokenMade};

/// What people and their programs reach, ready to be served on the people's port, together with `plain`: routes
/// that machines ask without signing in.
pub fn service(app: &Arc<App>, plain: Router) -> Router {
    assemble(app, plain).0
}

/// The service, and every route that it has.
fn assemble(app: &Arc<App>, plain: Router) -> (Router, Vec<Door>) {
    let (api, mut doors) = api_doors(Doors::new(app, Face::Api)).open();
    let (pages, page_doors) = console::doors(Doors::new(app, Face::Page)).open();
    doors.extend(page_doors);
    let document = openapi::document(&doors);
    let told = Told { summary: "This document.", answer: "application/json", ..Told::default() };
    let show = move || {
        let document = document.clone();
        async move { Json(document) }
    };
    let (own, own_doors) = Doors::new(app, Face::Api).get("/api/v1/openapi.json", Roles::OPEN, show, told).open();
    doors.extend(own_doors);
    let router = api.merge(pages).merge(own).fallback(nothing_here).method_not_allowed_fallback(wrong_method);
    (shield::around(router.with_state(Arc::clone(app)).merge(plain)), doors)
}

fn api_doors(doors: Doors) -> Doors {
    [
        people::doors,
        tokens::doors,
        authority::doors,
        endpoints::doors,
        inventory::doors,
        tags::doors,
        departures::doors,
        tickets::doors,
        desks::doors,
        directories::doors,
        pulls::doors,
        alerts::doors,
        incidents::doors,
        checks::doors,
        symptoms::doors,
        reports::doors,
    ]
    .into_iter()
    .fold(doors, |doors, room| room(doors))
}

async fn nothing_here(request: Request) -> Response {
    refuse(&request, Problem::not_found("page or address of this name"))
}

async fn wrong_method(request: Request) -> Response {
    refuse(&request, Problem::method_not_allowed())
}

/// The problem as a document for programs, as a page for people.
fn refuse(request: &Request, problem: Problem) -> Response {
    let accepts = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if request.uri().path().starts_with("/api/") || !accepts.contains("text/html") {
        return problem.into_response();
    }
    Fault(problem).into_response()
}
