use firstline_tests::wait;
use serde_json::json;

use super::{SOON, Site, now_ms};

/// What tells a power cut from a reboot.
const UNCLEAN: &str = "endpoint.os.unclean_stop";

#[tokio::test]
async fn an_agent_that_is_killed_runs_again_as_the_same_endpoint_and_loses_nothing() {
    let (mut site, endpoint) = Site::managed().await;
    let start = site.run_unheard("true").await;
    site.guest.says("systemctl kill --signal KILL firstline-agent").await;
    let killed = now_ms();
    site.restarted(1).await;

    site.stage.collector.start().await;
    site.stage.endpoint_is(&endpoint, "online").await;
    assert_eq!(site.stage.endpoint_ids().await, [endpoint]);
    assert!(site.heard(killed..i64::MAX).await >= 1, "and so does what was measured after it");
    assert_eq!(site.heard(start..killed).await, 1, "what was measured before the kill arrived, once");
    let gaps: Vec<(i64,)> = site.rows("SELECT samples + others FROM gaps").await;
    assert!(gaps.is_empty(), "{gaps:?}");
    assert_eq!(site.status().await["service"]["restarts"], json!(1));
}

#[tokio::test]
async fn an_agent_that_hangs_is_ended_and_started_again() {
    let (site, endpoint) = Site::managed().await;
    // Three minutes are for machines that are busy; the signs of life come three times within whatever it is.
    let patience = "[Service]\nWatchdogSec=12s\n";
    site.guest.write("/etc/systemd/system/firstline-agent.service.d/patience.conf", patience);
    site.guest.says("systemctl daemon-reload && systemctl restart firstline-agent").await;
    let mut signs = std::collections::BTreeSet::new();
    wait::for_condition("signs of life", SOON, async || {
        signs.insert(site.property("WatchdogTimestampMonotonic").await);
        signs.len() > 2
    })
    .await;
    assert_eq!(site.property("NRestarts").await, "0", "an agent that lives is left alone");

    let process = site.property("MainPID").await;
    site.guest.says("systemctl kill --signal STOP firstline-agent").await;
    site.restarted(1).await;
    assert_ne!(site.property("MainPID").await, process);
    assert!(site.guest.journal("firstline-agent").await.contains("Watchdog timeout"));
    site.stage.endpoint_is(&endpoint, "online").await;
    let own = site.event("endpoint.service.unexpected_exit{service=\"firstline-agent.service\"}").await;
    assert_eq!(own[0]["result"], json!("watchdog"), "and says so itself: {own:?}");
}

#[tokio::test]
async fn a_reboot_is_announced_and_a_power_cut_is_not() {
    let (mut site, endpoint) = Site::managed().await;
    // The name of a guest's boot is a file that is mounted over the kernel's; these protections mount /proc anew without it.
    let unprotected = "[Service]\nProtectKernelTunables=no\nProtectControlGroups=no\n";
    site.guest.write("/etc/systemd/system/firstline-agent.service.d/boot.conf", unprotected);
    site.guest.says("systemctl daemon-reload && systemctl restart firstline-agent").await;
    site.stage.endpoint_is(&endpoint, "online").await;
    let names = |marks: &[(String, i64)]| marks.iter().map(|(mark, _)| mark.clone()).collect::<Vec<_>>();
    let boots = |marks: &[(String, i64)]| {
        let boots: std::collections::BTreeSet<i64> =
            marks.iter().filter(|(mark, _)| mark == "booted").map(|(_, at)| *at).collect();
        boots.len()
    };
    wait::for_condition("the boot", SOON, async || boots(&site.marks().await) == 1).await;

    site.guest.shut_down().await;
    site.stage.endpoint_is(&endpoint, "asleep").await;
    assert_eq!(names(&site.marks().await).last().map(String::as_str), Some("pausing"));
    site.guest.power_on().await;
    site.stage.endpoint_is(&endpoint, "online").await;
    wait::for_condition("the second boot", SOON, async || boots(&site.marks().await) == 2).await;
    assert!(site.events(UNCLEAN).await.is_empty(), "a machine that shut down did not crash");

    let pauses = names(&site.marks().await).iter().filter(|mark| *mark == "pausing").count();
    site.run_unheard("systemd-run --quiet --unit doomed false").await;
    // Samples of the last minutes are in memory and go with the power; what happened is on disk at once.
    site.guest.comes_to("grep --recursive --quiet --binary doomed.service /var/lib/firstline-agent/spool").await;
    site.guest.cut_power();
    site.stage.collector.start().await;
    site.guest.power_on().await;
    site.stage.endpoint_is(&endpoint, "online").await;
    assert_eq!(site.stage.endpoint_ids().await, [endpoint]);
    wait::for_condition("the third boot", SOON, async || boots(&site.marks().await) == 3).await;
    let marks = names(&site.marks().await);
    let after = marks.iter().filter(|mark| *mark == "pausing").count();
    // The one more is of the stop on purpose that began the run without a collector.
    assert_eq!(after, pauses + 1, "nobody announced the power cut: {marks:?}");
    let ends = site.event("endpoint.service.unexpected_exit{service=\"doomed.service\"}").await;
    assert_eq!(ends.len(), 1, "what happened before the power cut arrived, once: {ends:?}");
    let stops = site.event(UNCLEAN).await;
    assert_eq!(stops.len(), 1, "and the agent tells what happened, once: {stops:?}");
    assert_eq!((&stops[0]["power_key"], &stops[0]["sleep_in_progress"]), (&json!(false), &json!(false)));
}
