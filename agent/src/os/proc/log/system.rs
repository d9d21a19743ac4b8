//! What the service manager and its companions write. Each is believed only when it is the one who speaks.

use super::found::{between, name, program};
use super::{Found, Record};

/// `systemd-coredump` took the memory of a program that crashed.
pub(crate) const CORE_DUMP: &str = "fc2e22bc6ee647b6b90729ab34a250b1";
/// A unit reached the state failed.
pub(crate) const UNIT_FAILED: &str = "d9b373ed55a64feb8242e02dbe79a49c";
/// A unit was to be started and was not.
pub(crate) const START_FAILED: &str = "be02cf6855d2428ba40df7e9d022f03d";
/// The clock was set.
pub(crate) const CLOCK_SET: &str = "c7a787079b354eaaa9e77b371893cd27";
/// Power off or restart begins.
pub(crate) const SHUTDOWN: &str = "98268866d1d54a499c4e98921d93bc40";
/// The journal was closed.
pub(crate) const JOURNAL_STOPPED: &str = "d93fb3c9c24d451a97cea615ce59c00b";
/// The power key was pressed.
pub(crate) const POWER_KEY: &str = "b72ea4a2881545a0b50e200e55b9b071";
/// The power key was held.
pub(crate) const POWER_KEY_LONG: &str = "3e0117101eb243c1b9a50db3494ab10b";
/// The machine woke.
pub(crate) const SLEEP_ENDS: &str = "8811e6df2a8e40f58a94cea26f8ebf14";
/// The machine goes to sleep.
pub(crate) const SLEEP_BEGINS: &str = "6bbd95ee977941e497c48be27c254128";

/// What an entry means that carries a message id; `has_file` says whether the file of [`dump_file`] is there, root's.
pub(crate) fn known_message(record: &Record, has_file: bool) -> Option<Found> {
    match record.get("MESSAGE_ID") {
        // The helper takes on the rights of the person whose program it was, and is often gone before journald can look
        // which service it belonged to. The file it leaves tells as well who it was.
        CORE_DUMP if has_file || record.is_of(&["systemd-coredump@"]) => core_dump(record),
        UNIT_FAILED if record.is_from_manager() => unit_failed(record),
        START_FAILED if record.is_from_manager() => start_failed(record),
        CLOCK_SET if record.is_from_manager() => Some(Found::new("endpoint.clock.step").of("source", "system")),
        _ => None,
    }
}

/// Where `systemd-coredump` keeps what it took, for root alone to write.
pub(crate) const DUMPS: &str = "var/lib/systemd/coredump";

/// The name in [`DUMPS`] of what was taken of a program of the very person whom the entry is from:
/// `core.calc.1000.6d966f2412774743888b50eb7b30dfd0.4711.1795329951000000.zst`.
pub(crate) fn dump_file(record: &Record) -> Option<&str> {
    let name = record.get("COREDUMP_FILENAME").rsplit_once('/')?.1;
    let parts: Vec<&str> = name.strip_prefix("core.")?.rsplitn(6, '.').collect();
    let at = usize::from(parts.first()?.starts_with(|first: char| first.is_ascii_alphabetic()));
    (parts.get(at + 3)? == &record.get("_UID")).then_some(name)
}

fn core_dump(record: &Record) -> Option<Found> {
    let comm = Some(record.get("COREDUMP_COMM")).filter(|comm| !comm.is_empty());
    let executable = program(record.get("COREDUMP_EXE")).or(comm)?;
    let mut found = Found::new("endpoint.app.crash").of("process.executable.name", executable);
    let signal = [record.get("COREDUMP_SIGNAL_NAME"), record.get("COREDUMP_SIGNAL")];
    if let Some(signal) = signal.into_iter().find_map(name) {
        found = found.text("signal", &signal_name(signal));
    }
    for (field, from) in [("package", "COREDUMP_PACKAGE_NAME"), ("version", "COREDUMP_PACKAGE_VERSION")] {
        if let Some(value) = program(record.get(from)) {
            found = found.text(field, value);
        }
    }
    Some(found)
}

/// The name of a signal that is given as a number, for those that make programs dump core.
fn signal_name(signal: &str) -> String {
    match signal {
        "3" => "SIGQUIT",
        "4" => "SIGILL",
        "5" => "SIGTRAP",
        "6" => "SIGABRT",
        "7" => "SIGBUS",
        "8" => "SIGFPE",
        "11" => "SIGSEGV",
        "31" => "SIGSYS",
        other => other,
    }
    .to_owned()
}

/// A service that ended as it should not. A start that failed is told by its job.
fn unit_failed(record: &Record) -> Option<Found> {
    let result = name(record.get("UNIT_RESULT"))?;
    if result == "start-limit-hit" {
        return None;
    }
    let service = service(record.get("UNIT"))?;
    Some(Found::new("endpoint.service.unexpected_exit").of("service", &service).text("result", result))
}

fn start_failed(record: &Record) -> Option<Found> {
    let result = name(record.get("JOB_RESULT"))?;
    // A start that failed since another one did says nothing new.
    if record.get("JOB_TYPE") != "start" || !matches!(result, "failed" | "timeout") {
        return None;
    }
    let service = service(record.get("UNIT"))?;
    Some(Found::new("endpoint.service.start_failure").of("service", &service).text("result", result))
}

/// The name of a unit that is a program, without what it was started for: `backup@ada.service` is `backup@.service`.
/// Other units carry paths and people in their names.
fn service(unit: &str) -> Option<String> {
    let stem = unit.strip_suffix(".service")?;
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-.:\\@".contains(letter);
    if stem.is_empty() || stem.len() > 64 || !stem.chars().all(plain) {
        return None;
    }
    Some(match stem.split_once('@') {
        Some((template, _)) => format!("{template}@.service"),
        None => unit.to_owned(),
    })
}

/// What a companion of the manager wrote, by its name. They run as users of their own.
pub(crate) fn companion(record: &Record) -> Option<Found> {
    let message = record.message();
    match record.program() {
        "systemd-oomd" if record.is_from(&["systemd-oomd"]) => out_of_memory(message),
        "systemd-resolved" if record.is_from(&["systemd-resolved"]) => no_answer(message),
        "systemd-timesyncd" if record.is_from(&["systemd-timesyncd"]) => clock_stepped(message),
        "chronyd" if record.is_from(&["chrony", "chronyd"]) => clock_stepped(message),
        "clamd" | "clamonacc" if record.is_from(&["clamav-daemon", "clamav-clamonacc", "clamonacc"]) => {
            malware(message)
        }
        "ldap_child" if record.is_from(&["sssd"]) => trust_lost(message),
        "ntpd" if record.is_from(&["ntp", "ntpd", "ntpsec"]) => clock_stepped(message),
        _ => None,
    }
}

/// `Killed /user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-firefox-2345.scope due to memory pressure
/// for /user.slice/user-1000.slice/user@1000.service being 60.1% > 50.00% for > 20s with reclaim activity`
fn out_of_memory(message: &str) -> Option<Found> {
    let group = between(message, "Killed ", " due to ")?;
    let unit = group.rsplit('/').find(|part| !part.is_empty())?;
    let app = unit.strip_suffix(".scope").or_else(|| unit.strip_suffix(".service"))?;
    Some(Found::new("endpoint.oom_kill").of("process.executable.name", &application(app)).text("scope", "pressure"))
}

/// The application of a unit that a desktop made for it: `app-gnome-firefox-2345` and `app-gnome-firefox@2345` are
/// `firefox`.
fn application(unit: &str) -> String {
    let unit = unit.split('@').next().unwrap_or(unit);
    let Some(rest) = unit.strip_prefix("app-") else { return unit.to_owned() };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|letter| letter.is_ascii_digit());
    let rest = rest.rsplit_once('-').filter(|(_, last)| digits(last)).map_or(rest, |(first, _)| first);
    let rest =
        ["gnome-", "KDE-", "flatpak-", "dbus-"].iter().find_map(|prefix| rest.strip_prefix(prefix)).unwrap_or(rest);
    rest.replace("\\x2d", "-").rsplit('.').next().unwrap_or(rest).to_owned()
}

/// `Using degraded feature set UDP instead of UDP+EDNS0 for DNS server 192.0.2.1.`
fn no_answer(message: &str) -> Option<Found> {
    let to = between(message, "Using degraded feature set ", " instead of ")?;
    let to = name(&to.replace('+', "_")).map(str::to_ascii_lowercase)?;
    Some(Found::new("endpoint.dns.client_timeout").text("fallback", &to))
}

/// `/home/ada/Downloads/invoice.pdf: Win.Test.EICAR_HDB-1 FOUND`; the file is not told. A file may be called anything, so
/// the name is what stands between the last colon and the last word.
fn malware(message: &str) -> Option<Found> {
    let threat = message.strip_suffix(" FOUND")?.rsplit_once(": ")?.1.split('(').next()?;
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    if threat.is_empty() || threat.len() > 64 || !threat.chars().all(plain) {
        return None;
    }
    Some(Found::new("endpoint.security.malware").of("product", "clamav").text("threat", threat))
}

/// `Failed to initialize credentials using keytab [MEMORY:/etc/krb5.keytab]: Preauthentication failed. Unable to create ...`:
/// the domain does not accept the machine's own password, or does not know the machine. Servers that are away, and clocks that
/// are wrong, are said in the same place and are another thing.
fn trust_lost(message: &str) -> Option<Found> {
    let why = message.strip_prefix("Failed to initialize credentials using keytab [")?.split_once("]: ")?.1;
    let is_refused = why.starts_with("Preauthentication failed") || why.contains("not found in Kerberos database");
    is_refused.then(|| Found::new("endpoint.domain.failure").of("kind", "trust"))
}

/// `System clock was stepped by 12.345678 seconds`; `Initial clock synchronization to ...` is no step.
fn clock_stepped(message: &str) -> Option<Found> {
    if message.contains("Forward time jump detected") || message.contains("Backward time jump detected") {
        return Some(Found::new("endpoint.clock.step").of("source", "time service"));
    }
    let seconds: f64 = between(message, "System clock was stepped by ", " seconds")?.parse().ok()?;
    (seconds.is_finite())
        .then(|| Found::new("endpoint.clock.step").of("source", "time service").number("seconds", seconds))
}
