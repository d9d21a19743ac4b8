mod believed;

use std::fmt::Write as _;

use firstline_diagnosis::registry::Registry;
use firstline_diagnosis::vocabulary::{Attributes, Event, Series, Timestamp, Value};
use proptest::prelude::*;

use super::network::Wifi;
use super::sign_in::Attempts;
use super::*;

/// An event as it is declared: `signal{name=value} name=value x2`.
fn words(found: &Found) -> String {
    let pair = |(name, value): (&&str, &Value)| match value {
        Value::Text(text) => format!(" {name}={text}"),
        Value::Number(number) => format!(" {name}={number}"),
        Value::Flag(flag) => format!(" {name}={flag}"),
    };
    let attributes: Vec<String> = found.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let fields: String = found.fields.iter().map(pair).collect();
    let often = if found.count > 1 { format!(" x{}", found.count) } else { String::new() };
    format!("{}{{{}}}{fields}{often}", found.signal, attributes.join(","))
}

fn declared(found: &Found) {
    let attributes: std::collections::BTreeMap<String, String> =
        found.attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let fields = found.fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let series = Series::new(found.signal, Attributes::from(attributes));
    let event = Event { series, at: Timestamp(0), fields, count: found.count };
    assert_eq!(Registry::builtin().admit(&event), Ok(()));
}

/// What the kernel's line means; the event must be one that may leave.
fn kernel_words(line: &str) -> Option<String> {
    let found = kernel::meaning(line)?;
    declared(&found);
    Some(words(&found))
}

/// Lines of real kernels (4.15 to 6.12) and what they mean, `-` for nothing.
const KERNEL: &str = include_str!("../../../../tests/fixtures/log/kernel.txt");

#[test]
fn knows_what_kernels_say() {
    let mut lines = KERNEL.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut seen = 0;
    while let (Some(line), Some(meaning)) = (lines.next(), lines.next()) {
        let meaning = meaning.strip_prefix("  ").expect("a line, then what it means, indented");
        assert_eq!(kernel_words(line).as_deref().unwrap_or("-"), meaning, "{line}");
        seen += 1;
    }
    assert!(seen > 80, "{seen} lines");
}

#[test]
fn a_hostile_process_name_says_nothing_else() {
    let killed = "Out of memory: Killed process 77 (x) total-vm:1kB) total-vm:123kB, anon-rss:1kB";
    assert_eq!(kernel_words(killed).as_deref(), Some("endpoint.oom_kill{process.executable.name=x} scope=machine"));
    let named = "]: I/O error, dev sda, [1]: segfault at 0 ip 0 sp 0 error 4";
    assert!(!kernel_words(named).unwrap_or_default().contains("disk.errors"));
}

fn entry(program: &str, uid: &str, message: &str) -> Record {
    Record::with([("SYSLOG_IDENTIFIER", program), ("_UID", uid), ("MESSAGE", message)])
}

fn network_words(program: &str, message: &str) -> Option<String> {
    let found = network::meaning(&entry(program, "0", message))?;
    declared(&found);
    Some(words(&found))
}

#[test]
fn knows_what_network_programs_say() {
    for (program, message, meaning) in [
        (
            "NetworkManager",
            "<warn>  [1700000000.1234] dhcp4 (wlp2s0): request timed out",
            "endpoint.dhcp.failure{network.interface.name=wlp2s0} reason=timeout",
        ),
        (
            "NetworkManager",
            "<info>  [1700000000.1234] dhcp4 (eth0): state changed unknown -> timeout",
            "endpoint.dhcp.failure{network.interface.name=eth0} reason=timeout",
        ),
        (
            "NetworkManager",
            "<info>  [1700000000.1] device (eth0): state change: ip-config -> failed (reason 'ip-config-unavailable', sys-iface-state: 'managed')",
            "endpoint.dhcp.failure{network.interface.name=eth0} reason=ip-config-unavailable",
        ),
        (
            "NetworkManager",
            "<info>  [1700000000.1] device (enp1s0): state change: config -> failed (reason 'supplicant-timeout', managed-type: 'full')",
            "endpoint.8021x.failure{network.interface.name=enp1s0} reason=supplicant-timeout",
        ),
        (
            "NetworkManager",
            "<warn>  [1700000000.1] vpn[0x55d0c8,6a2c9b3e-1111-2222-3333-444455556666,\"Acme Secret Office\"]: dbus: failure: connect-failed (1)",
            "endpoint.vpn.failure{} reason=connect-failed",
        ),
        (
            "NetworkManager",
            "<warn>  [1700000000.1] vpn-connection[0x55d0c8,6a2c9b3e,\"Acme Secret Office\",0]: VPN plugin: failed: login-failed (0)",
            "endpoint.vpn.failure{} reason=login-failed",
        ),
        (
            "NetworkManager",
            "<info>  [1700000000.1] device (wlp2s0): state change: activated -> deactivating (reason 'user-requested', sys-iface-state: 'managed')",
            "-",
        ),
        (
            "NetworkManager",
            "<warn>  [1700000000.1] acd[0x55,3]: IPv4 address 192.0.2.7 is used on network connected to interface 3 (eth0) from host 02:00:5E:00:53:01",
            "endpoint.ip.conflict{network.interface.name=eth0}",
        ),
        (
            "systemd-networkd",
            "eth0: Dropping address 192.0.2.7, as an address conflict was detected.",
            "endpoint.ip.conflict{network.interface.name=eth0}",
        ),
        (
            "systemd-networkd",
            "eth0: DHCP lease lost",
            "endpoint.dhcp.failure{network.interface.name=eth0} reason=lease-lost",
        ),
        ("systemd-networkd", "eth0: Gained carrier", "-"),
        ("dhclient", "No DHCPOFFERS received.", "endpoint.dhcp.failure{network.interface.name=unknown} reason=timeout"),
        ("dhcpcd", "eth0: timed out", "endpoint.dhcp.failure{network.interface.name=eth0} reason=timeout"),
        (
            "dhcpcd",
            "eth0: hardware address 02:00:5e:00:53:01 claims 192.0.2.7",
            "endpoint.ip.conflict{network.interface.name=eth0}",
        ),
        (
            "wpa_supplicant",
            "wlp2s0: CTRL-EVENT-SSID-TEMP-DISABLED id=0 ssid=\"Ada reason=CONN_FAILED auth_failures=9 home\" auth_failures=2 duration=23 reason=WRONG_KEY",
            "endpoint.wifi.auth_failure{network.interface.name=wlp2s0} reason=wrong key",
        ),
        (
            "wpa_supplicant",
            "wlp2s0: CTRL-EVENT-EAP-FAILURE EAP authentication failed",
            "endpoint.8021x.failure{network.interface.name=wlp2s0} reason=rejected",
        ),
        ("wpa_supplicant", "wlp2s0: WPA: Key negotiation completed with 02:00:5e:00:53:01 [PTK=CCMP GTK=CCMP]", "-"),
        (
            "openvpn",
            "TLS Error: TLS key negotiation failed to occur within 60 seconds (check your network connectivity)",
            "endpoint.vpn.failure{} reason=timeout",
        ),
        ("openvpn", "AUTH: Received control message: AUTH_FAILED", "endpoint.vpn.failure{} reason=login-failed"),
        (
            "openvpn",
            "[server.example.com] Inactivity timeout (--ping-restart), restarting",
            "endpoint.vpn.drop{} reason=no-answer",
        ),
        ("charon", "07[IKE] received AUTHENTICATION_FAILED notify error", "endpoint.vpn.failure{} reason=login-failed"),
        ("charon", "13[IKE] giving up after 5 retransmits", "endpoint.vpn.drop{} reason=no-answer"),
        (
            "avahi-autoipd",
            "Successfully claimed IP address 169.254.7.9",
            "endpoint.dhcp.failure{network.interface.name=unknown} reason=self-assigned",
        ),
        // The same in the language of the system: these programs do not translate what they log, and what would be
        // translated is not understood, rather than misunderstood.
        ("NetworkManager", "<warn>  [1700000000.1234] dhcp4 (wlp2s0): Zeitüberschreitung der Anforderung", "-"),
    ] {
        assert_eq!(network_words(program, message).as_deref().unwrap_or("-"), meaning, "{message}");
    }
}

const DISCONNECT: &str = "wlp2s0: CTRL-EVENT-DISCONNECTED bssid=02:00:5e:00:53:01 reason=";

#[test]
fn tells_a_drop_from_a_roam_and_from_what_was_wanted() {
    let seconds = |seconds: u64| seconds * 1_000_000;
    let connected = "wlp2s0: CTRL-EVENT-CONNECTED - Connection to 02:00:5e:00:53:02 completed [id=0 id_str=]";
    let mut wifi = Wifi::default();
    assert_eq!(wifi.take(seconds(10), &format!("{DISCONNECT}4")), None);
    assert_eq!(wifi.take(seconds(11), connected), None, "back within two seconds: handed on");
    wifi.take(seconds(20), &format!("{DISCONNECT}4 locally_generated=1"));
    let (at, drop) = wifi.take(seconds(51), connected).expect("a drop");
    let expected =
        "endpoint.wifi.disconnect{network.interface.name=wlp2s0,planned=no} code=4 reason=not heard seconds=31";
    assert_eq!((at, words(&drop).as_str()), (seconds(20), expected));
    declared(&drop);
    wifi.take(seconds(60), &format!("{DISCONNECT}3 locally_generated=1"));
    assert_eq!(wifi.over(seconds(100)), []);
    let over = wifi.over(seconds(200));
    let expected = "endpoint.wifi.disconnect{network.interface.name=wlp2s0,planned=yes} code=3 reason=left";
    assert_eq!(over.iter().map(|(_, found)| words(found)).collect::<Vec<_>>(), [expected]);
    assert_eq!(wifi.over(seconds(2000)), [], "told once");
}

fn sign_ins(lines: &[(&str, &str)]) -> Vec<String> {
    let mut attempts = Attempts::default();
    for (process, message) in lines {
        attempts.take(&Record::with([("_PID", *process), ("_UID", "0"), ("MESSAGE", *message)]));
    }
    let event = |failure: &sign_in::Failure| {
        let found = failure.event(failure.user.as_ref().map(|_| "pseudonym"));
        declared(&found);
        words(&found)
    };
    attempts.done().iter().map(event).collect()
}

#[test]
fn counts_failed_sign_ins_once_and_says_why() {
    let su = "pam_unix(su:auth): authentication failure; logname= uid=1000 euid=0 tty= ruser=ada rhost=  user=root";
    let local = "endpoint.auth.failure{source=local,status=bad_password} service=su user=pseudonym";
    assert_eq!(sign_ins(&[("138", su), ("138", "FAILED SU (to root) ada on none")]), [local]);
    let remote = [
        ("9", "pam_unix(sshd:auth): check pass; user unknown"),
        ("9", "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.1 "),
        ("9", "PAM 2 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.1 "),
    ];
    let told = sign_ins(&remote);
    assert_eq!(told[0], "endpoint.auth.failure{source=remote,status=no_such_user} service=sshd");
    assert_eq!(told[1], "endpoint.auth.failure{source=remote,status=bad_password} service=sshd x2");
}

#[test]
fn a_user_of_the_domain_who_got_in_did_not_fail() {
    let unix = "pam_unix(gdm-password:auth): authentication failure; logname=ada uid=0 euid=0 tty=/dev/tty1 ruser= rhost=  user=ada";
    let yes = "pam_sss(gdm-password:auth): authentication success; logname=ada uid=0 euid=0 tty=/dev/tty1 ruser= rhost= user=ada";
    assert_eq!(sign_ins(&[("7", unix), ("7", yes)]), [""; 0]);
    let no = "pam_sss(gdm-password:auth): received for user ada: 12 (Authentication token is no longer valid; new one required)";
    let expired = "endpoint.auth.failure{source=local,status=password_expired} service=gdm-password user=pseudonym";
    assert_eq!(sign_ins(&[("7", unix), ("7", no)]), [expired]);
    let locked = "pam_faillock(gdm-password:auth): Consecutive login failures for user ada account temporarily locked";
    let told = sign_ins(&[("8", unix), ("8", locked)]);
    assert_eq!(told, ["endpoint.auth.failure{source=local,status=locked} service=gdm-password user=pseudonym"]);
}

fn system_words<const N: usize>(fields: [(&str, &str); N]) -> Option<String> {
    let record = Record::with(fields);
    let found = system::known_message(&record, false).or_else(|| system::companion(&record))?;
    declared(&found);
    Some(words(&found))
}

#[test]
fn names_malware_and_not_where_it_was() {
    let said = |message, unit| {
        let fields = [("MESSAGE", message), ("SYSLOG_IDENTIFIER", "clamd"), ("_UID", "105"), ("_SYSTEMD_UNIT", unit)];
        system_words(fields)
    };
    let found = "/home/ada/Downloads/Rechnung: letzte.pdf: Win.Test.EICAR_HDB-1 FOUND";
    let expected = "endpoint.security.malware{product=clamav} threat=Win.Test.EICAR_HDB-1";
    assert_eq!(said(found, "clamav-daemon.service").as_deref(), Some(expected));
    assert_eq!(said(found, "user@1000.service"), None, "anybody may write that");
    assert_eq!(said("/home/ada/all FOUND", "clamav-daemon.service"), None);
    let hash = "instream(local): Eicar-Signature(69630e4574ec6798239b091cda43dca0:69) FOUND";
    let expected = "endpoint.security.malware{product=clamav} threat=Eicar-Signature";
    assert_eq!(said(hash, "clamav-daemon.service").as_deref(), Some(expected));
}

#[test]
fn a_domain_that_refuses_the_machine_itself_no_longer_trusts_it() {
    let said = |why: &str, unit| {
        let message = format!(
            "Failed to initialize credentials using keytab [MEMORY:/etc/krb5.keytab]: {why}. Unable to create \
             GSSAPI-encrypted LDAP connection."
        );
        system_words([
            ("MESSAGE", &message),
            ("SYSLOG_IDENTIFIER", "ldap_child"),
            ("_UID", "990"),
            ("_SYSTEMD_UNIT", unit),
        ])
    };
    let expected = Some("endpoint.domain.failure{kind=trust}".to_owned());
    assert_eq!(said("Preauthentication failed", "sssd.service"), expected);
    assert_eq!(said("Client 'PC-17$@CORP.EXAMPLE' not found in Kerberos database", "sssd.service"), expected);
    for why in ["Cannot contact any KDC for realm 'CORP.EXAMPLE'", "Clock skew too great", "Generic error"] {
        assert_eq!(said(why, "sssd.service"), None, "{why}");
    }
    assert_eq!(said("Preauthentication failed", "user@1000.service"), None, "anybody may write that");
}

#[test]
fn knows_what_the_service_manager_says() {
    let failed = |unit, pid| {
        system_words([("MESSAGE_ID", system::UNIT_FAILED), ("UNIT", unit), ("UNIT_RESULT", "exit-code"), ("_PID", pid)])
    };
    let expected = "endpoint.service.unexpected_exit{service=cups.service} result=exit-code";
    assert_eq!(failed("cups.service", "1").as_deref(), Some(expected));
    assert_eq!(failed("cups.service", "4711"), None, "only the manager itself is believed");
    assert_eq!(failed("home-ada-secret.mount", "1"), None);
    let expected = "endpoint.service.unexpected_exit{service=backup@.service} result=exit-code";
    assert_eq!(failed("backup@ada.service", "1").as_deref(), Some(expected));
    let job = |result| {
        let fields = [("MESSAGE_ID", system::START_FAILED), ("UNIT", "slow.service"), ("JOB_RESULT", result)];
        system_words([fields[0], fields[1], fields[2], ("JOB_TYPE", "start"), ("_PID", "1")])
    };
    let expected = "endpoint.service.start_failure{service=slow.service} result=timeout";
    assert_eq!(job("timeout").as_deref(), Some(expected));
    assert_eq!(job("dependency"), None);
}

#[test]
fn a_core_dump_is_a_crash_without_paths_and_arguments() {
    let dump = system_words([
        ("MESSAGE_ID", system::CORE_DUMP),
        ("_UID", "1000"),
        ("_SYSTEMD_UNIT", "systemd-coredump@3-4711-0.service"),
        ("COREDUMP_EXE", "/home/ada/secret project/bin/calc"),
        ("COREDUMP_SIGNAL_NAME", "SIGSEGV"),
        ("COREDUMP_PACKAGE_NAME", "calc"),
        ("COREDUMP_PACKAGE_VERSION", "1.2-3"),
    ]);
    let expected = "endpoint.app.crash{process.executable.name=calc} package=calc signal=SIGSEGV version=1.2-3";
    assert_eq!(dump.as_deref(), Some(expected));
}

#[test]
fn knows_what_companions_say() {
    let said = |program, message| {
        system_words([
            ("SYSLOG_IDENTIFIER", program),
            ("_SYSTEMD_UNIT", &format!("{program}.service")),
            ("MESSAGE", message),
        ])
    };
    let killed = "Killed /user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-org.mozilla.firefox-2345.scope due to memory pressure for /user.slice/user-1000.slice/user@1000.service being 60.11% > 50.00% for > 20s with reclaim activity";
    let expected = "endpoint.oom_kill{process.executable.name=firefox} scope=pressure";
    assert_eq!(said("systemd-oomd", killed).as_deref(), Some(expected));
    let slow = "Using degraded feature set UDP instead of UDP+EDNS0 for DNS server 192.0.2.53.";
    assert_eq!(said("systemd-resolved", slow).as_deref(), Some("endpoint.dns.client_timeout{} fallback=udp"));
    let stepped = "System clock was stepped by -3599.123456 seconds";
    let expected = "endpoint.clock.step{source=time service} seconds=-3599.123456";
    assert_eq!(said("chronyd", stepped).as_deref(), Some(expected));
    let set = system_words([("MESSAGE_ID", system::CLOCK_SET), ("_PID", "1"), ("MESSAGE", "Time has been changed")]);
    assert_eq!(set.as_deref(), Some("endpoint.clock.step{source=system}"));
}

/// Everything that any reader of the log makes of one message, whoever might have written it.
fn everything(message: &str) -> String {
    let programs = [
        "NetworkManager",
        "systemd-networkd",
        "wpa_supplicant",
        "dhclient",
        "dhcpcd",
        "openvpn",
        "charon",
        "avahi-autoipd",
        "systemd-oomd",
        "systemd-resolved",
        "chronyd",
        "sshd",
        "sudo",
        "gdm-password]",
    ];
    let mut out = format!("{:?}", kernel::meaning(message));
    let mut wifi = Wifi::default();
    let mut attempts = Attempts::default();
    for program in programs {
        let record = entry(program, "0", message);
        let _ =
            write!(out, "{:?}{:?}{:?}", network::meaning(&record), system::companion(&record), wifi.take(1, message));
        attempts.take(&record);
    }
    for id in [system::CORE_DUMP, system::UNIT_FAILED, system::START_FAILED, system::CLOCK_SET] {
        let record = Record::with([
            ("MESSAGE_ID", id),
            ("_PID", "1"),
            ("_UID", "0"),
            ("UNIT", message),
            ("UNIT_RESULT", message),
            ("JOB_TYPE", "start"),
            ("JOB_RESULT", message),
            ("COREDUMP_SIGNAL", message),
        ]);
        let _ = write!(out, "{:?}", system::known_message(&record, false));
    }
    // The user's name is made a pseudonym before it goes anywhere, and is looked for apart.
    out + &attempts.done().iter().map(|failure| words(&failure.event(None))).collect::<String>()
}

#[test]
fn no_secret_of_a_message_is_in_any_event() {
    let canaries = [
        "hunter2secret",
        "AKIAIOSFODNN7EXAMPLE",
        "ada.lovelace@example.com",
        "192.0.2.77",
        "02:00:5e:00:53:99",
        "AdaHomeNet",
    ];
    let mut lines: Vec<String> = KERNEL.lines().map(str::to_owned).collect();
    lines.extend([
        "wlp2s0: CTRL-EVENT-SSID-TEMP-DISABLED id=0 ssid=\"AdaHomeNet\" auth_failures=2 duration=23 reason=WRONG_KEY".to_owned(),
        "<warn>  [1.1] vpn[0x55,6a2c,\"AdaHomeNet\"]: dbus: failure: connect-failed (1)".to_owned(),
        "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.77  user=hunter2secret".to_owned(),
    ]);
    for line in &lines {
        for canary in canaries {
            for spoiled in
                [format!("{line} {canary}"), line.replace("password", canary), format!("{line}: token={canary}")]
            {
                let out = everything(&spoiled);
                assert!(!out.contains(canary), "{canary} of {spoiled:?} is in {out}");
            }
        }
    }
}

proptest! {
    #[test]
    fn nothing_that_is_written_to_a_log_panics(message in "\\PC{0,120}|([a-zA-Z0-9 :()\\[\\]=<>'\".,/_-]{0,20}(error, dev |: segfault at |Killed process |CTRL-EVENT-|pam_unix\\(|vpn\\[|EDAC MC|\\(device )){0,3}\\PC{0,60}") {
        let out = everything(&message);
        prop_assert!(out.len() < 20_000);
    }

    #[test]
    fn a_real_line_that_is_cut_anywhere_does_not_panic(line in proptest::sample::select(KERNEL.lines().collect::<Vec<_>>()), cut in 0_usize..200) {
        let end = line.char_indices().nth(cut).map_or(line.len(), |(at, _)| at);
        let _ = everything(&line[..end]);
    }
}
