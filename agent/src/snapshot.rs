//! Assembles and signs snapshots.
