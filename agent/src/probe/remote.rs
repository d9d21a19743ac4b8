//! How a technician may come onto this machine: the numbers of AnyDesk and TeamViewer, and whether SSH or Remote Desktop listen
//! on its network. Nothing is started or switched on here, and no password is read.

use std::time::Duration;

use firstline_proto::v1::Section;

use super::{Collected, Context, Gather, Probe, ProbeError, Right, Spec, Tier};
use crate::os::read;

static SPEC: Spec = Spec {
    name: "remote",
    section: Section::Trust,
    tier: Tier::Daily,
    deadline: Duration::from_secs(3),
    priority: 6,
    waits: false,
    heavy: false,
    signals: &["endpoint.remote.id", "endpoint.remote.listening"],
};

/// Each with the file and the key of its number.
const PROGRAMS: [(&str, &str, &str); 2] = [
    ("anydesk", "etc/anydesk/system.conf", "ad.anynet.id"),
    ("teamviewer", "opt/teamviewer/config/global.conf", "[int32] ClientID"),
];
/// Each with its port as the kernel writes it.
const SERVICES: [(&str, &str); 2] = [("ssh", ":0016"), ("rdp", ":0D3D")];
/// How the tables of sockets write the address of this machine itself in the newer family, and how addresses of the older
/// family begin there.
const LOOPBACK: &str = "00000000000000000000000001000000";
const OLDER_FAMILY: &str = "0000000000000000FFFF0000";
const LISTENS: &str = "0A";

/// Looks for ways in.
pub(crate) struct Remote;

impl Probe for Remote {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn rights(&self) -> &'static [Right] {
        &[Right::Files]
    }

    fn collect(&self, cx: &Context) -> Result<Collected, ProbeError> {
        let mut gather = Gather::new(cx);
        for (product, path, key) in PROGRAMS {
            let found = match read(&cx.root, path) {
                Err(ProbeError::Missing(_)) => continue,
                found => found.and_then(|text| number(&text, key).ok_or(ProbeError::NotPresent("number yet"))),
            };
            gather.outcome("endpoint.remote.id", [("product", product)], found);
        }
        let table = read(&cx.root, "proc/net/tcp");
        let table = table.map(|table| table + &read(&cx.root, "proc/net/tcp6").unwrap_or_default());
        for (service, port) in SERVICES {
            let listens = table.as_ref().map(|table| listens(table, port)).map_err(Clone::clone);
            gather.outcome("endpoint.remote.listening", [("service", service)], listens);
        }
        Ok(gather.done())
    }
}

/// The number that `key` has in a file of such lines; TeamViewer writes those beyond 31 bits as negative.
fn number(text: &str, key: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix(key)?.trim_start().strip_prefix('='))?;
    let number: i64 = line.trim().parse().ok()?;
    let number = if number < 0 { number + (1 << 32) } else { number };
    (number > 0).then(|| number.to_string())
}

/// Whether something listens on `port` for more than this machine.
fn listens(table: &str, port: &str) -> bool {
    table.lines().any(|line| {
        let mut words = line.split_ascii_whitespace();
        let address = words.nth(1).and_then(|local| local.strip_suffix(port));
        address.is_some_and(|address| !is_loopback(address)) && words.nth(1) == Some(LISTENS)
    })
}

/// Whether only this machine reaches an address. All that begin with 127 are such, and the tables write the first number last.
fn is_loopback(address: &str) -> bool {
    let older = address.strip_prefix(OLDER_FAMILY).unwrap_or(address);
    address == LOOPBACK || (older.len() == 8 && older.ends_with("7F"))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use firstline_diagnosis::vocabulary::Value;
    use tokio::sync::watch;

    use super::*;
    use crate::os::prepared::machine;
    use crate::probe::Pseudonyms;
    use crate::settings::Settings;

    const HEAD: &str = "  sl  local_address rem_address   st\n";

    /// What is told of each way, `None` where there is no value.
    fn told(files: &[(&str, &str)]) -> Vec<(String, Option<Value>)> {
        let root = machine(files);
        let (_, settings) = watch::channel(Settings::default());
        let cx = Context { root: root.path().to_owned(), ..Context::this_machine(settings, Pseudonyms::new(b"test")) };
        let readings = Remote.collect(&cx).expect("readings").readings;
        readings.into_iter().map(|one| (one.series.attributes.to_string(), one.outcome.ok())).collect()
    }

    fn ids(files: &[(&str, &str)]) -> Vec<(String, Option<Value>)> {
        let mut all = told(files);
        all.retain(|(way, _)| way.contains("product"));
        all
    }

    #[test]
    fn the_numbers_of_both_programs_are_read_from_their_files() {
        let anydesk =
            ("etc/anydesk/system.conf", "ad.anynet.pwd_hash=secret\nad.anynet.id=123456789\nad.anynet.alias=a@b\n");
        let viewer =
            ("opt/teamviewer/config/global.conf", "TeamViewer Global Settings\n[int32] ClientID = 1234567890\n");
        let number = |text: &str| Some(Value::Text(text.to_owned()));
        let found = ids(&[anydesk, viewer]);
        assert_eq!(
            found.iter().map(|(_, value)| value.clone()).collect::<Vec<_>>(),
            [number("123456789"), number("1234567890")]
        );
        let large = ("opt/teamviewer/config/global.conf", "[int32] ClientID = -2094967296\n");
        assert_eq!(ids(&[large])[0].1, number("2200000000"));
        assert!(ids(&[]).is_empty(), "what is not installed is not told of");
    }

    #[test]
    fn a_program_that_has_no_number_yet_says_so() {
        for text in ["ad.anynet.id=0\n", "ad.anynet.id=\n", "ad.anynet.id=x\n", "ad.anynet.identity=7\n", ""] {
            assert_eq!(ids(&[("etc/anydesk/system.conf", text)])[0].1, None, "{text}");
        }
    }

    #[test]
    fn a_service_that_only_this_machine_reaches_does_not_listen() {
        let listening = |table: &str| {
            let table = format!("{HEAD}{table}");
            told(&[("proc/net/tcp", &table)])
                .into_iter()
                .map(|(_, value)| value == Some(Value::Flag(true)))
                .collect::<Vec<_>>()
        };
        assert_eq!(listening("   0: 00000000:0016 00000000:0000 0A 0\n"), [true, false]);
        assert_eq!(
            listening("   0: 0100007F:0016 00000000:0000 0A 0\n   1: 0F02000A:0D3D 00000000:0000 0A 0\n"),
            [false, true]
        );
        let others =
            "   0: 0000000000000000FFFF00000100007F:0016 0:0000 0A 0\n   1: 0101007F:0D3D 00000000:0000 0A 0\n";
        assert_eq!(listening(others), [false, false], "each of them is this machine");
        let newer = "   0: 00000000000000000000000000000000:0016 0:0000 0A 0\n";
        assert_eq!(listening(newer), [true, false]);
        assert_eq!(
            listening("   0: 0F02000A:0016 2C01A8C0:01BB 01 0\n"),
            [false, false],
            "a connection is no listener"
        );
        assert!(told(&[]).iter().all(|(_, value)| value.is_none()), "no table, no answer");
    }
}
