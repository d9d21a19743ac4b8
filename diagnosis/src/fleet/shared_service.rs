//! A service that fails from several places is down itself; from one place only, the way to it is.

use std::collections::{BTreeMap, BTreeSet};

use super::thresholds::SharedService;

/// That something cannot be reached from a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What: a mail server, a printer, a VPN gateway.
    pub target: String,
    /// The host's place.
    pub host: usize,
    /// The network that the host is in; empty when nobody knows.
    pub network: String,
}

/// Where the trouble is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// At the service: it fails from several networks.
    Service,
    /// In the one network from which it fails.
    Network,
}

/// A service that enough hosts cannot reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreachable {
    /// Which.
    pub target: String,
    /// Where the trouble is.
    pub side: Side,
    /// Places of the hosts, in order.
    pub hosts: Vec<usize>,
}

/// Services that enough hosts cannot reach, by name. Hosts of which nobody knows the network count for none.
pub fn unreachable(failures: &[Failure], thresholds: &SharedService) -> Vec<Unreachable> {
    let mut targets: BTreeMap<&str, (BTreeSet<usize>, BTreeSet<&str>)> = BTreeMap::new();
    for failure in failures {
        let (hosts, networks) = targets.entry(&failure.target).or_default();
        hosts.insert(failure.host);
        if !failure.network.is_empty() {
            networks.insert(&failure.network);
        }
    }
    let told = |(target, (hosts, networks)): (&str, (BTreeSet<usize>, BTreeSet<&str>))| {
        let side = match networks.len() {
            0 => return None,
            count if count >= thresholds.networks => Side::Service,
            _ => Side::Network,
        };
        let enough = hosts.len() >= thresholds.hosts;
        enough.then(|| Unreachable { target: target.to_owned(), side, hosts: hosts.into_iter().collect() })
    };
    targets.into_iter().filter_map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::builtin::builtin;

    fn told(failures: &[(&str, usize, &str)]) -> Vec<(String, Side)> {
        let failure = |(target, host, network): &(&str, usize, &str)| Failure {
            target: (*target).to_owned(),
            host: *host,
            network: (*network).to_owned(),
        };
        let failures: Vec<Failure> = failures.iter().map(failure).collect();
        unreachable(&failures, &builtin().shared_service).into_iter().map(|one| (one.target, one.side)).collect()
    }

    #[test]
    fn three_hosts_on_two_networks_blame_the_service_and_on_one_the_network() {
        let mail = [("mail", 1, "a"), ("mail", 2, "a"), ("mail", 3, "b")];
        assert_eq!(told(&mail), [("mail".to_owned(), Side::Service)]);
        let printer = [("printer", 1, "a"), ("printer", 2, "a"), ("printer", 3, "a"), ("printer", 4, "")];
        assert_eq!(told(&printer), [("printer".to_owned(), Side::Network)]);
        assert_eq!(told(&mail[..2]), []);
        assert_eq!(told(&[("mail", 1, "a"), ("mail", 1, "b"), ("mail", 1, "c")]), [], "one host is one");
    }
}
