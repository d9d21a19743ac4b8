//! Rollouts that break machines, and who is missed at an hour at which they are usually there, from what the store holds.

use super::*;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const SLOT_MS: i64 = 900_000;

impl Room {
    /// All forty were heard in each quarter of an hour of these days before now.
    async fn was_heard(&self, days: i64) {
        let keys: Vec<i64> = sql::query_as::<(i64,)>("SELECT key FROM endpoints")
            .fetch_all(self.app.store.reads())
            .await
            .expect("keys")
            .into_iter()
            .map(|(key,)| key)
            .collect();
        let bits = presence::bits(keys.into_iter());
        let now = START.unix_ms() / SLOT_MS;
        let written: Result<(), StoreError> = self
            .app
            .store
            .write(move |tx| {
                Box::pin(async move {
                    for slot in now - days * 96..now {
                        sql::query("INSERT INTO presence (slot, heard) VALUES ($1, $2)")
                            .bind(slot)
                            .bind(&bits)
                            .execute(&mut *tx)
                            .await?;
                    }
                    Ok(())
                })
            })
            .await;
        written.expect("written");
    }

    async fn event(&self, place: usize, series: &str, fields: &str, at: Timestamp) {
        self.write(&[format!(
            "INSERT INTO events (endpoint_key, at_ms, series, fields, count, received_ms) SELECT key, {at}, '{series}', \
             '{fields}', 1, {at} FROM endpoints WHERE id = '{}'",
            id(place),
            at = at.unix_ms()
        )])
        .await;
    }

    /// An endpoint gets a program two days ago; its system crashes since, or it does not.
    async fn gets(&self, place: usize, crashes: bool) {
        let series = "endpoint.software.change{package.manager=dpkg,package.name=driver-x}";
        self.event(place, series, r#"{"from":"1.0","to":"2.0"}"#, START - DAY * 2).await;
        if crashes {
            self.event(place, "endpoint.os.crash", "{}", START - DAY - HOUR * place as u32).await;
        }
    }
}

#[tokio::test]
async fn a_driver_after_which_systems_crash_is_an_incident_that_asks_to_pause_its_rollout() {
    let room = Room::open().await;
    room.was_heard(20).await;
    for place in 0..12 {
        room.gets(place, place < 8).await;
    }
    room.round().await;
    let incidents = room.open_incidents().await;
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    let one = &incidents[0];
    assert_eq!((one.kind, one.check.as_str(), one.severity), (IncidentKind::BadRollout, "bad-rollout", Severity::High));
    assert!(
        one.words.contains("on 8 of 12 endpoints where driver-x 2.0 was installed") && one.words.contains("0 %"),
        "{}",
        one.words
    );
    let alert = room.app.alerts.list(&AlertQuery::default()).await.expect("a list").alerts.remove(0);
    assert!(alert.finding.runbook[0].contains("Pause the rollout"), "{:?}", alert.finding.runbook);
    // It is looked at again only after an hour, and goes on meanwhile.
    room.round().await;
    assert_eq!((room.open_incidents().await[0].calm_since, room.loud().await.len()), (None, 1));
}

#[tokio::test]
async fn a_driver_that_crashes_nothing_more_than_elsewhere_is_none() {
    let room = Room::open().await;
    room.was_heard(20).await;
    for place in 0..12 {
        room.gets(place, place < 8).await;
    }
    for place in 12..ENDPOINTS {
        if place % 3 != 0 {
            room.event(place, "endpoint.os.crash", "{}", START - DAY - HOUR * (place as u32 % 12)).await;
        }
    }
    room.round().await;
    assert!(room.open_incidents().await.is_empty());
}

#[tokio::test]
async fn a_site_that_does_not_come_up_at_its_usual_hour_is_missed_and_who_said_good_night_is_not() {
    let room = Room::open().await;
    room.was_heard(35).await;
    room.clock.advance(Duration::from_mins(6));
    let evening = START - HOUR * 15;
    room.seen(0..ENDPOINTS, room.clock.now(), "online").await;
    room.seen(13..16, evening, "offline").await;
    room.seen(20..21, evening, "asleep").await;
    room.write(&[format!("UPDATE endpoints SET paused = 1 WHERE id = '{}'", id(20))]).await;
    room.behind(13..18, "gw-east").await;
    room.round().await;
    let incidents = room.open_incidents().await;
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    assert!(incidents[0].words.contains("3 of 5 endpoints on one network"), "{}", incidents[0].words);
    let missing: Vec<&str> = incidents[0].endpoints.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(missing, ["lap-13", "lap-14", "lap-15"]);
}

#[tokio::test]
async fn nobody_is_missed_by_a_habit_of_two_weeks_or_on_a_day_off_for_all() {
    for (days, gone) in [(15, 13..16), (35, 2..ENDPOINTS)] {
        let room = Room::open().await;
        room.was_heard(days).await;
        room.clock.advance(Duration::from_mins(6));
        room.seen(0..ENDPOINTS, room.clock.now(), "online").await;
        room.seen(gone, START - HOUR * 15, "offline").await;
        room.round().await;
        assert!(room.open_incidents().await.is_empty(), "{days} days");
    }
}
