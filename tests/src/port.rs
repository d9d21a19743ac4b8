//! Ports of the loopback that nobody uses.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// A port that was free a moment ago. Two in a row differ.
pub fn free() -> u16 {
    free_pair().0
}

/// Two different free ports.
pub fn free_pair() -> (u16, u16) {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("the loopback has free ports");
    let (one, two) = (bind(), bind());
    let port = |listener: &TcpListener| listener.local_addr().as_ref().map_or(0, SocketAddr::port);
    (port(&one), port(&two))
}

/// A free port below those that systems give out by themselves: some programs take no higher one.
///
/// # Panics
/// When there is none.
pub fn free_low() -> u16 {
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    (20_000..32_000).find(is_free).expect("the loopback has free ports")
}

/// A listener that keeps a port taken for as long as it lives.
pub fn taken() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("the loopback has free ports");
    let port = listener.local_addr().expect("a bound listener has an address").port();
    (listener, port)
}
