use super::Site;

/// A machine that can sleep, although the one underneath must not: the kernel's list of what it can is a file, and sleeping is
/// an agent that is frozen until somebody opens the lid: until something is written into a pipe.
const CAN_SLEEP: &str =
    "mkfifo /run/lid && mkdir /run/power && echo mem > /run/power/state && mount --bind /run/power /sys/power";
const ASLEEP: &str = "[Service]\nExecStart=\nExecStart=/bin/sh -c 'systemctl kill --signal STOP firstline-agent; \
                      touch /run/asleep; read -r opened < /run/lid; \
                      systemctl kill --signal CONT firstline-agent'\n";
const LOCK: &str = "systemd-inhibit --list --no-legend | grep 'Firstline agent' | grep --quiet delay";

#[tokio::test]
async fn a_machine_says_that_it_goes_to_sleep_before_it_does_and_nobody_is_told_of_its_silence() {
    let site = Site::open().await;
    site.guest.write("/etc/systemd/system/systemd-suspend.service.d/asleep.conf", ASLEEP);
    site.guest.says(&format!("{CAN_SLEEP} && systemctl daemon-reload && systemctl restart systemd-logind")).await;
    site.install("1.0.0").await.done();
    let endpoint = site.enroll("firstline-agent").await;
    site.guest.comes_to(LOCK).await;

    site.guest.says("systemctl suspend").await;
    site.guest.comes_to("test -e /run/asleep").await;
    site.stage.endpoint_is(&endpoint, "asleep").await;
    let marks = site.marks().await;
    assert_eq!(marks.last().map(|(mark, _)| mark.as_str()), Some("pausing"), "it arrived before the machine slept");
    let said = site.guest.journal("firstline-agent").await;
    let words = said.lines().find_map(|line| line.split_once("The machine goes to sleep; ")).expect("it says so").1;
    println!("{words}");
    assert!(words.starts_with("the collector knows, after"), "{words}");
    site.stage.sign_in().await.done();
    let alerts = site.stage.firstline(&["alert", "list", "--json"]).await.done();
    assert!(!alerts.stdout.contains(&endpoint), "{}", alerts.stdout);

    site.guest.says("echo opened > /run/lid").await;
    site.stage.endpoint_is(&endpoint, "online").await;
    let turns: Vec<String> = site.marks().await.into_iter().map(|(mark, _)| mark).collect();
    assert_eq!(turns[marks.len() - 1..], ["pausing", "resumed"], "{turns:?}");
    site.guest.comes_to(LOCK).await;
}
