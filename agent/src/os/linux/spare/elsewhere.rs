/// Other C libraries keep little by themselves.
pub(crate) fn keep_memory_small() {}

/// See above.
pub(super) fn trim() {}
