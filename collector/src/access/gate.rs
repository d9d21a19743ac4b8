//! The doors: every route is declared with the roles that may use it, and nobody else gets in.
//!
//! [`Doors`] is the only way to add a route to the service, so that a route without roles cannot be written. The list of
//! declared routes feeds the API's document and the test that walks up to every door without a key.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::handler::Handler;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use http::request::Parts;
use http::{HeaderMap, Method, header};

use super::{Actor, Principal, Roles};
use crate::api::problem::{Fault, Problem};
use crate::app::App;

/// The browser's cookie. The prefix makes browsers insist on HTTPS, on `Path=/`, and on no other domain.
pub const COOKIE: &str = "__Host-firstline";

/// What a door opens onto: decides how a refusal looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// JSON for programs: refused with a problem document.
    Api,
    /// A page for people: refused with a page, or led to the sign-in.
    Page,
}

/// A route as declared.
#[derive(Debug, Clone)]
pub struct Door {
    /// Method.
    pub method: Method,
    /// Path with `{places}`.
    pub path: &'static str,
    /// Who may.
    pub roles: Roles,
    /// What it opens onto.
    pub face: Face,
    /// What it does, for the API's document.
    pub told: Told,
}

/// What the API's document says about a route.
#[derive(Debug, Clone, Copy, Default)]
pub struct Told {
    /// One sentence.
    pub summary: &'static str,
    /// Names and meanings of the query's fields.
    pub query: &'static [(&'static str, &'static str)],
    /// Schema of the request's body; empty when there is none.
    pub body: &'static str,
    /// Schema of the answer; empty when there is none.
    pub answer: &'static str,
}

/// Routes under construction.
pub struct Doors {
    app: Arc<App>,
    face: Face,
    router: Router<Arc<App>>,
    declared: Vec<Door>,
}

impl Doors {
    /// No routes yet.
    pub fn new(app: &Arc<App>, face: Face) -> Self {
        Self { app: Arc::clone(app), face, router: Router::new(), declared: Vec::new() }
    }

    /// Adds a route for reading.
    pub fn get<H: Handler<T, Arc<App>>, T: 'static>(
        self,
        path: &'static str,
        roles: Roles,
        handler: H,
        told: Told,
    ) -> Self {
        self.door(Method::GET, on(MethodFilter::GET, handler), path, roles, told)
    }

    /// Adds a route for changing.
    pub fn post<H: Handler<T, Arc<App>>, T: 'static>(
        self,
        path: &'static str,
        roles: Roles,
        handler: H,
        told: Told,
    ) -> Self {
        self.door(Method::POST, on(MethodFilter::POST, handler), path, roles, told)
    }

    /// Adds a route for taking away.
    pub fn delete<H: Handler<T, Arc<App>>, T: 'static>(
        self,
        path: &'static str,
        roles: Roles,
        handler: H,
        told: Told,
    ) -> Self {
        self.door(Method::DELETE, on(MethodFilter::DELETE, handler), path, roles, told)
    }

    /// The routes, and what was declared about them.
    pub fn open(self) -> (Router<Arc<App>>, Vec<Door>) {
        (self.router, self.declared)
    }

    fn door(
        mut self,
        method: Method,
        handler: MethodRouter<Arc<App>>,
        path: &'static str,
        roles: Roles,
        told: Told,
    ) -> Self {
        let guard = Guard { app: Arc::clone(&self.app), roles, face: self.face };
        self.router = self.router.route(path, handler.layer(from_fn_with_state(guard, pass)));
        self.declared.push(Door { method, path, roles, face: self.face, told });
        self
    }
}

#[derive(Clone)]
struct Guard {
    app: Arc<App>,
    roles: Roles,
    face: Face,
}

/// Lets a request through when its session is alive and its role is declared.
async fn pass(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    let token = token_of(request.headers());
    let principal = match &token {
        Some(token) => guard.app.access.principal(token).await,
        None => Ok(None),
    };
    let principal = match principal {
        Ok(principal) => principal,
        Err(error) => return refuse(guard.face, Problem::from(error)),
    };
    match &principal {
        _ if guard.roles.is_open() => {}
        None => return sign_in_first(guard.face, &request),
        Some(somebody) if guard.roles.admit(somebody.role) => {}
        Some(_) => return refuse(guard.face, Problem::forbidden(guard.roles)),
    }
    request.extensions_mut().insert(Caller { principal, token, address });
    next.run(request).await
}

/// Whose request it is. On open routes there may be nobody.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who is signed in.
    pub principal: Option<Principal>,
    /// The secret they showed.
    pub token: Option<String>,
    /// Where the request came from.
    pub address: Option<IpAddr>,
}

impl Caller {
    /// The name for the audit log.
    pub fn actor(&self) -> Actor {
        Actor { name: self.name().to_owned(), address: self.address }
    }

    /// The account's name; empty when nobody is signed in.
    pub fn name(&self) -> &str {
        self.principal.as_ref().map_or("", |principal| principal.name.as_str())
    }

    /// Whether their role is among `roles`.
    pub fn may(&self, roles: Roles) -> bool {
        self.principal.as_ref().is_some_and(|principal| roles.admit(principal.role))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Problem::internal(&"a route without a door was reached"))
    }
}

/// The token in the bearer header or in the cookie. A request with a bearer header never falls back to the cookie.
fn token_of(headers: &HeaderMap) -> Option<String> {
    if let Some(header) = headers.get(header::AUTHORIZATION) {
        let (scheme, token) = header.to_str().ok()?.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned());
    }
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, token)| token.to_owned())
}

fn refuse(face: Face, problem: Problem) -> Response {
    match face {
        Face::Api => problem.into_response(),
        Face::Page => Fault(problem).into_response(),
    }
}

/// A program is told; a person is led to the sign-in and back. Parts of pages lead the whole page there.
fn sign_in_first(face: Face, request: &Request) -> Response {
    if face == Face::Api {
        return Problem::unauthorized().into_response();
    }
    let to = if request.method() == Method::GET && !request.headers().contains_key("hx-request") {
        let from = request.uri().path_and_query().map_or("/", |from| from.as_str());
        format!("/sign-in?next={}", percent_encoded(from))
    } else {
        "/sign-in".to_owned()
    };
    if request.headers().contains_key("hx-request") {
        return (http::StatusCode::UNAUTHORIZED, [("hx-redirect", to)]).into_response();
    }
    axum::response::Redirect::to(&to).into_response()
}

/// Letters that may stand in a query as they are, and the rest as `%XX`.
pub fn percent_encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_header_never_falls_back_to_the_cookie() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, "a=b; __Host-firstline=secret; c=d".parse().expect("cookie"));
        assert_eq!(token_of(&headers).as_deref(), Some("secret"));
        headers.insert(header::AUTHORIZATION, "Basic eDp5".parse().expect("header"));
        assert_eq!(token_of(&headers), None);
        headers.insert(header::AUTHORIZATION, "Bearer other".parse().expect("header"));
        assert_eq!(token_of(&headers).as_deref(), Some("other"));
    }

    #[test]
    fn encodes_what_would_end_a_query() {
        assert_eq!(percent_encoded("/a?b=c&d=\"<"), "/a%3Fb%3Dc%26d%3D%22%3C");
    }
}
