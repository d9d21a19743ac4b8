//! What the kernel's WireGuard says of a tunnel.
//!
//! The answer holds the tunnel's private key. It is skipped, not read, and whoever received the bytes wipes them.

use super::{Message, Request, attributes, find, messages};

/// The family's name.
pub(crate) const NAME: &str = "wireguard";

const GET_DEVICE: u8 = 0;
const IFNAME: u16 = 2;
const PEERS: u16 = 8;
const LAST_HANDSHAKE: u16 = 6;

/// Asks for the peers of the tunnel called `interface`.
pub(crate) fn ask(family: u16, interface: &str) -> Vec<u8> {
    Request::dump(family, GET_DEVICE).text(IFNAME, interface).done()
}

/// When the other end of a tunnel last proved who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Handshake {
    /// There is no other end.
    NoPeer,
    /// No other end ever did.
    Never,
    /// In seconds since 1970: the latest of all.
    At(u64),
}

/// The latest handshake of all peers in the answer to [`ask`].
pub(crate) fn last_handshake(answer: &[u8]) -> Handshake {
    let mut latest = Handshake::NoPeer;
    for message in messages(answer) {
        let Message::Body(body) = message else { continue };
        for (_, peer) in find(body, PEERS).into_iter().flat_map(attributes) {
            let seconds = find(peer, LAST_HANDSHAKE).and_then(seconds).filter(|seconds| *seconds > 0);
            latest = latest.max(seconds.map_or(Handshake::Never, Handshake::At));
        }
    }
    latest
}

/// The whole seconds of the kernel's `__kernel_timespec`.
fn seconds(payload: &[u8]) -> Option<u64> {
    let seconds = i64::from_ne_bytes(payload.get(..8)?.try_into().ok()?);
    u64::try_from(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::netlink::{attribute, fixture};

    fn tunnel(peers: &[Vec<u8>]) -> Vec<u8> {
        let peers: Vec<u8> = peers.iter().flat_map(|peer| attribute(0x8000, peer)).collect();
        Request::dump(30, GET_DEVICE).nested(PEERS, &peers).done()
    }

    fn shook_hands_at(seconds: i64) -> Vec<u8> {
        attribute(LAST_HANDSHAKE, &[seconds.to_ne_bytes(), 0_i64.to_ne_bytes()].concat())
    }

    #[test]
    fn reads_the_handshake_of_a_captured_tunnel() {
        assert_eq!(last_handshake(&fixture("wireguard")), Handshake::At(1_795_317_778));
    }

    #[test]
    fn takes_the_latest_of_several_peers() {
        let answer = tunnel(&[shook_hands_at(10), shook_hands_at(30), shook_hands_at(0)]);
        assert_eq!(last_handshake(&answer), Handshake::At(30));
    }

    #[test]
    fn a_peer_that_never_answered_is_not_a_tunnel_without_peers() {
        assert_eq!(last_handshake(&tunnel(&[shook_hands_at(0)])), Handshake::Never);
        assert_eq!(last_handshake(&tunnel(&[])), Handshake::NoPeer);
    }
}
