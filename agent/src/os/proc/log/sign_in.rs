//! Failed sign-ins, as the modules of PAM write them. One attempt makes several lines; they are put together here.
//!
//! A line is written by the program that asked for the password, so that anybody can write one. Believed is what root
//! wrote, and what those programs of [`SWITCHERS`] wrote that any person may start and that then act as root: about
//! themselves only. (A person who makes a namespace of their own can give a program any path. They get no further with
//! it than by failing at the real `su` as often as they please.) Programs that lock a screen as the very person who sits
//! there are not believed: they would say what that person wants.

use super::found::between;
use super::{Found, Record};

/// Programs that ask for a password and are named as they are.
const SERVICES: [&str; 17] = [
    "sshd",
    "sudo",
    "su",
    "su-l",
    "login",
    "gdm-password",
    "gdm-fingerprint",
    "gdm-smartcard",
    "lightdm",
    "sddm",
    "kde",
    "polkit-1",
    "xscreensaver",
    "swaylock",
    "cockpit",
    "xrdp-sesman",
    "samba",
];

/// Programs that act as root whoever starts them, by their last name, and what they call themselves in PAM.
const SWITCHERS: [(&str, &[&str]); 4] = [
    ("sudo", &["sudo", "sudo-i"]),
    ("su", &["su", "su-l"]),
    ("polkit-agent-helper-1", &["polkit-1"]),
    ("pkexec", &["polkit-1"]),
];
/// Where such programs lie; nobody but root can put one there.
const FOLDERS: [&str; 6] =
    ["/usr/bin/", "/bin/", "/usr/sbin/", "/usr/lib/polkit-1/", "/usr/libexec/", "/usr/lib/policykit-1/"];

/// A failed attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// When, microseconds since 1970.
    pub(crate) at_us: u64,
    /// Why, as a class.
    pub(crate) status: &'static str,
    /// Through which program.
    pub(crate) service: String,
    /// Whether it came over the network.
    pub(crate) remote: bool,
    /// Who, as it was typed. It must be made a pseudonym before anything else happens to it. Absent when nobody has that
    /// name: people type passwords where a name is asked for.
    pub(crate) user: Option<String>,
    /// How many attempts the line tells of.
    pub(crate) count: u32,
    process: String,
}

impl Failure {
    /// The event; `pseudonym` is what stands for the user.
    pub(crate) fn event(&self, pseudonym: Option<&str>) -> Found {
        let found = Found::new("endpoint.auth.failure")
            .of("status", self.status)
            .of("source", if self.remote { "remote" } else { "local" })
            .text("service", &self.service)
            .times(self.count);
        match pseudonym {
            Some(pseudonym) => found.text("user", pseudonym),
            None => found,
        }
    }
}

/// Puts the lines of attempts together, in their order.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    failures: Vec<Failure>,
}

impl Attempts {
    /// Takes a line of the facilities `auth` and `authpriv`.
    pub(crate) fn take(&mut self, record: &Record) {
        let Some(line) = Line::parse(record.message()).filter(|line| line.is_believed(record)) else { return };
        let key = format!("{} {}", record.get("_PID"), line.service);
        match line.says() {
            Says::Failed { count } => self.failed(record, &line, key, count),
            Says::Succeeded => self.forget(&key),
            Says::Because(status) => self.because(record, &line, key, status),
            Says::NoSuchUser => self.because_unknown(record, &line, key),
            Says::Nothing => {}
        }
    }

    /// The failed attempts, oldest first.
    pub(crate) fn done(self) -> Vec<Failure> {
        self.failures.into_iter().filter(|failure| failure.count > 0).collect()
    }

    fn failed(&mut self, record: &Record, line: &Line, process: String, count: u32) {
        // `check pass; user unknown` comes before the failure that it explains.
        if let Some(last) = self.last(&process)
            && last.count == 0
        {
            last.count = count;
            last.remote = line.is_remote();
            return;
        }
        let user = line.user().map(str::to_owned);
        self.failures.push(Failure {
            at_us: record.at_us,
            status: "bad_password",
            service: line.known_service(),
            remote: line.is_remote(),
            user,
            count,
            process,
        });
    }

    /// A later module said yes: what the one before it said is no failure.
    fn forget(&mut self, process: &str) {
        if let Some(place) = self.failures.iter().rposition(|failure| failure.process == process) {
            self.failures.remove(place);
        }
    }

    fn because(&mut self, record: &Record, line: &Line, process: String, status: &'static str) {
        if let Some(last) = self.last(&process) {
            last.status = status;
            return;
        }
        self.failed(record, line, process, 1);
        if let Some(last) = self.failures.last_mut() {
            last.status = status;
        }
    }

    fn because_unknown(&mut self, record: &Record, line: &Line, process: String) {
        self.failed(record, line, process, 0);
        if let Some(last) = self.failures.last_mut() {
            (last.status, last.user, last.count) = ("no_such_user", None, 0);
        }
    }

    fn last(&mut self, process: &str) -> Option<&mut Failure> {
        self.failures.iter_mut().rev().find(|failure| failure.process == process)
    }
}

enum Says {
    Failed { count: u32 },
    Succeeded,
    Because(&'static str),
    NoSuchUser,
    Nothing,
}

/// `pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.1  user=ada`
struct Line<'a> {
    module: &'a str,
    service: &'a str,
    step: &'a str,
    text: &'a str,
}

impl<'a> Line<'a> {
    fn parse(message: &'a str) -> Option<Self> {
        // What a program adds about repeated failures has the form of a module's line without a module.
        if let Some(text) = message.strip_prefix("PAM ") {
            return text.contains(" more authentication failure").then_some(Self {
                module: "PAM",
                service: "sshd",
                step: "auth",
                text,
            });
        }
        let (head, text) = message.split_once("): ")?;
        let (module, inner) = head.split_once('(')?;
        let (service, step) = inner.rsplit_once(':')?;
        module.starts_with("pam_").then_some(Self { module, service, step, text })
    }

    /// Whether the line is from who it claims to be.
    fn is_believed(&self, record: &Record) -> bool {
        let switches = |(program, services): &(&str, &[&str])| {
            let folder = record.get("_EXE").strip_suffix(program).unwrap_or_default();
            FOLDERS.contains(&folder) && services.contains(&self.service)
        };
        record.is_from_root() || SWITCHERS.iter().any(switches)
    }

    fn says(&self) -> Says {
        let text = self.text;
        if self.module == "PAM" {
            return Says::Failed { count: text.split(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0) };
        }
        match (self.module, self.step) {
            (_, "auth") if text.starts_with("authentication failure;") => Says::Failed { count: 1 },
            (_, "auth") if text.starts_with("authentication success;") => Says::Succeeded,
            ("pam_unix", "auth") if text.starts_with("check pass; user unknown") => Says::NoSuchUser,
            ("pam_sss", "auth" | "account") if text.starts_with("received for user ") => said_by_sssd(text),
            ("pam_faillock" | "pam_tally2", _) if text.contains("temporarily locked") => Says::Because("locked"),
            ("pam_unix", "account") if text.starts_with("expired password for user") => {
                Says::Because("password_expired")
            }
            ("pam_unix", "account") if text.contains("has expired (account expired)") => {
                Says::Because("account_expired")
            }
            ("pam_unix", "account") if text.contains("has expired (failed to change password)") => {
                Says::Because("password_expired")
            }
            ("pam_access", _) if text.starts_with("access denied for user") => Says::Because("not_allowed"),
            _ => Says::Nothing,
        }
    }

    fn user(&self) -> Option<&'a str> {
        let user = self.text.rsplit_once(" user=").map(|(_, user)| user);
        let user =
            user.or_else(|| between(self.text, "for user ", ":")).or_else(|| between(self.text, "for user ", " "));
        user.map(str::trim).filter(|user| !user.is_empty() && user.len() <= 256)
    }

    fn is_remote(&self) -> bool {
        let host = between(self.text, " rhost=", " ").unwrap_or_default();
        self.service == "sshd" || !matches!(host, "" | "localhost" | "127.0.0.1" | "::1")
    }

    fn known_service(&self) -> String {
        SERVICES.into_iter().find(|known| *known == self.service).unwrap_or("other").to_owned()
    }
}

/// `received for user ada: 17 (Failure setting user credentials)`, with the codes of PAM.
fn said_by_sssd(text: &str) -> Says {
    let code = text.rsplit_once(": ").and_then(|(_, rest)| rest.split(' ').next()).unwrap_or_default();
    match code {
        "6" => Says::Because("not_allowed"),
        "7" => Says::Because("bad_password"),
        "9" => Says::Because("no_sign_in_server"),
        "10" => Says::Because("no_such_user"),
        "11" => Says::Because("locked"),
        "12" => Says::Because("password_expired"),
        "13" => Says::Because("account_expired"),
        _ => Says::Nothing,
    }
}
