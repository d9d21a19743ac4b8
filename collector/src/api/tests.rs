//! The whole service, with an application behind it and no network.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use firstline_diagnosis::vocabulary::Timestamp;
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::shield::POLICY;
use crate::access::gate::{COOKIE, Door, Face};
use crate::access::{Actor, NewAccount, Role, SessionKind};
use crate::app::{App, Clock, ManualClock, fixture};
use crate::store::fixture::{Enrolled, enrol};
use crate::store::{StoreError, sql};
use crate::ticket::{NewTicket, Requester, TicketQuery};

const PASSWORD: &str = "correct horse battery";

/// An application with an account of each role.
pub(crate) struct House {
    pub(crate) app: Arc<App>,
    pub(crate) doors: Vec<Door>,
    pub(crate) clock: Arc<ManualClock>,
    service: Router,
    _folder: tempfile::TempDir,
}

/// Builds it.
pub(crate) async fn house() -> House {
    let folder = tempfile::tempdir().expect("folder");
    let clock = Arc::new(ManualClock::at(Timestamp(1_769_000_000_000)));
    let config = fixture::create(folder.path(), clock.as_ref()).await;
    let app = App::open(folder.path(), config, Arc::clone(&clock) as Arc<dyn Clock>).await.expect("app");
    for role in Role::ALL {
        let order = NewAccount { name: role.name().into(), role, password: Some(PASSWORD.into()) };
        app.access.create_account(order, &Actor::local("test")).await.expect("account");
    }
    let (service, doors) = super::assemble(&app, Router::new());
    House { app, doors, clock, service, _folder: folder }
}

impl House {
    /// A session of somebody with this role.
    async fn session(&self, role: Role) -> String {
        let signed_in = self.app.access.sign_in(role.name(), PASSWORD, SessionKind::Browser, None).await;
        signed_in.expect("right password").token
    }

    /// Sends a request, as a browser with this session.
    async fn ask(&self, method: Method, path: &str, session: Option<&str>, body: &str) -> Response {
        let mut request = Request::builder().method(method).uri(path).header(header::ACCEPT, "text/html");
        if let Some(session) = session {
            request = request.header(header::COOKIE, format!("{COOKIE}={session}"));
        }
        let kind = if path.starts_with("/api/") { "application/json" } else { "application/x-www-form-urlencoded" };
        let request = request.header(header::CONTENT_TYPE, kind).body(Body::from(body.to_owned())).expect("request");
        self.service.clone().oneshot(request).await.expect("the service never fails")
    }

    /// The text of a page, which must be there.
    async fn page(&self, path: &str, session: &str) -> String {
        let response = self.ask(Method::GET, path, Some(session), "").await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        text(response).await
    }

    /// An endpoint in the table.
    async fn endpoint(&self, id: &'static str, name: &'static str) {
        const SQL: &str = "UPDATE endpoints SET os_name = 'Debian <i>', tags = '{\"a\":\"<b>\"}'";
        let one = Enrolled {
            id,
            name,
            users: r#"["<u>ada</u>"]"#,
            state: "offline",
            last_seen_ms: Some(0),
            ..Enrolled::default()
        };
        enrol(&self.app.store, one).await;
        self.alter(SQL).await;
    }

    /// A ticket of a person; its number.
    async fn ticket(&self) -> String {
        let ticket = NewTicket { subject: "slow".into(), ..NewTicket::default() };
        self.app.desk.open(ticket, "ada").await.expect("ticket").number
    }

    /// Changes the tables.
    async fn alter(&self, statement: &'static str) {
        let altered = self.app.store.write(move |tx| {
            Box::pin(async move {
                sql::query(statement).execute(tx).await?;
                Ok::<_, StoreError>(())
            })
        });
        altered.await.expect(statement);
    }
}

async fn text(response: Response) -> String {
    let bytes = response.into_body().collect().await.expect("body").to_bytes();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A path with something in every place.
fn filled(door: &Door) -> String {
    let part = |part: &str| if part.starts_with('{') { "nothing".to_owned() } else { part.to_owned() };
    door.path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn no_door_opens_without_a_session() {
    let house = house().await;
    assert!(house.doors.len() > 40, "{} doors", house.doors.len());
    for door in house.doors.iter().filter(|door| !door.roles.is_open()) {
        let response = house.ask(door.method.clone(), &filled(door), None, "").await;
        let expected = if door.face == Face::Api { StatusCode::UNAUTHORIZED } else { StatusCode::SEE_OTHER };
        assert_eq!(response.status(), expected, "{} {}", door.method, door.path);
    }
}

#[tokio::test]
async fn no_door_opens_to_a_role_that_it_does_not_declare() {
    let house = house().await;
    for role in Role::ALL {
        let session = house.session(role).await;
        for door in house.doors.iter().filter(|door| !door.roles.admit(role)) {
            let response = house.ask(door.method.clone(), &filled(door), Some(&session), "").await;
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{role}: {} {}", door.method, door.path);
        }
    }
}

#[tokio::test]
async fn doors_open_to_the_roles_that_they_declare() {
    let house = house().await;
    for role in Role::ALL {
        let session = house.session(role).await;
        let reads = house.doors.iter().filter(|door| door.method == Method::GET && door.roles.admit(role));
        for door in reads {
            let status = house.ask(Method::GET, &filled(door), Some(&session), "").await.status();
            assert_ne!(status, StatusCode::FORBIDDEN, "{role}: {}", door.path);
            assert_ne!(status, StatusCode::UNAUTHORIZED, "{role}: {}", door.path);
            assert!(!status.is_server_error(), "{role}: {} answers {status}", door.path);
        }
    }
}

#[tokio::test]
async fn whatever_changes_something_is_not_open() {
    let open = ["/sign-in", "/api/v1/sign-in"];
    for door in house().await.doors {
        assert!(door.method == Method::GET || !door.roles.is_open() || open.contains(&door.path), "{}", door.path);
    }
}

#[tokio::test]
async fn every_answer_carries_the_policy() {
    let house = house().await;
    let session = house.session(Role::Administrator).await;
    let mut answers = Vec::new();
    for door in house.doors.iter().filter(|door| door.method == Method::GET) {
        answers.push((door.path, house.ask(Method::GET, &filled(door), Some(&session), "").await));
        answers.push((door.path, house.ask(Method::GET, &filled(door), None, "").await));
    }
    answers.push(("nowhere", house.ask(Method::GET, "/nowhere", None, "").await));
    answers.push(("wrong method", house.ask(Method::PUT, "/alerts", None, "").await));
    answers.push(("too much", house.ask(Method::POST, "/api/v1/sign-in", None, &"x".repeat(2 << 20)).await));
    for (path, answer) in answers {
        let policy = answer.headers().get(header::CONTENT_SECURITY_POLICY).map(|value| value.to_str().expect("text"));
        assert_eq!(policy, Some(POLICY), "{path}");
        assert_eq!(answer.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
    }
}

#[tokio::test]
async fn pages_hold_nothing_inline() {
    let house = house().await;
    let session = house.session(Role::Administrator).await;
    house.endpoint("e1", "laptop").await;
    let ticket = format!("/tickets/{}", house.ticket().await);
    for path in [
        "/alerts",
        "/endpoints",
        "/endpoints/e1",
        "/tickets",
        "/tickets/new",
        &ticket,
        "/audit",
        "/tokens",
        "/accounts",
    ] {
        let page = house.page(path, &session).await;
        for inline in [" style=", " onclick=", " onload=", "<style", "javascript:", "hx-on", "hx-vals"] {
            assert!(!page.contains(inline), "{path} holds {inline}");
        }
        for script in page.split("<script").skip(1) {
            assert!(script.starts_with(" src=\"/assets/"), "{path}: {script:.60}");
        }
        assert!(page.contains("<h1"), "{path} says what it is");
    }
}

#[tokio::test]
async fn an_administrator_gets_the_command_of_a_token_once_and_takes_the_token_back() {
    let house = house().await;
    let session = house.session(Role::Administrator).await;
    assert!(house.page("/endpoints", &session).await.contains("href=\"/tokens\""), "nothing enrolled: it says how");
    let made = house.ask(Method::POST, "/tokens", Some(&session), "uses=3&hours=24&tags=site%3Dberlin").await;
    let made = text(made).await;
    assert!(made.contains("firstline-agent enroll --collector ") && made.contains(" --token fl1."), "{made}");
    let later = house.page("/tokens", &session).await;
    assert!(!later.contains("fl1.") && later.contains("0 of 3") && later.contains("site=berlin"), "{later}");
    let id = house.app.enrollment.tokens().await.expect("tokens").remove(0).id;
    house.ask(Method::POST, &format!("/tokens/{id}/revoke"), Some(&session), "").await;
    assert!(house.page("/tokens", &session).await.contains("<td>revoked</td>"));
}

#[tokio::test]
async fn an_administrator_adds_somebody_who_can_sign_in_until_disabled() {
    let house = house().await;
    let session = house.session(Role::Administrator).await;
    let made = text(house.ask(Method::POST, "/accounts", Some(&session), "name=Tess&role=technician").await).await;
    let password = made.split("id=\"password\">").nth(1).and_then(|rest| rest.split('<').next()).expect("told once");
    let signed_in = house.app.access.sign_in("tess", password, SessionKind::Browser, None).await;
    assert_eq!(signed_in.expect("right password").principal.role, Role::Technician);
    assert!(!house.page("/accounts", &session).await.contains(password));
    let taken = house.ask(Method::POST, "/accounts", Some(&session), "name=tess&role=ops").await;
    assert!(taken.status().is_client_error());
    assert!(text(taken).await.contains("role=\"alert\""), "the page says what was wrong");
    house.ask(Method::POST, "/accounts/tess/disable", Some(&session), "").await;
    assert!(house.app.access.sign_in("tess", password, SessionKind::Browser, None).await.is_err());
}

#[tokio::test]
async fn a_ticket_without_a_suggestion_offers_the_endpoints_that_there_are() {
    let house = house().await;
    let session = house.session(Role::Technician).await;
    house.endpoint("e1", "laptop").await;
    let number = house.ticket().await;
    let page = house.page(&format!("/tickets/{number}"), &session).await;
    assert!(page.contains("<option value=\"laptop\">offline"), "{page}");
    assert!(house.page("/endpoint-options?endpoint=lap", &session).await.contains("value=\"laptop\""));
    assert!(!house.page("/endpoint-options?endpoint=desk", &session).await.contains("laptop"));
}

#[tokio::test]
async fn a_ticket_is_closed_with_a_code_on_its_page_and_opened_again() {
    let house = house().await;
    let session = house.session(Role::Technician).await;
    let ticket = format!("/tickets/{}", house.ticket().await);
    let ended = "<dt>Ended</dt><dd>Nothing was wrong</dd>";
    assert!(!house.page(&ticket, &session).await.contains(ended));
    let close =
        async |form: &str| house.ask(Method::POST, &format!("{ticket}/close"), Some(&session), form).await.status();
    assert!(close("closing=whatever").await.is_client_error());
    assert_eq!(close("closing=nothing&text=Talked+to+them").await, StatusCode::SEE_OTHER);
    let page = house.page(&ticket, &session).await;
    assert!(page.contains(ended) && page.contains("Talked to them") && page.contains("Open it again"), "{page}");
    let log = house.page("/audit", &house.session(Role::Auditor).await).await;
    assert!(log.contains("closed, nothing"), "{log}");
    let again = house.ask(Method::POST, &format!("{ticket}/reopen"), Some(&session), "").await;
    assert_eq!(again.status(), StatusCode::SEE_OTHER);
    let page = house.page(&ticket, &session).await;
    assert!(!page.contains(ended) && page.contains("Close the ticket"), "{page}");
}

#[tokio::test]
async fn hostile_words_are_shown_and_never_obeyed() {
    const EVIL: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
    let house = house().await;
    let session = house.session(Role::Administrator).await;
    house.endpoint("e1", EVIL).await;
    let requester = Requester { name: EVIL.into(), email: String::new(), sign_in: "ada".into() };
    let order = NewTicket { requester, subject: EVIL.into(), text: EVIL.into(), endpoint: Some("e1".into()) };
    let ticket = house.app.desk.open(order, "technician").await.expect("ticket").number;
    let note = format!("text={}", crate::access::gate::percent_encoded(EVIL));
    let written = house.ask(Method::POST, &format!("/tickets/{ticket}/notes"), Some(&session), &note).await;
    assert_eq!(written.status(), StatusCode::SEE_OTHER);
    let search = format!("/endpoints?search={}", crate::access::gate::percent_encoded(EVIL));
    let ticket = format!("/tickets/{ticket}");
    for path in ["/endpoints", &search, "/endpoints/e1", "/tickets", &ticket, "/audit", "/tickets/new?endpoint=e1"] {
        let page = house.page(path, &session).await;
        assert!(!page.contains("<script>alert") && !page.contains("<img src=x"), "{path}");
        assert!(!page.contains("<i>") && !page.contains("<u>ada"), "{path}");
        assert!(page.contains("&#60;script&#62;alert") || page.contains("&lt;script&gt;alert"), "{path} shows it");
    }
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing() {
    let house = house().await;
    let session = house.session(Role::Administrator).await;
    let request = Request::post("/tickets")
        .header(header::COOKIE, format!("{COOKIE}={session}"))
        .header("sec-fetch-site", "cross-site")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from("subject=evil"))
        .expect("request");
    let response = house.service.clone().oneshot(request).await.expect("answer");
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(text(response).await.contains("another site"));
    assert!(house.app.desk.list(&TicketQuery::default()).await.expect("list").tickets.is_empty());
}

#[tokio::test]
async fn a_session_that_ended_leads_to_the_sign_in_and_back() {
    let house = house().await;
    let session = house.session(Role::Technician).await;
    house.clock.advance(Duration::from_hours(9));
    let response = house.ask(Method::GET, "/tickets?view=all", Some(&session), "").await;
    assert_eq!(response.headers()[header::LOCATION], "/sign-in?next=/tickets%3Fview%3Dall");
    let body = format!("name=Technician&password={}&next=%2Ftickets", PASSWORD.replace(' ', "+"));
    let response = house.ask(Method::POST, "/sign-in", None, &body).await;
    assert_eq!(response.headers()[header::LOCATION], "/tickets");
    let cookie = response.headers()[header::SET_COOKIE].to_str().expect("text").to_owned();
    let session = cookie.split(['=', ';']).nth(1).expect("a value");
    house.page("/tickets", session).await;
    house.ask(Method::POST, "/sign-out", Some(session), "").await;
    let response = house.ask(Method::GET, "/tickets", Some(session), "").await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER, "signed out");
}

#[tokio::test]
async fn reads_of_an_endpoint_are_written_down_before_the_answer() {
    let house = house().await;
    let session = house.session(Role::Technician).await;
    house.endpoint("e1", "laptop").await;
    house.page("/endpoints/e1", &session).await;
    let response = house.ask(Method::GET, "/api/v1/endpoints/laptop/findings", Some(&session), "").await;
    assert_eq!(response.status(), StatusCode::OK);
    let page = house.app.access.audit().page("", None, 10).await.expect("log");
    let reads: Vec<_> = page.entries.iter().filter(|one| one.action == "endpoint.read").collect();
    assert_eq!(reads.len(), 2);
    assert!(reads.iter().all(|one| one.object == "e1" && one.who == "technician"));
    assert!(house.app.access.audit().verify().await.expect("walk").whole);
}

#[tokio::test]
async fn the_log_is_searched_by_what_people_call_things() {
    let house = house().await;
    let session = house.session(Role::Administrator).await;
    house.endpoint("e1", "laptop_7").await;
    house.endpoint("e2", "laptopX7").await;
    house.page("/endpoints/e1", &session).await;
    house.page("/endpoints/e2", &session).await;
    let found = house.page("/audit?search=LAPTOP_7", &session).await;
    assert!(found.contains(">laptop_7</a>") && !found.contains("laptopX7"), "{found}");
    assert!(house.page("/audit?search=nobody", &session).await.contains("No entry matches"));
}

#[tokio::test]
async fn refusals_are_problem_documents_with_a_correlation_id() {
    let house = house().await;
    let session = house.session(Role::Technician).await;
    for (path, status) in [
        ("/api/v1/endpoints/nobody", StatusCode::NOT_FOUND),
        ("/api/v1/tickets/FL-999999", StatusCode::NOT_FOUND),
        ("/api/v1/alerts?limit=many", StatusCode::UNPROCESSABLE_ENTITY),
        ("/api/v1/nothing", StatusCode::NOT_FOUND),
        ("/api/v1/accounts", StatusCode::FORBIDDEN),
    ] {
        let response = house.ask(Method::GET, path, Some(&session), "").await;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json", "{path}");
        let problem: super::problem::Problem = serde_json::from_str(&text(response).await).expect("a problem");
        assert_eq!(problem.correlation.len(), 32, "{path}");
    }
}

#[tokio::test]
async fn a_check_file_is_tried_without_taking_force() {
    let house = house().await;
    let session = house.session(Role::Technician).await;
    let bad = r#"{"name":"../mine.toml","text":"[[check]]\nid = \"mine\"\nwhen = \"endpoint.misspelt > 1\"\n"}"#;
    let response = house.ask(Method::POST, "/api/v1/checks/test", Some(&session), bad).await;
    assert_eq!(response.status(), StatusCode::OK);
    let report: super::CheckReport = serde_json::from_str(&text(response).await).expect("a report");
    assert!(!report.good && report.file == "mine.toml" && !report.errors.is_empty(), "{report:?}");
}

#[tokio::test]
async fn a_check_says_how_useful_it_was() {
    let house = house().await;
    let session = house.session(Role::Technician).await;
    let number = house.ticket().await;
    let diagnosed =
        "INSERT INTO diagnoses (pull_id, ticket, endpoint_id, at_ms, check_id, model, site, build, document)
        SELECT 'p', number, 'e1', opened_at_ms + 40000, 'disk-space-critical', '', '', '', '{}' FROM tickets";
    house.alter(diagnosed).await;
    let page = house.page(&format!("/tickets/{number}"), &session).await;
    assert!(page.contains("<dt>First diagnosis</dt><dd>40.0 s after it was opened</dd>"), "{page}");
    let path = "/api/v1/checks/disk-space-critical";
    let said = "1 useful, 0 of no use (100 % useful)";
    assert!(!house.page(path, &session).await.contains(said));
    house.ask(Method::POST, &format!("/tickets/{number}/close"), Some(&session), "closing=solved").await;
    assert!(house.page(path, &session).await.contains(said));
    assert!(
        house
            .page("/report", &session)
            .await
            .contains("<th scope=\"row\">disk-space-critical</th><td>1</td><td>0</td>")
    );
}

#[tokio::test]
async fn a_ticket_of_another_desk_says_when_it_is_due_and_how_it_ended_there() {
    let house = house().await;
    let session = house.session(Role::Technician).await;
    let number = house.ticket().await;
    let outside = "INSERT INTO desk_tickets (ticket, desk, display_number, api_id, url, queue, device, due_ms, attended, why, closing)
        SELECT number, 'helpdesk', '12', '12', 'https://desk.example/12', '', '', opened_at_ms + 7200000, 1, '', 'False alarm'
        FROM tickets";
    house.alter(outside).await;
    let page = house.page(&format!("/tickets/{number}"), &session).await;
    assert!(page.contains("<dt>Due at its desk</dt><dd><time datetime=\"2026-01-21T14:53:20Z\">"), "{page}");
    assert!(page.contains("<dt>Ended</dt><dd>False alarm</dd>"), "{page}");
    assert!(!page.contains("Close the ticket"), "it is closed there");
}

#[tokio::test]
async fn documents_have_the_fields_that_the_api_promises() {
    let house = house().await;
    let session = house.session(Role::Administrator).await;
    house.endpoint("e1", "laptop").await;
    house.ticket().await;
    let document = super::openapi::document(&house.doors);
    for (path, schema) in [
        ("/api/v1/endpoints", "EndpointList"),
        ("/api/v1/endpoints/e1", "Endpoint"),
        ("/api/v1/endpoints/e1/diagnosis", "Diagnosis"),
        ("/api/v1/tickets", "TicketList"),
        ("/api/v1/desks", "DeskList"),
        ("/api/v1/directories", "DirectoryList"),
        ("/api/v1/outbox", "DeliveryList"),
        ("/api/v1/alerts", "AlertList"),
        ("/api/v1/checks", "CheckList"),
        ("/api/v1/symptoms", "SymptomList"),
        ("/api/v1/tokens", "TokenList"),
        ("/api/v1/accounts", "AccountList"),
        ("/api/v1/audit", "AuditPage"),
        ("/api/v1/me", "Principal"),
    ] {
        let response = house.ask(Method::GET, path, Some(&session), "").await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let value: serde_json::Value = serde_json::from_str(&text(response).await).expect("json");
        fits(&document, &document["components"]["schemas"][schema], &value, schema);
    }
}

/// Holds a document against its schema: every required member is there, and no member is unknown to it.
fn fits(root: &serde_json::Value, schema: &serde_json::Value, value: &serde_json::Value, place: &str) {
    if let Some(target) = schema["$ref"].as_str() {
        let name = target.rsplit('/').next().expect("a name");
        return fits(root, &root["components"]["schemas"][name], value, place);
    }
    if let (Some(members), Some(object)) = (schema["properties"].as_object(), value.as_object()) {
        for required in schema["required"].as_array().into_iter().flatten() {
            assert!(object.contains_key(required.as_str().expect("name")), "{place} lacks {required}");
        }
        for (name, inner) in object {
            let member = members.get(name).unwrap_or_else(|| panic!("{place}.{name} is not in the document"));
            fits(root, member, inner, &format!("{place}.{name}"));
        }
    }
    if let (Some(items), Some(list)) = (schema.get("items"), value.as_array()) {
        for inner in list {
            fits(root, items, inner, place);
        }
    }
}

#[tokio::test]
async fn while_the_database_is_away_people_and_programs_are_asked_to_come_back() {
    let house = house().await;
    let session = house.session(Role::Administrator).await;
    house.app.store.close().await;
    for path in ["/api/v1/endpoints", "/endpoints"] {
        let answer = house.ask(Method::GET, path, Some(&session), "").await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(answer.headers()[header::RETRY_AFTER], "5", "{path}");
    }
}
