//! `/etc/resolv.conf`.

use std::net::IpAddr;

/// How names are looked up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Resolv {
    /// Servers in order; the C library uses the first three.
    pub(crate) servers: Vec<IpAddr>,
    /// The domain that is tried first.
    pub(crate) domain: Option<String>,
}

/// How many servers the C library asks.
const SERVERS: usize = 3;

/// Parses the file.
pub(crate) fn parse(text: &str) -> Resolv {
    let mut resolv = Resolv::default();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        match (words.next(), words.next()) {
            // A link-local server carries its interface after a percent sign, which an address type has no room for.
            (Some("nameserver"), Some(server)) => resolv.servers.extend(server.parse::<IpAddr>().ok()),
            (Some("search" | "domain"), Some(domain)) => resolv.domain = Some(domain.to_owned()),
            _ => {}
        }
    }
    resolv.servers.truncate(SERVERS);
    resolv
}

/// Whether the only server is a cache on this machine, so that the real servers stand elsewhere.
pub(crate) fn is_relay(resolv: &Resolv) -> bool {
    !resolv.servers.is_empty() && resolv.servers.iter().all(IpAddr::is_loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_servers_and_domain() {
        let resolv = parse(
            "# made by\nnameserver 192.0.2.53\nnameserver 2001:db8::53\nnameserver fe80::1%eth0\nsearch corp.example other\n",
        );
        assert_eq!(resolv.servers, [IpAddr::from([192, 0, 2, 53]), "2001:db8::53".parse().expect("address")]);
        assert_eq!(resolv.domain.as_deref(), Some("corp.example"));
    }

    #[test]
    fn knows_a_cache_on_this_machine() {
        assert!(is_relay(&parse("nameserver 127.0.0.53\n")));
        assert!(!is_relay(&parse("nameserver 192.0.2.53\n")));
        assert!(!is_relay(&parse("")));
    }
}
