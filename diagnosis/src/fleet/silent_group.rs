//! Hosts that fall silent together: an outage takes away those who would report it.
//!
//! Expected is who was heard a moment before it became quiet, or is heard at this hour on this day of most weeks, and did
//! not say that it would pause. When most of a group are missing while the fleet as a whole is heard, what they share is
//! probably down; surer when those who are left say that their way out fails. When much of the fleet is missing, it is the
//! collector's own trouble, and nothing is said.

use std::collections::BTreeMap;

use super::common_cause::Shared;
use super::eligible::Host;
use super::thresholds::SilentGroup;
use crate::vocabulary::Timestamp;

/// What is known of a host's presence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presence {
    /// It said that it would pause.
    pub is_pausing: bool,
    /// It is usually heard at this hour of this day of the week.
    pub is_usual: bool,
    /// Its own findings say that its way out fails.
    pub is_cut_off: bool,
}

/// A group that has fallen silent.
#[derive(Debug, Clone, PartialEq)]
pub struct Silent {
    /// What they share.
    pub shared: Shared,
    /// Places of those who are missing, in order.
    pub missing: Vec<usize>,
    /// How many are expected.
    pub expected: usize,
    /// How sure.
    pub confidence: f64,
}

/// Groups of which most are missing, those with the most missing first; `presences` are in the order of the hosts.
/// `attributes` are the places of those that group hosts by where they are.
pub fn silent(
    hosts: &[Host],
    presences: &[Presence],
    attributes: &[usize],
    now: Timestamp,
    thresholds: &SilentGroup,
) -> Vec<Silent> {
    let is_missing = |place: usize| now.seconds_since(hosts[place].heard) > f64::from(thresholds.silent_seconds);
    let recently = f64::from(thresholds.heard_minutes) * 60.0 + f64::from(thresholds.silent_seconds);
    let is_expected = |place: &usize| {
        let (host, presence) = (&hosts[*place], presences[*place]);
        !presence.is_pausing && (presence.is_usual || now.seconds_since(host.heard) <= recently)
    };
    let expected: Vec<usize> = (0..hosts.len()).filter(is_expected).collect();
    let missing = expected.iter().filter(|place| is_missing(**place)).count();
    if missing as f64 >= thresholds.fleet_missing * expected.len() as f64 {
        return Vec::new();
    }
    let mut groups: BTreeMap<(usize, &str), Vec<usize>> = BTreeMap::new();
    for &place in &expected {
        for fact in hosts[place].facts.iter().filter(|fact| attributes.contains(&fact.attribute)) {
            groups.entry((fact.attribute, &fact.value)).or_default().push(place);
        }
    }
    let silent = |((attribute, value), group): ((usize, &str), Vec<usize>)| {
        let (missing, left): (Vec<usize>, Vec<usize>) = group.iter().partition(|place| is_missing(**place));
        let is_silent =
            group.len() >= thresholds.expected_least && missing.len() as f64 >= thresholds.missing * group.len() as f64;
        let corroborated = left.iter().any(|place| presences[*place].is_cut_off);
        let confidence = thresholds.confidence + if corroborated { thresholds.corroborated } else { 0.0 };
        let shared = Shared { attribute, value: value.to_owned() };
        is_silent.then_some(Silent { shared, missing, expected: group.len(), confidence })
    };
    let mut found: Vec<Silent> = groups.into_iter().filter_map(silent).collect();
    found.sort_by_key(|one| (std::cmp::Reverse(one.missing.len()), one.expected, one.shared.clone()));
    found
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::fleet::builtin::builtin;
    use crate::fleet::eligible::Fact;

    const NOW: Timestamp = Timestamp(1_770_000_000_000);
    const AWAKE: Presence = Presence { is_pausing: false, is_usual: false, is_cut_off: false };

    /// Ten hosts to a gateway; those that `is_quiet` names were heard five minutes ago.
    fn fleet(count: usize, is_quiet: impl Fn(usize) -> bool) -> Vec<Host> {
        let host = |place: usize| Host {
            id: format!("h{place}"),
            heard: NOW - Duration::from_secs(if is_quiet(place) { 300 } else { 30 }),
            facts: vec![Fact { attribute: 1, value: format!("gateway-{}", place / 10), since: None }],
            ..Host::default()
        };
        (0..count).map(host).collect()
    }

    fn told(hosts: &[Host], presences: &[Presence]) -> Vec<(String, usize, f64)> {
        let found = silent(hosts, presences, &[1], NOW, &builtin().silent_group);
        found.into_iter().map(|one| (one.shared.value, one.missing.len(), one.confidence)).collect()
    }

    #[test]
    fn a_gateway_of_which_most_are_gone_is_told_and_surer_when_those_left_are_cut_off() {
        let hosts = fleet(100, |place| place < 6);
        let mut presences = vec![AWAKE; 100];
        assert_eq!(told(&hosts, &presences), [("gateway-0".to_owned(), 6, 0.7)]);
        presences[7].is_cut_off = true;
        let (_, _, confidence) = told(&hosts, &presences).remove(0);
        assert!((confidence - 0.9).abs() < 1e-9);
    }

    #[test]
    fn who_said_that_it_would_pause_is_not_missed() {
        let hosts = fleet(100, |place| place < 6);
        let mut presences = vec![AWAKE; 100];
        for presence in &mut presences[..3] {
            presence.is_pausing = true;
        }
        assert_eq!(told(&hosts, &presences), []);
    }

    #[test]
    fn when_much_of_the_fleet_is_missing_it_is_the_collector() {
        assert_eq!(told(&fleet(100, |place| place < 40), &[AWAKE; 100]), []);
    }

    proptest! {
        #[test]
        fn a_fleet_twice_as_large_misses_the_same_groups(quiet in prop::collection::btree_set(0usize..150, 0..14)) {
            let once = fleet(150, |place| quiet.contains(&place));
            let mut twice = once.clone();
            twice.extend(once.iter().cloned());
            let groups = |hosts: &[Host]| -> Vec<String> {
                let mut names: Vec<_> =
                    told(hosts, &vec![AWAKE; hosts.len()]).into_iter().map(|(name, ..)| name).collect();
                names.sort();
                names
            };
            prop_assert_eq!(groups(&once), groups(&twice));
        }
    }
}
