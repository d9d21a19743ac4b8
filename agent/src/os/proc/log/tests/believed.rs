//! Who is believed: for each kind of event that a program tells, the entry that tells it, and the same from somebody else.

use super::*;

/// Fields that everybody may write; journald's own, of the one who may tell it; and what it then means.
type Story = (&'static [(&'static str, &'static str)], &'static [(&'static str, &'static str)], &'static str);

const PAM: &str =
    "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.1  user=bob";
const SUDO: &str =
    "pam_unix(sudo:auth): authentication failure; logname= uid=1000 euid=0 tty=/dev/pts/0 ruser=ada rhost=  user=ada";
const OOMD: &str = "Killed /user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-firefox-2345.scope due to memory pressure for /user.slice being 60.1% > 50.00% for > 20s with reclaim activity";

const KEYTAB: &str = "Failed to initialize credentials using keytab [MEMORY:/etc/krb5.keytab]: Preauthentication failed. Unable to go on.";

const STORIES: [Story; 16] = [
    (&[("SYSLOG_IDENTIFIER", "sshd"), ("MESSAGE", PAM)], &[("_UID", "0")], "endpoint.auth.failure"),
    (
        &[("SYSLOG_IDENTIFIER", "sudo"), ("MESSAGE", SUDO)],
        &[("_UID", "1000"), ("_EXE", "/usr/bin/sudo")],
        "endpoint.auth.failure",
    ),
    (
        &[("MESSAGE_ID", system::CORE_DUMP), ("COREDUMP_EXE", "/usr/bin/calc")],
        &[("_UID", "1000"), ("_SYSTEMD_UNIT", "systemd-coredump@0-114-0.service")],
        "endpoint.app.crash",
    ),
    (
        &[("MESSAGE_ID", system::UNIT_FAILED), ("UNIT", "cups.service"), ("UNIT_RESULT", "exit-code")],
        &[("_PID", "1"), ("_UID", "0")],
        "endpoint.service.unexpected_exit",
    ),
    (
        &[("MESSAGE_ID", system::START_FAILED), ("UNIT", "a.service"), ("JOB_TYPE", "start"), ("JOB_RESULT", "failed")],
        &[("_PID", "1"), ("_UID", "0")],
        "endpoint.service.start_failure",
    ),
    (&[("MESSAGE_ID", system::CLOCK_SET)], &[("_PID", "1"), ("_UID", "0")], "endpoint.clock.step"),
    (
        &[("SYSLOG_IDENTIFIER", "chronyd"), ("MESSAGE", "System clock was stepped by 99.5 seconds")],
        &[("_UID", "105"), ("_SYSTEMD_UNIT", "chrony.service")],
        "endpoint.clock.step",
    ),
    (
        &[("SYSLOG_IDENTIFIER", "clamd"), ("MESSAGE", "/srv/a.zip: Win.Test.EICAR_HDB-1 FOUND")],
        &[("_UID", "105"), ("_SYSTEMD_UNIT", "clamav-daemon.service")],
        "endpoint.security.malware",
    ),
    (
        &[("SYSLOG_IDENTIFIER", "ldap_child"), ("MESSAGE", KEYTAB)],
        &[("_UID", "990"), ("_SYSTEMD_UNIT", "sssd.service")],
        "endpoint.domain.failure",
    ),
    (
        &[("SYSLOG_IDENTIFIER", "systemd-oomd"), ("MESSAGE", OOMD)],
        &[("_UID", "998"), ("_SYSTEMD_UNIT", "systemd-oomd.service")],
        "endpoint.oom_kill",
    ),
    (
        &[
            ("SYSLOG_IDENTIFIER", "systemd-resolved"),
            ("MESSAGE", "Using degraded feature set UDP instead of UDP+EDNS0 for DNS server 192.0.2.1."),
        ],
        &[("_UID", "997"), ("_SYSTEMD_UNIT", "systemd-resolved.service")],
        "endpoint.dns.client_timeout",
    ),
    (
        &[("SYSLOG_IDENTIFIER", "NetworkManager"), ("MESSAGE", "<warn>  [1.1] dhcp4 (wlp2s0): request timed out")],
        &[("_UID", "0"), ("_SYSTEMD_UNIT", "NetworkManager.service")],
        "endpoint.dhcp.failure",
    ),
    (
        &[("SYSLOG_IDENTIFIER", "openvpn"), ("MESSAGE", "AUTH: Received control message: AUTH_FAILED")],
        &[("_UID", "65534"), ("_SYSTEMD_UNIT", "openvpn-client@office.service")],
        "endpoint.vpn.failure",
    ),
    (
        &[("SYSLOG_IDENTIFIER", "systemd-networkd"), ("MESSAGE", "eth0: DHCP lease lost")],
        &[("_UID", "996"), ("_SYSTEMD_UNIT", "systemd-networkd.service")],
        "endpoint.dhcp.failure",
    ),
    (
        &[
            ("SYSLOG_IDENTIFIER", "wpa_supplicant"),
            ("MESSAGE", "wlan0: CTRL-EVENT-EAP-FAILURE EAP authentication failed"),
        ],
        &[("_UID", "0")],
        "endpoint.8021x.failure",
    ),
    (
        &[("SYSLOG_IDENTIFIER", "kernel"), ("MESSAGE", "EXT4-fs error (device sda1): ext4_lookup:1: inode #2: x")],
        &[("_TRANSPORT", "kernel")],
        "endpoint.filesystem.error",
    ),
];

/// journald's own fields of entries that others write: a person, a person's job or service of that name, a web server
/// that was broken into, a program with another's name.
const OTHERS: [&[(&str, &str)]; 8] = [
    &[],
    &[("_UID", "1000"), ("_PID", "4711"), ("_TRANSPORT", "syslog"), ("_EXE", "/usr/bin/logger")],
    &[("_UID", "1000"), ("_TRANSPORT", "journal"), ("_SYSTEMD_UNIT", "session-3.scope")],
    &[("_UID", "1000"), ("_SYSTEMD_UNIT", "user@1000.service"), ("_EXE", "/home/ada/bin/sudo")],
    &[("_UID", "1000"), ("_SYSTEMD_UNIT", "cron.service"), ("_EXE", "/tmp/su")],
    &[("_UID", "1000"), ("_EXE", "/usr/bin/su/sudo")],
    &[("_UID", "33"), ("_SYSTEMD_UNIT", "apache2.service"), ("_EXE", "/usr/sbin/sshd")],
    &[("_UID", "65534"), ("_SYSTEMD_UNIT", "systemd-coredumper.service"), ("_EXE", "/usr/sbin/chronyd")],
];

/// The signals of what an entry with these fields means to any of the readers.
fn told(fields: &[(&'static str, &'static str)], journald: &[(&'static str, &'static str)]) -> Vec<&'static str> {
    let mut record = Record::at(1_700_000_000_000_000);
    for (name, value) in fields.iter().chain(journald) {
        assert!(record.keep(name, (*value).to_owned()), "{name} is read by no rule");
    }
    let mut attempts = Attempts::default();
    attempts.take(&record);
    let kernel = || record.is_from_kernel().then(|| kernel::meaning(record.message())).flatten();
    let found = system::known_message(&record, false).or_else(|| system::companion(&record));
    let found = found.or_else(|| network::meaning(&record)).or_else(kernel);
    let failures = attempts.done().iter().map(|failure| failure.event(None)).collect::<Vec<_>>();
    found.into_iter().chain(failures).map(|found| found.signal).collect()
}

#[test]
fn who_may_tell_it_is_believed() {
    for (fields, journald, signal) in STORIES {
        assert_eq!(told(fields, journald), [signal], "{fields:?} of {journald:?}");
    }
}

#[test]
fn the_same_from_anybody_else_says_nothing() {
    for ((fields, _, signal), other) in STORIES.iter().flat_map(|story| OTHERS.map(|other| (story, other))) {
        assert_eq!(told(fields, other), [""; 0], "{signal} from {other:?}");
    }
}

#[test]
fn a_program_that_acts_as_root_is_believed_about_itself_only() {
    let sudo: &[_] = &[("_UID", "1000"), ("_EXE", "/usr/bin/sudo")];
    assert_eq!(told(&[("SYSLOG_IDENTIFIER", "sshd"), ("MESSAGE", PAM)], sudo), [""; 0]);
}
