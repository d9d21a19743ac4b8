//! Ways for a technician onto an endpoint, as links that their own programs open. Firstline connects to nothing.
//!
//! What an endpoint says of itself becomes an address only when it looks exactly like what it should be: a link is as good as a
//! command to whoever clicks on it.

use firstline_diagnosis::document::SnapshotReading;
use firstline_diagnosis::vocabulary::Value;

use crate::access::Roles;
use crate::access::audit::Entry;
use crate::access::gate::Caller;
use crate::api::problem::Problem;
use crate::app::App;
use crate::ticket::Ticket;

/// Letters of a number for remote control.
const NUMBER: std::ops::RangeInclusive<usize> = 6..=12;
/// Most letters of a host name.
const HOST_LETTERS: usize = 253;

/// A way onto an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Way {
    /// What a technician's program opens.
    pub(super) link: String,
    /// What it is, with its number or host.
    pub(super) words: String,
}

/// The ways onto the endpoint of `ticket` for somebody who works on it, once it is written down that they are shown.
pub(super) async fn ways_of(app: &App, caller: &Caller, ticket: &Ticket) -> Result<Vec<Way>, Problem> {
    let Some(endpoint) = ticket.endpoint.as_ref().filter(|_| caller.may(Roles::WORK)) else { return Ok(Vec::new()) };
    let ways = ways(&app.history.latest(&endpoint.id).await?, &endpoint.name);
    if !ways.is_empty() {
        let entry = Entry::new(&caller.actor(), "endpoint.read", &endpoint.id).detail("remote control");
        app.access.audit().record(entry.ticket(&ticket.number)).await?;
    }
    Ok(ways)
}

/// The ways that an endpoint's readings tell of.
pub(super) fn ways(readings: &[SnapshotReading], host: &str) -> Vec<Way> {
    readings.iter().filter_map(|reading| way(reading, host)).collect()
}

fn way(reading: &SnapshotReading, host: &str) -> Option<Way> {
    match (reading.signal.as_str(), reading.value.as_ref()?) {
        ("endpoint.remote.id", Value::Text(number)) => {
            let good = NUMBER.contains(&number.len()) && number.bytes().all(|digit| digit.is_ascii_digit());
            let (name, scheme) = match reading.attrs.get("product")? {
                "anydesk" => ("AnyDesk", "anydesk:"),
                "teamviewer" => ("TeamViewer", "teamviewer10://control?device="),
                _ => return None,
            };
            good.then(|| Way { link: format!("{scheme}{number}"), words: format!("{name} {number}") })
        }
        ("endpoint.remote.listening", Value::Flag(true)) => {
            let letter = |letter: char| letter.is_ascii_alphanumeric() || ".-".contains(letter);
            let good =
                !host.is_empty() && host.len() <= HOST_LETTERS && host.chars().all(letter) && !host.starts_with('-');
            let (name, before, after) = match reading.attrs.get("service")? {
                "ssh" => ("SSH", "ssh://", ""),
                "rdp" => ("Remote Desktop", "rdp://full%20address=s:", ":3389"),
                _ => return None,
            };
            good.then(|| Way { link: format!("{before}{host}{after}"), words: format!("{name} to {host}") })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use firstline_diagnosis::document::Quality;
    use firstline_diagnosis::vocabulary::Timestamp;

    use super::*;

    fn reading(signal: &str, (name, instance): (&str, &str), value: Value) -> SnapshotReading {
        SnapshotReading {
            signal: signal.to_owned(),
            attrs: [(name, instance)].into(),
            value: Some(value),
            unit: String::new(),
            quality: Quality::Ok,
            why: None,
            detail: String::new(),
            at: Timestamp(0),
        }
    }

    fn number(product: &str, number: &str) -> SnapshotReading {
        reading("endpoint.remote.id", ("product", product), Value::Text(number.to_owned()))
    }

    fn listening(service: &str, listens: bool) -> SnapshotReading {
        reading("endpoint.remote.listening", ("service", service), Value::Flag(listens))
    }

    #[test]
    fn each_way_is_a_link_that_the_technicians_program_knows() {
        let all = [
            number("anydesk", "123456789"),
            number("teamviewer", "1234567890"),
            listening("ssh", true),
            listening("rdp", true),
        ];
        let links: Vec<String> = ways(&all, "pc-17.corp.example").into_iter().map(|way| way.link).collect();
        assert_eq!(
            links,
            [
                "anydesk:123456789",
                "teamviewer10://control?device=1234567890",
                "ssh://pc-17.corp.example",
                "rdp://full%20address=s:pc-17.corp.example:3389",
            ]
        );
    }

    #[test]
    fn what_is_not_exactly_a_number_or_a_host_is_no_link() {
        for odd in ["", "12345", "1234567890123", "12345678&authorization=x", "javascript:alert(1)", "１２３４５６７"]
        {
            assert_eq!(ways(&[number("anydesk", odd), number("teamviewer", odd)], "pc"), [], "{odd}");
        }
        for odd in ["", "-oProxyCommand=x", "a b", "a/b", "a@b", "a\"b"] {
            assert_eq!(ways(&[listening("ssh", true)], odd), [], "{odd}");
        }
        assert_eq!(ways(&[listening("ssh", false), number("vnc", "123456789")], "pc"), []);
    }
}
