//! As much of the Internet Printing Protocol as it takes to ask CUPS how its queues are: RFC 8010's encoding, over the
//! plainest HTTP. Pure; the socket is the caller's.

pub(crate) mod http;
pub(crate) mod message;
pub(crate) mod queue;
