use std::sync::Arc;
use std::time::Duration;

use firstline_diagnosis::vocabulary::Timestamp;

use crate::app::{App, ManualClock, fixture};
use crate::store::fixture::{Enrolled, enrol};
use crate::store::{StoreError, sql};

const NOW: Timestamp = Timestamp(1_769_000_000_000);

/// A collector with an endpoint that was enrolled three weeks ago.
async fn room() -> (tempfile::TempDir, Arc<App>) {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(ManualClock::at(NOW));
    let config = fixture::create(folder.path(), &*clock).await;
    let app = App::open(folder.path(), config, clock).await.expect("an app");
    enrol(&app.store, Enrolled { since_ms: (NOW - days(21)).unix_ms(), ..Enrolled::default() }).await;
    (folder, app)
}

fn days(count: u64) -> Duration {
    Duration::from_hours(24 * count)
}

async fn write(app: &App, statement: String) {
    let statement: &'static str = Box::leak(statement.into_boxed_str());
    let written: Result<(), StoreError> = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                sql::query(statement).execute(tx).await?;
                Ok(())
            })
        })
        .await;
    written.expect("written");
}

async fn changed(app: &App, series: &str, at: Timestamp, before: &str, after: &str) {
    let (at, before, after) = (at.unix_ms(), format!("{{\"value\":{before}}}"), format!("{{\"value\":{after}}}"));
    let statement = format!(
        "INSERT INTO inventory_changes (endpoint_key, series, at_ms, outcome_before, outcome_after) \
         SELECT key, '{series}', {at}, '{before}', '{after}' FROM endpoints WHERE id = 'e1'"
    );
    write(app, statement).await;
}

async fn updated(app: &App, package: &str, at: Timestamp, from: &str, to: &str) {
    let series = format!("endpoint.software.change{{package.manager=\"dpkg\",package.name=\"{package}\"}}");
    let fields = format!("{{\"from\":\"{from}\",\"to\":\"{to}\"}}");
    let statement = format!(
        "INSERT INTO events (endpoint_key, at_ms, series, fields, count, received_ms) \
         SELECT key, {0}, '{series}', '{fields}', 1, {0} FROM endpoints WHERE id = 'e1'",
        at.unix_ms()
    );
    write(app, statement).await;
}

const TIME_ZONE: &str = "endpoint.clock.timezone";
const ADDRESS: &str = "endpoint.network.address{family=\"ipv4\",network.interface.name=\"eth0\",scope=\"global\"}";

#[tokio::test]
async fn between_two_moments_lies_what_differs_and_not_what_went_and_came_back() {
    let (_folder, app) = room().await;
    changed(&app, TIME_ZONE, NOW - days(10), "\"UTC\"", "\"Europe/Berlin\"").await;
    changed(&app, "endpoint.domain.joined", NOW - days(3), "true", "false").await;
    changed(&app, "endpoint.domain.joined", NOW - days(2), "false", "true").await;
    changed(&app, "endpoint.nic.mtu{network.interface.name=\"eth0\"}", NOW - days(2), "1500", "1400").await;
    changed(&app, ADDRESS, NOW - days(1), "\"10.1.0.4\"", "\"10.1.0.9\"").await;
    updated(&app, "openvpn", NOW - days(4), "2.5.1", "2.6.1").await;
    updated(&app, "openvpn", NOW - days(1), "2.6.1", "2.6.2").await;
    let words = |since: u64| {
        let app = Arc::clone(&app);
        async move {
            let list = app.changes.between("e1", Some(NOW - days(since)), NOW).await.expect("a list");
            (list.changes.into_iter().map(|one| one.words).collect::<Vec<_>>(), list.left_out)
        }
    };
    let (told, left_out) = words(14).await;
    assert_eq!(
        told,
        [
            "VPN software openvpn: 2.5.1 became 2.6.2",
            "Network adapter eth0: 1500 bytes became 1400 bytes",
            "Time zone: UTC became Europe/Berlin",
        ]
    );
    assert_eq!(left_out, 1, "another address of the same network");
    assert_eq!(words(5).await.0.len(), 2);
    assert!(app.changes.between("nobody", None, NOW).await.expect("a list").changes.is_empty());
}
