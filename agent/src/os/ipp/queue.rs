//! Print queues, as CUPS answers and as its `printers.conf` records them. Never what is printed, nor by whom.

use super::message::Group;

/// One queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Queue {
    /// Its name here; told as a keyed hash only.
    pub(crate) name: String,
    /// `idle`, `processing` or `stopped`.
    pub(crate) state: Option<&'static str>,
    /// Why it is so, in the protocol's words.
    pub(crate) reasons: Vec<String>,
    /// Whether it takes jobs.
    pub(crate) accepts: Option<bool>,
    /// Whether it is used when none is named.
    pub(crate) is_default: bool,
    /// Make and model of the printer.
    pub(crate) model: Option<String>,
    /// Where the printer is; told as a keyed hash only.
    pub(crate) device: Option<String>,
    /// Jobs that wait or print.
    pub(crate) jobs: Option<u64>,
    /// When the oldest of these came, seconds since 1970.
    pub(crate) oldest_seconds: Option<i64>,
}

/// What is asked of CUPS about each queue.
pub(crate) const WANTED: [&str; 7] = [
    "printer-name",
    "printer-state",
    "printer-state-reasons",
    "printer-is-accepting-jobs",
    "printer-make-and-model",
    "device-uri",
    "queued-job-count",
];

/// Most reasons that are kept of a queue.
const REASONS_MAX: usize = 8;

impl Queue {
    /// What an answer says of a queue.
    pub(crate) fn of(group: &Group) -> Option<Self> {
        let reasons = group.texts("printer-state-reasons").filter(|reason| *reason != "none");
        let text = |name| group.texts(name).next().map(str::to_owned);
        Some(Self {
            name: text("printer-name")?,
            state: group.number("printer-state").and_then(state),
            reasons: reasons.filter(|reason| is_word(reason)).take(REASONS_MAX).map(str::to_owned).collect(),
            accepts: group.flag("printer-is-accepting-jobs"),
            model: text("printer-make-and-model"),
            device: text("device-uri"),
            jobs: group.number("queued-job-count").and_then(|count| u64::try_from(count).ok()),
            ..Self::default()
        })
    }

    /// How the printer is connected.
    pub(crate) fn connection(&self) -> Option<&'static str> {
        let scheme = self.device.as_deref()?.split(':').next()?;
        Some(match scheme {
            "ipp" | "ipps" | "http" | "https" | "socket" | "lpd" | "dnssd" | "smb" => "network",
            "bluetooth" => "bluetooth",
            "hp" | "hpfax" if self.device.as_deref().is_some_and(|device| device.contains("/net/")) => "network",
            "usb" | "parallel" | "serial" | "ippusb" | "hp" | "hpfax" => "local",
            _ => "virtual",
        })
    }

    /// The host and port of a printer on the network that can be reached by name or address.
    pub(crate) fn host(&self) -> Option<(String, u16)> {
        let (scheme, rest) = self.device.as_deref()?.split_once("://")?;
        let port = match scheme {
            "socket" => 9100,
            "ipp" | "ipps" | "http" => 631,
            "https" => 443,
            "lpd" => 515,
            "smb" => 445,
            _ => return None,
        };
        let authority = rest.split(['/', '?']).next()?;
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = match host.rsplit_once(':').filter(|(name, _)| !name.contains(':') || name.ends_with(']')) {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (host, port),
        };
        let host = host.trim_matches(['[', ']']);
        (!host.is_empty()).then(|| (host.to_owned(), port))
    }
}

fn state(code: i32) -> Option<&'static str> {
    match code {
        3 => Some("idle"),
        4 => Some("processing"),
        5 => Some("stopped"),
        _ => None,
    }
}

/// Whether a reason is a word of the protocol, and not a text that a driver made up.
fn is_word(reason: &str) -> bool {
    reason.len() <= 64 && reason.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// The queues in `printers.conf`, which CUPS writes for itself while it does not run.
pub(crate) fn printers_conf(text: &str) -> Vec<Queue> {
    let mut queues: Vec<Queue> = Vec::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix('<').filter(|rest| !rest.starts_with('/')) {
            let Some((kind, name)) = rest.trim_end_matches('>').split_once(' ') else { continue };
            let is_default = kind.starts_with("Default");
            queues.push(Queue { name: name.to_owned(), is_default, ..Queue::default() });
        }
        let (Some((key, value)), Some(queue)) = (line.split_once(' '), queues.last_mut()) else { continue };
        match key {
            "State" => queue.state = Some(if value == "Stopped" { "stopped" } else { "idle" }),
            "Accepting" => queue.accepts = Some(value == "Yes"),
            "DeviceURI" => queue.device = Some(value.to_owned()),
            "MakeModel" => queue.model = Some(value.to_owned()),
            "Reason" if is_word(value) && queue.reasons.len() < REASONS_MAX => queue.reasons.push(value.to_owned()),
            _ => {}
        }
    }
    queues
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(device: &str) -> Queue {
        Queue { device: Some(device.to_owned()), ..Queue::default() }
    }

    #[test]
    fn tells_how_a_printer_is_connected_and_where() {
        let network = at("ipp://10.0.0.7/ipp/print");
        assert_eq!((network.connection(), network.host()), (Some("network"), Some(("10.0.0.7".to_owned(), 631))));
        assert_eq!(at("socket://printer.lan:9101").host(), Some(("printer.lan".to_owned(), 9101)));
        assert_eq!(at("socket://[fe80::1]").host(), Some(("fe80::1".to_owned(), 9100)));
        assert_eq!(at("smb://ada:secret@server/share").host(), Some(("server".to_owned(), 445)));
        assert_eq!((at("usb://HP/Laser?serial=1").connection(), at("usb://HP/Laser").host()), (Some("local"), None));
        assert_eq!(at("cups-pdf:/").connection(), Some("virtual"));
        assert_eq!(at("dnssd://Laser._ipp._tcp.local/").host(), None);
        assert_eq!(Queue::default().connection(), None);
    }

    #[test]
    fn reads_what_cups_records() {
        let text = "# Printer configuration file for CUPS v2.4.2\nNextPrinterId 3\n<DefaultPrinter Laser>\nMakeModel HP LaserJet\n\
                    DeviceURI ipp://10.0.0.7/\nState Stopped\nStateMessage Ada's report jammed\nReason paused\nAccepting Yes\n\
                    </DefaultPrinter>\n<Printer pdf>\nState Idle\nAccepting No\n</Printer>\n";
        let queues = printers_conf(text);
        assert_eq!(queues.len(), 2);
        assert_eq!(
            (queues[0].state, queues[0].is_default, queues[0].reasons.as_slice()),
            (Some("stopped"), true, ["paused".to_owned()].as_slice())
        );
        assert_eq!((queues[1].state, queues[1].accepts), (Some("idle"), Some(false)));
        assert!(!format!("{queues:?}").contains("Ada"));
        assert_eq!(printers_conf("State Idle\n</Printer>\n<odd>\n"), []);
    }

    #[test]
    fn reasons_are_words_of_the_protocol() {
        assert!(is_word("media-empty-error") && !is_word("Ada's report is jammed"));
    }
}
