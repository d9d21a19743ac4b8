mod fleet;
mod replayed;
mod verdict;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use firstline_diagnosis::document::{Escalation, Finding, FindingState, Role, Texts};
use firstline_diagnosis::vocabulary::{Impact, Priority, Severity, Timestamp, Urgency};

use super::*;
use crate::alert::{AlertQuery, AlertState, Held, HeldBackQuery, Subject};
use crate::app::{App, ManualClock, fixture};
use crate::store::StoreError;
use crate::store::fixture::{Enrolled, enrol};

const START: Timestamp = Timestamp(1_769_000_000_000);
const MINUTE: Duration = Duration::from_mins(1);
const CHECK: &str = "dns-failing";
const ENDPOINTS: usize = 40;

/// A collector with forty endpoints, of which the first thirteen are on the western network.
struct Room {
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
    app: Arc<App>,
}

fn id(place: usize) -> String {
    format!("0197c1a0-0000-7000-8000-{place:012}")
}

/// Endpoints as a statement names them.
fn ids(places: Range<usize>) -> String {
    places.map(|place| format!("'{}'", id(place))).collect::<Vec<_>>().join(",")
}

impl Room {
    async fn open() -> Self {
        Self::with_quota(100).await
    }

    /// So many alerts may be announced a day.
    async fn with_quota(quota: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(ManualClock::at(START));
        let mut config = fixture::create(folder.path(), &*clock).await;
        config.alerts.announced_per_hundred_a_day = quota;
        let app = App::open(folder.path(), config, Arc::clone(&clock) as _).await.expect("an app");
        let room = Self { folder, clock, app };
        for place in 0..ENDPOINTS {
            let gateway = if place < 13 { "gw-west".to_owned() } else { format!("gw-{}", place % 4) };
            let name = format!("lap-{place:02}");
            let one =
                Enrolled { id: &id(place), name: &name, last_seen_ms: Some(START.unix_ms()), ..Enrolled::default() };
            enrol(&room.app.store, one).await;
            room.write(&[format!(
                "INSERT INTO inventory (endpoint_key, series, outcome, at_ms) SELECT key, \
                     'endpoint.network.context_id', '{{\"value\":\"{gateway}\"}}', 0 FROM endpoints WHERE id = '{}'",
                id(place)
            )])
            .await;
        }
        room
    }

    /// The same collector, started again.
    async fn restart(self) -> Self {
        self.app.store.close().await;
        let config = fixture::config(self.folder.path()).await;
        let app = App::open(self.folder.path(), config, Arc::clone(&self.clock) as _).await.expect("an app");
        Self { app, ..self }
    }

    async fn write(&self, statements: &[String]) {
        let statements = statements.to_vec();
        let written: Result<(), StoreError> = self
            .app
            .store
            .write(move |tx| {
                Box::pin(async move {
                    for statement in statements {
                        sql::query(Box::leak(statement.into_boxed_str())).execute(&mut *tx).await?;
                    }
                    Ok(())
                })
            })
            .await;
        written.expect("written");
    }

    /// Endpoints were last heard at `at`, and are in `state` since.
    async fn seen(&self, places: Range<usize>, at: Timestamp, state: &str) {
        let (at, ids) = (at.unix_ms(), ids(places));
        self.write(&[format!("UPDATE endpoints SET last_seen_ms = {at}, state = '{state}' WHERE id IN ({ids})")]).await;
    }

    /// Endpoints are behind a gateway.
    async fn behind(&self, places: Range<usize>, gateway: &str) {
        self.write(&[format!(
            "UPDATE inventory SET outcome = '{{\"value\":\"{gateway}\"}}' WHERE endpoint_key IN \
             (SELECT key FROM endpoints WHERE id IN ({}))",
            ids(places)
        )])
        .await;
    }

    /// An endpoint loses its names: as detection stores and tells it.
    async fn breaks(&self, place: usize) {
        let finding = self.finds(place).await;
        self.judge(place, vec![finding]).await;
    }

    /// The same of a check that is told only to who looks.
    async fn breaks_quietly(&self, place: usize) {
        let finding = self.finds(place).await;
        let title = finding.title.clone();
        self.judge_held(place, vec![Held { finding, title, proactive: false }]).await;
    }

    /// The finding, stored.
    async fn finds(&self, place: usize) -> Finding {
        let finding = finding(self.clock.now());
        let document = serde_json::to_string(&finding).expect("JSON").replace('\'', "''");
        let at = self.clock.now().unix_ms();
        self.write(&[format!(
            "INSERT INTO findings (endpoint_id, check_id, instance, state, severity, onset_ms, changed_ms, document) \
             VALUES ('{}', '{CHECK}', '', 'active', 4, {at}, {at}, '{document}')",
            id(place)
        )])
        .await;
        finding
    }

    /// An endpoint is well again.
    async fn heals(&self, place: usize) {
        let at = self.clock.now().unix_ms();
        self.write(&[format!(
            "UPDATE findings SET state = 'ok', changed_ms = {at} WHERE endpoint_id = '{}' AND check_id = '{CHECK}'",
            id(place)
        )])
        .await;
        self.judge(place, Vec::new()).await;
    }

    async fn judge(&self, place: usize, findings: Vec<Finding>) {
        let held = |finding| Held { finding, title: "Names cannot be looked up".to_owned(), proactive: true };
        self.judge_held(place, findings.into_iter().map(held).collect()).await;
    }

    async fn judge_held(&self, place: usize, held: Vec<Held>) {
        let subject = Subject { id: id(place), name: format!("lap-{place:02}"), tags: BTreeMap::new(), epoch: None };
        self.app.alerts.judge(subject, held).await.expect("judged");
    }

    /// Why an endpoint's finding is held back.
    async fn reason(&self, place: usize) -> String {
        let query = HeldBackQuery { endpoint: Some(id(place)), ..HeldBackQuery::default() };
        self.app.alerts.held_back(&query).await.expect("a list").held_back.remove(0).reason
    }

    async fn round(&self) {
        self.clock.advance(MINUTE);
        self.app.incidents.round().await.expect("a round");
    }

    async fn open_incidents(&self) -> Vec<Incident> {
        let query = IncidentQuery { open: true, limit: None };
        self.app.incidents.list(&query).await.expect("a list").incidents
    }

    /// Names of the endpoints of the alerts that people hear of.
    async fn loud(&self) -> Vec<String> {
        let query = AlertQuery { state: Some(AlertState::Firing), ..AlertQuery::default() };
        let alerts = self.app.alerts.list(&query).await.expect("a list").alerts;
        let mut names: Vec<String> = alerts.into_iter().map(|alert| alert.endpoint.name).collect();
        names.sort();
        names
    }
}

fn finding(onset: Timestamp) -> Finding {
    Finding {
        id: CHECK.to_owned(),
        title: "Names cannot be looked up".to_owned(),
        instance: String::new(),
        role: Role::Primary,
        consequence_of: None,
        state: FindingState::Active,
        severity: Severity::High,
        confidence: 0.85,
        onset,
        is_older: false,
        until: None,
        texts: Texts { user: "Names cannot be looked up.".to_owned(), tech: "No answer.".to_owned() },
        evidence: Vec::new(),
        guards: Vec::new(),
        runbook: vec!["Ask the name server.".to_owned()],
        escalation: Escalation::default(),
        category: "Network/DNS".to_owned(),
        impact: Impact::I3,
        urgency: Urgency::U1,
        priority: Priority::P3,
        forecast: None,
    }
}

#[tokio::test]
async fn twelve_of_forty_lose_their_names_behind_one_gateway_and_that_is_one_incident_and_one_alert() {
    let room = Room::open().await;
    for place in 0..12 {
        room.breaks(place).await;
    }
    assert_eq!(room.loud().await.len(), 12, "nobody knows yet that they have one cause");
    room.round().await;
    let incidents = room.open_incidents().await;
    assert_eq!(incidents.len(), 1);
    let incident = &incidents[0];
    assert!(
        incident.words.contains("12 of 13 endpoints on one network, behind the gateway gw-west"),
        "{}",
        incident.words
    );
    assert_eq!(
        (incident.kind, incident.impact, incident.priority),
        (IncidentKind::CommonCause, Impact::I1, Priority::P1)
    );
    assert_eq!((incident.endpoints.len(), incident.numbers.all, incident.numbers.all_affected), (12, 40, 12));
    assert_eq!(room.loud().await, ["12 endpoints"], "one alert, of the incident");
    // The last of them breaks, too: it is told with the others.
    room.breaks(12).await;
    room.round().await;
    assert_eq!(room.loud().await, ["13 endpoints"]);
    assert_eq!(room.open_incidents().await[0].id, incident.id);
    // Elsewhere the same trouble is another.
    room.breaks(20).await;
    room.round().await;
    assert_eq!(room.loud().await, ["13 endpoints", "lap-20"]);
}

#[tokio::test]
async fn an_incident_gives_the_places_of_its_endpoints_alerts_in_the_days_quota_back() {
    let room = Room::with_quota(3).await;
    for place in 0..12 {
        room.breaks(place).await;
    }
    assert_eq!(room.loud().await, ["lap-00", "lap-01", "lap-02"], "nobody knows yet that they have one cause");
    room.round().await;
    assert_eq!(room.loud().await, ["12 endpoints"]);
    let budget = room.app.alerts.budget(None).await.expect("a budget");
    assert_eq!((budget.announced, budget.rolled_up.alerts), (0, 0));
    room.breaks(20).await;
    assert_eq!(room.loud().await, ["12 endpoints", "lap-20"], "another's trouble is still told");
    let held_back = room.app.alerts.held_back(&HeldBackQuery::default()).await.expect("a list");
    let endpoints: Vec<&str> = held_back.held_back.iter().map(|one| one.endpoint.name.as_str()).collect();
    assert!(!endpoints.contains(&"lap-20"), "{endpoints:?}");
    room.judge(0, vec![finding(room.clock.now())]).await;
    assert_eq!(room.reason(0).await, "explained_by_incident");
}

#[tokio::test]
async fn what_is_part_of_an_incident_was_told_though_the_check_itself_tells_only_who_looks() {
    let room = Room::open().await;
    for place in 0..11 {
        room.breaks_quietly(place).await;
    }
    assert_eq!(room.reason(0).await, "not_proactive");
    room.round().await;
    assert_eq!(room.loud().await, ["11 endpoints"]);
    assert_eq!(room.reason(0).await, "explained_by_incident", "decided before there was an incident");
    room.breaks_quietly(11).await;
    room.round().await;
    assert_eq!(room.reason(11).await, "explained_by_incident", "decided after");
}

#[tokio::test]
async fn an_incident_survives_a_restart_and_is_over_an_hour_after_it_calmed_down() {
    let room = Room::open().await;
    for place in 0..12 {
        room.breaks(place).await;
    }
    room.round().await;
    let room = room.restart().await;
    room.round().await;
    assert_eq!(room.open_incidents().await.len(), 1);
    assert_eq!(room.loud().await, ["12 endpoints"]);
    for place in 0..12 {
        room.heals(place).await;
    }
    room.round().await;
    let calm = room.open_incidents().await.remove(0);
    assert_eq!(calm.calm_since, Some(room.clock.now()));
    assert!(calm.endpoints.iter().all(|endpoint| !endpoint.is_affected));
    room.clock.advance(Duration::from_mins(58));
    room.round().await;
    assert_eq!(room.open_incidents().await.len(), 1, "it may come back");
    room.round().await;
    assert!(room.open_incidents().await.is_empty() && room.loud().await.is_empty());
    let over = room.app.incidents.show(&calm.id).await.expect("it is kept");
    assert_eq!((over.state, over.closed_at), (IncidentState::Closed, Some(room.clock.now())));
}

#[tokio::test]
async fn what_is_true_still_when_an_incident_is_over_is_told_again() {
    let room = Room::open().await;
    for place in 0..12 {
        room.breaks(place).await;
    }
    room.round().await;
    for place in 1..12 {
        room.heals(place).await;
    }
    // Elsewhere the same is as frequent by now.
    for place in 13..18 {
        room.breaks(place).await;
        room.clock.advance(Duration::from_mins(20));
    }
    room.round().await;
    assert!(room.open_incidents().await[0].calm_since.is_some());
    assert!(!room.loud().await.contains(&"lap-00".to_owned()));
    room.clock.advance(Duration::from_hours(1));
    room.round().await;
    assert!(room.loud().await.contains(&"lap-00".to_owned()), "{:?}", room.loud().await);
}

#[tokio::test]
async fn a_network_that_falls_silent_is_an_incident_and_no_call_until_somebody_there_confirms_it() {
    let room = Room::open().await;
    room.clock.advance(Duration::from_mins(6));
    let now = room.clock.now();
    room.seen(0..ENDPOINTS, now, "online").await;
    // Three of forty: few enough not to be the collector's own trouble.
    room.seen(13..16, now - Duration::from_mins(5), "silent").await;
    room.behind(13..18, "gw-east").await;
    room.round().await;
    let incidents = room.open_incidents().await;
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].kind, IncidentKind::SilentGroup);
    assert!(
        incidents[0].words.contains("3 of 5 endpoints on one network, behind the gateway gw-east"),
        "{}",
        incidents[0].words
    );
    assert!(room.loud().await.is_empty(), "it is only a suspicion");
    room.seen(0..ENDPOINTS, room.clock.now(), "online").await;
    room.round().await;
    assert!(room.open_incidents().await[0].calm_since.is_some());
}

#[tokio::test]
async fn an_incident_is_one_ticket_that_lists_its_endpoints_and_none_for_each() {
    let mut room = Room::open().await;
    let app = Arc::get_mut(&mut room.app).expect("nobody else has it");
    let mut config = (*app.config).clone();
    config.alerts.tickets = vec![crate::config::TicketRule { diagnose: false, ..Default::default() }];
    app.config = Arc::new(config);
    for place in 0..12 {
        room.breaks(place).await;
    }
    for _ in 0..3 {
        room.round().await;
        crate::alert::tickets::run(&room.app).await.expect("a turn");
    }
    let tickets = room.app.desk.list(&crate::ticket::TicketQuery::default()).await.expect("a list").tickets;
    assert_eq!(tickets.len(), 1, "{tickets:?}");
    assert!(tickets[0].text.contains("lap-00") && tickets[0].text.contains("lap-11"), "{}", tickets[0].text);
    let incident = room.open_incidents().await.remove(0);
    let shown = room.app.incidents.show(&incident.id).await.expect("shown");
    assert_eq!(shown.ticket.as_deref(), Some(tickets[0].number.as_str()));
}
