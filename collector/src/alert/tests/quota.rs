//! How many alerts people hear of in a day.

use super::*;
use crate::store::{StoreError, sql};

fn of(endpoint: usize) -> Subject {
    Subject { id: format!("e{endpoint}"), name: format!("lap-{endpoint}"), ..Subject::default() }
}

impl Room {
    async fn breaks(&self, endpoint: usize, severity: Severity) {
        let held = but(held("disk"), |finding| finding.severity = severity);
        self.alerts.judge(of(endpoint), vec![held]).await.expect("judged");
    }

    async fn heals(&self, endpoint: usize) {
        self.alerts.judge(of(endpoint), Vec::new()).await.expect("judged");
    }

    /// Names of the endpoints that people hear of.
    async fn loud(&self) -> Vec<String> {
        loud(&self.alerts).await
    }

    async fn spent(&self) -> (u64, u64, u64) {
        let budget = self.alerts.budget(None).await.expect("a budget");
        (budget.announced, budget.rolled_up.alerts, budget.user_messages)
    }
}

async fn loud(alerts: &Alerts) -> Vec<String> {
    let query = AlertQuery { state: Some(AlertState::Firing), ..AlertQuery::default() };
    let mut names: Vec<String> =
        alerts.list(&query).await.expect("a list").alerts.into_iter().map(|alert| alert.endpoint.name).collect();
    names.sort();
    names
}

#[tokio::test]
async fn the_fourth_alert_of_a_day_is_rolled_up_and_says_so() {
    let mut room = Room::open().await;
    for endpoint in 0..5 {
        room.breaks(endpoint, Severity::High).await;
    }
    assert_eq!(room.loud().await, ["lap-0", "lap-1", "lap-2"]);
    assert_eq!(room.heard(), ["firing", "firing", "firing", "silenced", "silenced"]);
    let fourth = room.all().await.into_iter().find(|alert| alert.endpoint.name == "lap-3").expect("it is kept");
    assert_eq!((fourth.decision.stage.as_str(), fourth.decision.reason.as_str()), ("quota", "quota_spent"));
    assert!(fourth.is_rolled_up());
    let decided = &room.alerts.decisions("e3").await.expect("decisions")[0];
    assert_eq!((decided.told, decided.decision.reason.as_str()), (false, "quota_spent"));
    let budget = room.alerts.budget(None).await.expect("a budget");
    assert_eq!(
        budget.rolled_up.words,
        "2 alerts on 2 endpoints beyond the quota of the day, most of them disk; 2 of them true still."
    );
    assert_eq!((budget.day.as_str(), budget.allowed, budget.announced), ("2026-01-21", 3, 3));
    // Looking again changes nothing: it is decided once.
    room.breaks(3, Severity::High).await;
    room.heals(0).await;
    room.breaks(3, Severity::High).await;
    assert_eq!((room.loud().await.len(), room.spent().await), (2, (3, 2, 3)));
}

#[tokio::test]
async fn a_new_day_has_a_new_quota_and_the_day_before_keeps_its_entry() {
    let room = Room::open().await;
    for endpoint in 0..5 {
        room.breaks(endpoint, Severity::High).await;
    }
    room.clock.advance(24 * HOUR);
    room.breaks(5, Severity::High).await;
    assert!(room.loud().await.contains(&"lap-5".to_owned()));
    assert_eq!(room.spent().await, (1, 0, 1));
    let before = room.alerts.budget(Some("2026-01-21")).await.expect("a budget");
    assert_eq!((before.announced, before.rolled_up.alerts), (3, 2));
    assert!(room.alerts.budget(Some("yesterday")).await.is_err());
}

#[tokio::test]
async fn what_is_critical_or_becomes_so_is_told_whatever_was_told_today() {
    let room = Room::open().await;
    for endpoint in 0..5 {
        room.breaks(endpoint, Severity::High).await;
    }
    room.breaks(5, Severity::Critical).await;
    room.breaks(4, Severity::Critical).await;
    assert_eq!(room.loud().await, ["lap-0", "lap-1", "lap-2", "lap-4", "lap-5"]);
    assert_eq!(room.spent().await, (5, 1, 5));
}

#[tokio::test]
async fn what_comes_back_within_a_day_takes_no_second_place() {
    let room = Room::open().await;
    for _ in 0..4 {
        room.breaks(0, Severity::High).await;
        room.heals(0).await;
        room.clock.advance(HOUR);
    }
    assert_eq!(room.spent().await, (1, 0, 1));
}

#[tokio::test]
async fn a_silence_takes_no_place_until_it_ends() {
    let room = Room::open().await;
    let matchers = Matchers { endpoint: Some("e9".to_owned()), ..Matchers::default() };
    let until = room.clock.now() + HOUR;
    let silence = NewSilence { matchers, until, comment: "is moved".to_owned() };
    room.alerts.silence(silence, "olga").await.expect("silenced");
    room.breaks(9, Severity::High).await;
    assert_eq!(room.spent().await, (0, 0, 0));
    for endpoint in 0..3 {
        room.breaks(endpoint, Severity::High).await;
    }
    room.clock.advance(HOUR);
    room.alerts.tick().await.expect("ticked");
    assert_eq!((room.spent().await, room.loud().await.len()), ((3, 1, 3), 3), "it came too late for today");
}

#[tokio::test]
async fn the_user_of_an_endpoint_gets_one_message_a_day_and_the_worst_comes_first() {
    let room = Room::open().await;
    let three = vec![
        but(held("a"), |finding| finding.severity = Severity::Medium),
        but(held("b"), |finding| finding.severity = Severity::High),
        but(held("c"), |finding| finding.texts.user.clear()),
    ];
    room.judge(three).await;
    let told: Vec<String> = room
        .all()
        .await
        .into_iter()
        .filter(|alert| alert.announcement.as_ref().is_some_and(|one| one.to_user))
        .map(|alert| alert.check)
        .collect();
    assert_eq!(told, ["b"]);
    room.clock.advance(24 * HOUR);
    let four = ["a", "b", "c", "d"].map(held);
    room.judge(four.into()).await;
    let newest = room.all().await.remove(0);
    assert!(newest.check == "d" && newest.announcement.expect("decided").to_user, "a new day, a new message");
}

#[tokio::test]
async fn what_was_told_before_there_was_a_quota_stays_told() {
    let room = Room::open().await;
    for endpoint in 0..5 {
        room.breaks(endpoint, Severity::Critical).await;
    }
    let mut alerts = room.all().await;
    let earlier: Result<(), StoreError> = room
        .alerts
        .store
        .write(move |tx| {
            Box::pin(async move {
                sql::query("DELETE FROM announcements").execute(&mut *tx).await?;
                for alert in &mut alerts {
                    alert.announcement = None;
                    rows::save(tx, alert).await.expect("saved");
                }
                Ok(())
            })
        })
        .await;
    earlier.expect("an earlier release's rows");
    for endpoint in 0..5 {
        room.breaks(endpoint, Severity::High).await;
    }
    assert_eq!((room.loud().await.len(), room.spent().await), (5, (0, 0, 0)));
}

#[tokio::test]
async fn two_collectors_that_judge_at_once_share_one_quota_and_a_restart_forgets_nothing() {
    let room = Room::open().await;
    let again = fixture::is_shared();
    let store = if again { fixture::open(room.folder.path()).await } else { room.alerts.store.clone() };
    let other = Alerts::new(store, room.clock.clone(), Feed::new(room.clock.now()), Policy::default());
    let judged = (0..12).map(|endpoint| {
        let alerts = if endpoint % 2 == 0 { room.alerts.clone() } else { other.clone() };
        tokio::spawn(async move { alerts.judge(of(endpoint), vec![held("disk")]).await.expect("judged") })
    });
    for one in judged.collect::<Vec<_>>() {
        one.await.expect("it ran");
    }
    assert_eq!((loud(&other).await.len(), room.spent().await), (3, (3, 9, 3)));
    other.store.close().await;
    room.alerts.store.close().await;
    let store = fixture::open(room.folder.path()).await;
    let after = Alerts::new(store, room.clock.clone(), Feed::new(room.clock.now()), Policy::default());
    after.judge(of(12), vec![held("disk")]).await.expect("judged");
    assert_eq!(loud(&after).await.len(), 3);
    assert_eq!(after.budget(None).await.expect("a budget").rolled_up.alerts, 10);
}
