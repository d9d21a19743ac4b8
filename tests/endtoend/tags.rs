//! Tags from a token, a person and a rule, at the command line and in the list.

use std::time::Duration;

use firstline_tests::wire::{Identity, Stream, hello};
use firstline_tests::{Outcome, Stage, wait};
use serde_json::json;

const SOON: Duration = Duration::from_mins(1);

const RULES: &str = r#"
[[tags.rules]]
name = "Berlin"
tags = { site = "berlin" }
host_names = ["BER-*"]
systems = ["Debian* 12"]
"#;

async fn tag(stage: &Stage, arguments: &[&str]) -> Outcome {
    let all: Vec<&str> = ["endpoint", "tag", "ber-1"].into_iter().chain(arguments.iter().copied()).collect();
    stage.firstline(&all).await
}

async fn listed(stage: &Stage, tag: &str) -> usize {
    let list = stage.firstline(&["--json", "endpoint", "list", "--tag", tag]).await.done().json();
    list["endpoints"].as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn a_tag_says_where_it_comes_from_and_a_rules_stays() {
    let stage = Stage::open().await;
    stage.sign_in().await.done();
    let token = stage.token(json!({ "uses": 1, "tags": { "site": "unknown", "ring": "1" } })).await;
    let secret = firstline_tests::stage::secret_of(&token);
    let identity = Identity::enroll(stage.collector.agents, secret, "ber-1").await.unwrap();
    let (_stream, _) = Stream::open(stage.collector.agents, &identity, hello("ber-1", 1)).await.unwrap();
    let said = tag(&stage, &[]).await.done().stdout;
    assert!(said.contains("site=unknown") && said.contains("from its enrolment token"), "{said}");
    let said = tag(&stage, &["add", "site=munich", "team=sales"]).await.done().stdout;
    assert!(said.contains("site=munich") && said.contains("set by admin"), "{said}");
    assert_eq!((listed(&stage, "site=munich").await, listed(&stage, "site=berlin").await), (1, 0));

    stage.collector.configure(&format!("{RULES}\n[limits]\nstreams = 77\n"));
    stage.collector.reload();
    wait::for_condition("the rule to be in force", SOON, async || listed(&stage, "site=berlin").await == 1).await;
    let said = tag(&stage, &[]).await.done().stdout;
    assert!(said.contains("by the rule \"Berlin\", which fits its host name ber-1, system Debian"), "{said}");
    let told = || stage.collector.log().contains("these need a restart to come into force: limits.streams\n");
    wait::for_condition("the log to name what a reload does not change", SOON, async || told()).await;
    let plain = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(plain.contains("site=munich set by admin (another counts)"), "{said}");
    for refused in [tag(&stage, &["remove", "site"]).await, tag(&stage, &["add", "site=rome"]).await] {
        assert!(refused.status == 1 && refused.stderr.contains("change the rule instead"), "{refused:?}");
    }
    let wrong = tag(&stage, &["add", "a b=c"]).await;
    assert!(wrong.status == 1 && wrong.stderr.contains("cannot be the name of a tag"), "{wrong:?}");
    tag(&stage, &["remove", "team", "ring"]).await.done();
    let tags = stage.endpoint(&identity.endpoint_id).await["tags"].clone();
    assert_eq!(tags, json!({ "site": "berlin" }));
    let log = stage.firstline(&["audit", "list", "--search", "endpoint.tag"]).await.done().stdout;
    assert!(log.contains("site=munich set, team=sales set") && log.contains("team removed, ring removed"), "{log}");
    let verified = stage.firstline(&["audit", "verify"]).await.done().stdout;
    assert!(verified.contains("entries fit; the last hash is"), "{verified}");
}
