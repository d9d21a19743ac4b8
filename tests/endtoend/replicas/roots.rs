//! A change of roots that is ordered at one replica and reaches all of them; keys do not travel.

use std::time::Duration;

use firstline_tests::stage::secret_of;
use firstline_tests::wire::Identity;
use firstline_tests::{Replicas, wait};
use serde_json::{Value, json};

use super::pulls::agent_at;

const SOON: Duration = Duration::from_mins(2);

async fn status(replicas: &Replicas, at: usize) -> Value {
    replicas.apis[at].get("/api/v1/authority").await
}

/// What the replica `at` says of the replica that is called `name`.
async fn standing(replicas: &Replicas, at: usize, name: &str) -> (bool, bool) {
    let status = status(replicas, at).await;
    let all = status["replicas"].as_array().expect("a list of replicas");
    let one = all.iter().find(|one| one["name"] == name);
    one.map_or((false, false), |one| (one["knows"] == true, one["key_present"] == true))
}

#[tokio::test]
async fn a_root_that_is_replaced_at_one_replica_is_replaced_at_all_and_its_key_stays_where_it_was_made() {
    let mut replicas = Replicas::open(2).await;
    let (mut agent, id) = agent_at(&replicas, 1).await;
    let key = |at: usize| replicas.collectors[at].folder.join("authority/root.key");
    let (here, there) = (key(0), key(1));
    let rotated = replicas.apis[0].post("/api/v1/authority/rotate", &json!({})).await;
    let root = rotated["root"]["sha256"].clone();
    wait::for_condition("the other replica to have the new root", SOON, async || {
        status(&replicas, 1).await["root"]["sha256"] == root
    })
    .await;
    wait::for_condition("each to know where the other stands", SOON, async || {
        standing(&replicas, 0, "replica-1").await == (true, false)
            && standing(&replicas, 1, "replica-0").await == (true, true)
    })
    .await;
    assert!(here.exists() && !there.exists(), "the old key is gone, and the new one did not travel");
    assert_eq!(replicas.apis[1].get(&format!("/api/v1/endpoints/{id}")).await["state"], "online");

    let token = replicas.token().await;
    let refused = Identity::enroll(replicas.collectors[1].agents, secret_of(&token), "late").await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unavailable, "{refused:?}");
    let (status_code, refused) = replicas.apis[0].try_post("/api/v1/authority/retire", &json!({})).await;
    assert!(status_code == 409 && refused.to_string().contains("still depend"), "{status_code} {refused}");

    std::fs::copy(&here, &there).unwrap();
    wait::for_condition("the other replica to find the key", SOON, async || {
        standing(&replicas, 0, "replica-1").await == (true, true)
    })
    .await;
    Identity::enroll(replicas.collectors[1].agents, secret_of(&token), "late")
        .await
        .expect("the token was not used up");
    wait::for_condition("the agent to have renewed", SOON, async || status(&replicas, 1).await["depend"] == 0).await;
    assert_eq!(replicas.apis[0].get(&format!("/api/v1/endpoints/{id}")).await["state"], "online");

    // Ended at the other one, also for a replica that stands still meanwhile and starts again.
    assert!(replicas.collectors[0].stop().await.success());
    replicas.apis[1].post("/api/v1/authority/retire", &json!({})).await;
    replicas.collectors[0].start().await;
    let status = status(&replicas, 0).await;
    assert_eq!((&status["before"], &status["root"]["sha256"]), (&Value::Null, &root), "{status}");
    assert!(agent.stop().await.success());
}
