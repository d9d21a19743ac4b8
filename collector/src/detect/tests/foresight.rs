//! Forecasts over the stored past: raised, told, kept over a restart, cleared.

use super::*;
use crate::detect::foresight_of;

const HOUR_MINUTES: usize = 60;

impl Room {
    /// A minute passes at whose end the endpoint tells how much is free, and nobody judges it.
    async fn silent_minutes(&mut self, free_gib: impl IntoIterator<Item = f32>) {
        for free_gib in free_gib {
            self.clock.advance(MINUTE);
            self.store_sample(free_gib, self.clock.now()).await;
        }
    }

    async fn foreseeing_minutes(&mut self, free_gib: impl IntoIterator<Item = f32>) {
        for free_gib in free_gib {
            self.minute(free_gib).await;
            self.app.detect.foresee().await;
        }
    }

    async fn capacity(&mut self, watt_hours: f64) {
        self.clock.advance(MINUTE);
        let (at, battery) = (self.clock.now(), [("hw.id", "BAT0")]);
        let values = [("endpoint.battery.full_capacity", watt_hours), ("endpoint.battery.design_capacity", 50.0)];
        let value = |(signal, value): (&str, f64)| StateValue {
            series: Series::new(signal, battery).to_string(),
            outcome: format!(r#"{{"value":{value}}}"#),
            at_ms: at.unix_ms(),
        };
        self.store(Body::Inventory(values.map(value).into()), at).await;
    }

    async fn numbers(&self, statement: &'static str) -> i64 {
        sql::query_scalar(statement).fetch_one(self.app.store.reads()).await.expect(statement)
    }
}

/// From 45 GiB on, 80 MiB less every minute.
fn filling(minutes: std::ops::Range<usize>) -> impl Iterator<Item = f32> {
    minutes.map(|minute| 45.0 - 0.08 * minute as f32)
}

#[tokio::test]
async fn a_disk_that_fills_is_foreseen_told_once_and_cleared_when_it_was_freed() {
    let mut room = Room::open().await;
    room.silent_minutes(filling(0..6 * HOUR_MINUTES)).await;
    room.foreseeing_minutes(filling(6 * HOUR_MINUTES..6 * HOUR_MINUTES + 20)).await;
    assert!(room.held().await.is_empty(), "its hold has not passed");
    room.foreseeing_minutes(filling(6 * HOUR_MINUTES + 20..6 * HOUR_MINUTES + 35)).await;
    let said = room.app.detect.diagnose(ENDPOINT, Some("disk full")).await.expect("an answer");
    assert_eq!(room.held().await, ["disk-filling-fast /mnt/data active"], "{said:#?}");
    assert_eq!(room.heard(), ["firing"]);
    let finding = room.app.detect.findings(ENDPOINT).await.expect("readable").remove(0);
    let forecast = finding.forecast.expect("a forecast");
    assert_eq!((forecast.method.as_str(), forecast.words.as_str()), ("disk-fill", "in about 2 to 3 hours"));
    assert!(finding.texts.tech.contains("in about 2 to 3 hours"), "{}", finding.texts.tech);

    let mut room = room.restart().await;
    room.foreseeing_minutes(filling(6 * HOUR_MINUTES + 35..6 * HOUR_MINUTES + 40)).await;
    assert_eq!(room.held().await, ["disk-filling-fast /mnt/data active"]);
    assert!(room.heard().is_empty(), "it was told before");
    let known = foresight_of(room.app.store.reads(), ENDPOINT).await.expect("readable");
    assert_eq!(known.standing.len(), 1);
    assert!(known.outlooks.iter().any(|outlook| outlook.check == "disk-filling-fast" && outlook.found.len() == 1));

    room.foreseeing_minutes(std::iter::repeat_n(60.0, 55)).await;
    assert!(room.held().await.is_empty(), "{:?}", room.held().await);
    assert_eq!(room.alerts().await, [(AlertState::Resolved, 1)]);
}

#[tokio::test]
async fn what_a_method_lacks_is_said_in_the_answer() {
    let mut room = Room::open().await;
    room.foreseeing_minutes([15.0; 5]).await;
    let answer = room.app.detect.diagnose(ENDPOINT, Some("disk full")).await.expect("an answer");
    let why = |id: &str| answer.ruled_out.iter().find(|one| one.id == id).map(|one| one.why.clone());
    let slow = why("disk-fill-forecast").expect("a candidate");
    assert!(slow.contains("needs 5 days of history; has 1"), "{slow}");
    let fast = why("disk-filling-fast").expect("a candidate");
    assert!(fast.contains("needs 60 readings"), "{fast}");
}

#[tokio::test]
async fn what_methods_read_of_states_is_kept_when_it_differs() {
    let mut room = Room::open().await;
    room.capacity(44.0).await;
    room.foreseeing_minutes(filling(0..3)).await;
    let kept = "SELECT COUNT(*) FROM state_history WHERE series LIKE '%full_capacity%'";
    assert_eq!(room.numbers(kept).await, 1);
    room.clock.advance(Duration::from_hours(30));
    room.capacity(43.5).await;
    room.foreseeing_minutes(filling(0..3)).await;
    assert_eq!(room.numbers(kept).await, 2);
    room.clock.advance(Duration::from_hours(30));
    room.foreseeing_minutes(filling(0..3)).await;
    assert_eq!(room.numbers(kept).await, 2, "nothing changed");
    assert!(room.numbers("SELECT COUNT(*) FROM outlooks").await > 10);
}
