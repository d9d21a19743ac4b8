/// Nobody asks.
pub(crate) fn ready(_status: &str) {}

/// Nobody asks.
pub(crate) fn stopping() {}
