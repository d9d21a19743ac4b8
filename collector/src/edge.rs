//! Terminates TLS for agents and for people: reload, revocation, bounds.
//!
//! A listener hands each socket to a task of its own, which shakes hands within [`HANDSHAKE_TIMEOUT`]; only so many do
//! so at once, the rest wait in the kernel's queue. The TLS configuration is looked up for every handshake, so that a
//! renewed certificate or a longer revocation list needs no restart. Open connections live on through a reload; the
//! streams of a revoked endpoint are ended by the fleet.

mod accept;
mod http;
mod peer;
mod socket;

use std::time::Duration;

pub use accept::accept;
pub use http::serve;
pub use peer::Peer;
pub use socket::Socket;

/// How long a handshake may take.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
