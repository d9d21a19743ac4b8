//! Which hosts count.
//!
//! A host that says nothing, or of which a check cannot be told, is neither affected nor well. A machine that was enrolled
//! twice is one machine: the one that was heard last.

use std::collections::BTreeMap;

use crate::vocabulary::Timestamp;

/// A host, and what it has.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Host {
    /// Identity.
    pub id: String,
    /// What its firmware calls it; empty when nobody knows.
    pub serial: String,
    /// When it was heard last.
    pub heard: Timestamp,
    /// It belongs to people who try things out.
    pub is_test: bool,
    /// What it has in common with others.
    pub facts: Vec<Fact>,
}

/// Something that a host has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fact {
    /// Which attribute: its place among those of the thresholds.
    pub attribute: usize,
    /// Its value.
    pub value: String,
    /// When the host obtained it, where that is known.
    pub since: Option<Timestamp>,
}

/// Places of the hosts that count, in order: of those with one serial number the one that was heard last.
pub fn eligible(hosts: &[Host]) -> Vec<usize> {
    let mut newest: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, host) in hosts.iter().enumerate().filter(|(_, host)| !host.serial.is_empty()) {
        let known = newest.entry(&host.serial).or_insert(place);
        if (host.heard, &host.id) > (hosts[*known].heard, &hosts[*known].id) {
            *known = place;
        }
    }
    let counts = |place: &usize| {
        let serial = &hosts[*place].serial;
        serial.is_empty() || newest.get(serial.as_str()) == Some(place)
    };
    (0..hosts.len()).filter(counts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_was_enrolled_twice_counts_once() {
        let host = |id: &str, serial: &str, heard| Host {
            id: id.to_owned(),
            serial: serial.to_owned(),
            heard: Timestamp(heard),
            ..Host::default()
        };
        let hosts = [host("a", "s1", 1), host("b", "", 1), host("c", "s1", 2), host("d", "", 1), host("e", "s2", 1)];
        assert_eq!(eligible(&hosts), [1, 2, 3, 4]);
    }
}
