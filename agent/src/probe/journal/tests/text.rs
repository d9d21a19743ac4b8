//! A machine without a journal.

use super::*;

const SU: &str =
    "su[145]: pam_unix(su:auth): authentication failure; logname= uid=1000 euid=0 tty= ruser=ada rhost=  user=root";

fn line(ago_seconds: u64, what: &str) -> String {
    let at = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(i64::try_from(ago_seconds).expect("small"));
    format!("{at} guest {what}\n")
}

fn fields(event: &Event) -> (String, Option<&Value>) {
    (event.series.signal.to_string(), event.fields.get("unverified"))
}

#[test]
fn what_a_syslog_daemon_wrote_is_told_as_unverified_once() {
    let machine = Machine::new();
    let old = line(25 * 3600, "dhclient[7]: No DHCPOFFERS received.");
    let syslog = [line(60, &format!("kernel: [   12.5] {SDA}")), line(30, "dhclient[7]: No DHCPOFFERS received.")];
    machine.write("var/log/syslog", (old + &syslog.concat()).as_bytes());
    machine.write("var/log/auth.log", line(20, SU).as_bytes());
    let told_now = events(&Journal::default(), &machine.cx());
    let yes = Value::Flag(true);
    let expected = ["endpoint.disk.errors", "endpoint.dhcp.failure", "endpoint.auth.failure"]
        .map(|name| (name.to_owned(), Some(&yes)));
    assert_eq!(told_now.iter().map(fields).collect::<Vec<_>>(), expected);
    assert_eq!(told(&Journal::default(), &machine.cx()), [""; 0], "a new agent goes on where the old one stopped");

    fs::rename(machine.dir.path().join("var/log/auth.log"), machine.dir.path().join("var/log/auth.log.1"))
        .expect("put away");
    machine.write("var/log/auth.log", line(1, SU).as_bytes());
    assert_eq!(told(&Journal::default(), &machine.cx()), ["endpoint.auth.failure{source=local,status=bad_password} 1"]);
}

#[test]
fn a_machine_with_a_journal_is_not_told_twice() {
    let machine = Machine::new();
    let mut forge = Forge::new(true, true, 1, 0);
    kernel(&mut forge, SDA);
    machine.write_journal("system.journal", &forge);
    machine.write("var/log/syslog", line(60, &format!("kernel: {SDA}")).as_bytes());
    let events = events(&Journal::default(), &machine.cx());
    assert_eq!(events.iter().map(fields).collect::<Vec<_>>(), [("endpoint.disk.errors".to_owned(), None)]);
}

#[test]
fn the_kernels_own_word_is_taken_instead_of_a_copy_of_it() {
    let machine = Machine::new();
    machine.write("dev/kmsg", format!("4,811,11153784147,-;{SDA}\n").as_bytes());
    machine.write("var/log/syslog", line(60, &format!("kernel: {SDA}")).as_bytes());
    let events = events(&Journal::default(), &machine.cx());
    assert_eq!(events.iter().map(fields).collect::<Vec<_>>(), [("endpoint.disk.errors".to_owned(), None)]);
}
