use serde_json::json;

use super::{Site, difference, now_ms};

#[tokio::test]
async fn a_package_brings_a_service_that_waits_for_an_identity_runs_as_its_own_user_and_leaves_nothing() {
    let site = Site::open().await;
    let before = site.traces().await;

    let said = site.install("1.0.0").await.done().stdout;
    assert!(said.contains("This machine is not enrolled, so the agent waits."), "{said}");
    assert_eq!(site.property("ActiveState").await, "inactive");
    assert_eq!(site.property("ConditionResult").await, "no");
    assert_eq!(site.property("UnitFileState").await, "enabled");
    assert_eq!(site.property("NRestarts").await, "0", "a machine that is not enrolled is not a failure");

    let endpoint = site.enroll("firstline-agent").await;
    assert_eq!(site.property("ActiveState").await, "active");
    assert!(site.property("StatusText").await.starts_with("connected to 127.0.0.1:"));
    let first = site.property("MainPID").await;
    assert_eq!(site.guest.says(&format!("stat -c %U /proc/{first}")).await, "firstline-agent");
    let owners = site.guest.says("find /var/lib/firstline-agent ! -type l -printf '%u %#m %y\\n' | sort -u").await;
    assert_eq!(owners, "firstline-agent 0600 f\nfirstline-agent 0700 d");

    let status = site.status().await;
    assert_eq!(
        (&status["service"]["installed_by"], &status["service"]["state"]),
        (&json!("package"), &json!("active"))
    );
    assert_eq!((&status["endpoint_id"], &status["running"]), (&json!(endpoint), &json!(true)));

    let again = site.guest.says("firstline-agent install").await;
    assert!(again.contains("enrolled already") && again.contains("runs already"), "{again}");
    assert_eq!(site.property("MainPID").await, first, "what runs is left alone");
    let refused = site.guest.run("firstline-agent uninstall").await.ended_with(1);
    assert!(refused.stderr.contains("apt-get remove firstline-agent"), "{}", refused.stderr);

    site.guest.says("dpkg --remove firstline-agent").await;
    site.stage.endpoint_is_not(&endpoint, "online").await;
    site.guest.says("test -s /var/lib/firstline-agent/identity/key.pem").await;
    site.install("1.0.0").await.done();
    site.stage.endpoint_is(&endpoint, "online").await;

    site.guest.says("dpkg --purge firstline-agent").await;
    assert_eq!(difference(&before, &site.traces().await), [""; 0]);
    assert_eq!(site.property("LoadState").await, "not-found");
}

#[tokio::test]
async fn an_upgrade_keeps_identity_spool_configuration_and_what_the_administrator_switched_off() {
    let (mut site, endpoint) = Site::managed().await;
    site.guest
        .says(
            "sed -i 's/^#size_mebibytes = 64/size_mebibytes = 32/; s/^#\\[spool\\]/[spool]/' /etc/firstline/agent.toml",
        )
        .await;
    let identity = site.guest.says("cat /var/lib/firstline-agent/identity/* | md5sum").await;
    let start = site.run_unheard("true").await;
    let (process, upgrade) = (site.property("MainPID").await, now_ms());

    site.install("1.0.1").await.done();
    assert_eq!(site.guest.says("dpkg-query -W -f '${Version}' firstline-agent").await, "1.0.1");
    assert_ne!(site.property("MainPID").await, process, "the new program runs");
    assert_eq!(site.guest.says("cat /var/lib/firstline-agent/identity/* | md5sum").await, identity);
    assert!(site.guest.says("cat /etc/firstline/agent.toml").await.contains("\nsize_mebibytes = 32\n"));

    site.stage.collector.start().await;
    site.stage.endpoint_is(&endpoint, "online").await;
    assert_eq!(site.stage.endpoint_ids().await, [endpoint]);
    assert_eq!(site.heard(start..upgrade).await, 1, "what was measured before the upgrade arrived after it, once");

    site.guest.says("systemctl disable --now --quiet firstline-agent").await;
    site.install("1.0.2").await.done();
    assert_eq!(site.property("UnitFileState").await, "disabled");
    assert_eq!(site.property("ActiveState").await, "inactive");
}
