//! How far two values are apart.

use std::net::Ipv6Addr;

/// Numbers of a version that make it another one: `6.1` of `6.1.0-18`.
const WEIGHTY: usize = 2;

/// The same version but for its last parts.
pub(super) fn is_patch_level(from: Option<&str>, to: Option<&str>) -> bool {
    let (Some(from), Some(to)) = (from, to) else { return false };
    let (one, other) = (weighty(from), weighty(to));
    from != to && one[0].is_some() && one == other
}

/// The first numbers of a version, without an epoch (`2:`) and without what stands before them (`kernel`).
fn weighty(version: &str) -> [Option<u64>; WEIGHTY] {
    let version = version.split_once(':').map_or(version, |(_, version)| version);
    let version = version.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    let upstream = version.split(['-', '+', '~', ' ']).next().unwrap_or_default();
    let mut parts = upstream.split('.').map(|part| part.parse().ok());
    let first = parts.next().flatten();
    [first, first.map(|_| parts.next().flatten().unwrap_or_default())]
}

/// Two addresses of one network: the first three parts, or the first four groups, are the same.
pub(super) fn is_same_network(from: Option<&str>, to: Option<&str>) -> bool {
    match (from.and_then(network), to.and_then(network)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

fn network(address: &str) -> Option<String> {
    let address = address.split('/').next()?.trim();
    if let Ok(six) = address.parse::<Ipv6Addr>() {
        let [one, two, three, four, ..] = six.segments();
        return Some(format!("{one:x}:{two:x}:{three:x}:{four:x}"));
    }
    let (network, _) = address.rsplit_once('.')?;
    (network.split('.').count() == 3).then(|| network.to_owned())
}

/// The same parts in another order.
pub(super) fn is_same_set(from: Option<&str>, to: Option<&str>) -> bool {
    let (Some(from), Some(to)) = (from, to) else { return false };
    parts(from) == parts(to)
}

fn parts(text: &str) -> std::collections::BTreeSet<&str> {
    crate::order::set(text.split([',', ' ', ';']).filter(|part| !part.is_empty()))
}

/// Whether a text names something by a keyed hash, which says nothing to anybody.
pub(super) fn is_hash(text: &str) -> bool {
    text.len() >= 12 && text.bytes().all(|letter| letter.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_two_numbers_make_a_version_another_one() {
        for (from, to) in [
            ("131.0.6778.85-1", "131.0.6778.108-1"),
            ("46.1", "46.1.2"),
            ("2:8.39-13", "2:8.39-14"),
            ("kernel 6.1.0-18", "kernel 6.1.0-21"),
            ("7-1", "7-2"),
        ] {
            assert!(is_patch_level(Some(from), Some(to)), "{from} {to}");
        }
        for (from, to) in [("46.1", "47.1"), ("46.1", "46.2"), ("on", "off"), ("1.2.3", "1.2.3"), ("7", "8")] {
            assert!(!is_patch_level(Some(from), Some(to)), "{from} {to}");
        }
        assert!(!is_patch_level(None, Some("1.2")));
    }

    #[test]
    fn addresses_of_one_network_share_their_first_parts() {
        assert!(is_same_network(Some("10.1.0.0/24"), Some("10.1.0.9")));
        assert!(is_same_network(Some("2001:db8:1:2::7"), Some("2001:db8:1:2:ffff::1/64")));
        assert!(!is_same_network(Some("10.1.0.0"), Some("10.2.0.0")));
        assert!(!is_same_network(Some("fe80::1"), Some("10.2.0.0")));
        assert!(!is_same_network(None, None));
    }
}
