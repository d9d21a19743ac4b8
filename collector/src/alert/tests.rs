mod quota;

use std::time::Duration;

use firstline_diagnosis::document::{Escalation, FindingState, Role, Texts};
use firstline_diagnosis::vocabulary::{Impact, Priority, Severity, Timestamp, Urgency};

use super::*;
use crate::app::ManualClock;
use crate::app::fixture::Ground;
use crate::feed::{Watch, Watched};
use crate::store::fixture;

const HOUR: Duration = Duration::from_hours(1);

struct Room {
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
    watch: Watch,
    alerts: Alerts,
}

impl Room {
    async fn open() -> Self {
        let Ground { folder, store, clock, feed } = Ground::new().await;
        let watch = feed.subscribe();
        Self { folder, watch, alerts: Alerts::new(store, clock.clone(), feed, Policy::default()), clock }
    }

    async fn judge(&self, held: Vec<Held>) {
        self.alerts.judge(subject(), held).await.expect("judged");
    }

    async fn all(&self) -> Vec<Alert> {
        self.alerts.list(&AlertQuery::default()).await.expect("a list").alerts
    }

    /// The states that watchers heard of since the last call.
    fn heard(&mut self) -> Vec<&'static str> {
        std::iter::from_fn(|| self.watch.ready())
            .map(|watched| match watched {
                Watched::Entry(entry) => match &entry.item {
                    FeedItem::Alert(alert) => alert.state.name(),
                    _ => "something else",
                },
                Watched::Lagged => "lagged",
            })
            .collect()
    }
}

pub(crate) fn subject() -> Subject {
    let tags = BTreeMap::from([("site".to_owned(), "berlin".to_owned())]);
    Subject { id: "e1".to_owned(), name: "lap-1".to_owned(), tags, epoch: None }
}

pub(crate) fn held(check: &str) -> Held {
    let finding = Finding {
        id: check.to_owned(),
        title: "The disk is full".to_owned(),
        instance: "/".to_owned(),
        role: Role::Primary,
        consequence_of: None,
        state: FindingState::Active,
        severity: Severity::High,
        confidence: 0.95,
        onset: Timestamp(1_768_999_000_000),
        is_older: false,
        until: None,
        texts: Texts { user: "Your disk is full.".to_owned(), tech: "1 GiB left on /".to_owned() },
        evidence: Vec::new(),
        guards: Vec::new(),
        runbook: vec!["Empty the bin".to_owned()],
        escalation: Escalation::default(),
        category: "Storage/Capacity".to_owned(),
        impact: Impact::I3,
        urgency: Urgency::U1,
        priority: Priority::P3,
        forecast: None,
    };
    Held { finding, title: "The disk is full".to_owned(), proactive: true }
}

pub(crate) fn but(held: Held, change: impl FnOnce(&mut Finding)) -> Held {
    let mut held = held;
    change(&mut held.finding);
    held
}

#[tokio::test]
async fn a_finding_fires_stays_one_alert_and_resolves() {
    let mut room = Room::open().await;
    room.judge(vec![held("disk")]).await;
    assert_eq!(room.heard(), ["firing"]);
    room.judge(vec![held("disk")]).await;
    assert!(room.heard().is_empty(), "nothing new is not told");
    room.judge(Vec::new()).await;
    assert_eq!(room.heard(), ["resolved"]);
    let alerts = room.all().await;
    assert_eq!((alerts.len(), alerts[0].state, alerts[0].group.as_str()), (1, AlertState::Resolved, "disk at berlin"));
    assert_eq!(alerts[0].finding.texts.tech, "1 GiB left on /", "the evidence stays on it");
}

#[tokio::test]
async fn an_alert_that_ends_keeps_what_was_wrong() {
    let room = Room::open().await;
    room.judge(vec![held("disk")]).await;
    let better = but(held("disk"), |finding| {
        finding.state = FindingState::Recovering;
        finding.texts.tech = "40 GiB left on /".to_owned();
    });
    room.judge(vec![better]).await;
    let alert = room.all().await.remove(0);
    assert_eq!((alert.finding.state, alert.summary.as_str()), (FindingState::Recovering, "1 GiB left on /"));
    room.judge(Vec::new()).await;
    let alert = room.all().await.remove(0);
    assert_eq!((alert.state, alert.finding.texts.tech.as_str()), (AlertState::Resolved, "1 GiB left on /"));
}

#[tokio::test]
async fn what_does_not_qualify_calls_nobody_and_says_why() {
    let mut room = Room::open().await;
    room.judge(vec![
        but(held("low"), |finding| finding.severity = Severity::Low),
        but(held("unsure"), |finding| finding.confidence = 0.75),
        but(held("idle"), |finding| finding.runbook.clear()),
        but(held("stale"), |finding| finding.state = FindingState::Stale),
        Held { proactive: false, ..held("quiet") },
    ])
    .await;
    assert!(room.heard().is_empty() && room.all().await.is_empty());
    let mut reasons: Vec<_> = room.alerts.decisions("e1").await.expect("decisions");
    reasons.sort_by(|one, other| one.check.cmp(&other.check));
    let reasons: Vec<_> =
        reasons.iter().map(|one| (one.check.as_str(), one.decision.reason.as_str(), one.told)).collect();
    assert_eq!(
        reasons,
        [
            ("idle", "no_action", false),
            ("low", "severity_too_low", false),
            ("quiet", "not_proactive", false),
            ("stale", "not_active", false),
            ("unsure", "confidence_too_low", false),
        ]
    );
}

#[tokio::test]
async fn fires_again_within_a_day_as_the_same_alert_and_later_as_another() {
    let mut room = Room::open().await;
    room.judge(vec![held("disk")]).await;
    let first = room.all().await[0].id.clone();
    room.alerts.acknowledge(&first, "olga", "on it").await.expect("acknowledged");
    room.judge(Vec::new()).await;
    room.clock.advance(23 * HOUR);
    room.judge(vec![held("disk")]).await;
    let again = &room.all().await[0];
    assert_eq!((&again.id, again.times_fired, again.state), (&first, 2, AlertState::Firing));
    assert!(again.acknowledgement.is_none(), "whoever looked has finished");
    room.judge(Vec::new()).await;
    room.clock.advance(25 * HOUR);
    room.judge(vec![held("disk")]).await;
    assert_eq!(room.all().await.len(), 2);
    assert_eq!(room.heard(), ["firing", "acknowledged", "resolved", "firing", "resolved", "firing"]);
    let life = room.alerts.show(&first).await.expect("there").changes;
    let life: Vec<_> = life.iter().map(|change| change.change.as_str()).collect();
    assert_eq!(life, ["fired", "acknowledged", "resolved", "fired_again", "resolved"]);
}

#[tokio::test]
async fn a_consequence_is_not_told_beside_its_root_and_comes_back_when_it_outlives_it() {
    let mut room = Room::open().await;
    let after = |root: Option<&str>| but(held("app"), |finding| finding.consequence_of = root.map(str::to_owned));
    room.judge(vec![after(None)]).await;
    room.judge(vec![held("disk"), after(Some("disk"))]).await;
    assert_eq!(room.heard(), ["firing", "firing", "silenced"]);
    let app = room.all().await.into_iter().find(|alert| alert.check == "app").expect("there");
    assert_eq!(app.inhibited_by.as_deref(), Some("disk"));
    assert_eq!(app.decision.words, "It follows from disk, which is told in its place.");
    room.judge(vec![after(None)]).await;
    let mut heard = room.heard();
    heard.sort_unstable();
    assert_eq!(heard, ["firing", "resolved"]);
}

#[tokio::test]
async fn a_new_consequence_makes_no_alert_unless_its_root_tells_nobody() {
    let room = Room::open().await;
    let app = || but(held("app"), |finding| finding.consequence_of = Some("disk".to_owned()));
    room.judge(vec![held("disk"), app()]).await;
    assert_eq!(room.all().await.len(), 1);
    room.judge(vec![app()]).await;
    assert_eq!(room.all().await.iter().filter(|alert| alert.resolved_at.is_none()).count(), 1);
    let lone = Room::open().await;
    lone.judge(vec![but(held("disk"), |finding| finding.severity = Severity::Low), app()]).await;
    assert_eq!(lone.all().await[0].check, "app");
}

#[tokio::test]
async fn a_silence_keeps_quiet_until_it_ends_by_itself() {
    let mut room = Room::open().await;
    room.judge(vec![held("disk")]).await;
    let order = |matchers: Matchers, hours: u32| NewSilence {
        matchers,
        until: room.clock.now() + HOUR * hours,
        comment: "moving the server".to_owned(),
    };
    let by_tag = Matchers { tag: Some("site=berlin".to_owned()), check: Some("disk".to_owned()), endpoint: None };
    // The open alert's endpoint is not enrolled in this room, so only its check is known when the silence begins.
    let by_check = Matchers { check: Some("disk".to_owned()), ..Matchers::default() };
    let order = [order(by_tag, 1), order(by_check, 2)];
    for one in order {
        room.alerts.silence(one, "olga").await.expect("silenced");
    }
    assert_eq!(room.heard(), ["firing", "silenced"]);
    let silenced = &room.all().await[0];
    assert_eq!(silenced.silenced_by.as_ref().expect("by").comment, "moving the server");
    room.clock.advance(HOUR);
    room.judge(vec![held("disk")]).await;
    room.alerts.tick().await.expect("ticked");
    assert!(room.heard().is_empty());
    room.clock.advance(HOUR);
    room.alerts.tick().await.expect("ticked");
    assert_eq!(room.heard(), ["firing"]);
    assert!(room.alerts.silences().await.expect("a list").is_empty());
}

#[tokio::test]
async fn a_silence_by_tag_holds_for_what_fires_later_and_can_be_ended() {
    let mut room = Room::open().await;
    let matchers = Matchers { tag: Some("site=berlin".to_owned()), ..Matchers::default() };
    let until = room.clock.now() + HOUR;
    let silence = NewSilence { matchers, until, comment: "power cut".to_owned() };
    let silence = room.alerts.silence(silence, "olga").await.expect("made");
    room.judge(vec![held("disk")]).await;
    assert_eq!(room.heard(), ["silenced"]);
    room.alerts.end_silence(&silence.id, "olga").await.expect("ended");
    assert_eq!(room.heard(), ["firing"]);
    assert!(room.alerts.end_silence(&silence.id, "olga").await.is_err());
}

#[tokio::test]
async fn a_silence_that_hides_everything_or_has_no_reason_is_refused() {
    let room = Room::open().await;
    let until = room.clock.now() + HOUR;
    let check = Matchers { check: Some("disk".to_owned()), ..Matchers::default() };
    for (matchers, until, comment) in [
        (Matchers::default(), until, "x"),
        (check.clone(), until, " \u{7}"),
        (check.clone(), room.clock.now(), "x"),
        (check, until + HOUR * 24 * 91, "x"),
        (Matchers { tag: Some("site".to_owned()), ..Matchers::default() }, until, "x"),
    ] {
        let order = NewSilence { matchers, until, comment: comment.to_owned() };
        assert!(matches!(room.alerts.silence(order, "olga").await, Err(AlertError::Refused(_))));
    }
}

#[tokio::test]
async fn a_worse_severity_is_told_and_what_no_longer_qualifies_stays_told() {
    let mut room = Room::open().await;
    room.judge(vec![held("disk")]).await;
    room.judge(vec![but(held("disk"), |finding| finding.severity = Severity::Critical)]).await;
    room.judge(vec![but(held("disk"), |finding| finding.severity = Severity::Low)]).await;
    assert_eq!(room.heard(), ["firing", "firing", "firing"]);
    assert_eq!(room.all().await[0].severity, Severity::Low);
}

#[tokio::test]
async fn lists_are_paged_and_filtered() {
    let room = Room::open().await;
    room.judge(vec![held("a"), but(held("b"), |finding| finding.severity = Severity::Medium), held("c")]).await;
    let page = room.alerts.list(&AlertQuery { limit: Some(2), ..AlertQuery::default() }).await.expect("a page");
    let rest = room.alerts.list(&AlertQuery { after: page.next, ..AlertQuery::default() }).await.expect("a page");
    assert_eq!((page.alerts.len(), rest.alerts.len(), rest.next), (2, 1, None));
    let high = AlertQuery { severity: Some(Severity::High), open: true, ..AlertQuery::default() };
    assert_eq!(room.alerts.list(&high).await.expect("a page").alerts.len(), 2);
    let resolved = AlertQuery { state: Some(AlertState::Resolved), ..AlertQuery::default() };
    assert!(room.alerts.list(&resolved).await.expect("a page").alerts.is_empty());
    let wrong = AlertQuery { after: Some("x".to_owned()), ..AlertQuery::default() };
    assert!(room.alerts.list(&wrong).await.is_err());
}

#[tokio::test]
async fn a_hostile_note_is_kept_as_text() {
    let room = Room::open().await;
    room.judge(vec![held("disk")]).await;
    let id = room.all().await[0].id.clone();
    let alert = room.alerts.acknowledge(&id, "olga", "<b>on it</b>\u{0}\u{202e}").await.expect("acknowledged");
    assert_eq!(alert.acknowledgement.expect("there").note, "<b>on it</b>");
    assert!(matches!(room.alerts.acknowledge("none", "olga", "").await, Err(AlertError::NotFound(_))));
}
