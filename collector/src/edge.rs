//! Terminates TLS for agents and for people: reload, revocation, bounds.
//!
//! A listener hands each socket to a task of its own, which shakes hands in two steps. First the client must say a whole
//! hello within [`HELLO_TIMEOUT`]: that costs a socket and a few kilobytes, and thousands that begin and go no further
//! displace each other and keep nobody out ([`hellos`]). Then comes the cryptography, within [`HANDSHAKE_TIMEOUT`]; only
//! so many do that at once, and of one address a share of them ([`turns`]), and [`QUEUE`] wait. The rest are in the kernel's
//! queue. After the handshake it is known whose connection it is, and an endpoint has only a few ([`guests`]). The TLS
//! configuration is looked up for every handshake, so that a renewed certificate or a longer revocation list needs no
//! restart. Open connections live on through a reload; the streams of a revoked endpoint are ended by the fleet. Of those who
//! show no certificate of an endpoint there are so many, and none that is quiet for long ([`strangers`]).

mod accept;
pub(crate) mod budget;
mod guests;
mod hellos;
mod http;
mod peer;
mod socket;
mod strangers;
mod turns;

use std::time::Duration;

pub use accept::accept;
pub use http::serve;
pub use peer::Peer;
pub use socket::Socket;
pub use strangers::{Bounds, Strangers};

/// How long a client may take to say its hello, which fits into its first packets.
pub const HELLO_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections of a port that are not through their handshake, in whichever step.
pub const QUEUE: usize = 2 * hellos::HELLOS;

/// How long a handshake may take after the hello.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
