use firstline_tests::wait;
use serde_json::json;

use super::{SOON, Site};

#[tokio::test]
async fn a_confined_agent_sees_services_that_fail_people_who_sign_in_and_volumes_that_take_writes() {
    let site = Site::open().await;
    site.install("1.0.0").await.done();
    site.guest.write("/etc/systemd/system/doomed.service", "[Service]\nExecStart=/bin/false\n");
    site.guest.says("systemctl daemon-reload && systemctl start doomed; true").await;
    let session = "systemd-run --quiet --unit desk -p User=ada -p PAMName=login -E XDG_SESSION_CLASS=user \
                   -E XDG_SESSION_TYPE=wayland tail -f /dev/null";
    site.guest.says(session).await;
    // Somebody stopped it, so that it did not fail; its condition does not hold, so that it should not run.
    let service = "[Service]\nExecStart=/usr/bin/tail -f /dev/null\n[Install]\nWantedBy=multi-user.target\n";
    site.guest.write("/etc/systemd/system/cups.service", service);
    let elsewhere = format!("[Unit]\nConditionPathExists=/nowhere\n{service}");
    site.guest.write("/etc/systemd/system/bluetooth.service", &elsewhere);
    site.guest.says("systemctl enable --now cups bluetooth && systemctl stop cups").await;
    let endpoint = site.enroll("firstline-agent").await;
    let doomed = "endpoint.service.failed{service=\"doomed.service\"}";
    site.told(doomed, &json!({ "value": true })).await;
    for (service, state) in [("systemd-logind", "running"), ("cups", "stopped"), ("bluetooth", "idle")] {
        let series = format!("endpoint.service.state{{service=\"{service}.service\"}}");
        site.told(&series, &json!({ "value": state })).await;
    }
    let ends = site.event("endpoint.service.unexpected_exit{service=\"doomed.service\"}").await;
    assert_eq!(ends[0]["result"], json!("exit-code"), "the journal is open to it: {ends:?}");
    wait::for_condition("ada to be seen", SOON, async || {
        site.stage.endpoint(&endpoint).await["users"] == json!(["ada"])
    })
    .await;

    site.guest.says("systemctl reset-failed doomed && systemctl stop desk").await;
    site.told(doomed, &json!({ "value": false })).await;
    wait::for_condition("ada to be gone", SOON, async || site.stage.endpoint(&endpoint).await["users"] == json!([]))
        .await;
}

#[tokio::test]
async fn an_ordinary_account_is_told_what_it_may_not_read_and_can_still_look_at_the_machine() {
    let (site, _) = Site::managed().await;
    let as_ada = async |command: &str| {
        site.guest.run(&format!("setpriv --reuid 1000 --clear-groups firstline-agent {command}")).await
    };
    for command in ["sent", "status"] {
        let refused = as_ada(command).await.ended_with(1);
        assert!(refused.stdout.is_empty() && refused.stderr.contains("run this as root"), "{refused:?}");
    }
    let seen = as_ada("diagnose").await.done().stdout;
    assert!(seen.contains("only what can be seen now was judged, since the state directory"), "{seen}");
    // Of the hour that goes on, too.
    site.guest.comes_to("firstline-agent sent | grep -q 'within the hour'").await;
    let named = as_ada("status --config /nowhere/agent.toml").await.ended_with(1);
    assert!(named.stderr.contains("there is no configuration /nowhere/agent.toml"), "{named:?}");
}

#[tokio::test]
async fn the_unit_confines_the_agent_and_hides_nothing_that_it_measures() {
    let (site, _) = Site::managed().await;
    let process = site.property("MainPID").await;
    let enter = format!("nsenter --target {process} --mount --");
    for path in ["/etc/firstline/agent.toml", "/usr/bin/true", "/home/ada/.profile", "/proc/sys/kernel/hostname"] {
        let refused = site.guest.run(&format!("{enter} sh -c 'echo x >> {path}'")).await;
        assert_ne!(refused.status, 0, "{path} takes no writes");
    }
    assert_eq!(site.guest.says(&format!("{enter} sh -c 'wc -c < /etc/shadow'")).await, "0");
    let status = site.guest.says(&format!("cat /proc/{process}/status")).await;
    let field =
        |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned();
    assert_eq!((field("NoNewPrivs:").as_str(), field("Seccomp:").as_str()), ("1", "2"));
    let bounding = u64::from_str_radix(&field("CapBnd:"), 16).unwrap();
    assert_eq!(u64::from_str_radix(&field("CapEff:"), 16).unwrap(), bounding, "it has what it may have, and no more");
    assert!(bounding.count_ones() <= 6, "{bounding:x}");

    let verified = site.guest.run("systemd-analyze verify firstline-agent.service").await.stderr;
    let known = ["RestartSteps", "RestartMaxDelaySec", "man firstline-agent"];
    let odd: Vec<&str> = verified.lines().filter(|line| !known.iter().any(|word| line.contains(word))).collect();
    assert!(odd.is_empty(), "{odd:?}");
    let rating = site.guest.says("systemd-analyze security firstline-agent --no-pager | tail -n 1").await;
    let exposure: f64 = rating.split_whitespace().find_map(|word| word.parse().ok()).expect("a number");
    // Of ten. What is left is what it reads: processes, disks, the log, the network.
    assert!(exposure <= 3.8, "{rating}");

    // What the kernel would refuse a service that is confined too much.
    let failing: Vec<String> = site.status().await["agent"]["probes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|probe| probe["failing"].as_str().is_some_and(|why| why.contains("permi")))
        .map(ToString::to_string)
        .collect();
    assert!(failing.is_empty(), "{failing:?}");
}
