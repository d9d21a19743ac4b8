use std::time::Duration;

use firstline_diagnosis::vocabulary::{Attributes, Layout, Mark, Series, Timestamp, Value, Why};

use super::*;
use crate::app::Clock as _;
use crate::app::fixture::Collector;
use crate::ingest::Layouts;
use crate::store::{Body, RecordBatch, Row, StateValue};

fn layout() -> Layout {
    Layout::new(vec![
        Series::new("system.cpu.utilization", [("cpu.mode", "user")]),
        Series::new("endpoint.gateway.present", Attributes::none()),
        Series::new("system.disk.io", [("system.device", "sda"), ("disk.io.direction", "read")]),
    ])
}

fn sample(sequence: u64, at: Timestamp, values: [f32; 3], absences: Option<Vec<u8>>) -> Row {
    let row = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let body = Body::Sample { layout: layout().fingerprint(), step_seconds: 60, row, absences };
    Row { sequence, at_ms: at.unix_ms(), body }
}

/// An endpoint with three minutes, a mark and a name.
async fn filled() -> (Collector, String, Timestamp) {
    let collector = Collector::start().await;
    let id = collector.machine("m").await.id;
    let key = collector.app.fleet.known(&id).await.expect("known").key;
    let now = collector.clock.now();
    Layouts::new(collector.app.store.clone()).announce(layout(), now).await.expect("stored").expect("layout");
    let minutes_ago = |minutes| now - Duration::from_mins(minutes);
    let name = StateValue { series: "host.name".to_owned(), outcome: r#"{"value":"m"}"#.to_owned(), at_ms: 5 };
    let rows = vec![
        sample(1, minutes_ago(3), [0.25, 1.0, 10.0], None),
        Row { sequence: 2, at_ms: minutes_ago(2).unix_ms(), body: Body::Mark(Mark::Resumed.name()) },
        Row { sequence: 3, at_ms: now.unix_ms(), body: Body::Inventory(vec![name]) },
        sample(4, now, [f32::NAN, 0.0, 20.0], Some(vec![0, 0, 0, 0, 5])),
    ];
    let batch = RecordBatch { endpoint_key: key, received_ms: now.unix_ms(), rows, ahead: false, epoch: None };
    collector.app.store.append(batch).await.expect("stored");
    (collector, id, now)
}

#[tokio::test]
async fn rows_become_series_again() {
    let (collector, id, now) = filled().await;
    let hour_ago = now - Duration::from_hours(1);
    let series = collector.app.history.series(&id, "system.disk.io", (hour_ago, now), now).await.expect("series");
    assert_eq!(series.len(), 1);
    assert_eq!(series[0].series.values, [Some(10.0), None, None, Some(20.0)]);
    let ask = |id: String, signal: &'static str| {
        let history = collector.app.history.clone();
        async move { history.series(&id, signal, (hour_ago, now), now).await.expect("an answer") }
    };
    assert!(ask(id.clone(), "host.name").await.is_empty());
    assert!(ask("nobody".to_owned(), "system.disk.io").await.is_empty());
}

#[tokio::test]
async fn the_latest_values_say_why_they_are_missing() {
    let (collector, id, now) = filled().await;
    let latest = collector.app.history.latest(&id).await.expect("latest");
    let of = |signal: &str| latest.iter().find(|reading| reading.signal == signal);
    assert_eq!(of("host.name").expect("name").value, Some(Value::from("m")));
    let gateway = of("endpoint.gateway.present").expect("gateway");
    assert_eq!((gateway.value.clone(), gateway.at), (Some(Value::Flag(false)), now));
    let cpu = of("system.cpu.utilization").expect("cpu");
    assert_eq!((cpu.value.clone(), cpu.why), (None, Some(Why::Timeout)));
    assert!(of("system.disk.io").is_none(), "an increment is not a value");
}

#[tokio::test]
async fn forgets_by_age_and_nothing_sooner() {
    let (collector, _, now) = filled().await;
    let keep = crate::config::History::default();
    let forget = |at| collector.app.history.forget(at);
    assert_eq!(forget(now + keep.minutes()).await.expect("nothing yet"), Forgotten::default());
    let forgotten = forget(now + keep.minutes() + Duration::from_secs(1)).await.expect("minutes");
    assert_eq!(forgotten, Forgotten { samples: 1, ..Forgotten::default() }, "the newest row holds its number");
    let forgotten = forget(now + keep.events() + Duration::from_secs(1)).await.expect("the rest");
    assert_eq!(forgotten, Forgotten { others: 1, layouts: 1, ..Forgotten::default() });
}

mod joined;
mod memory;
mod sudden_death;
