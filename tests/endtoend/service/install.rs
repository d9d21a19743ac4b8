use firstline_tests::binary;

use super::{Site, difference};

const PROGRAM: &str = "/root/firstline-agent";
const INSTALLED: &str = "/usr/local/bin/firstline-agent";

#[tokio::test]
async fn install_and_uninstall_do_it_without_a_package_as_often_as_they_are_asked() {
    let site = Site::open().await;
    site.guest.put(&binary::path("firstline-agent"), PROGRAM);
    let before = site.traces().await;

    let waiting = site.guest.says(&format!("{PROGRAM} install")).await;
    assert!(waiting.contains("This machine is not enrolled, so the service waits."), "{waiting}");
    assert_eq!(site.property("ActiveState").await, "inactive");
    let endpoint = site.enroll(PROGRAM).await;
    let process = site.property("MainPID").await;
    assert_eq!(site.guest.says(&format!("readlink /proc/{process}/exe")).await, INSTALLED);
    let status = site.guest.says(&format!("{INSTALLED} status")).await;
    assert!(status.contains("installed by `firstline-agent install`"), "{status}");

    // From now on the installed program does it, and nothing that is right is done again.
    let again = site.guest.says(&format!("{INSTALLED} install")).await;
    assert!(again.contains("The service runs already.") && !again.contains("was written"), "{again}");
    assert_eq!(site.property("MainPID").await, process);

    let kept = site.guest.says(&format!("{INSTALLED} uninstall")).await;
    assert!(kept.contains("--purge removes them too"), "{kept}");
    site.stage.endpoint_is_not(&endpoint, "online").await;
    assert_eq!(site.property("LoadState").await, "not-found");
    site.guest.says(&format!("{PROGRAM} install")).await;
    site.stage.endpoint_is(&endpoint, "online").await;

    site.guest.says(&format!("{INSTALLED} uninstall --purge")).await;
    assert_eq!(difference(&before, &site.traces().await), [""; 0]);
    let nothing = site.guest.says(&format!("{PROGRAM} uninstall --purge")).await;
    assert_eq!(nothing, "There is nothing to remove.");
}

#[tokio::test]
async fn who_may_not_or_cannot_install_is_told_so_and_nothing_is_touched() {
    let site = Site::open().await;
    site.guest.put(&binary::path("firstline-agent"), "/usr/bin/firstline-agent");
    let before = site.traces().await;
    let other = site.guest.run("setpriv --reuid 1000 --clear-groups firstline-agent install").await.ended_with(1);
    assert!(other.stderr.contains("only root may install"), "{}", other.stderr);
    let elsewhere = "unshare --mount sh -c 'mount -t tmpfs tmpfs /run && exec firstline-agent install'";
    let elsewhere = site.guest.run(elsewhere).await.ended_with(1);
    assert!(elsewhere.stderr.contains("not started by systemd"), "{}", elsewhere.stderr);
    let nowhere = "firstline-agent install --collector 127.0.0.1:1 --token nonsense";
    assert_eq!(difference(&before, &site.traces().await), [""; 0]);
    let nowhere = site.guest.run(nowhere).await;
    assert_ne!(nowhere.status, 0, "a token that is none is not passed over: {nowhere:?}");
    assert_ne!(site.property("ActiveState").await, "active");
}

#[tokio::test]
async fn a_right_goes_when_the_policy_denies_what_it_is_for_and_comes_back_with_it() {
    const POLICY: &str = "/etc/firstline/agent.toml";
    const FILE: &str = "/etc/systemd/system/firstline-agent.service.d/rights.conf";
    let site = Site::open().await;
    site.guest.put(&binary::path("firstline-agent"), PROGRAM);
    // The signals of the probes that question disks.
    let registered = firstline_diagnosis::registry::Registry::builtin().iter();
    let is_of_disks =
        |name: &&str| ["endpoint.smart.", "endpoint.nvme.", "hw.physical_disk."].iter().any(|of| name.starts_with(of));
    let disks = registered.map(|spec| spec.name.as_str()).filter(is_of_disks);
    let denied: Vec<String> = disks.map(|name| format!("\"{name}\"")).collect();
    site.guest.write(POLICY, &format!("[policy]\ndenied_signals = [{}]\n", denied.join(", ")));
    site.enroll(PROGRAM).await;
    let held = async || {
        let status = format!("grep CapBnd /proc/{}/status | cut -f2", site.property("MainPID").await);
        u64::from_str_radix(&site.guest.says(&status).await, 16).expect("a number")
    };
    const RAW_IO: u64 = 1 << 17;
    const ADMINISTRATION: u64 = 1 << 21;
    let without = held().await;
    assert_eq!((without & (RAW_IO | ADMINISTRATION), without.count_ones()), (0, 4), "{without:x}");
    let verified = site.guest.run("systemd-analyze verify firstline-agent.service").await.stderr;
    assert!(!verified.contains("rights.conf") && !verified.contains("apabilit"), "{verified}");
    let rating = site.guest.says("systemd-analyze security firstline-agent --no-pager | tail -n 1").await;
    println!("{rating}");

    site.guest.write(POLICY, "");
    let given_back = site.guest.says(&format!("{INSTALLED} install")).await;
    assert!(given_back.contains(&format!("{FILE} was removed.")), "{given_back}");
    assert_eq!(held().await, without | RAW_IO | ADMINISTRATION);
}
