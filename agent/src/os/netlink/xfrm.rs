//! What the kernel says of its IPsec connections.
//!
//! The answer holds the keys of the connections. They are skipped, not read, and whoever received the bytes wipes them.

use super::{Message, Request, attributes, messages};

const GET_STATES: u16 = 0x12;
/// A connection's head, without the four bytes that stand before every body.
const INFO: usize = 224 - 4;
/// Where in it the protocol stands, and the one that encrypts.
const PROTOCOL: usize = 56 + 20 - 4;
const ESP: u8 = 50;
/// Attributes that hold a key: only a connection that was agreed on has one.
const KEYS: [u16; 4] = [1, 2, 18, 20];
/// The number of the interface that the connection belongs to.
const INTERFACE: u16 = 31;

/// Asks for all connections.
pub(crate) fn ask() -> Vec<u8> {
    Request::dump(GET_STATES, 0).done()
}

/// How many connections are agreed on and belong to no interface, each way counted by itself, in the answer to [`ask`].
/// One that is only being asked for has no key yet; one of an interface is told as that.
pub(crate) fn established(answer: &[u8]) -> usize {
    messages(answer).filter(|message| matches!(message, Message::Body(body) if is_established(body))).count()
}

fn is_established(body: &[u8]) -> bool {
    let Some(rest) = body.get(INFO..).filter(|_| body[PROTOCOL] == ESP) else { return false };
    let kinds = || attributes(rest).map(|(kind, _)| kind);
    kinds().any(|kind| KEYS.contains(&kind)) && kinds().all(|kind| kind != INTERFACE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::netlink::{attribute, fixture};

    /// The captured connection, with more attributes.
    fn with(more: &[Vec<u8>]) -> Vec<u8> {
        let captured = fixture("xfrm-asked");
        let length = u32::from_ne_bytes(captured[..4].try_into().expect("four bytes")) as usize;
        let mut message = [&captured[..length], &more.concat()].concat();
        let length = u32::try_from(message.len()).expect("short");
        message[..4].copy_from_slice(&length.to_ne_bytes());
        [&message, &captured[captured.len() - 20..]].concat()
    }

    #[test]
    fn a_connection_that_is_only_asked_for_is_not_up() {
        let captured = fixture("xfrm-asked");
        assert_eq!(messages(&captured).count(), 2, "one connection, and the end");
        assert_eq!(established(&captured), 0);
    }

    #[test]
    fn a_connection_with_a_key_is_up_unless_an_interface_stands_for_it() {
        let key = attribute(18, &[7; 92]);
        assert_eq!(established(&with(std::slice::from_ref(&key))), 1);
        assert_eq!(established(&with(&[key, attribute(INTERFACE, &5_u32.to_ne_bytes())])), 0);
    }

    #[test]
    fn what_is_no_answer_has_no_connections() {
        let whole = with(&[attribute(2, &[7; 80])]);
        for end in 0..whole.len() {
            assert!(established(&whole[..end]) <= 1);
        }
        assert_eq!(established(&[]), 0);
    }
}
