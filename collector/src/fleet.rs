//! The endpoints, and which of them hold a stream.
