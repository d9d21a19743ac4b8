//! Echoes as they go over the wire (RFC 792, RFC 4443). Pure functions of bytes.

/// Which of the two protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

const HEAD: usize = 8;

impl Family {
    /// Types of question and answer.
    fn types(self) -> (u8, u8) {
        match self {
            Self::V4 => (8, 0),
            Self::V6 => (128, 129),
        }
    }
}

/// An echo with `payload` bytes. The kernel puts its own identity and checksum into it, unless the socket is a raw one
/// of IPv4.
pub(crate) fn request(family: Family, identity: u16, sequence: u16, payload: usize) -> Vec<u8> {
    let mut packet = vec![0x46; HEAD + payload];
    packet[0] = family.types().0;
    packet[1] = 0;
    packet[2..4].fill(0);
    packet[4..6].copy_from_slice(&identity.to_be_bytes());
    packet[6..8].copy_from_slice(&sequence.to_be_bytes());
    let checksum = checksum(&packet);
    packet[2..4].copy_from_slice(&checksum.to_be_bytes());
    packet
}

/// The number of the echo that `packet` answers; nothing when it is no answer, or one for another `identity`.
pub(crate) fn answer(family: Family, identity: Option<u16>, packet: &[u8]) -> Option<u16> {
    let number = |at: usize| Some(u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]));
    let is_answer = *packet.first()? == family.types().1 && *packet.get(1)? == 0;
    let is_ours = identity.is_none() || identity == number(4);
    number(6).filter(|_| is_answer && is_ours)
}

/// What a raw socket read without the head of the network layer, which only that of IPv4 has.
pub(crate) fn without_head(family: Family, packet: &[u8]) -> &[u8] {
    let head = match (family, packet.first()) {
        (Family::V4, Some(first)) => usize::from(first & 0x0f) * 4,
        _ => 0,
    };
    packet.get(head..).unwrap_or_default()
}

/// The checksum of the internet (RFC 1071).
fn checksum(packet: &[u8]) -> u16 {
    let words =
        packet.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)])));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_request_has_a_checksum_that_adds_up() {
        let packet = request(Family::V4, 0x1234, 7, 31);
        assert_eq!(packet.len(), 39);
        assert_eq!(checksum(&packet), 0);
        assert_eq!(packet[..2], [8, 0]);
    }

    #[test]
    fn only_an_answer_to_us_counts() {
        let mut packet = request(Family::V6, 0x1234, 7, 4);
        assert_eq!(answer(Family::V6, None, &packet), None, "a question");
        packet[0] = 129;
        assert_eq!(answer(Family::V6, None, &packet), Some(7));
        assert_eq!(answer(Family::V6, Some(0x1234), &packet), Some(7));
        assert_eq!(answer(Family::V6, Some(0x4321), &packet), None);
        assert_eq!(answer(Family::V4, None, &packet), None);
        assert_eq!(answer(Family::V6, None, &packet[..7]), None, "torn");
    }

    #[test]
    fn a_head_is_as_long_as_it_says() {
        let long = [&[0x46][..], &[0; 23], &[0, 0]].concat();
        assert_eq!(without_head(Family::V4, &long).len(), 2);
        assert_eq!(without_head(Family::V4, &[0x4f, 0]), [0_u8; 0]);
        assert_eq!(without_head(Family::V6, &[129, 0]), [129, 0]);
    }

    proptest! {
        #[test]
        fn never_panics(packet in proptest::collection::vec(any::<u8>(), 0..64)) {
            for family in [Family::V4, Family::V6] {
                let _ = answer(family, Some(1), without_head(family, &packet));
            }
        }
    }
}
