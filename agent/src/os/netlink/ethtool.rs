//! What the kernel says of a cable: the `ethtool` family, Linux 5.6 and later.
//!
//! Speed and duplex stand in `/sys`; only here stand what the adapter could do, whether both ends agree on it by
//! themselves, and what kind of socket it has.

use super::{Message, Request, attribute, find, messages, number};

/// The family's name.
pub(crate) const NAME: &str = "ethtool";

const GET_LINK_INFO: u8 = 2;
const GET_LINK_MODES: u8 = 4;
const HEADER: u16 = 1;
const HEADER_NAME: u16 = 2;
const HEADER_FLAGS: u16 = 3;
/// Sets come as masks of bits rather than as lists of names.
const COMPACT: u32 = 1;

/// Asks what socket `interface` has.
pub(crate) fn ask_info(family: u16, interface: &str) -> Vec<u8> {
    Request::one(family, GET_LINK_INFO).nested(HEADER, &header(interface)).done()
}

/// Asks what `interface` can do and does.
pub(crate) fn ask_modes(family: u16, interface: &str) -> Vec<u8> {
    Request::one(family, GET_LINK_MODES).nested(HEADER, &header(interface)).done()
}

fn header(interface: &str) -> Vec<u8> {
    let name = attribute(HEADER_NAME, &[interface.as_bytes(), &[0]].concat());
    [name, attribute(HEADER_FLAGS, &COMPACT.to_ne_bytes())].concat()
}

/// What an adapter can do and does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Modes {
    /// Whether both ends agree on speed and duplex by themselves.
    pub(crate) is_negotiated: Option<bool>,
    /// The fastest speed that the adapter supports, in Mbit/s.
    pub(crate) speed_max_mbps: Option<u32>,
}

/// What the answer to [`ask_modes`] says.
pub(crate) fn modes(answer: &[u8]) -> Option<Modes> {
    const AUTONEGOTIATION: u16 = 2;
    const OURS: u16 = 3;
    let body = first(answer)?;
    let is_negotiated = find(body, AUTONEGOTIATION).and_then(|one| one.first()).map(|one| *one == 1);
    Some(Modes { is_negotiated, speed_max_mbps: find(body, OURS).and_then(fastest) })
}

/// The kind of socket; nothing where it makes no difference to anybody.
pub(crate) fn media(answer: &[u8]) -> Option<&'static str> {
    const PORT: u16 = 2;
    Some(match *find(first(answer)?, PORT)?.first()? {
        0 => "twisted pair",
        3 => "fibre",
        4 => "coax",
        5 => "direct attach",
        _ => return None,
    })
}

/// The fastest mode of the set, by `enum ethtool_link_mode_bit_indices`. The mask of the set is what is supported, its
/// value what is offered to the other end.
fn fastest(set: &[u8]) -> Option<u32> {
    const MASK: u16 = 5;
    const VALUE: u16 = 4;
    let supported = find(set, MASK).or_else(|| find(set, VALUE))?;
    // The kernel keeps the set as 32-bit words.
    let words: Vec<u32> = supported.chunks_exact(4).filter_map(number).collect();
    let has = |bit: usize| words.get(bit / 32).is_some_and(|word| word >> (bit % 32) & 1 == 1);
    SPEEDS.iter().filter(|(bits, _)| bits.clone().any(has)).map(|(_, mbps)| *mbps).max()
}

/// Runs of modes of one speed.
const SPEEDS: [(std::ops::RangeInclusive<usize>, u32); 20] = [
    (0..=1, 10),
    (2..=3, 100),
    (4..=5, 1_000),
    (12..=12, 10_000),
    (15..=15, 2_500),
    (17..=17, 1_000),
    (18..=20, 10_000),
    (21..=22, 20_000),
    (23..=26, 40_000),
    (27..=30, 56_000),
    (31..=33, 25_000),
    (34..=35, 50_000),
    (36..=39, 100_000),
    (40..=40, 50_000),
    (41..=41, 1_000),
    (42..=46, 10_000),
    (47..=47, 2_500),
    (48..=48, 5_000),
    (67..=67, 100),
    (68..=68, 1_000),
];

fn first(answer: &[u8]) -> Option<&[u8]> {
    messages(answer).find_map(|message| match message {
        Message::Body(body) => Some(body),
        Message::End(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::netlink::fixture;

    #[test]
    fn reads_a_captured_gigabit_adapter() {
        let modes = modes(&fixture("linkmodes-e1000e")).expect("an answer");
        assert_eq!(modes, Modes { is_negotiated: Some(true), speed_max_mbps: Some(1_000) });
        assert_eq!(media(&fixture("linkinfo-e1000e")), Some("twisted pair"));
    }

    #[test]
    fn reads_a_captured_pair_of_virtual_ends() {
        let modes = modes(&fixture("linkmodes-veth")).expect("an answer");
        assert_eq!(modes, Modes { is_negotiated: Some(false), speed_max_mbps: None });
    }

    #[test]
    fn an_adapter_that_is_not_there_says_nothing() {
        assert_eq!(modes(&fixture("linkmodes-refused")), None);
        assert_eq!(media(&fixture("linkmodes-refused")), None);
    }
}
