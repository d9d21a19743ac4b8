//! Ports of the loopback that nobody uses.
//!
//! A port of the range that systems give out by themselves may be taken by any connection between here and the program
//! that was told to listen on it, and between its end and its next start. So these lie below, and are drawn at random:
//! tests run beside each other.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};

/// Above the ports of known services, below those that Linux, macOS and Windows give out by themselves.
const LOWEST: u16 = 12_000;
const COUNT: u16 = 20_000;

/// A port that was free a moment ago.
///
/// # Panics
/// When all are taken.
pub fn free() -> u16 {
    let drawn = RandomState::new().hash_one(()) % u64::from(COUNT);
    let first = u16::try_from(drawn).expect("less than the count");
    let port = |step: u16| LOWEST + (first + step) % COUNT;
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).is_ok();
    (0..COUNT).map(port).find(is_free).expect("the loopback has free ports")
}

/// Two different free ports.
pub fn free_pair() -> (u16, u16) {
    let one = free();
    (one, std::iter::repeat_with(free).find(|two| *two != one).expect("draws differ in the end"))
}

/// A listener that keeps a port taken for as long as it lives.
pub fn taken() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("the loopback has free ports");
    let port = listener.local_addr().expect("a bound listener has an address").port();
    (listener, port)
}
