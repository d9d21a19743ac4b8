use firstline_tests::{Limit, wait};
use serde_json::{Value, json};

use super::{SOON, Site, now_ms};

/// Where the unit makes the kernel slow the agent down (`MemoryHigh`), long before it ends it.
const MEMORY_HIGH_KIB: u64 = 96 * 1024;

/// The unit's `CPUQuota`.
const PROCESSOR_PERCENT: u32 = 50;

/// So little that the next rows do not fit.
const NOTHING_MORE_BYTES: u64 = 64 * 1024;

/// A line of `/proc/PID/status`, in KiB.
async fn kibibytes(site: &Site, process: &str, field: &str) -> u64 {
    let line = site.guest.says(&format!("grep '^{field}:' /proc/{process}/status")).await;
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

#[tokio::test]
async fn an_agent_answers_within_its_share_of_the_processor_and_outlives_its_limit_of_memory() {
    let (mut site, endpoint) = Site::managed().await;
    let process = site.property("MainPID").await;
    let slow = Limit::of_processor(PROCESSOR_PERCENT);
    slow.hold(site.guest.process(process.parse().unwrap()));
    let readings = site.pulled(&endpoint).await;
    // What the schedule says of a probe that it did not wait for; a network that does not answer is another matter.
    let is_late = |reading: &Value| reading["detail"].as_str().is_some_and(|why| why.contains("did not finish"));
    let late: Vec<_> = readings.iter().filter(|reading| is_late(reading)).collect();
    assert!(readings.len() > 200 && late.is_empty(), "{} readings at half a core, late: {late:?}", readings.len());
    drop(slow);
    let peak = kibibytes(&site, &process, "VmHWM").await;
    println!("the most that the agent had in memory, with a pull: {peak} KiB");
    assert!(peak < MEMORY_HIGH_KIB, "it does not come near: {peak} KiB");

    let start = site.run_unheard("true").await;
    let process = site.property("MainPID").await;
    let limit = Limit::of_memory(NOTHING_MORE_BYTES);
    limit.hold(site.guest.process(process.parse().unwrap()));
    site.restarted(1).await;
    let ended = now_ms();
    let said = site.guest.journal("firstline-agent").await;
    assert!(said.contains("status=9/KILL"), "the kernel ended it: {said}");

    site.stage.collector.start().await;
    site.stage.endpoint_is(&endpoint, "online").await;
    assert!(site.heard(ended..i64::MAX).await >= 1, "it measures on");
    // The present goes ahead of the past.
    assert!(site.heard(start..ended).await >= 1, "what was measured before the end arrived");
    let before: Vec<(i64,)> = site.rows("SELECT at_ms FROM samples ORDER BY at_ms").await;
    let before: Vec<i64> = before.into_iter().map(|(at,)| at).filter(|at| (start..ended).contains(at)).collect();
    assert!(before.windows(2).all(|pair| pair[1] - pair[0] > 20_000), "once: {before:?}");
    let gaps: Vec<(i64,)> = site.rows("SELECT samples + others FROM gaps").await;
    assert!(gaps.is_empty(), "{gaps:?}");
    wait::for_condition("the agent to say why it began anew", SOON, async || {
        site.status().await["service"]["restarts"] == json!(1)
    })
    .await;
}
