mod text;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use firstline_diagnosis::vocabulary::{Event, Value, Why};
use tokio::sync::watch;

use super::super::Pseudonyms;
use super::*;
use crate::bookmarks::Bookmarks;
use crate::os::proc::journal::forge::Forge;
use crate::settings::Settings;

const MACHINE: &str = "392f3590126b4cff8a63b905a0596506";

/// A machine with a journal that a test writes.
struct Machine {
    dir: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { dir: tempfile::tempdir().expect("temporary directory") };
        machine.write("etc/machine-id", MACHINE.as_bytes());
        machine.boots("11111111-1111-1111-1111-111111111111");
        fs::create_dir(machine.dir.path().join("memory")).expect("made");
        machine
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().expect("below the root")).expect("made");
        fs::write(path, bytes).expect("written");
    }

    fn boots(&self, id: &str) {
        self.write("proc/sys/kernel/random/boot_id", id.as_bytes());
    }

    fn journal(&self, name: &str) -> PathBuf {
        self.dir.path().join("var/log/journal").join(MACHINE).join(name)
    }

    fn write_journal(&self, name: &str, forge: &Forge) {
        self.write(&format!("var/log/journal/{MACHINE}/{name}"), &forge.bytes);
    }

    fn cx(&self) -> Context {
        let (_, settings) = watch::channel(Settings::default());
        let cx = Context::this_machine(settings, Pseudonyms::new(b"test"));
        Context { root: self.dir.path().to_owned(), memory: Some(self.dir.path().join("memory")), ..cx }
    }
}

fn now_us() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_microsecond()).expect("after 1970")
}

fn kernel(forge: &mut Forge, line: &str) {
    forge.entry(now_us(), &["_TRANSPORT=kernel", "SYSLOG_IDENTIFIER=kernel", "PRIORITY=3", &format!("MESSAGE={line}")]);
}

/// `signal count` of what a run tells.
fn told(probe: &Journal, cx: &Context) -> Vec<String> {
    words(&events(probe, cx))
}

fn words(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| format!("{} {}", event.series.to_string().replace('"', ""), event.count)).collect()
}

/// What a run tells, which is taken in before anything else happens.
fn events(probe: &Journal, cx: &Context) -> Vec<Event> {
    let collected = killed(probe, cx);
    if let Some(memory) = &cx.memory {
        Bookmarks::open(memory).intend(collected.bookmarks, Vec::new(), &[], 0);
    }
    collected.events
}

/// What a run finds, which is lost with the agent before anybody takes it in.
fn killed(probe: &Journal, cx: &Context) -> Collected {
    probe.collect(cx).expect("a probe that always has something to say")
}

const SDA: &str = "I/O error, dev sda, sector 1 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2";
const SDA_TOLD: &str = "endpoint.disk.errors{kind=io,place=unknown,system.device=sda}";
const CABLE: &str = "e1000e 0000:00:1f.6 eth0: NIC Link is Down";
const CABLE_TOLD: &str = "endpoint.link.down{network.interface.name=eth0}";

#[test]
fn tells_once_what_happened_also_over_a_restart_of_the_agent() {
    let machine = Machine::new();
    let mut forge = Forge::new(true, true, 1, 0);
    kernel(&mut forge, SDA);
    kernel(&mut forge, SDA);
    machine.write_journal("system.journal", &forge);
    let (probe, cx) = (Journal::default(), machine.cx());
    assert_eq!(told(&probe, &cx), [format!("{SDA_TOLD} 2")]);
    assert_eq!(told(&probe, &cx), [""; 0]);

    kernel(&mut forge, CABLE);
    machine.write_journal("system.journal", &forge);
    assert_eq!(told(&probe, &cx), [format!("{CABLE_TOLD} 1")]);
    assert_eq!(told(&Journal::default(), &machine.cx()), [""; 0], "a new agent goes on where the old one stopped");
    kernel(&mut forge, CABLE);
    machine.write_journal("system.journal", &forge);
    assert_eq!(told(&Journal::default(), &machine.cx()), [format!("{CABLE_TOLD} 1")]);
}

#[test]
fn what_was_found_by_an_agent_that_was_killed_is_found_again() {
    let machine = Machine::new();
    let mut forge = Forge::new(true, true, 1, 0);
    kernel(&mut forge, SDA);
    machine.write_journal("system.journal", &forge);
    assert_eq!(words(&killed(&Journal::default(), &machine.cx()).events), [format!("{SDA_TOLD} 1")]);
    let probe = Journal::default();
    assert_eq!(told(&probe, &machine.cx()), [format!("{SDA_TOLD} 1")]);
    kernel(&mut forge, CABLE);
    machine.write_journal("system.journal", &forge);
    assert_eq!(words(&killed(&probe, &machine.cx()).events), [format!("{CABLE_TOLD} 1")]);
    assert_eq!(told(&Journal::default(), &machine.cx()), [format!("{CABLE_TOLD} 1")]);
    assert_eq!(told(&Journal::default(), &machine.cx()), [""; 0]);
}

#[test]
fn a_machine_that_stopped_without_a_word_is_told_although_the_agent_was_killed_over_it() {
    let machine = Machine::new();
    assert_eq!(told(&Journal::default(), &machine.cx()), [""; 0]);
    machine.boots("22222222-2222-2222-2222-222222222222");
    for _ in 0..3 {
        let probe = Journal::default();
        assert_eq!(words(&killed(&probe, &machine.cx()).events), ["endpoint.os.unclean_stop 1"]);
        assert_eq!(killed(&probe, &machine.cx()).events, [], "a minute later it is not told again");
    }
    assert_eq!(told(&Journal::default(), &machine.cx()), ["endpoint.os.unclean_stop 1"]);
    assert_eq!(told(&Journal::default(), &machine.cx()), [""; 0]);
}

#[test]
fn a_journal_that_was_rotated_is_read_to_its_end_and_then_its_successor() {
    let machine = Machine::new();
    let mut first = Forge::new(true, true, 1, 0);
    kernel(&mut first, CABLE);
    machine.write_journal("system.journal", &first);
    assert_eq!(told(&Journal::default(), &machine.cx()).len(), 1);

    // While the agent was away: two more entries, a rotation, one entry in the new file.
    kernel(&mut first, SDA);
    first.archive();
    machine.write_journal("system@0007-0001.journal", &first);
    let mut second = Forge::new(true, true, 2, 2);
    kernel(&mut second, SDA);
    machine.write_journal("system.journal", &second);
    let (probe, cx) = (Journal::default(), machine.cx());
    assert_eq!(told(&probe, &cx), [format!("{SDA_TOLD} 2")]);
    assert_eq!(told(&probe, &cx), [""; 0]);
    assert_eq!(told(&Journal::default(), &machine.cx()), [""; 0], "the old file is not read again");
}

#[test]
fn a_journal_that_was_thrown_away_is_replaced_without_repeating_or_missing() {
    let machine = Machine::new();
    let mut first = Forge::new(true, true, 1, 500);
    kernel(&mut first, SDA);
    machine.write_journal("system.journal", &first);
    let (probe, cx) = (Journal::default(), machine.cx());
    assert_eq!(told(&probe, &cx).len(), 1);
    fs::remove_file(machine.journal("system.journal")).expect("there");
    let mut second = Forge::new(true, true, 2, 0);
    kernel(&mut second, CABLE);
    machine.write_journal("system.journal", &second);
    assert_eq!(told(&probe, &cx), [format!("{CABLE_TOLD} 1")]);
}

#[test]
fn a_new_agent_looks_back_for_a_day() {
    let machine = Machine::new();
    let mut forge = Forge::new(false, false, 1, 0);
    let line = format!("MESSAGE={SDA}");
    for hours in [25, 23] {
        forge.entry(now_us() - hours * 3_600_000_000, &["_TRANSPORT=kernel", "SYSLOG_IDENTIFIER=kernel", &line]);
    }
    machine.write_journal("system.journal", &forge);
    assert_eq!(told(&Journal::default(), &machine.cx()), [format!("{SDA_TOLD} 1")]);
}

#[test]
fn a_flood_costs_what_a_run_may_cost_and_is_counted() {
    let machine = Machine::new();
    let mut forge = Forge::new(true, true, 1, 0);
    kernel(&mut forge, CABLE);
    machine.write_journal("system.journal", &forge);
    let (probe, cx) = (Journal::default(), machine.cx());
    assert_eq!(told(&probe, &cx).len(), 1);
    // Another program's flood is not even looked at; the kernel's own is read to its bound, and the newest.
    (0..600).for_each(|_| kernel(&mut forge, "martian source 192.0.2.1 from 192.0.2.2, on dev eth0"));
    (0..600).for_each(|_| forge.entry(now_us(), &["_TRANSPORT=syslog", "SYSLOG_IDENTIFIER=chatty", "MESSAGE=x"]));
    machine.write_journal("system.journal", &forge);
    assert_eq!(told(&probe, &cx), [""; 0]);
    (0..600).for_each(|_| kernel(&mut forge, "martian source 192.0.2.1 from 192.0.2.2, on dev eth0"));
    kernel(&mut forge, SDA);
    machine.write_journal("system.journal", &forge);
    let collected = probe.collect(&cx).expect("collected");
    assert_eq!(collected.events.len(), 1);
    let skipped = collected.readings.iter().find(|reading| &*reading.series.signal == "endpoint.agent.log.skipped");
    assert_eq!(skipped.and_then(firstline_diagnosis::vocabulary::Reading::number), Some(201.0));
}

#[test]
fn failed_sign_ins_carry_a_pseudonym_and_nothing_that_was_typed() {
    let machine = Machine::new();
    let mut forge = Forge::new(true, true, 1, 0);
    for user in ["user=Ada", "user=ada"] {
        let line = "MESSAGE=pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.1 ";
        forge.entry(now_us(), &["SYSLOG_FACILITY=10", "_UID=0", "_PID=9", &format!("{line} {user}")]);
    }
    machine.write_journal("system.journal", &forge);
    let events = events(&Journal::default(), &machine.cx());
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].count, 2, "the same person, however the name is written");
    let name = Pseudonyms::new(b"test").name("user", "ada");
    assert_eq!(events[0].fields["user"], Value::Text(name));
    let document = serde_json::to_string(&events).expect("JSON");
    assert!(!document.to_lowercase().contains("ada\"") && !document.contains("192.0.2"), "{document}");
}

#[test]
fn a_real_journal_gives_its_failures() {
    let machine = Machine::new();
    let bytes = include_bytes!("../../../tests/fixtures/journal/debian12.journal");
    machine.write(&format!("var/log/journal/{MACHINE}/system.journal"), bytes);
    // The fixture was written at this moment; a day later nobody would look at it any more.
    let clock = Fixed(firstline_diagnosis::vocabulary::Timestamp::from_unix_seconds(FIXTURE_SECONDS));
    let cx = Context { clock: Arc::new(clock), ..machine.cx() };
    let told = told(&Journal::default(), &cx);
    for expected in [
        "endpoint.service.unexpected_exit{service=bad.service} 1",
        "endpoint.service.unexpected_exit{service=gone.service} 1",
        "endpoint.service.start_failure{service=slow.service} 1",
        "endpoint.auth.failure{source=local,status=bad_password} 1",
    ] {
        assert!(told.contains(&expected.to_owned()), "{expected} is not in {told:?}");
    }
    let crash = told.iter().any(|event| event.starts_with("endpoint.app.crash"));
    assert!(!crash, "its core dump was written with logger, and is not believed");
}

/// The journals of a Debian 12 on which a program crashed, `su` and `sudo` were given wrong passwords and two services
/// failed; and on which a person wrote the same and more with `logger`. Long fields in it are compressed.
#[test]
fn what_a_person_wrote_into_a_real_journal_is_not_believed_and_nothing_real_is_missed() {
    let machine = Machine::new();
    for (name, bytes) in [
        ("system.journal", include_bytes!("../../../tests/fixtures/journal/forged/system.journal").as_slice()),
        ("user-1000.journal", include_bytes!("../../../tests/fixtures/journal/forged/user-1000.journal").as_slice()),
    ] {
        machine.write(&format!("var/log/journal/{MACHINE}/{name}"), bytes);
    }
    // What the crash left. journald found no trace of the helper that told of it: it had ended already.
    let dump = "core.sleep.1000.4ef1b6ab579c4b42866cd048f0f6e73a.345.1795329951000000.zst";
    machine.write(&format!("var/lib/systemd/coredump/{dump}"), b"");
    let clock = Fixed(firstline_diagnosis::vocabulary::Timestamp::from_unix_seconds(FORGED_SECONDS));
    let cx = Context { clock: Arc::new(clock), ..machine.cx() };
    let expected = [
        "endpoint.app.crash{process.executable.name=sleep} 1",
        "endpoint.auth.failure{source=local,status=bad_password} 1",
        "endpoint.auth.failure{source=local,status=bad_password} 1",
        "endpoint.service.unexpected_exit{service=bad.service} 1",
        "endpoint.service.unexpected_exit{service=loop.service} 6",
        "endpoint.service.start_failure{service=loop.service} 1",
    ];
    assert_eq!(told(&Journal::default(), &cx), expected);
}

/// A minute after the last entry of that fixture.
const FORGED_SECONDS: i64 = 1_795_330_020;

/// A minute after the last entry of the fixture.
const FIXTURE_SECONDS: i64 = 1_795_318_235;

#[derive(Debug)]
struct Fixed(firstline_diagnosis::vocabulary::Timestamp);

impl crate::os::Clock for Fixed {
    fn now(&self) -> firstline_diagnosis::vocabulary::Timestamp {
        self.0
    }
    fn since_boot(&self) -> Duration {
        Duration::from_hours(1)
    }
    fn awake(&self) -> Duration {
        Duration::from_hours(1)
    }
}

#[test]
fn a_journal_that_cannot_be_understood_is_failed_and_none_is_not_present() {
    let readable = |machine: &Machine, source: &str| {
        let readings = Journal::default().collect(&machine.cx()).expect("collected").readings;
        let name = format!("endpoint.agent.log.readable{{source=\"{source}\"}}");
        readings.into_iter().find(|reading| reading.series.to_string() == name).map(|reading| reading.outcome)
    };
    let machine = Machine::new();
    let why = |outcome: Option<Result<Value, firstline_diagnosis::vocabulary::Unknown>>| {
        outcome.and_then(Result::err).map(|why| why.why)
    };
    assert_eq!(why(readable(&machine, "journal")), Some(Why::NotPresent));
    let mut later = Forge::new(true, true, 1, 0);
    later.bytes[12] |= 1 << 6;
    machine.write_journal("system.journal", &later);
    assert_eq!(why(readable(&machine, "journal")), Some(Why::Failed));
}

#[test]
fn a_machine_that_stopped_without_a_word_is_told_after_the_next_start() {
    let machine = Machine::new();
    machine.write("sys/class/power_supply/BAT0/capacity", b"4");
    machine.write("sys/class/power_supply/BAT0/status", b"Discharging");
    assert_eq!(told(&Journal::default(), &machine.cx()), [""; 0]);
    machine.boots("22222222-2222-2222-2222-222222222222");
    let cx = machine.cx();
    let probe = Journal::default();
    let events = events(&probe, &cx);
    assert_eq!(events.iter().map(|event| event.series.to_string()).collect::<Vec<_>>(), ["endpoint.os.unclean_stop"]);
    let fields = &events[0].fields;
    assert_eq!((&fields["on_battery"], &fields["battery_charge"]), (&Value::Flag(true), &Value::Number(0.0)));
    assert_eq!(told(&probe, &cx), [""; 0]);
    assert_eq!(told(&Journal::default(), &machine.cx()), [""; 0], "the boot is known by now");
}

#[test]
fn a_machine_that_was_shut_down_did_not_stop_uncleanly() {
    let machine = Machine::new();
    assert_eq!(told(&Journal::default(), &machine.cx()), [""; 0]);
    machine.boots("22222222-2222-2222-2222-222222222222");
    let cx = machine.cx();
    cx.vitals.set_ended_well(true);
    assert_eq!(told(&Journal::default(), &cx), [""; 0], "the agent was stopped");

    let machine = Machine::new();
    machine.boots("09090909-0909-0909-0909-090909090909");
    assert_eq!(told(&Journal::default(), &machine.cx()), [""; 0]);
    let mut forge = Forge::new(true, true, 1, 0);
    forge.entry(now_us(), &[GOODBYE, "_UID=0", "MESSAGE=System is rebooting."]);
    machine.write_journal("system.journal", &forge);
    machine.boots("22222222-2222-2222-2222-222222222222");
    assert_eq!(told(&Journal::default(), &machine.cx()), [""; 0], "the boot before said goodbye");
}

const GOODBYE: &str = "MESSAGE_ID=98268866d1d54a499c4e98921d93bc40";

#[test]
fn a_person_can_not_say_goodbye_for_the_machine() {
    let machine = Machine::new();
    machine.boots("09090909-0909-0909-0909-090909090909");
    assert_eq!(told(&Journal::default(), &machine.cx()), [""; 0]);
    let mut forge = Forge::new(true, true, 1, 0);
    forge.entry(now_us(), &[GOODBYE, "_UID=1000", "MESSAGE=System is rebooting."]);
    forge.entry(now_us(), &["_UID=0", "MESSAGE=Something else."]);
    machine.write_journal("system.journal", &forge);
    machine.boots("22222222-2222-2222-2222-222222222222");
    assert_eq!(told(&Journal::default(), &machine.cx()), ["endpoint.os.unclean_stop 1"]);
}

#[test]
fn what_a_crashed_system_left_is_told_once() {
    let machine = Machine::new();
    let log = b"<0>[ 11.3] Kernel panic - not syncing: Fatal machine check on current CPU\n";
    machine.write("var/lib/systemd/pstore/1700000000/dmesg.txt", log);
    machine.write("var/crash/202611220312/dmesg.202611220312", b"BUG: unable to handle page fault for address: 1");
    machine.write("var/crash/_usr_bin_calc.1000.crash", b"ProblemType: Crash");
    let told_now = events(&Journal::default(), &machine.cx());
    let crashes: Vec<_> = told_now.iter().map(|event| &event.fields["reason"]).collect();
    assert!(crashes.contains(&&Value::Text("hardware error".to_owned())), "{told_now:?}");
    assert_eq!(told(&Journal::default(), &machine.cx()), [""; 0]);
}

#[test]
fn leaves_nothing_behind_where_nothing_may_be_remembered() {
    let machine = Machine::new();
    let cx = Context { memory: None, ..machine.cx() };
    let probe = Journal::default();
    probe.collect(&cx).expect("collected");
    let left = |path: &Path| fs::read_dir(path).expect("there").count();
    assert_eq!(left(&machine.dir.path().join("memory")), 0);
}
