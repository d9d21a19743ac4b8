//! An agent that knows several addresses of its collector.

use std::time::Duration;

use firstline_tests::{Agent, Stage, port, wait};
use serde_json::json;

use crate::identities::{account, stream_is};

const SOON: Duration = Duration::from_mins(1);

/// An enrolled agent that dials these ports in order, and runs.
async fn agent_that_dials(stage: &Stage, name: &str, ports: [u16; 2]) -> Agent {
    let token = stage.token(json!({ "uses": 1 })).await;
    let mut agent = Agent::new(&stage.folder(name));
    agent.enroll(&stage.collector, &token).await.done();
    let addresses = ports.map(|port| format!("127.0.0.1:{port}"));
    std::fs::write(agent.state.join("agent.toml"), format!("collector = {addresses:?}\n")).unwrap();
    agent.start();
    agent
}

#[tokio::test]
async fn an_agent_whose_first_address_is_dead_or_dumb_arrives_by_the_second() {
    let stage = Stage::open().await;
    // Nobody listens on the one; the other takes connections and says nothing.
    let (_listener, dumb) = port::taken();
    let second = format!("127.0.0.1:{}", stage.collector.agents);
    for (name, first) in [("dead", port::free()), ("dumb", dumb)] {
        let mut agent = agent_that_dials(&stage, name, [first, stage.collector.agents]).await;
        stream_is(&agent, "connected").await;
        assert_eq!(account(&agent)["collector"], second.as_str(), "{name}");
        let said = agent.run(&["status"]).await.done().stdout;
        assert!(said.contains(&format!("127.0.0.1:{first}, {second}")) && said.contains("connected to"), "{said}");
        wait::for_condition("what was sent to be in the ledger", SOON, async || {
            agent.run(&["sent"]).await.stdout.contains(&second)
        })
        .await;
        assert!(agent.stop().await.success());
    }
}

#[tokio::test]
async fn a_list_of_addresses_that_cannot_be_is_refused_with_the_reason() {
    let stage = Stage::open().await;
    let agent = Agent::new(&stage.folder("agent"));
    std::fs::write(agent.state.join("agent.toml"), "collector = [\"a:1\", \"a:1\"]\n").unwrap();
    let refused = agent.run(&["run"]).await;
    assert!(refused.status != 0 && refused.stderr.contains("a:1 stands in the list twice"), "{refused:?}");
}
