//! The durable queue of what the collector has not acknowledged.
