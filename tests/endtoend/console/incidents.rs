//! One cause on many machines, on the feed, in the list and on its own page.

use std::time::Duration;

use firstline_diagnosis::vocabulary::{Layout, Series};
use firstline_proto::v1;
use firstline_tests::stage::secret_of;
use firstline_tests::wire::{Identity, Stream, hello, records};
use firstline_tests::{Stage, wait};
use serde_json::json;

use super::{PAGE, browser, fits, go};

/// Machines on the network whose names fail, and on the other: as many together as are needed to say anything.
const WEST: usize = 6;
const EAST: usize = 28;
/// Minutes that each machine tells of when it comes.
const MINUTES: i64 = 20;
const MINUTE_MS: i64 = 60_000;
/// How long a round may take to see what they share.
const SEEN: Duration = Duration::from_mins(3);

/// What a machine measures of names and of connections.
fn layout() -> Layout {
    let lookup =
        |server: &str| Series::new("endpoint.dns.lookup.ok", [("server", server), ("dns.name_class", "public")]);
    let reached = Series::new("endpoint.probe.tcp.ok", [("target", "collector"), ("by", "address")]);
    Layout::new(vec![lookup("os"), lookup("server1"), reached])
}

/// The network it is on, and whether names are found there.
struct Place {
    gateway: &'static str,
    is_well: bool,
}

impl Place {
    fn sample(&self, sequence: u64, at_unix_ms: i64) -> v1::Record {
        let works = if self.is_well { 1.0 } else { 0.0 };
        let of = |series: &Series| if &*series.signal == "endpoint.probe.tcp.ok" { 1.0 } else { works };
        let body = v1::Sample {
            layout_fingerprint: layout().fingerprint(),
            step_seconds: 60,
            row: layout().series().iter().map(of).collect(),
            absences: Vec::new(),
        };
        record(sequence, at_unix_ms, v1::record::Body::Sample(body))
    }

    fn states(&self, sequence: u64, at_unix_ms: i64) -> v1::Record {
        let text = |signal: &str, text: &str| v1::Reading {
            series: Some(v1::Series { signal: signal.to_owned(), ..v1::Series::default() }),
            at_unix_ms,
            outcome: Some(v1::reading::Outcome::Value(v1::Value {
                kind: Some(v1::value::Kind::Text(text.to_owned())),
            })),
        };
        let readings = vec![
            text("endpoint.network.context_id", self.gateway),
            text("endpoint.network.first_failing_layer", if self.is_well { "none" } else { "dns" }),
        ];
        record(sequence, at_unix_ms, v1::record::Body::Inventory(v1::Inventory { readings }))
    }

    /// A machine here that has told its last minutes; it stays as long as its stream.
    async fn machine(&self, port: u16, token: &str, name: &str) -> Stream {
        let identity = Identity::enroll(port, secret_of(token), name).await.expect("a good token enrols");
        let (mut stream, _) = Stream::open(port, &identity, hello(name, 1)).await.expect("it is let in");
        stream.send(records::announcement(&layout())).await.expect("sent");
        let now = jiff::Timestamp::now().as_millisecond();
        let past = (1..=MINUTES).rev().map(|minutes| now - minutes * MINUTE_MS);
        let mut told = vec![self.states(1, now - (MINUTES + 1) * MINUTE_MS)];
        told.extend((2..).zip(past).map(|(sequence, at)| self.sample(sequence, at)));
        let last = told.len() as u64;
        stream.send(records::batch(told)).await.expect("sent");
        while stream.acknowledged().await.expect("acknowledged").stored_sequence < last {}
        stream
    }
}

fn record(sequence: u64, at_unix_ms: i64, body: v1::record::Body) -> v1::Record {
    let boot_id = "before".to_owned();
    let at_boot_ms = 3_600_000 + sequence * 1000;
    v1::Record { sequence, at_unix_ms, at_boot_ms, boot_id, body: Some(body) }
}

#[tokio::test]
async fn names_that_fail_behind_one_gateway_are_one_line_and_one_page_that_says_what_to_do() {
    let stage = Stage::open().await;
    let (port, token) = (stage.collector.agents, stage.token(json!({ "uses": WEST + EAST })).await);
    let mut streams = Vec::new();
    for number in 0..EAST {
        let place = Place { gateway: ["gw-a", "gw-b", "gw-c"][number % 3], is_well: true };
        streams.push(place.machine(port, &token, &format!("EAST-{number}")).await);
    }
    for number in 0..WEST {
        let place = Place { gateway: "gw-west", is_well: false };
        streams.push(place.machine(port, &token, &format!("WEST-{number}")).await);
    }
    wait::for_condition("an incident", SEEN, async || {
        stage.api.get("/api/v1/incidents").await["incidents"].as_array().is_some_and(|list| !list.is_empty())
    })
    .await;
    let browser = browser(&stage, 390).await;
    browser
        .tell("incidents", async {
            go(&browser, &stage, "/alerts").await;
            browser.shows(&format!("Incident on {WEST} endpoints"), PAGE).await;
            let page = browser.text().await.unwrap();
            assert_eq!(page.matches("behind the gateway gw-west").count(), 1, "told once: {page}");
            browser.click("ul.tabs a[href='/incidents']").await;
            browser.shows("Going on (1)", PAGE).await;
            fits(&browser).await;
            browser.click("ul.feed p.sentence a").await;
            for said in [
                "goes on",
                "6 of 6 still affected",
                "behind the gateway gw-west",
                "Work on what they share",
                "Hand over to L2-Network",
                "WEST-5",
            ] {
                browser.shows(said, PAGE).await;
            }
            fits(&browser).await;
            browser.fill("input[data-find-readings]", "west-3").await;
            browser.hides("WEST-5", PAGE).await;
            browser.shows("1 of 6", PAGE).await;
        })
        .await;
    browser.close().await;
}
