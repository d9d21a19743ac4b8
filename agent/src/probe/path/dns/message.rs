//! Questions to name servers and their answers, as bytes (RFC 1035). Pure; nothing here trusts an answer.
//!
//! Names in an answer are stepped over and never followed, so that no chain of compression pointers can lead in a
//! circle, and what is taken from an answer is bounded.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A question, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) bytes: Vec<u8>,
}

/// What a server said to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// The response code: 0 is "no error".
    pub(super) code: u8,
    /// Whether the server had more to say than fits a datagram.
    pub(super) truncated: bool,
    /// The addresses it gave, at most [`ADDRESSES`].
    pub(super) addresses: Vec<IpAddr>,
}

const HEADER: usize = 12;
/// Longest name on the wire, longest label.
const NAME: usize = 255;
const LABEL: usize = 63;
/// More addresses than this say nothing new.
const ADDRESSES: usize = 16;
/// More records than this are not looked at.
const RECORDS: usize = 64;
const TYPE_A: u16 = 1;
const TYPE_AAAA: u16 = 28;
const CLASS_IN: u16 = 1;

impl Question {
    /// Asks for the IPv4 addresses of `name`, recursion desired; nothing when `name` cannot be a name.
    pub(super) fn address_of(name: &str, id: u16) -> Option<Self> {
        let mut bytes = Vec::with_capacity(HEADER + name.len() + 6);
        bytes.extend(id.to_be_bytes());
        bytes.extend([0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0]);
        for label in name.strip_suffix('.').unwrap_or(name).split('.') {
            if label.is_empty() || label.len() > LABEL {
                return None;
            }
            bytes.push(label.len() as u8);
            bytes.extend(label.as_bytes());
        }
        bytes.push(0);
        if bytes.len() - HEADER > NAME {
            return None;
        }
        bytes.extend(TYPE_A.to_be_bytes());
        bytes.extend(CLASS_IN.to_be_bytes());
        Some(Self { bytes })
    }

    /// Reads `answer`; nothing when it is not an answer to this question.
    pub(super) fn read(&self, answer: &[u8]) -> Option<Answer> {
        let own = self.bytes.get(HEADER..)?;
        let (id, flags, code) = (answer.get(..2)?, *answer.get(2)?, *answer.get(3)? & 0x0f);
        if id != &self.bytes[..2] || flags & 0x80 == 0 {
            return None;
        }
        let questions = u16_at(answer, 4)?;
        let records = u16_at(answer, 6)?;
        let mut at = HEADER;
        match questions {
            // Some servers refuse without repeating what they were asked.
            0 if code != 0 => {}
            1 if answer.get(HEADER..HEADER + own.len())?.eq_ignore_ascii_case(own) => at += own.len(),
            _ => return None,
        }
        let truncated = flags & 0x02 != 0;
        Some(Answer { code, truncated, addresses: addresses(answer, at, usize::from(records)) })
    }
}

/// The addresses among `count` records from `at` on. A record that cannot be read ends the list.
fn addresses(answer: &[u8], mut at: usize, count: usize) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    for _ in 0..count.min(RECORDS) {
        let Some((address, next)) = record(answer, at) else { break };
        addresses.extend(address);
        at = next;
        if addresses.len() == ADDRESSES {
            break;
        }
    }
    addresses
}

/// The address in the record at `at`, if it is one, and where the next record begins.
fn record(answer: &[u8], at: usize) -> Option<(Option<IpAddr>, usize)> {
    let head = after_name(answer, at)?;
    let (kind, class) = (u16_at(answer, head)?, u16_at(answer, head + 2)?);
    let data = head + 10;
    let next = data + usize::from(u16_at(answer, head + 8)?);
    let body = answer.get(data..next)?;
    let address = match (class, kind) {
        (CLASS_IN, TYPE_A) => <[u8; 4]>::try_from(body).ok().map(|octets| IpAddr::V4(Ipv4Addr::from(octets))),
        (CLASS_IN, TYPE_AAAA) => <[u8; 16]>::try_from(body).ok().map(|octets| IpAddr::V6(Ipv6Addr::from(octets))),
        _ => None,
    };
    Some((address, next))
}

/// Where what follows the name at `at` begins.
fn after_name(answer: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *answer.get(at)? {
            0 => return Some(at + 1),
            length @ 1..=63 => at += 1 + usize::from(length),
            192..=255 => return Some(at + 2),
            _ => return None,
        }
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The answer of a server to `question`: `code` and, when that is 0, `address`, under a pointer to the name.
    pub(in crate::probe::path::dns) fn answer(question: &[u8], code: u8, address: [u8; 4]) -> Vec<u8> {
        let mut answer = question.to_vec();
        answer[2] = 0x81;
        answer[3] = 0x80 | code;
        answer[7] = u8::from(code == 0);
        if code == 0 {
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
            answer.extend(address);
        }
        answer
    }

    fn question() -> Question {
        Question::address_of("must.exist", 0x1234).expect("a name")
    }

    #[test]
    fn a_question_is_what_the_standard_says() {
        let bytes = question().bytes;
        assert_eq!(bytes, b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04must\x05exist\x00\x00\x01\x00\x01");
        assert_eq!(Question::address_of("must.exist.", 0x1234), Some(question()));
        assert_eq!(Question::address_of("a..b", 1), None);
        assert_eq!(Question::address_of(&"a".repeat(64), 1), None);
        assert_eq!(Question::address_of(&"abc.".repeat(70), 1), None);
    }

    #[test]
    fn reads_addresses_behind_other_names() {
        let mut bytes = answer(&question().bytes, 0, [192, 0, 2, 7]);
        // An alias before the address, as servers of large sites give it.
        let alias = [&[0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 6][..], b"\x03www\xc0\x0c"].concat();
        bytes.splice(28..28, alias);
        bytes[7] = 2;
        let read = question().read(&bytes).expect("an answer");
        assert_eq!(read.addresses, [IpAddr::from([192, 0, 2, 7])]);
        assert_eq!((read.code, read.truncated), (0, false));
    }

    #[test]
    fn what_answers_another_question_is_no_answer() {
        let good = answer(&question().bytes, 0, [192, 0, 2, 7]);
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            question().read(&bytes)
        };
        assert_eq!(with(0, 0xff), None, "another number");
        assert_eq!(with(2, 0x01), None, "a question");
        assert_eq!(with(13, b'x'), None, "another name");
        assert!(with(13, b'M').is_some(), "case does not matter");
        assert_eq!(question().read(b""), None);
    }

    #[test]
    fn a_refusal_need_not_repeat_the_question() {
        assert_eq!(question().read(b"\x12\x34\x81\x85\0\0\0\0\0\0\0\0").expect("a refusal").code, 5);
        assert_eq!(question().read(b"\x12\x34\x81\x80\0\0\0\0\0\0\0\0"), None);
    }

    proptest! {
        #[test]
        fn never_panics_and_never_takes_much(tail in proptest::collection::vec(any::<u8>(), 0..600), records: u16) {
            let mut bytes = answer(&question().bytes, 0, [192, 0, 2, 7]);
            bytes[6..8].copy_from_slice(&records.to_be_bytes());
            bytes.splice(28.., tail);
            let read = question().read(&bytes).expect("the head is in order");
            prop_assert!(read.addresses.len() <= ADDRESSES);
        }

        #[test]
        fn noise_is_no_answer(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = question().read(&bytes);
        }
    }
}
